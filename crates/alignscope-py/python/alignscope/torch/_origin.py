"""Where code comes from: a library, which its name and version tell, or the user."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import platform
import sys
import sysconfig
from pathlib import Path
from typing import Any

#: The modules of the standard library.
_STANDARD = {*sys.stdlib_module_names, *sys.builtin_module_names} - {"__main__"}
#: Where packages are installed.
_INSTALLED = {"site-packages", "dist-packages"}


@functools.cache
def library(module: str) -> str | None:
    """The library of a module with its version, such as `timm 1.0.31`; None if it is the user's
    own, as are packages that are installed to be edited."""
    top = module.partition(".")[0]
    if top in _STANDARD and _is_standard(top):
        return f"python {platform.python_version()}"
    if top == "alignscope":
        from .. import __version__

        return f"alignscope {__version__}"
    version = _version(top) if _is_installed(top) else None
    return None if version is None else f"{top} {version}"


def named(value: Any) -> list[str] | None:
    """The library of a function or a class and its name there; None if no library has it by that
    name: it is the user's own, or was made at run time."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    found = library(module)
    if found is None or at(module, name) is not value:
        return None
    return [found, module, name]


def at(module: str, name: str) -> Any:
    """What a module has under a name with points; None if there is nothing."""
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _is_standard(top: str) -> bool:
    """Whether it is the standard library's, not a file of the user's own of that name."""
    file = getattr(sys.modules.get(top), "__file__", None)
    folders = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    return file is None or any(Path(file).is_relative_to(folder) for folder in folders)


def _is_installed(top: str) -> bool:
    """Whether a module lies where packages are installed, imported or not."""
    file = getattr(sys.modules.get(top), "__file__", None)
    if top not in sys.modules and top:
        found = importlib.util.find_spec(top)
        file = None if found is None else found.origin
    return file is not None and bool(_INSTALLED & set(Path(file).parts))


def _version(top: str) -> str | None:
    """The version of what is installed as a module; None if that is not known."""
    for name in (top, *_distributions().get(top, ())):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())
