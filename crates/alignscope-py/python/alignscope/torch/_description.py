"""Descriptions of objects that are the same in every process, and others for what computes
otherwise: of functions their code and what it uses, of tensors their numbers."""

from __future__ import annotations

import builtins
import copyreg
import dis
import enum
import functools
import hashlib
import json
import logging
import pickle
import types
import weakref
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import nn

from ._origin import at, library, named

#: What modules of libraries say of where they come from, and what they keep of a pass (timm's
#: LeViT), which changes no number.
_STORIES = {
    "name_or_path", "warnings_issued", "pretrained_cfg", "pretrained_cfg_overlay", "default_cfg",
    "_weight_conversions", "attention_bias_cache",
}  # fmt: skip
#: What a configuration of transformers says of the same.
_OF_CONFIG = {"_name_or_path", "transformers_version"}
#: The attributes that every module has: parameters, buffers and parts are gone over by name.
_OF_MODULES = {*vars(nn.Module()), "training"}
#: The hooks of a module that run in a pass.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
#: What stands in every class, and computes nothing.
_OF_CLASSES = {
    "__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__annotate__",
    "__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__",
    "__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__", "__match_args__",
    "__dataclass_fields__", "__dataclass_params__", "__qualname__", "__slotnames__",
}  # fmt: skip
#: What graphs of torch.fx hold beside the code that was made of them.
_OF_GRAPHS = {"_graph", "_tracer_cls", "_tracer_extras", "meta"}
#: Objects of classes of Python that are of C.
_OF_C = (types.GetSetDescriptorType, types.MemberDescriptorType)
_BUILTIN = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MethodWrapperType, types.ClassMethodDescriptorType,
)  # fmt: skip


class Untold(Exception):
    """Nothing describes a value the same in every process, and as itself alone."""


