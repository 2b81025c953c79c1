"""Distances that were made elsewhere, as a model of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _arguments as check
from ._choices import AnyDistance
from ._arrays import plain
from ._errors import InvalidTypeError, InvalidValueError
from ._models import blank, _depths, _name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What is given where it is no mapping stands at this stage, as a metric's distance does.
_ONLY = "output"


class Distances:
    """Distances that were made elsewhere as a model of a run: DreamSim, a measure of pyiqa, a model
    of behaviour, similarities of another program.

    Parameters
    ----------
    values : array, or mapping of str to array
        `[pairs]`, a number for each pair in the order of `dataset.pairs`; or `[images, images]`, a
        symmetric matrix of which what no trial compares may be NaN. An array for each stage, in
        order of depth, or one array. Less is more alike: of similarities give `1 - similarity`. For
        several data sets a mapping of their names to such mappings.
    name : str, default "distances"
        Its name in the results.
    distance : str, default "own"
        Which kind of distance they are, where it is one of alignscope's: curves of one kind are
        drawn and compared with each other. A distance of its own is compared with all.
    file_names : sequence of str or os.PathLike, optional
        The image of each row and column of matrices: a path that ends in the image's path below the
        data set's folder. By default they are the data set's images in its own order
        (`dataset.images`).
    depths : sequence of float, or mapping of str to float, optional
        As for `Features`.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant. Whether the numbers are those of a data set is checked before a
        run begins: their shape, that they are finite, and that matrices are symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("pairs", "demo/low")
    >>> rng = np.random.default_rng(0)
    >>> model = alignscope.Distances(rng.random(len(dataset.pairs)), name="chance")
    >>> run = alignscope.run(["ssim", model], dataset, "beside", progress=False)
    >>> sorted(set(run.scores["model"]))
    ['chance', 'pixels', 'ssim']
    """

    def __init__(
        self,
        values: Any,
        *,
        name: str = "distances",
        distance: AnyDistance = "own",
        file_names: Sequence[str | os.PathLike[str]] | None = None,
        depths: Sequence[float] | Mapping[str, float] | None = None,
    ) -> None:
        #: Its name in the results.
        self.name = _name("name", name)
        given = _by_dataset(values)
        stages = [stage for stage, _ in given[0][1]]
        expected = "a list of the image of each row, or None"
        self._own = blank(self.name)
        self._own.update(
            {
                "file_names": None
                if file_names is None
                else check.names("file_names", file_names, expected),
                "distances": given,
                "kind": check.text("distance", distance),
                "depths": _depths(depths, stages),
            }
        )

    def __repr__(self) -> str:
        return f"Distances(name={self.name!r})"


def _by_dataset(
    values: Any,
) -> list[tuple[str | None, list[tuple[str, NDArray[np.float64]]]]]:
    """The arrays of each stage for each data set, whose name is None where they are for any."""
    if not isinstance(values, Mapping):
        return [(None, [(_ONLY, _numbers(values, "values"))])]
    nested = [isinstance(of_one, Mapping) for of_one in values.values()]
    if not nested:
        raise InvalidValueError("values is empty, expected an array for each stage")
    if any(nested) and not all(nested):
        raise InvalidTypeError(
            "values has arrays and mappings, expected an array for each stage, or for each data "
            "set a mapping of stages to arrays"
        )
    if not any(nested):
        return [(None, _stages(values, "values"))]
    return [(str(name), _stages(given, f"values[{name!r}]")) for name, given in values.items()]


def _stages(given: Mapping[Any, Any], what: str) -> list[tuple[str, NDArray[np.float64]]]:
    return [(str(stage), _numbers(array, f"{what}[{stage!r}]")) for stage, array in given.items()]


def _numbers(array: Any, what: str) -> NDArray[np.float64]:
    """An array of distances as contiguous `float64`; also of a tensor of torch, or a data frame."""
    import numpy as np

    found = plain(array, what)
    if found.dtype.kind not in "fiu" or found.ndim not in (1, 2):
        raise InvalidTypeError(
            f"{what} is of {found.dtype} and has the shape {found.shape}, expected an array of "
            "numbers [pairs], or [images, images]"
        )
    return np.require(found, np.float64, ["C", "ALIGNED"])
