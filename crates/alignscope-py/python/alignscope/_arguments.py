"""What arguments may be: each check names the argument, what came, and what was expected."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import _alignscope
from ._errors import InvalidTypeError, InvalidValueError

#: More threads than any machine has cores for would only wait for each other.
_MAX_THREADS = 1024

_MAX_U32 = 2**32 - 1
_MAX_U64 = 2**64 - 1


def shown(value: object) -> str:
    """A value with its type, for a message: a long one only by its type."""
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeio" else "a"
    if isinstance(value, (str, bytes, bool, int, float)) and len(repr(value)) <= 60:
        return f"{value!r}, {article} {kind}"
    return "None" if value is None else f"{article} {kind}"


def wrong_type(name: str, value: object, expected: str) -> InvalidTypeError:
    return InvalidTypeError(f"{name} is {shown(value)}, expected {expected}")


def text(name: str, value: object) -> str:
    """A text."""
    if isinstance(value, str):
        return str(value)
    raise wrong_type(name, value, "a text (str)")


def optional_text(name: str, value: object) -> str | None:
    """A text or None."""
    if value is None or isinstance(value, str):
        return value
    raise wrong_type(name, value, "a text (str) or None")


def yes_or_no(name: str, value: object, expected: str = "True or False") -> bool:
    """True or False, also of NumPy."""
    if isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise wrong_type(name, value, expected)


def optional_yes_or_no(name: str, value: object) -> bool | None:
    """True, False or None."""
    return None if value is None else yes_or_no(name, value, "True, False or None")


def whole(
    name: str,
    value: object,
    least: int = 0,
    most: int = _MAX_U64,
    expected: str = "a whole number",
) -> int:
    """A whole number, also of NumPy, between two others."""
    if isinstance(value, bool):
        raise wrong_type(name, value, expected)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise wrong_type(name, value, expected) from None
    if number < least:
        raise InvalidValueError(f"{name} is {number}, expected {least} or more")
    if number > most:
        raise InvalidValueError(f"{name} is {number}, expected {most} or less")
    return number


def optional_whole(
    name: str, value: object, least: int = 0, most: int = _MAX_U64
) -> int | None:
    """A whole number between two others, or None."""
    return None if value is None else whole(name, value, least, most, "a whole number or None")


def votes(name: str, value: object) -> int | None:
    """A number of votes, or None."""
    return optional_whole(name, value, 0, _MAX_U32)


def threads(value: object) -> int | None:
    """A number of threads, or None."""
    return optional_whole("threads", value, 1, _MAX_THREADS)


def memory(value: object) -> int | None:
    """A number of bytes, a text such as `8GB`, or None."""
    if isinstance(value, str):
        return _alignscope.memory_of_text(value)
    expected = 'bytes as a whole number, a text such as "8GB", or None'
    return None if value is None else whole("memory", value, expected=expected)


def path(name: str, value: object, expected: str = "a path (str or os.PathLike)") -> str:
    """A path; `~` at its beginning is the user's home."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str):
        raise wrong_type(name, value, expected)
    if not found:
        raise InvalidValueError(f"{name} is empty, expected a path")
    return os.path.expanduser(found)


def optional_path(name: str, value: object) -> str | None:
    """A path or None."""
    expected = "a path (str or os.PathLike) or None"
    return None if value is None else path(name, value, expected)


def names(name: str, value: object, expected: str) -> list[str]:
    """Several texts or paths."""
    if isinstance(value, (str, bytes, os.PathLike, Mapping)) or not isinstance(value, Iterable):
        raise wrong_type(name, value, expected)
    found = []
    for number, word in enumerate(value):
        word = os.fspath(word) if isinstance(word, os.PathLike) else word
        if not isinstance(word, str):
            raise wrong_type(f"{name}[{number}]", word, "a text (str)")
        found.append(str(word))
    return found


def words(name: str, value: object, every: Sequence[str], what: str) -> list[str]:
    """One word or several; `every` if it is None."""
    if value is None:
        return list(every)
    if isinstance(value, str):
        return [str(value)]
    return names(name, value, f"{what} (str) or a list of them")


def optional_words(name: str, value: object, what: str) -> list[str]:
    """One word or several; none if it is None."""
    if value is None or isinstance(value, str):
        return [] if value is None else [str(value)]
    return names(name, value, f"{what} (str), a list of them, or None")


def of_torch(name: str, value: Any) -> str | None:
    """A device or a number format as a text, also as torch has it; or None."""
    if type(value).__module__ == "torch":
        return str(value).removeprefix("torch.")
    return optional_text(name, value)


def called(name: str, value: Any, expected: str) -> Any:
    """A function."""
    if callable(value):
        return value
    raise wrong_type(name, value, expected)
