"""torch and the libraries of models, imported when they are used."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

from .._errors import MissingPackageError

#: What brings each library.
_INSTALL = {
    "torch": "pip install torch timm",
    "timm": "pip install timm",
    "transformers": "pip install transformers",
    "open_clip": "pip install open_clip_torch",
    "torchvision": "pip install torchvision",
    "PIL": "pip install pillow",
}


def need(name: str, what: str) -> Any:
    """The library `name`.

    Parameters
    ----------
    name : str
        Its module, such as `timm`.
    what : str
        What it is needed for: a message begins with it.

    Raises
    ------
    MissingPackageError
        It is not installed. A library that is there and fails to be imported raises its own error.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingPackageError(
            f"{what} needs {name}, which is not installed: `{_INSTALL[name]}`", name=name
        ) from None


def version_of(cls: type) -> str:
    """The library of a class with its version, `timm 1.0.31`; its module if that has none."""
    top = cls.__module__.partition(".")[0]
    try:
        found = importlib.metadata.version({"open_clip": "open_clip_torch"}.get(top, top))
    except importlib.metadata.PackageNotFoundError:
        return f"module {cls.__module__}"
    return f"{top} {found}"
