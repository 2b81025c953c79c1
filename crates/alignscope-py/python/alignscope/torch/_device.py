"""Where a model runs, and in which numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import nn

from .. import _arguments as check
from .._errors import InvalidValueError, ModelError
from ._options import Settings

#: The number formats, by their names.
_DTYPES = {
    "float32": torch.float32,
    "f32": torch.float32,
    "bfloat16": torch.bfloat16,
    "bf16": torch.bfloat16,
    "float16": torch.float16,
    "f16": torch.float16,
}


@dataclass(frozen=True)
class Place:
    """Where a model runs.

    Parameters
    ----------
    device : torch.device
        The device of its parameters and of images.
    dtype : torch.dtype
        The number format of both.
    tf32 : bool
        Whether products of float32 may be made in TF32.
    is_compiled : bool
        Whether the modules that are stages are compiled.
    """

    device: torch.device
    dtype: torch.dtype
    tf32: bool = False
    is_compiled: bool = False

    @property
    def is_half(self) -> bool:
        """Whether numbers have 16 bits."""
        return bool(self.dtype != torch.float32)

    def __str__(self) -> str:
        tf32 = " with TF32" if self.tf32 and self.device.type == "cuda" else ""
        compiled = ", compiled," if self.is_compiled else ""
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{dtype}{tf32}{compiled} on {self.device.type}"


def device_of(given: Any) -> torch.device | None:
    """The argument `device`.

    Raises
    ------
    InvalidValueError
        There is no such device here.
    """
    if given is None or isinstance(given, torch.device):
        found: torch.device | None = given
    else:
        try:
            found = torch.device(check.text("device", given))
        except RuntimeError:
            raise InvalidValueError(
                f"device is {given!r}, expected `cpu`, `cuda`, `cuda:1` or `mps`"
            ) from None
    if found is not None:
        _check_there(found)
    return found


def _check_there(device: torch.device) -> None:
    if device.type == "meta":
        raise InvalidValueError("device is meta, which holds no numbers, expected `cpu` or `cuda`")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise InvalidValueError(
                f"device is {device}, but torch {torch.__version__} finds {count or 'no'} GPUs of "
                "CUDA here, expected one that is there, or `cpu`"
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InvalidValueError("device is mps, which torch does not find here, expected `cpu`")


def dtype_of(given: Any) -> torch.dtype | None:
    """The argument `dtype`."""
    if given is None:
        return None
    found = given if isinstance(given, torch.dtype) else _DTYPES.get(str(given))
    if found not in _DTYPES.values():
        raise InvalidValueError(
            f"dtype is {given if isinstance(given, torch.dtype) else check.shown(given)}, expected "
            "float32, bfloat16 or float16"
        )
    return found


def devices_of(given: Any) -> list[torch.device | None]:
    """The argument `device`: one, or several of one kind.

    Raises
    ------
    InvalidValueError
        There is no such device here, none is given, or they are of several kinds.
    """
    if not isinstance(given, (list, tuple)):
        return [device_of(given)]
    found = [device_of(device) for device in given]
    kinds = sorted({"None" if device is None else device.type for device in found})
    if len(kinds) != 1 or kinds == ["None"]:
        raise InvalidValueError(
            f"device is a list of {', '.join(kinds) or 'nothing'}, expected devices of one kind, "
            'whose numbers are equal: ["cuda:0", "cuda:1"]'
        )
    return found


def placed(model: nn.Module, settings: Settings) -> tuple[nn.Module, list[Place]]:
    """The model where and as it is asked for, itself or a copy, and the place of each of its
    devices; if there are several it is in main memory.

    Raises
    ------
    ModelError
        Its parameters lie on several devices, or have no numbers.
    """
    has_device, dtypes = _device_of(model), _dtypes_of(model)
    wanted = dtype_of(settings.dtype) or _only(dtypes)
    devices = [device or has_device for device in devices_of(settings.device)]
    _check_dtype(devices[0], wanted)
    places = [Place(device, wanted, settings.tf32, settings.compile) for device in devices]
    where = devices[0] if len(devices) == 1 else torch.device("cpu")
    if not _is_same(where, has_device) or set(dtypes.values()) - {wanted}:
        model = copy.deepcopy(model).to(device=where, dtype=wanted)
    return model, places


def _check_dtype(device: torch.device, dtype: torch.dtype) -> None:
    """That a device has a number format: MPS has no bfloat16 before macOS 14."""
    try:
        torch.zeros(1, device=device, dtype=dtype)
    except (RuntimeError, TypeError) as error:
        raise InvalidValueError(
            f"dtype is {str(dtype).removeprefix('torch.')}, which {device} does not take "
            f"({error}), expected float16 or float32"
        ) from error


def _is_same(device: torch.device, other: torch.device) -> bool:
    """`cuda` is `cuda:0`."""
    return device.type == other.type and (device.index or 0) == (other.index or 0)


def _device_of(model: nn.Module) -> torch.device:
    """The one device of a model's tensors."""
    device = None
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        if tensor.device.type == "meta":
            raise ModelError(
                f"`{name}` of the model is on the device meta and has no numbers, expected "
                "weights; load them before"
            )
        if device is not None and not _is_same(tensor.device, device):
            raise ModelError(
                f"`{name}` of the model is on {tensor.device}, others are on {device}, expected "
                "one device; bring all there with `.to(…)`, or load the model without `device_map`"
            )
        device = tensor.device
    return device or torch.device("cpu")


