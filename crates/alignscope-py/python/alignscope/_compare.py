"""Runs that are done, compared with each other and put together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from . import _alignscope, _arguments as check
from ._choices import AnyDistance
from ._errors import InvalidValueError, MissingFileError
from ._finished import Run
from ._progress import Reporter, reporter
from ._results import Table

#: A run, or its folder.
AnyRun = Union[Run, str, "os.PathLike[str]"]
#: One side of each pair, or both.
Side = Union[str, "tuple[str | None, str | None]", None]


def compare(
    runs: AnyRun | Sequence[AnyRun] | Mapping[str, AnyRun],
    *,
    models: Side = None,
    stages: Side = None,
    distances: AnyDistance | tuple[AnyDistance | None, AnyDistance | None] | None = None,
    dataset: str | None = None,
    resamples: int | None = None,
    seed: int | None = None,
) -> Table:
    """Compare models of one run, or of several runs of the same trials, as `alignscope compare`
    does.

    Without `models`, `stages` and `distances` all models are compared at their last stage,
    whichever run they are of, as if one run had them all: on each data set the runs that have it.

    Parameters
    ----------
    runs : Run, str, os.PathLike, a sequence of them, or mapping of str to them
        The runs. A model that several runs have with the same scores is one. A mapping tells models
        of one name apart whose scores differ: `clip` of the run `before` is then called
        `clip (before)`.
    models, stages, distances : str, or (str, str), optional
        One side, or both, of pairs that are compared, of one run or of two: a model against all
        others, two models, two stages or two kinds of distance of one model. None in a pair leaves
        a side open.
    dataset : str, optional
        One data set, by its name in the results; all by default.
    resamples, seed : int, optional
        Of the bootstrap; as in the first run by default.

    Returns
    -------
    Table
        A row for each pair by the main measure and, of the same pairs, one by bits, with the columns
        of a run's table `comparisons`: difference, interval, `p` and `p_holm`, Holm's correction
        over all rows of a data set that have the same measure and kind of distance, of all runs
        together.

    Raises
    ------
    InvalidValueError
        A run has no such model, stage, distance or data set (the message says which there are); the
        runs are of other trials, or count ties otherwise.
    ResultsError, MissingFileError
        A run cannot be read, or is not done.

    Examples
    --------
    >>> import alignscope
    >>> found = alignscope.compare("results", dataset="pairs").where(measure="spearman")
    >>> list(zip(found["model_a"], found["model_b"], found["difference"].round(2).tolist()))
    [('ssim', 'psnr', -0.08), ('ssim', 'pixels', -0.08), ('psnr', 'pixels', 0.0)]

    Models of two runs:

    >>> dataset = alignscope.load_dataset("pairs", "demo/low")
    >>> other = alignscope.run("ssim-rgb", dataset, "other", pixels=False, progress=False)
    >>> len(alignscope.compare([alignscope.Run("results"), other], dataset="pairs"))
    12
    """
    given = named_runs(runs)
    which = check.optional_text("dataset", dataset)
    drawn = (check.optional_whole("resamples", resamples), check.optional_whole("seed", seed))
    of_models, of_stages = _sides("models", models), _sides("stages", stages)
    of_kinds = _sides("distances", distances)
    for _, path in given:
        _warn(path)
    if (of_models, of_stages, of_kinds) == ((None, None),) * 3:
        return Table(_alignscope.compare_together(given, which, *drawn))
    if len(given) > 2:
        raise InvalidValueError(
            f"runs are {len(given)}, expected one or two where models, stages or distances are "
            "named"
        )
    paths = [path for _, path in given]
    second = paths[1] if len(paths) == 2 else None
    return Table(
        _alignscope.compare_sides(
            paths[0], second, of_models, of_stages, of_kinds, which, *drawn
        )
    )


def combine(
    runs: Sequence[AnyRun],
    out: str | os.PathLike[str],
    *,
    title: str | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
) -> Run:
    """Put the models of several runs of the same data sets into one run, with one figure, one page
    and comparisons of all with each other. Nothing is measured again.

    Parameters
    ----------
    runs : sequence of Run, str or os.PathLike
        Two runs or more, of the same trials and images, with the same resamples and rule for ties.
        A model that several have with the same numbers is there once.
    out : str or os.PathLike
        A folder that is new or empty.
    title : str, optional
        What stands over figures and page; by default as in the first run.
    overwrite : bool, default False
        Replace a run that the folder holds.
    threads, progress
        As for `Experiment.run`.

    Returns
    -------
    Run
        The folder. Its tables are those of one run of all models; its manifest names the runs.

    Raises
    ------
    InvalidValueError
        Runs are made otherwise (the message says in what), or have a model of one name whose
        numbers differ.
    ResultsError, MissingFileError
        A run cannot be read, or the folder holds something.

    Examples
    --------
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
    >>> one = alignscope.run("ssim", dataset, "of ssim", progress=False)
    >>> two = alignscope.run("psnr", dataset, "of psnr", progress=False)
    >>> both = alignscope.combine([one, two], "both", progress=False)
    >>> list(both.scores.where(measure="accuracy", subset="all")["model"])
    ['pixels', 'ssim', 'psnr']
    """
    if isinstance(runs, (Run, str, os.PathLike, Mapping)):
        raise check.wrong_type("runs", runs, "a list of two runs or more")
    path = check.path("out", out)
    _alignscope.combine(
        [found for _, found in named_runs(runs)],
        path,
        check.optional_text("title", title),
        check.yes_or_no("overwrite", overwrite),
        reporter(progress),
        check.threads(threads),
    )
    return Run(path)


def _warn(path: str) -> None:
    """Warns of tables that are not as the run left them."""
    if not (Path(path) / "manifest.json").is_file():
        raise MissingFileError(f"{path} holds no finished run: there is no manifest.json")
    for table in _alignscope.altered_tables(path):
        warnings.warn(
            f"{Path(path) / table} is not as the run left it: it is compared as it is now",
            stacklevel=3,
        )


def named_runs(runs: Any) -> list[tuple[str | None, str]]:
    """The folders of runs, with the names that they are given."""
    if isinstance(runs, (Run, str, os.PathLike)):
        runs = [runs]
    if isinstance(runs, Mapping):
        return _some(
            [
                (check.text("runs", name), _path(f"runs[{name!r}]", run))
                for name, run in runs.items()
            ]
        )
    if isinstance(runs, bytes) or not isinstance(runs, Iterable):
        raise check.wrong_type("runs", runs, "a run, its folder, or a list or mapping of them")
    return _some([(None, _path(f"runs[{number}]", run)) for number, run in enumerate(runs)])


def _some(runs: list[tuple[str | None, str]]) -> list[tuple[str | None, str]]:
    if not runs:
        raise InvalidValueError("runs is empty, expected a run or several")
    return runs


def _path(what: str, run: object) -> str:
    if isinstance(run, Run):
        return str(run.path)
    return check.path(what, run, "a run, or its folder (str or os.PathLike)")


def _sides(name: str, value: object) -> tuple[str | None, str | None]:
    """Two sides, each a text or None; a text alone is the first."""
    if value is None or isinstance(value, str):
        return value, None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise check.wrong_type(name, value, "a text (str), two of them, or None")
    a, b = (check.optional_text(f"{name}[{i}]", side) for i, side in enumerate(value))
    return a, b