class Teller:
    """What describes values.

    A value that is met again within itself is told by how far out it stands, and a module that
    was met already by its name.
    """

    def __init__(self) -> None:
        self._within: list[int] = []
        self._told: dict[int, str] = {}
        # Their addresses are not given to others meanwhile.
        self._alive: list[Any] = []
        self._modules: dict[int, str] = {}

    def __call__(self, value: Any) -> Any:
        """A value as JSON.

        Raises
        ------
        Untold
            It holds what cannot be told.
        """
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) in (float, complex, range, slice, types.EllipsisType):
            return [type(value).__name__, repr(value)]
        if type(value) in (bytes, bytearray):
            return ["bytes", hashlib.sha256(value).hexdigest()]
        if id(value) in self._modules:
            return ["module", self._modules[id(value)]]
        if id(value) in self._told:
            return self._told[id(value)]
        if id(value) in self._within:
            return ["within", len(self._within) - self._within.index(id(value))]
        self._within.append(id(value))
        self._alive.append(value)
        try:
            found = self._compound(value)
        finally:
            self._within.pop()
        self._told[id(value)] = digest(found)
        return self._told[id(value)]

    def _compound(self, value: Any) -> Any:
        """A value that has others in it, or numbers."""
        if isinstance(value, torch.Tensor):
            return ["tensor", str(value.dtype), list(value.shape), _of_tensor(value)]
        if isinstance(value, np.ndarray):
            return self._array(value)
        if type(value) in (list, tuple):
            return [type(value).__name__, [self(item) for item in value]]
        if type(value) in (set, frozenset):
            return ["set", sorted(json.dumps(self(item)) for item in value)]
        if type(value) in (dict, types.MappingProxyType):
            return ["dict", self._items(value)]
        if isinstance(value, nn.Module):
            return ["module", list(self.module(value))]
        of_code = self._callable(value)
        return self._object(value) if of_code is None else of_code

    def _items(self, value: Mapping[Any, Any]) -> list[Any]:
        return [[self(key), self(item)] for key, item in value.items()]

    def _array(self, value: np.ndarray[Any, Any]) -> Any:
        if value.dtype.hasobject:
            return ["array", list(value.shape), self(value.tolist())]
        numbers = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return ["array", str(value.dtype), list(value.shape), numbers]

    def module(self, model: nn.Module) -> Iterator[Any]:
        """A module, part by part, and what its parameters and buffers hold."""
        self._alive.append(model)
        first: dict[int, str] = {}
        parts = list(model.named_modules(remove_duplicate=False))
        for name, part in parts:
            first.setdefault(id(part), name)
        inner = {key: name for key, name in first.items() if key not in self._modules}
        self._modules |= inner
        for name, part in parts:
            if first[id(part)] != name:
                yield ["again", name, first[id(part)]]
            else:
                yield ["part", name, self(type(part)), self._settings(part), self._hooks(part)]
        for name, tensor in chain(model.named_parameters(), model.named_buffers()):
            yield ["tensor", name, str(tensor.dtype), list(tensor.shape), _of_tensor(tensor)]

    def _settings(self, module: nn.Module) -> list[Any]:
        """The attributes of a module that are no tensors of its own and no parts."""
        if isinstance(module, torch.jit.ScriptModule):
            raise Untold
        left_out = set(_OF_MODULES)
        if library(type(module).__module__) is not None:
            left_out |= _STORIES
        if isinstance(module, torch.fx.GraphModule):
            left_out |= _OF_GRAPHS
        own = vars(module).items()
        return [[name, self(value)] for name, value in own if name not in left_out]

    def _hooks(self, module: nn.Module) -> list[Any]:
        return [[self(hook) for hook in getattr(module, kind).values()] for kind in _HOOKS]

    def _callable(self, value: Any) -> Any:
        """A function, a method, a class, or a module of Python; None if it is none of them."""
        if isinstance(value, types.ModuleType):
            return self._python_module(value, ())
        if isinstance(value, types.MethodType):
            return ["method", self(value.__func__), self(value.__self__)]
        if isinstance(value, (types.FunctionType, type, *_BUILTIN)):
            of_library = named(value)
            if of_library is not None:
                return of_library
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, _BUILTIN):
            return self._builtin(value)
        return None

    def _builtin(self, value: Any) -> Any:
        """A function in C by its name and its module, or what it is a method of."""
        owner = getattr(value, "__self__", None)
        owner = value.__objclass__ if owner is None else owner
        cls = owner if isinstance(owner, type) else type(owner)
        if library(cls.__module__) is None:
            raise Untold
        return ["builtin", value.__name__, self(owner)]

    def _function(self, function: types.FunctionType) -> Any:
        """The user's own function: its code and all that it takes from around it."""
        code = function.__code__
        return [
            "function",
            _of_code(code),
            self(function.__defaults__),
            self(function.__kwdefaults__),
            [self(_in_cell(cell)) for cell in function.__closure__ or ()],
            self._globals(function),
            self(vars(function)),
        ]

    def _globals(self, function: types.FunctionType) -> list[Any]:
        """What a function takes from its module and from others; of a function that a library
        made, its version."""
        of_library = library(str(function.__globals__.get("__name__")))
        if of_library is not None:
            return [of_library]
        names, imported = _names_in(function.__code__)
        found: list[Any] = [["import", _library(name)] for name in imported]
        for name in names:
            if name in function.__globals__:
                value = function.__globals__[name]
                found.append([name, self._global(value, function.__code__)])
            elif not hasattr(builtins, name):
                raise Untold
        return found

    def _global(self, value: Any, code: types.CodeType) -> Any:
        if isinstance(value, types.ModuleType):
            return self._python_module(value, sorted(_all_names(code)))
        return self(value)

    def _python_module(self, module: types.ModuleType, names: Iterable[str]) -> Any:
        """A module of a library by its version; of the user's own what is used of it."""
        of_library = library(module.__name__)
        if of_library is not None:
            return [of_library, module.__name__]
        if not names:
            raise Untold
        there = [name for name in names if name in vars(module)]
        return [[name, self._of_module(vars(module)[name], names)] for name in there]

    def _of_module(self, value: Any, names: Iterable[str]) -> Any:
        is_module = isinstance(value, types.ModuleType)
        return self._python_module(value, names) if is_module else self(value)

    def _class(self, cls: type) -> Any:
        """The user's own class: its methods, and what else stands in it."""
        own = [
            [name, self(_unwrapped(value))]
            for name, value in vars(cls).items()
            if name not in _OF_CLASSES and not isinstance(value, _OF_C)
        ]
        return ["class", [self(base) for base in cls.__bases__], own]

    def _object(self, value: Any) -> Any:
        """An object of any class: as pickle would take it, and its attributes."""
        if isinstance(value, logging.Logger):
            return ["logger"]
        if isinstance(value, weakref.ref):
            return ["reference", self(value())]
        cls = type(value)
        if cls.__module__.startswith("transformers.") and hasattr(value, "to_dict"):
            # What runs attention is no entry of the configuration.
            attention = getattr(value, "_attn_implementation", None)
            return ["config", self(cls), self(attention), self(_config(value.to_dict()))]
        if isinstance(value, functools.partial):
            return ["partial", self(value.func), self(value.args), self(value.keywords)]
        if isinstance(value, enum.Enum):
            return ["choice", self(cls), value.name, self(value.value)]
        reduced = _reduced(value)
        if isinstance(reduced, str):
            of_library = _singleton(value, reduced)
            return of_library or ["around", reduced, self(value.__wrapped__), self(vars(value))]
        make, given, *more = reduced
        lists = [list(part) if isinstance(part, Iterator) else part for part in more]
        parts = [self(part) for part in (make, given, *lists)]
        return ["object", self(cls), parts, self(getattr(value, "__dict__", None))]


