"""Distances as a labelled square matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import InvalidValueError
from ._packages import package

if TYPE_CHECKING:
    import numpy as np
    import pandas
    from numpy.typing import NDArray


class DistanceMatrix:
    """The distances of a model at a stage as a square matrix (a representational dissimilarity
    matrix). `Run.rdm` and `Measurement.rdm` make one.

    `np.asarray(matrix)` is its array, and `matrix["a.png", "b.png"]` the distance of two images.

    Examples
    --------
    >>> import alignscope
    >>> rdm = alignscope.Run("results").rdm("ssim", dataset="oddoneout")
    >>> rdm.values.shape, len(rdm.images)
    ((60, 60), 60)
    >>> rdm.images[:2]
    ['dotted_bricks/3.png', 'striped_shards/4.png']
    """

    def __init__(
        self,
        dataset: str,
        model: str,
        stage: str,
        distance: str,
        images: list[str],
        values: NDArray[np.float64],
    ) -> None:
        #: The data set.
        self.dataset = dataset
        #: The model.
        self.model = model
        #: The stage.
        self.stage = stage
        #: The kind of distance.
        self.distance = distance
        #: The images, of rows and of columns.
        self.images = images
        #: `[images, images]`, symmetric, 0 from an image to itself; NaN for what no trial compares.
        self.values = values

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    def __getitem__(self, pair: tuple[str, str]) -> float:
        """The distance of two images, by their names.

        Raises
        ------
        InvalidValueError
            The data set has no such image.
        """
        for name in pair:
            if name not in self.images:
                raise InvalidValueError(
                    f"there is no image {name!r} in {self.dataset}; there are "
                    f"{', '.join(map(repr, self.images[:5]))}, …"
                )
        a, b = (self.images.index(name) for name in pair)
        return float(self.values[a, b])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        import numpy as np

        return np.array(self.values, dtype=dtype, copy=True if copy is None else copy)

    def to_pandas(self) -> pandas.DataFrame:
        """The matrix as a data frame of pandas, with images as index and as columns.

        Raises
        ------
        MissingPackageError
            pandas is not installed.
        """
        pd = package("pandas", "to_pandas()")
        return pd.DataFrame(self.values, index=self.images, columns=self.images)

    def __repr__(self) -> str:
        n = len(self.images)
        of = f"{self.model} at {self.stage}, {self.distance}, {self.dataset}"
        return f"DistanceMatrix({of}: {n} × {n})"
