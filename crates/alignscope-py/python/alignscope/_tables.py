"""Data frames of any library, by their columns."""

from __future__ import annotations

from typing import Any

from . import _arguments as check
from ._errors import MissingPackageError


def columns(table: Any) -> dict[str, Any]:
    """The columns of a data frame by name: of pandas, polars, pyarrow, Hugging Face, or of whatever
    gives Arrow's PyCapsules.

    Raises
    ------
    InvalidTypeError
        It is none.
    MissingPackageError
        It has no columns of its own, and neither pyarrow nor polars is there to read its capsule.
    """
    names = _names(table)
    if names is None and hasattr(table, "__arrow_c_stream__"):
        table = _read_capsule(table)
        names = _names(table)
    if names is None:
        raise check.wrong_type(
            "df", table, "a data frame of pandas or polars, or a table of Arrow"
        )
    return {name: table[name] for name in names}


def _names(table: Any) -> list[str] | None:
    """What the columns are called, if it says so."""
    for attribute in ("column_names", "columns"):
        found = getattr(table, attribute, None)
        if found is None or callable(found):
            continue
        names = list(found)
        if names and all(isinstance(name, str) for name in names):
            return names
    return None


def _read_capsule(table: Any) -> Any:
    """A table that has nothing but Arrow's PyCapsule, read by what is there."""
    try:
        import pyarrow

        return pyarrow.table(table)
    except ImportError:
        pass
    try:
        import polars

        return polars.DataFrame(table)
    except ImportError:
        raise MissingPackageError(
            "a table that is only an Arrow PyCapsule is read with pyarrow or polars; install one "
            "with `pip install pyarrow`"
        ) from None
