"""What was measured of one model on one data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from . import _alignscope, _arguments as check
from ._choices import AnyDistance
from ._dataset import Dataset
from ._finished import Run
from ._matrix import DistanceMatrix
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
    """What was measured of a model on a data set. `score`, `score_distances` and `evaluate` make
    one.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("oddoneout", "demo/high")
    >>> rng = np.random.default_rng(0)
    >>> arrays = {name: rng.normal(size=(len(dataset.images), 16)) for name in ("early", "late")}
    >>> found = alignscope.score(dataset, arrays, distances="cosine")
    >>> found
    Measurement('oddoneout': 2 stages × ['cosine'])
    >>> found.distances("late", "cosine").shape == (len(dataset.pairs),)
    True
    """

    def __init__(
        self,
        dataset: Dataset,
        measured: _alignscope.Measured,
        out: Path | None,
        model: str = "model",
    ) -> None:
        self._measured = measured
        #: The data set.
        self.dataset = dataset
        #: The model's name in results.
        self.model = model
        #: The folder with all files, where one was asked for.
        self.run = None if out is None else Run(out)

    @property
    def scores(self) -> Table:
        """The scores with their intervals: a row for each stage, distance, subset and measure."""
        return Table(self._measured.scores)

    @property
    def stages(self) -> list[str]:
        """The stages, in order of depth."""
        return self._measured.stages

    @property
    def kinds(self) -> list[str]:
        """The kinds of distance."""
        return self._measured.kinds

    def distances(self, stage: str, distance: AnyDistance) -> NDArray[np.float64]:
        """The distance of each pair of the data set.

        Parameters
        ----------
        stage : str
            One of `stages`.
        distance : str
            One of `kinds`.

        Returns
        -------
        numpy.ndarray
            `[pairs]`, in the order of `dataset.pairs`.

        Raises
        ------
        InvalidValueError
            There are none; the message says what there is.
        """
        return self._measured.distances(
            check.text("stage", stage), check.text("distance", distance)
        )

    def trial_distances(self, stage: str, distance: AnyDistance) -> NDArray[np.float64]:
        """The distances that each trial compares, as for `distances`.

        Returns
        -------
        numpy.ndarray
            `[n, 1]`, `[n, 2]` or `[n, 3]`; see `Dataset.pairs_of_trials`.
        """
        return self.distances(stage, distance)[self.dataset.pairs_of_trials]

    def rdm(self, stage: str, distance: AnyDistance) -> DistanceMatrix:
        """The distances at a stage as a labelled square matrix, as for `distances`.

        Returns
        -------
        DistanceMatrix
            With NaN for what no trial compares.
        """
        import numpy as np

        found = self.distances(stage, distance)
        values = np.full((len(self.dataset.images),) * 2, np.nan)
        np.fill_diagonal(values, 0.0)
        first, second = self.dataset.pairs.T
        values[first, second] = values[second, first] = found
        of = self.dataset
        return DistanceMatrix(of.name, self.model, stage, distance, of.images, values)

    def scale(self, stage: str) -> NDArray[np.float64] | None:
        """How much each channel varies over the data set: the mean squared difference over the
        pairs of all trials.

        Parameters
        ----------
        stage : str
            One of `stages`.

        Returns
        -------
        numpy.ndarray or None
            `[channels]`; None where the normalized distance was not asked for.
        """
        return self._measured.scale(check.text("stage", stage))

    @property
    def holding(self) -> Holding | None:
        """How the activations of a function were held; None for features and distances."""
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
