"""What tells a torch model from any other: a hash of its numbers, its settings and its code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ._description import Teller, Untold, digest


def fingerprint(model: nn.Module, more: Sequence[Any] = ()) -> str | None:
    """The SHA-256 of a model, in hexadecimal digits; None if it holds what cannot be told.

    It goes over every parameter and buffer (name, number format, shape, bytes), every part's
    class, attributes and hooks, the code of classes and functions that are of no library with what
    they use, the versions of libraries, and `more`.
    """
    tell = Teller()
    try:
        return digest([list(tell.module(model)), tell(list(more))])
    except (Untold, RecursionError):
        return None


def identity(transform: Any) -> str | None:
    """The SHA-256 of whatever prepares images, in hexadecimal digits: of a function its code and
    what that uses, of an object its class and its attributes; None if they cannot be told."""
    try:
        return digest(Teller()(transform))
    except (Untold, RecursionError):
        return None