def _dtypes_of(model: nn.Module) -> dict[str, torch.dtype]:
    """The number formats of a model's parameters."""
    return {
        name: parameter.dtype
        for name, parameter in model.named_parameters()
        if parameter.is_floating_point()
    }


def _only(dtypes: dict[str, torch.dtype]) -> torch.dtype:
    """The number format that all parameters have."""
    first = next(iter(dtypes.values()), torch.float32)
    for name, dtype in dtypes.items():
        if dtype != first or dtype not in _DTYPES.values():
            raise ModelError(
                f"`{name}` of the model is of {dtype}, the first parameter of {first}, expected "
                "all of float32, bfloat16 or float16; say which with `dtype=`"
            )
    return first


@contextmanager
def exact(place: Place) -> Iterator[None]:
    """Numbers as the place has them while a pass is made, then as before: no TF32 unless it is
    asked for, and no `autocast`."""
    switches = _switches(place.tf32)
    before = [getattr(backend, name) for backend, name, _ in switches]
    try:
        for backend, name, value in switches:
            setattr(backend, name, value)
        with torch.autocast(place.device.type, enabled=False):
            yield
    finally:
        for (backend, name, _), value in zip(switches, before):
            setattr(backend, name, value)


def _switches(tf32: bool) -> list[tuple[Any, str, Any]]:
    """Torch's settings of products of float32: where, which, and what they are to be."""
    backends: Any = torch.backends
    if not hasattr(backends.cudnn, "conv"):
        # Before torch 2.9.
        return [(backends.cuda.matmul, "allow_tf32", tf32), (backends.cudnn, "allow_tf32", tf32)]
    wanted = "tf32" if tf32 else "ieee"
    of_gpu = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]
    # The CPU's have no TF32, but bfloat16 where `set_float32_matmul_precision` asks for it.
    of_cpu = [backends.mkldnn.matmul, backends.mkldnn.conv]
    name = "fp32_precision"
    return [(part, name, wanted) for part in of_gpu] + [(part, name, "ieee") for part in of_cpu]


#: What CUDA, its libraries, MPS and the CPU say where memory is short.
_SHORT = ("out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device had too little memory."""
    return any(words in str(error) for words in _SHORT)


def free(device: torch.device) -> None:
    """Gives what torch keeps of a device's memory back."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def facts(places: Sequence[Place]) -> dict[str, str]:
    """What a reader wants to know of where a model ran: devices, driver, number format, torch."""
    devices = ", ".join(_told(place.device) for place in places)
    found = {"dtype": str(places[0]), "torch": torch.__version__, "device": devices}
    if places[0].device.type == "cuda":
        found["cuda"] = str(torch.version.cuda)
        found["driver"] = _driver()
    return found


def _told(device: torch.device) -> str:
    if device.type != "cuda":
        return str(device)
    properties = torch.cuda.get_device_properties(device)
    return f"{properties.name}, {properties.total_memory >> 20} MiB"


def _driver() -> str:
    """The driver of NVIDIA's GPUs, as its kernel module says it; `unknown` elsewhere."""
    try:
        with open("/sys/module/nvidia/version", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"
