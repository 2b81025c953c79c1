"""Several runs on one board, and what to cite of runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import _alignscope, _arguments as check
from ._choices import AnyDistance
from ._compare import AnyRun, named_runs
from ._progress import Reporter, reporter
from ._results import Table


def gallery(
    runs: Sequence[AnyRun] | Mapping[str, AnyRun],
    out: str | os.PathLike[str],
    *,
    distance: AnyDistance | None = None,
    data: Mapping[str, str | os.PathLike[str]] | None = None,
    altered: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
) -> Table:
    """Put the models of runs, your own and others', on one board, as `alignscope gallery` does:
    ranks, scores and intervals, a figure, and the page `gallery.html`.

    Each run is verified first. Weights and images of others need not be on this machine; tables
    must be as the run left them, and scores must come out of the distances again.

    Parameters
    ----------
    runs : sequence of Run, str or os.PathLike, or mapping of str to them
        The runs; a mapping gives each its name on the board, which is otherwise that of its folder.
    out : str or os.PathLike
        A folder that is new or empty.
    distance : str, optional
        The kind of distance by which models stand there; the normalized one by default.
    data : mapping of str to str or os.PathLike, optional
        Where data sets are now, by their names, if not where the runs found them.
    altered : bool, default False
        Take runs that are not as their manifests say, too, and mark them.
    threads, progress
        As for `Experiment.run`.

    Returns
    -------
    Table
        `gallery.csv`: a row for each model on each data set, at its last stage. `rank_low` and
        `rank_high` are the ranks that the paired differences leave: where no difference is clear,
        models share ranks.

    Raises
    ------
    ResultsError, MissingFileError
        A run cannot be read, is not done, or is not as its manifest says.
    InvalidValueError
        Two runs have one name, or are of other trials, or have no scores by the distance.

    Examples
    --------
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
    >>> one = alignscope.run("ssim", dataset, "first", progress=False)
    >>> two = alignscope.run("psnr", dataset, "second", progress=False)
    >>> board = alignscope.gallery([one, two], "board", progress=False)
    >>> for model, low, high in zip(board["model"], board["rank_low"], board["rank_high"]):
    ...     print(model, low, high)
    pixels 1 3
    psnr 1 3
    ssim 1 3
    """
    moved = {} if data is None else dict(data)
    return Table(
        _alignscope.gallery(
            [(name or Path(path).resolve().name, path) for name, path in named_runs(runs)],
            check.path("out", out),
            check.optional_text("distance", distance),
            {check.text("data", name): check.path("data", path) for name, path in moved.items()},
            check.yes_or_no("altered", altered),
            reporter(progress),
            check.threads(threads),
        )
    )


def cite(runs: AnyRun | Sequence[AnyRun]) -> str:
    """What to cite of finished runs, as BibTeX: alignscope and the study that it follows, and the
    papers of the data sets, models and metrics that were used.

    Parameters
    ----------
    runs : Run, str, os.PathLike, or a sequence of them
        The runs.

    Returns
    -------
    str
        Each paper once; before it stands what it is cited for, as a comment, and at the end what has
        no entry.

    Raises
    ------
    ResultsError, MissingFileError
        A run cannot be read, or is not done.

    Examples
    --------
    >>> import alignscope
    >>> print(alignscope.cite("results").splitlines()[1])
    @software{alignscope,
    """
    return _alignscope.cite([path for _, path in named_runs(runs)])
