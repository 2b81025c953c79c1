"""Packages that are used where they are there."""

from __future__ import annotations

import importlib
from typing import Any

from ._errors import MissingPackageError


def package(name: str, what: str) -> Any:
    """The package `name`, or a part of one.

    Parameters
    ----------
    name : str
        What is imported.
    what : str
        What needs it.

    Raises
    ------
    MissingPackageError
        It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        root = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != root:
            raise
        raise MissingPackageError(
            f"{what} needs {root}, which is not installed; install it with `pip install {root}`"
        ) from error
