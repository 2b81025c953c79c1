"""The tensor in what a module gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import torch

#: The key of a ModelOutput that holds a layer's tokens.
_TOKENS = "last_hidden_state"


def tensor_of(value: Any, key: str | None, what: str) -> torch.Tensor:
    """The tensor in what a module gives.

    A tensor is itself. Of a tuple or a list it is the first tensor; of a mapping or a dataclass (a
    `ModelOutput`) `last_hidden_state`, or the only tensor. `key` names another one: a key, a field,
    or a position.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        There is none, or several and no rule; the message begins with `what`.
    """
    import torch

    if isinstance(value, torch.Tensor):
        if key is not None:
            raise InvalidValueError(f"{what} gives one tensor, expected no key `{key}`")
        return value
    tensors = {name: item for name, item in _items(value).items() if isinstance(item, torch.Tensor)}
    if not tensors:
        raise InvalidTypeError(f"{what} gives {_shown(value)}, expected a tensor")
    if key is not None:
        if key not in tensors:
            raise InvalidValueError(
                f"{what}: there is no tensor `{key}`, expected one of `{'`, `'.join(tensors)}`"
            )
        return tensors[key]
    if isinstance(value, (tuple, list)) or len(tensors) == 1:
        return next(iter(tensors.values()))
    if _TOKENS in tensors:
        return tensors[_TOKENS]
    raise InvalidValueError(
        f"{what} gives several tensors, `{'`, `'.join(tensors)}`, expected one: name it as "
        f"`MODULE:{next(iter(tensors))}`"
    )


def _items(value: Any) -> dict[str, Any]:
    """What a container holds, by key, field or position."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        names = getattr(value, "_fields", range(len(value)))
        return {str(name): item for name, item in zip(names, value)}
    return {}


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        held = ", ".join(type(item).__name__ for item in value[:4]) or "nothing"
        return f"a {type(value).__name__} of {held}"
    return "None" if value is None else f"a {type(value).__name__}"
