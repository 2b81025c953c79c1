"""Trials given as arrays or as a table: checked, and brought to the columns of a manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from . import _arguments as check
from ._errors import DatasetError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Paradigm:
    """What people were asked: the columns of its trials."""

    #: The manifest that has such trials, which is also its name.
    format: str
    #: The columns of images in a manifest.
    images: tuple[str, ...]
    #: The answers: any one of these lists of columns.
    answers: tuple[tuple[str, ...], ...]
    #: Columns that may be there.
    optional: tuple[str, ...] = ()
    #: Positions of images that must be different; all of them by default.
    compared: tuple[tuple[int, int], ...] | None = None

    def described(self) -> str:
        """Its columns in words."""
        answers = " or ".join(", ".join(columns) for columns in self.answers)
        return f"{self.format}: {', '.join(self.images)}, {answers}"


PAIRS = Paradigm("pairs", ("reference", "distorted"), (("score",),), ("std",))
TWO_AFC = Paradigm(
    "twoafc", ("reference", "left", "right"), (("left_votes", "right_votes"), ("right_vote",))
)
ODD_ONE_OUT = Paradigm("oddoneout", ("image_1", "image_2", "image_3"), (("odd",),))
SAME_DIFFERENT = Paradigm(
    "samedifferent", ("first", "second"), (("different_votes", "same_votes"), ("same_vote",))
)
QUADRUPLETS = Paradigm(
    "quadruplets",
    ("a_1", "a_2", "b_1", "b_2"),
    (("a_votes", "b_votes"), ("b_vote",)),
    compared=((0, 1), (2, 3)),
)
PARADIGMS = (PAIRS, TWO_AFC, ODD_ONE_OUT, SAME_DIFFERENT, QUADRUPLETS)

#: The array of three images, which stands for the columns `image_1` to `image_3`.
TRIPLETS = "images"
#: Columns that are labels of the same name, beside those called `label_…`.
OWN_LABELS = ("group", "subject", "split")
#: The column of the numbers of trials.
NUMBER = "trial"
#: The column of how long people took to answer, which any trials may have.
RESPONSE_TIME = "response_time"


@dataclass
class Trials:
    """Trials as a manifest has them, images by what they are called or by their numbers."""

    paradigm: Paradigm
    #: The images of each role: whole numbers, or names.
    images: dict[str, list[int] | list[str]]
    #: Numbers and ids, each a column of texts.
    columns: dict[str, list[str]]
    #: What else is known of each trial.
    labels: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.images.values())))

    def shown(self) -> Iterable[int | str]:
        """The images of the trials, trial after trial."""
        for row in zip(*self.images.values()):
            yield from row


def from_arrays(trials: Any, paradigm: object, labels: object) -> Trials:
    """The trials of a mapping of arrays, as `Dataset.trials` has them."""
    if not isinstance(trials, Mapping):
        raise check.wrong_type(
            "trials",
            trials,
            'a mapping of arrays ({"images": triplets, "odd": odd}); a data frame goes into '
            "`from_dataframe`",
        )
    given = {check.text("trials", name): column for name, column in trials.items()}
    if TRIPLETS in given:
        given = _apart(given)
        given["odd"] = _from_one(given.get("odd"))
    found = _paradigm(given, paradigm)
    known = {*found.images, *found.optional, *sum(found.answers, ()), NUMBER, RESPONSE_TIME}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidValueError(
            f"trials has the column `{unknown[0]}`, expected {found.described()}; what else is "
            "known of trials goes into `labels`"
        )
    return _trials(found, given, _labels(labels))


def from_table(columns: Mapping[str, Any], paradigm: object, labels: object) -> Trials:
    """The trials of a table, in the columns that a manifest has; others are labels if they are
    named."""
    found = _paradigm(columns, paradigm)
    wanted = [] if labels is None else check.words("labels", labels, (), "the name of a column")
    for name in wanted:
        if name not in columns:
            raise InvalidValueError(
                f"labels names the column `{name}`, expected one of {', '.join(columns)}"
            )
    named = [name for name in columns if name.startswith("label_")]
    labels_of = {name: name for name in (*OWN_LABELS, *wanted) if name in columns}
    labels_of |= {name: name.removeprefix("label_") for name in named}
    return _trials(found, columns, _by_label(columns, labels_of))


def _by_label(columns: Mapping[str, Any], labels_of: Mapping[str, str]) -> dict[str, Any]:
    """The columns of labels by the names of these."""
    named: dict[str, str] = {}
    for column, label in labels_of.items():
        if label in named:
            raise InvalidValueError(
                f"the columns `{named[label]}` and `{column}` are both the label `{label}`, "
                "expected one; call the other otherwise"
            )
        named[label] = column
    return {label: columns[column] for label, column in named.items()}


def _apart(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a column for each of the three images."""
    import numpy as np

    triplets = given[TRIPLETS]
    if hasattr(triplets, "detach"):
        triplets = triplets.detach().cpu()
    triplets = np.asarray(triplets)
    if triplets.ndim != 2 or triplets.shape[1] != 3:
        raise InvalidValueError(
            f"trials['{TRIPLETS}'] has the shape {triplets.shape}, expected (trials, 3)"
        )
    columns = {name: triplets[:, i] for i, name in enumerate(ODD_ONE_OUT.images)}
    return columns | {name: column for name, column in given.items() if name != TRIPLETS}


