"""What tells a torch model from any other: a hash of its numbers, its settings and its code."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import types
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import nn

#: Libraries whose code their versions tell.
_RELEASED = {"torch", "torchvision", "timm", "transformers", "open_clip"}
#: What modules say of where they come from, which changes no number.
_STORIES = {
    "name_or_path",
    "warnings_issued",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "default_cfg",
    "training",
}


def fingerprint(model: nn.Module, more: Sequence[Any] = ()) -> str:
    """The SHA-256 of a model, in hexadecimal digits.

    It goes over every parameter and buffer (name, number format, shape, bytes), every module's
    class and plain settings (heads, epsilons, …), the code of classes that are of no library, and
    `more`.
    """
    hasher = hashlib.sha256()

    def add(*words: Any) -> None:
        hasher.update(json.dumps(words, ensure_ascii=False).encode())
        hasher.update(b"\n")

    for name, module in model.named_modules():
        add("module", name, _qualified(type(module)), _settings(module))
    for cls in sorted({type(module) for module in model.modules()}, key=_qualified):
        if cls.__module__.partition(".")[0] not in _RELEASED:
            add("code", _qualified(cls), _code(cls))
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        add("tensor", name, str(tensor.dtype), list(tensor.shape))
        hasher.update(_bytes(tensor))
    add("more", *more)
    return hasher.hexdigest()


def _bytes(tensor: torch.Tensor) -> memoryview:
    """The bytes of a tensor, in the order of its axes."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    found: memoryview = flat.view(torch.uint8).numpy().data
    return found


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _settings(module: nn.Module) -> dict[str, Any]:
    """The plain attributes of a module: those that its tensors do not tell."""
    own = vars(module).items()
    return {
        name: plain(value)
        for name, value in own
        if not name.startswith("_") and name not in _STORIES
    }


def plain(value: Any) -> Any:
    """A setting as JSON; of an object of any other kind only its class."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        kept = {str(key): plain(item) for key, item in value.items() if key not in _STORIES}
        return dict(sorted(kept.items()))
    if isinstance(value, functools.partial):
        return [plain(value.func), plain(value.args), plain(value.keywords)]
    if hasattr(value, "to_dict") and not isinstance(value, type):
        told = {"_name_or_path", "transformers_version"}
        return plain({key: item for key, item in value.to_dict().items() if key not in told})
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, (torch.dtype, torch.device, torch.Size)):
        return str(value)
    return _qualified(type(value))


def _code(cls: type) -> str:
    """The source of a class, or of its pass where the source is not at hand."""
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return code_of(getattr(cls, "forward", None))


def code_of(function: Any) -> str:
    """The compiled code of a function of Python, the same in every process; empty for others."""
    code = getattr(function, "__code__", None)
    return "" if code is None else _of_code(code)


def names_in(code: types.CodeType) -> list[str]:
    """The names of globals and attributes that code uses, and code within it."""
    within = [
        names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)
    ]
    return sorted({*code.co_names, *chain.from_iterable(within)})


def _of_code(code: types.CodeType) -> str:
    return f"{code.co_code.hex()} {[_constant(c) for c in code.co_consts]} {code.co_names}"


def _constant(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return _of_code(value)
    # The order of a set is another in every process.
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
