"""What the ways to a model of a library share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._library import need
from ._model import TorchModel
from ._options import settings
from ._tower import Tower


def adapted(library: str, options: Mapping[str, Any], tower: Callable[[Any], Tower]) -> TorchModel:
    """The model of a run that `from_LIBRARY` makes.

    Parameters
    ----------
    library : str
        The module of the library.
    options : mapping of str to object
        See `Options`; they are checked before anything is loaded.
    tower : callable
        The library to the model with its stages.

    Raises
    ------
    MissingPackageError
        torch or the library is not installed.
    """
    need("torch", f"from_{library}()")
    found = need(library, f"from_{library}()")
    given = settings(options)
    return TorchModel(tower(found), given)