def _from_one(odd: Any) -> Any:
    """Positions 0 to 2 as the numbers 1 to 3 of a manifest."""
    import numpy as np

    if odd is None:
        raise InvalidValueError(
            "trials has no `odd`, expected the position of each odd one, 0 to 2"
        )
    found = _column("odd", odd)
    if found.dtype.kind not in "iu":
        raise InvalidTypeError(
            f"trials['odd'] is of {found.dtype}, expected whole numbers: the position of the odd "
            "one among the three images, 0 to 2"
        )
    for row in np.flatnonzero((found < 0) | (found > 2))[:1]:
        raise _field(int(row), "odd", found[row], "0, 1 or 2, a position among the three images")
    return found.astype(np.int64) + 1


def _paradigm(given: Mapping[str, Any], asked: object) -> Paradigm:
    """The paradigm that is named, else the one whose columns are there."""
    if asked is not None:
        word = check.text("paradigm", asked)
        for paradigm in PARADIGMS:
            if paradigm.format == word:
                return paradigm
        names = ", ".join(f"`{paradigm.format}`" for paradigm in PARADIGMS)
        raise InvalidValueError(f"paradigm is `{word}`, expected one of {names}")
    found = [p for p in PARADIGMS if all(name in given for name in p.images)]
    if len(found) == 1:
        return found[0]
    expected = "; ".join(paradigm.described() for paradigm in PARADIGMS)
    if not found:
        raise InvalidValueError(
            f"trials has the columns {', '.join(given) or 'none'}, expected those of one paradigm: "
            f"{expected}"
        )
    names = " and ".join(f"`{paradigm.format}`" for paradigm in found)
    raise InvalidValueError(f"trials has the columns of {names}; say which with `paradigm`")


def _trials(paradigm: Paradigm, given: Mapping[str, Any], labels: Mapping[str, Any]) -> Trials:
    for name in paradigm.images:
        if name not in given:
            raise _missing(name, given)
    images = {name: _images(name, given[name]) for name in paradigm.images}
    answers = next(
        (columns for columns in paradigm.answers if all(name in given for name in columns)), None
    )
    if answers is None:
        raise _missing(" or ".join(paradigm.answers[-1]), given)
    columns = {name: _READ[name](name, given[name]) for name in answers}
    for name in (*paradigm.optional, NUMBER, RESPONSE_TIME):
        if name in given:
            columns[name] = _READ[name](name, given[name])
    texts = {_label(name): _texts(values) for name, values in labels.items()}
    found = Trials(paradigm, images, columns, texts)
    _check_lengths(found)
    _check_pairs(found)
    return found


def _missing(column: str, given: Mapping[str, Any]) -> DatasetError:
    return DatasetError(f"trials has no column `{column}`; its columns are {', '.join(given)}")


def _field(row: int, column: str, found: object, expected: str) -> DatasetError:
    """What is wrong with a field, as readers of manifests say it; rows count from 0."""
    return DatasetError(f"trials, row {row}: `{column}` is `{found}`, expected {expected}")


def _column(name: str, values: Any) -> NDArray[Any]:
    """A column as an array of one axis."""
    import numpy as np

    if isinstance(values, (Mapping, Set)):
        raise check.wrong_type(f"trials[{name!r}]", values, "a list or an array, a value a trial")

    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    elif hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, (str, bytes)) or not isinstance(values, (Iterable, np.ndarray)):
        raise check.wrong_type(f"trials['{name}']", values, "an array or a list, one entry a trial")
    if not isinstance(values, np.ndarray):
        values = list(values)
        kinds = {str if isinstance(value, (str, os.PathLike)) else type(value) for value in values}
        values = _array(name, values, object if str in kinds else None)
    found: NDArray[Any] = values
    if found.ndim != 1:
        raise InvalidValueError(
            f"trials['{name}'] has the shape {found.shape}, expected one entry a trial"
        )
    if found.dtype.kind == "O":
        found = _array(name, [None if _is_missing(value) else value for value in found], object)
    return found


