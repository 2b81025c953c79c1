"""The curves of a run, for matplotlib."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check
from ._errors import InvalidValueError
from ._packages import package
from ._results import Table

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: The kind of distance that is drawn where none is named, if it is there.
_MAIN = "normalized-euclidean"
#: What a metric calls its distance.
_OWN = "own"


def chosen(what: str, value: object, there: Sequence[str]) -> str:
    """One of several: the one that is named, or the only one."""
    named = check.optional_text(what, value)
    if named is None and len(there) == 1:
        return there[0]
    if named in there:
        return str(named)
    listed = ", ".join(map(repr, there)) or "none"
    found = f"{what} is not given" if named is None else f"there is no {what} {named!r}"
    raise InvalidValueError(f"{found}, expected one of {listed}")


def _once(values: NDArray[Any]) -> list[str]:
    return list(dict.fromkeys(values))


def _kind(distance: object, rows: Table) -> str:
    """The kind of distance that is drawn: by default the normalized one, or the first that is
    there."""
    # The pixels have a kind of distance, too.
    of_curves = rows["distance"][rows["stage"] != "image"]
    there = [name for name in _once(of_curves) if name != _OWN] or [_OWN]
    if distance is None:
        return _MAIN if _MAIN in there else there[0]
    return chosen("distance", distance, there)


class _Curve:
    """The scores of a model, in order of depth."""

    def __init__(self, rows: Table, model: str, distance: str) -> None:
        import numpy as np

        is_one = (rows["model"] == model) & (
            (rows["distance"] == distance) | (rows["distance"] == _OWN) | (rows["stage"] == "image")
        )
        depth = rows["depth_percent"][is_one]
        order = np.argsort(depth, kind="stable")
        self.model = model
        self.depth = depth[order]
        self.value, self.low, self.high = (
            rows[column][is_one][order] for column in ("value", "ci_low", "ci_high")
        )
        #: Whether it is one number, whatever the depth.
        self.is_line = len(depth) == 1 and set(rows["distance"][is_one]) == {_OWN}

    def draw(self, ax: Axes, colour: str, intervals: bool, hollow: bool) -> None:
        """Draws it, with its interval; an untrained control has hollow marks and a thin line."""
        if self.is_line:
            ax.axhline(self.value[0], color=colour, linestyle="--", label=self.model)
            if intervals:
                ax.axhspan(self.low[0], self.high[0], color=colour, alpha=0.1, linewidth=0)
            return
        ax.plot(
            self.depth,
            self.value,
            color=colour,
            marker="o",
            markersize=4,
            markerfacecolor="white" if hollow else colour,
            linewidth=0.9 if hollow else 1.6,
            label=self.model,
        )
        if intervals and len(self.depth) > 1:
            ax.fill_between(self.depth, self.low, self.high, color=colour, alpha=0.2, linewidth=0)
        elif intervals:
            ax.vlines(self.depth, self.low, self.high, color=colour)


def _controls(path: str) -> set[str]:
    """The models of a run that are untrained controls."""
    told = json.loads((Path(path) / "manifest.json").read_text(encoding="utf-8"))
    return {model["name"] for model in told["models"] if model["spec"].startswith("random:")}


def plot(
    path: str,
    scores: Table,
    dataset: str | None,
    distance: str | None,
    models: str | Sequence[str] | None,
    intervals: bool,
    ax: Axes | None,
) -> Axes:
    """Draws curves of a run."""
    name = chosen("dataset", dataset, _once(scores["dataset"]))
    rows = scores.where(dataset=name, subset="all")
    main = _alignscope.choices()["main measure"]
    measure = next(name for name in _once(rows["measure"]) if name in main)
    rows = rows.where(measure=measure)
    there = _once(rows["model"])
    wanted = check.words("models", models, there, "the name of a model")
    for model in wanted:
        chosen("model", model, there)
    kind = _kind(distance, rows)
    axes = package("matplotlib.pyplot", "plot()").subplots()[1] if ax is None else ax
    colours, controls = dict(_alignscope.colours_of_run(path)), _controls(path)
    with_intervals = check.yes_or_no("intervals", intervals)
    for model in wanted:
        curve = _Curve(rows, model, kind)
        if len(curve.depth):
            curve.draw(axes, colours[model], with_intervals, model in controls)
    _frame(axes, rows, name, measure if kind == _OWN else f"{measure} ({kind})")
    found: Axes = axes
    return found


def _frame(ax: Axes, rows: Table, title: str, measured: str) -> None:
    """Lines of reference, and the texts around them."""
    is_simulated = bool(len(rows)) and bool(rows["simulated"][0])
    agree = "answers agree" if is_simulated else "people agree"
    for column, style, label in [("chance", ":", "chance"), ("ceiling", "-", agree)]:
        values = rows[column]
        if len(values) and values[0] == values[0]:
            ax.axhline(values[0], color="0.4", linestyle=style, linewidth=1, label=label)
    simulated = ", simulated answers" if is_simulated else ""
    ax.set_title(f"{title}{simulated}")
    ax.set_xlabel("depth (%)")
    ax.set_ylabel(measured)
    ax.set_xlim(-2, 102)
    ax.legend()