def digest(description: Any) -> str:
    """The SHA-256 of a description, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(description).encode()).hexdigest()


def _reduced(value: Any) -> Any:
    """What pickle makes of an object: a name, or how it is made again."""
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        return value.__reduce_ex__(2) if reduce is None else reduce(value)
    except Exception as error:
        raise Untold from error


def _singleton(value: Any, name: str) -> list[str] | None:
    """What pickle takes by its name, in its library; None for what is around a function."""
    module = pickle.whichmodule(value, name)  # type: ignore[attr-defined]
    of_library = library(module)
    if of_library is not None and at(module, name) is value:
        return [of_library, module, name]
    if not isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
        raise Untold
    return None


def _of_tensor(tensor: torch.Tensor) -> str:
    """The SHA-256 of a tensor's bytes, in the order of its axes."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise Untold
    flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return hashlib.sha256(flat.view(torch.uint8).numpy().data).hexdigest()


def _in_cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _unwrapped(value: Any) -> Any:
    """What stands in a class, without what makes it a method."""
    if isinstance(value, (staticmethod, classmethod)):
        return [type(value), value.__func__]
    if isinstance(value, property):
        return [property, value.fget, value.fset]
    return value


def _config(value: Any) -> Any:
    """A configuration without where it is from."""
    if isinstance(value, Mapping):
        return {key: _config(item) for key, item in value.items() if key not in _OF_CONFIG}
    return [_config(item) for item in value] if isinstance(value, (list, tuple)) else value


def _library(module: str) -> str:
    found = library(module)
    if found is None:
        raise Untold
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Code, and code within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _all_names(code: types.CodeType) -> set[str]:
    return {name for part in _codes(code) for name in part.co_names}


def _names_in(code: types.CodeType) -> tuple[list[str], list[str]]:
    """The names of globals that code uses, and of modules that it imports."""
    names, imported = set(), set()
    for instruction in chain.from_iterable(map(dis.get_instructions, _codes(code))):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.add(str(instruction.argval))
        elif instruction.opname == "IMPORT_NAME":
            imported.add(str(instruction.argval))
    return sorted(names), sorted(imported)


def _of_code(code: types.CodeType) -> list[Any]:
    """Compiled code, the same in every process."""
    return [
        code.co_code.hex(),
        getattr(code, "co_exceptiontable", b"").hex(),
        [code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount],
        [_constant(constant) for constant in code.co_consts],
        list(code.co_names),
        list(code.co_varnames),
        list(code.co_freevars),
    ]


def _constant(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        return _of_code(value)
    # The order of a set is another in every process.
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