def _is_missing(value: Any) -> bool:
    """Whether a value says that there is none: None, NaN, or what pandas has for it."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def _array(name: str, values: list[Any], kind: type | None) -> NDArray[Any]:
    import numpy as np

    try:
        return np.array(values, dtype=kind)
    except ValueError as error:
        raise InvalidValueError(f"trials['{name}'] is no column: {error}") from error


def _images(name: str, values: Any) -> list[int] | list[str]:
    """The images of a role, by number or by name."""
    found = _column(name, values)
    if found.dtype.kind in "iu":
        for row in (found < 0).nonzero()[0][:1]:
            raise _field(int(row), name, found[row], "the number of an image, 0 or more")
        return [int(value) for value in found]
    names: list[str] = []
    for row, value in enumerate(found.tolist()):
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(text, str) or not text:
            raise _field(row, name, value, "the name or the number of an image")
        names.append(text)
    return names


def _numbers(name: str, values: Any, expected: str, takes: Any) -> list[float]:
    """Numbers that `takes` takes, an array of bools for an array of numbers."""
    import numpy as np

    found = _column(name, values)
    if found.dtype.kind not in "iufb":
        for row, value in enumerate(found.tolist()):
            if isinstance(value, (str, bytes)) or not _is_number(value):
                raise _field(row, name, value, expected)
        found = np.array([float("nan") if value is None else value for value in found.tolist()])
    numbers = found.astype(np.float64)
    for row in np.flatnonzero(~takes(numbers))[:1]:
        raise _field(int(row), name, found[row], expected)
    return [float(number) for number in numbers]


def _is_number(value: object) -> bool:
    if value is None:
        return True
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _score(name: str, values: Any) -> list[str]:
    import numpy as np

    return [repr(n) for n in _numbers(name, values, "a finite number", np.isfinite)]


def _deviation(name: str, values: Any) -> list[str]:
    import numpy as np

    def takes(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.isnan(numbers) | (np.isfinite(numbers) & (numbers >= 0.0))

    numbers = _numbers(name, values, "a number, 0 or more, or NaN", takes)
    return ["" if n != n else repr(n) for n in numbers]


def _time(name: str, values: Any) -> list[str]:
    import numpy as np

    def takes(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.isnan(numbers) | (np.isfinite(numbers) & (numbers > 0.0))

    numbers = _numbers(name, values, "a number above 0, or NaN", takes)
    return ["" if n != n else repr(n) for n in numbers]


def _votes(name: str, values: Any) -> list[str]:
    import numpy as np

    def takes(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.isfinite(numbers) & (numbers >= 0.0)

    return [repr(n) for n in _numbers(name, values, "a number of votes, 0 or more", takes)]


def _share(name: str, values: Any) -> list[str]:
    def takes(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (numbers >= 0.0) & (numbers <= 1.0)

    return [repr(n) for n in _numbers(name, values, "a share from 0 to 1", takes)]


def _whole(name: str, values: Any, expected: str, first: int, last: int) -> list[str]:
    found = _numbers(name, values, expected, lambda n: (n >= first) & (n <= last) & (n % 1 == 0))
    return [str(int(number)) for number in found]


def _odd(name: str, values: Any) -> list[str]:
    return _whole(name, values, "1, 2 or 3", 1, 3)


def _number(name: str, values: Any) -> list[str]:
    # Above it not every whole number is a float64.
    return _whole(name, values, "a whole number, 0 or more", 0, 2**53)


_READ = {
    "score": _score,
    "std": _deviation,
    "left_votes": _votes,
    "right_votes": _votes,
    "right_vote": _share,
    "same_votes": _votes,
    "different_votes": _votes,
    "same_vote": _share,
    "a_votes": _votes,
    "b_votes": _votes,
    "b_vote": _share,
    "odd": _odd,
    NUMBER: _number,
    RESPONSE_TIME: _time,
}


def _labels(labels: object) -> Mapping[str, Any]:
    if labels is None:
        return {}
    if isinstance(labels, Mapping):
        return labels
    raise check.wrong_type("labels", labels, 'a mapping of labels to arrays ({"observer": who})')


def _label(name: object) -> str:
    """The name of a label."""
    found = check.text("labels", name)
    if not found.strip():
        raise InvalidValueError(f"labels has the name `{found}`, expected one that is not empty")
    return found


def _texts(values: Any) -> list[str]:
    """A label of each trial; empty where nothing is known."""
    found = _column("labels", values).tolist()
    return ["" if _is_missing(value) else str(value) for value in found]


def _check_lengths(trials: Trials) -> None:
    lengths = {
        name: len(column)
        for name, column in {**trials.images, **trials.columns, **trials.labels}.items()
    }
    first, count = next(iter(lengths.items()))
    for name, found in lengths.items():
        if found != count:
            raise InvalidValueError(
                f"`{name}` has {found} entries and `{first}` {count}, expected one for each trial"
            )
    if count == 0:
        raise InvalidValueError("trials is empty, expected one trial or more")


def _check_pairs(trials: Trials) -> None:
    """No trial compares an image with itself, and votes are not both 0."""
    count = len(trials.paradigm.images)
    compared = trials.paradigm.compared or tuple(combinations(range(count), 2))
    for row, images in enumerate(zip(*trials.images.values())):
        for a, b in compared:
            if images[a] == images[b]:
                raise DatasetError(
                    f"trials, row {row}: the image `{images[a]}` is compared with itself"
                )
    counts = trials.paradigm.answers[0]
    if len(counts) == 2 and all(name in trials.columns for name in counts):
        for row, (first, second) in enumerate(zip(*(trials.columns[name] for name in counts))):
            if float(first) + float(second) == 0.0:
                raise _field(row, counts[1], second, "a vote for one of the two")
