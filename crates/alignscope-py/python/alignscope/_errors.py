"""Exceptions by kind. All derive from `AlignscopeError`, and where Python has a class of its own
for what went wrong, from that too."""

from __future__ import annotations


class AlignscopeError(Exception):
    """Anything that alignscope refuses or could not do."""


class MissingFileError(AlignscopeError, FileNotFoundError):
    """A file, a folder or an image of a data set is not there."""


class AccessError(AlignscopeError, PermissionError):
    """A file may not be read or written."""


class InvalidValueError(AlignscopeError, ValueError):
    """A word, a number or a shape that cannot be meant; the message says what was expected."""


class InvalidTypeError(AlignscopeError, TypeError):
    """An argument or an array of a type that is not taken; the message says which types are."""


class MissingPackageError(AlignscopeError, ModuleNotFoundError):
    """A package that is used if it is there is not; the message says how to install it."""


class MissingColumnError(AlignscopeError, KeyError):
    """A table has no column of that name."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which is a sentence here.
        return str(self.args[0]) if self.args else ""


class MemoryBudgetError(AlignscopeError, MemoryError):
    """The memory budget is too small; the message says what would do."""


class DatasetError(AlignscopeError, ValueError):
    """A data set cannot be read as the one that was named; the message says file, line and
    column."""


class ExperimentFileError(AlignscopeError, ValueError):
    """A file cannot be read as an experiment: a key is not known, a data set is missing; the
    message says where."""


class ModelError(AlignscopeError):
    """A checkpoint cannot be used: a tensor is missing, a configuration is not understood."""


class ImageError(AlignscopeError, ValueError):
    """A file is no image that can be read."""


class FeatureFileError(AlignscopeError, ValueError):
    """A folder or a `.npy` file cannot be read as features."""


class ResultsError(AlignscopeError):
    """The files of a run cannot be read or written: the output folder is not empty, for example."""


def _public() -> None:
    """Tracebacks name the classes as users import them."""
    for found in list(globals().values()):
        if isinstance(found, type) and issubclass(found, AlignscopeError):
            found.__module__ = "alignscope"


_public()
