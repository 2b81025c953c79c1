"""One model of one's own on one data set."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from . import _alignscope, _arguments as check
from ._dataset import Dataset
from ._experiment import Options, Run, choices, kinds
from ._models import Features, Function, _name, ended
from ._progress import Reporter, reporter
from ._results import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Holding(TypedDict):
    """How the activations of a function's model were held until their pairs were reduced."""

    place: str
    """`memory`, or `file` for a temporary file."""
    image_groups: int
    """Groups of images that were reduced one after the other."""
    stage_groups: list[list[str]]
    """Groups of stages, for each of which all images were encoded."""
    calls: int
    """How often the function was called, once for one image alone."""
    text: str
    """The same in words."""


class Measurement:
    """What was measured of a model on a data set. `score` and `evaluate` make one."""

    def __init__(self, dataset: Dataset, measured: _alignscope.Measured, out: Path | None) -> None:
        self._measured = measured
        #: The data set.
        self.dataset = dataset
        #: The folder with all files, where one was asked for.
        self.run = None if out is None else Run(out)

    @property
    def scores(self) -> Table:
        """The scores with their intervals: one row for each stage, distance, subset and measure."""
        return Table(self._measured.scores)

    @property
    def stages(self) -> list[str]:
        """The stages, in order of depth."""
        return self._measured.stages

    @property
    def kinds(self) -> list[str]:
        """The kinds of distance."""
        return self._measured.kinds

    def distances(self, stage: str, distance: str) -> NDArray[np.float64]:
        """The distance of each pair of the data set, `[pairs]`, in the order of `dataset.pairs`."""
        return self._measured.distances(
            check.text("stage", stage), check.text("distance", distance)
        )

    def trial_distances(self, stage: str, distance: str) -> NDArray[np.float64]:
        """The distances that each trial compares, `[n, 1]`, `[n, 2]` or `[n, 3]`; see
        `Dataset.pairs_of_trials`."""
        return self.distances(stage, distance)[self.dataset.pairs_of_trials]

    def scale(self, stage: str) -> NDArray[np.float64] | None:
        """How much each channel varies over the data set, `[channels]`: the mean squared difference
        over the pairs of all trials. None where the normalized distance was not asked for."""
        return self._measured.scale(check.text("stage", stage))

    @property
    def holding(self) -> Holding | None:
        """How the activations of a function were held; None for features."""
        return self._measured.holding

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self._measured.wall_s

    def __repr__(self) -> str:
        return f"Measurement({self.dataset.name!r}: {len(self.stages)} stages × {self.kinds})"

    def _repr_html_(self) -> str:
        """The figure where there is one, else the scores, as notebooks show them."""
        return self.scores._repr_html_() if self.run is None else self.run._repr_html_()


def _dataset(dataset: object) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    raise check.wrong_type("dataset", dataset, "a data set of alignscope.load_dataset")


def _measure(
    dataset: Dataset,
    model: Features | Function,
    options: Options,
    out: str | os.PathLike[str] | None,
    threads: int | None,
    progress: bool | Reporter,
) -> Measurement:
    """Measures a model; warns of what is probably wrong with its arrays."""
    path = check.optional_path("out", out)
    with ended([model._own]):
        measured = _alignscope.measure(
            dataset._handle,
            model._own,
            choices(options, dataset.simulated),
            path,
            reporter(progress),
            check.threads(threads),
        )
    for warning in measured.warnings:
        warnings.warn(warning, stacklevel=3)
    return Measurement(dataset, measured, None if path is None else Path(path))


def score(
    dataset: Dataset,
    features: Mapping[str, Any] | str | os.PathLike[str],
    *,
    file_names: Sequence[str | os.PathLike[str]] | None = None,
    distance: str | Sequence[str] | None = None,
    model: str | None = None,
    tokens: str = "all",
    prefix: int | None = None,
    layout: str | Sequence[str] | None = None,
    ties: str = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: str = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: bool | Reporter = False,
) -> Measurement:
    """Score features that were made elsewhere — by timm, thingsvision, a model of one's own — as
    `alignscope run` scores its encoders.

    `features`, `file_names`, `prefix`, `layout` — as for `Features`
    `distance` — `euclidean`, `normalized-euclidean`, `cosine`, `correlation`, `dot`, or a list of
    them; the first three by default
    `model` — its name in the results
    `tokens` — which tokens are compared: `all`; `class` (the first); `registers` (those between it
    and the patches); `patches` (all but those before them); or `mean` (over the class token, if
    there is one, and the patches, without registers)
    `ties`, `resamples`, `seed`, `cluster` — as for `Experiment`
    `pixels` — whether the model `pixels` is measured too, for comparison
    `memory` — what to stay within, in bytes or as `8GB`, the features aside; half of the machine's
    by default
    `out` — a new folder for all files of a run: tables, figures, `report.html`; none by default
    `threads`, `progress` — as for `Experiment.run`

    Stages called as an encoder's (`embedding`, `block 1`, …, `projection`) stand at their depth in
    figures; any other names are spread evenly up to 100 %.

    Features that `alignscope activations` wrote give exactly the scores of `alignscope run`.

    Warns of axes that look exchanged: of more tokens than channels, where the channels would be a
    usual number of tokens.
    """
    _dataset(dataset)
    named = None if model is None else _name("model", model)
    own = Features(features, name=named, file_names=file_names, prefix=prefix, layout=layout)
    options = Options(
        distances=kinds("distance", distance),
        tokens=tokens,
        ties=ties,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        pixels=pixels,
        memory=memory,
    )
    return _measure(dataset, own, options, out, threads, progress)


def evaluate(
    dataset: Dataset,
    encode: Callable[[Any, list[str]], Any],
    stages: str | Sequence[str],
    *,
    preprocess: str | os.PathLike[str] | Callable[[NDArray[np.uint8]], Any] | None = None,
    batch: int = 32,
    spill: bool = True,
    distance: str | Sequence[str] | None = None,
    model: str = "model",
    tokens: str = "all",
    prefix: int | None = None,
    layout: str | Sequence[str] | None = None,
    ties: str = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: str = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: bool | Reporter = True,
) -> Measurement:
    """Score a model that is a function: a torch model on a GPU, say. Each image is encoded once, and
    pairs are reduced as they come, so that activations are never all kept.

    `encode`, `stages`, `preprocess`, `batch`, `spill`, `prefix`, `layout` — as for `Function`
    `memory` — what to stay within, in bytes or as `8GB`, the function's own aside; half of the
    machine's by default

    All else is as for `score`.
    """
    _dataset(dataset)
    own = Function(
        encode,
        stages,
        name=_name("model", model),
        preprocess=preprocess,
        batch=batch,
        spill=spill,
        prefix=prefix,
        layout=layout,
    )
    options = Options(
        distances=kinds("distance", distance),
        tokens=tokens,
        ties=ties,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        pixels=pixels,
        memory=memory,
    )
    return _measure(dataset, own, options, out, threads, progress)
