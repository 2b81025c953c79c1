"""Some trials of a data set: which are meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _arguments as check
from ._errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EXPECTED = "a slice, a mask with an entry for each trial, or positions of trials"


def positions(trials: Any, count: int) -> NDArray[np.uint32]:
    """The positions that a slice, a mask or positions mean, ascending, each once."""
    import numpy as np

    if isinstance(trials, slice):
        return np.sort(np.arange(count, dtype=np.uint32)[trials])
    if isinstance(trials, (str, bytes)) or not isinstance(trials, (Iterable, np.ndarray)):
        raise InvalidTypeError(f"trials is {check.shown(trials)}, expected {_EXPECTED}")
    if hasattr(trials, "to_numpy"):
        trials = trials.to_numpy()
    elif hasattr(trials, "detach"):
        trials = trials.detach().cpu().numpy()
    given = np.asarray(trials if isinstance(trials, np.ndarray) else list(trials))
    if given.ndim != 1:
        raise InvalidValueError(f"trials has the shape {given.shape}, expected {_EXPECTED}")
    if given.dtype == np.bool_:
        return _of_mask(given, count)
    if given.size and given.dtype.kind not in "iu":
        raise InvalidTypeError(f"trials is of {given.dtype}, expected {_EXPECTED}")
    return _of_numbers(given.astype(np.int64), count)


def _of_mask(mask: NDArray[np.bool_], count: int) -> NDArray[np.uint32]:
    import numpy as np

    if len(mask) != count:
        raise InvalidValueError(
            f"trials is a mask of {len(mask)} entries, expected one for each of {count} trials"
        )
    return np.flatnonzero(mask).astype(np.uint32)


def _of_numbers(numbers: NDArray[np.int64], count: int) -> NDArray[np.uint32]:
    import numpy as np

    for number in numbers[(numbers < -count) | (numbers >= count)][:1]:
        raise InvalidValueError(
            f"trials has the position {number}, expected positions of {count} trials"
        )
    found, times = np.unique(np.where(numbers < 0, numbers + count, numbers), return_counts=True)
    for number in found[times > 1][:1]:
        raise InvalidValueError(
            f"trials has the position {number} twice, expected each trial once; `resamples` draws "
            "them again and again"
        )
    return found.astype(np.uint32)


def of_labels(label: object, labels: Mapping[str, NDArray[np.object_]]) -> NDArray[np.bool_]:
    """The mask of the trials whose labels have the values that are asked for."""
    import numpy as np

    if not isinstance(label, Mapping) or not label:
        expected = 'a mapping of labels to one value or several ({"split": "val"})'
        raise check.wrong_type("label", label, expected)
    masks = []
    for name, wanted in label.items():
        if name not in labels:
            known = ", ".join(labels) or "none: the data set has no label"
            raise InvalidValueError(f"label names `{name}`, expected one of {known}")
        several = isinstance(wanted, Iterable) and not isinstance(wanted, (str, bytes))
        values = {str(value) for value in (wanted if several else [wanted])}
        unknown = values - {str(value) for value in labels[name]}
        if unknown:
            known = ", ".join(sorted({str(value) for value in labels[name]})[:20])
            raise InvalidValueError(
                f"label[{name!r}] names `{min(unknown)}`, which no trial has; there are {known}"
            )
        masks.append(np.isin(labels[name].astype(str), sorted(values)))
    found: NDArray[np.bool_] = np.logical_and.reduce(masks)
    return found
