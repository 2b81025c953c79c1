"""The folder of a run that is done."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import _alignscope, _arguments as check
from ._choices import AnyDistance, TableName
from ._errors import MissingFileError
from ._matrix import DistanceMatrix
from ._plot import plot
from ._progress import _in_notebook
from ._results import Table, results

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Run:
    """The folder of a run: its tables, its figures, its page.

    Parameters
    ----------
    path : str or os.PathLike
        The folder, of `run` or of the command `alignscope run`.
    bad_images : sequence of (str, str, str), optional
        Images that could not be read, with `keep_going`: data set, image, and why.

    Examples
    --------
    >>> import alignscope
    >>> run = alignscope.Run("results")
    >>> run.scores
    Table(84 rows: dataset, subset, model, stage, ...)
    >>> accuracy = run.scores.where(dataset="twoafc", measure="accuracy", subset="all")
    >>> dict(zip(accuracy["model"], accuracy["value"].round(2).tolist()))
    {'pixels': 0.79, 'ssim': 0.75, 'psnr': 0.79}
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        bad_images: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        #: The folder.
        self.path = Path(check.path("path", path))
        #: Images that could not be read, with `keep_going`: data set, image, and why.
        self.bad_images = list(bad_images)

    @property
    def scores(self) -> Table:
        """All scores: a row for each data set, subset, model, stage, distance and measure."""
        return self.table("scores")

    @property
    def comparisons(self) -> Table:
        """Models with each other at their last stage, with p values corrected by Holm's
        procedure."""
        return self.table("comparisons")

    @property
    def report(self) -> Path:
        """The run as a page that needs no network."""
        return self.path / "report.html"

    def table(self, name: TableName) -> Table:
        """A table of the run; see `results`."""
        return results(self.path, name)

    def rdm(
        self,
        model: str | None = None,
        stage: str | None = None,
        distance: AnyDistance | None = None,
        dataset: str | None = None,
    ) -> DistanceMatrix:
        """The distances of a model at a stage as a labelled square matrix.

        Parameters
        ----------
        model : str, optional
            Its name in the results; by default the only one.
        stage : str, optional
            The stage; by default the model's last.
        distance : str, optional
            The kind of distance; by default the only one.
        dataset : str, optional
            The data set's name in the results; by default the only one.

        Returns
        -------
        DistanceMatrix
            `.values`, `[images, images]`, with NaN for what no trial compares; `.images`;
            `.to_pandas()`.

        Raises
        ------
        InvalidValueError
            The run has no such thing, or several of which none is named; the message says which.

        Examples
        --------
        >>> import alignscope
        >>> run = alignscope.Run("results")
        >>> rdm = run.rdm("psnr", dataset="pairs")
        >>> round(rdm["ref_00.png", "ref_00_blur_1.png"], 1)
        27.6
        >>> run.rdm("psnr")
        Traceback (most recent call last):
            ...
        alignscope.InvalidValueError: this run has several data sets, name one of `pairs`, ...
        """
        found = _alignscope.distance_matrix(
            str(self.path),
            check.optional_text("model", model),
            check.optional_text("stage", stage),
            check.optional_text("distance", distance),
            check.optional_text("dataset", dataset),
        )
        return DistanceMatrix(*found)

    def plot(
        self,
        dataset: str | None = None,
        *,
        distance: AnyDistance | None = None,
        models: str | Sequence[str] | None = None,
        intervals: bool = True,
        ax: Axes | None = None,
    ) -> Axes:
        """Score against depth, on axes of matplotlib.

        Each model has the colour that it has in the run's own figures. A metric is a dashed line.

        Parameters
        ----------
        dataset : str, optional
            The data set's name in the results; by default the only one.
        distance : str, optional
            The kind of distance of curves; by default `normalized-euclidean` if it was measured, or
            else the first.
        models : str or sequence of str, optional
            Their names in the results, in the order of the legend; all by default.
        intervals : bool, default True
            Whether 95 % intervals are drawn as bands.
        ax : matplotlib.axes.Axes, optional
            Where it is drawn; on axes of a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, for titles, limits and `ax.figure.savefig`.

        Raises
        ------
        MissingPackageError
            matplotlib is not installed.
        InvalidValueError
            The run has no such data set, distance or model; the message says which there are.

        Examples
        --------
        >>> import alignscope
        >>> import matplotlib
        >>> matplotlib.use("agg")
        >>> ax = alignscope.Run("results").plot("oddoneout")
        >>> ax.get_ylabel()
        'accuracy'
        """
        return plot(
            str(self.path),
            self.scores,
            dataset,
            distance,
            models,
            intervals,
            ax,
        )

    def show(self, height: int = 800) -> None:
        """Shows the page of the run: in a notebook below the cell, else in the browser, if there is
        one; its place is printed.

        Parameters
        ----------
        height : int, default 800
            In a notebook, the height in pixels.

        Raises
        ------
        MissingFileError
            The run has no page.
        """
        pixels = check.whole("height", height, 1)
        if not self.report.is_file():
            raise MissingFileError(
                f"{self.report} is not there; draw the page with `alignscope report {self.path}`"
            )
        if _in_notebook():
            _show_in_notebook(self.report, pixels)
            return
        print(self.report)
        if sys.stdout.isatty():
            webbrowser.open(self.report.resolve().as_uri())

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """The figure, as notebooks show it."""
        try:
            return (self.path / "alignment.svg").read_text(encoding="utf-8")
        except OSError:
            return f"<p>{self!r}</p>"


def _show_in_notebook(page: Path, height: int) -> None:
    """The page in a frame of its own, which the notebook keeps."""
    import html

    from IPython.display import HTML, display

    text = html.escape(page.read_text(encoding="utf-8"), quote=True)
    frame = f'<iframe srcdoc="{text}" style="width: 100%; height: {height}px; border: 0"></iframe>'
    display(HTML(frame))
