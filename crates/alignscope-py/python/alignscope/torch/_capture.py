"""One pass through a model, with what is taken of it on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from .._errors import InvalidTypeError, InvalidValueError, ModelError
from ._output import tensor_of
from ._tap import Tap

Kept = TypeVar("Kept")

#: What a pass is made by: the model and images to what the model gives.
Forward = Callable[[Any, torch.Tensor], Any]


def captured(
    model: nn.Module,
    taps: Sequence[Tap],
    forward: Forward,
    images: torch.Tensor,
    keep: Callable[[Tap, torch.Tensor], Kept],
) -> dict[str, Kept]:
    """What `keep` makes of the tensor of each tap, by stage, in one pass without gradients.

    `keep` is called while the model runs, since a layer that works in place may overwrite what the
    layer before it gave; so it must copy what it keeps.

    Raises
    ------
    InvalidValueError
        A module did not run, or ran several times and no call of it is named.
    """
    found: dict[str, Kept] = {}
    calls: Counter[Tap] = Counter()

    def take(tap: Tap, value: Any) -> None:
        calls[tap] += 1
        if calls[tap] == (tap.call or 1):
            tensor = tensor_of(value, tap.key, str(tap))
            _check_kind(tap, tensor)
            found[tap.stage] = keep(tap, tensor)

    # Not inference_mode: what a model caches in the pass (positions, masks) must not break the
    # user's training later.
    with torch.no_grad(), _hooks(model, taps, take), _one_device():
        result = forward(model, images)
    for tap in taps:
        if tap.side == "result":
            take(tap, result)
        _check_calls(tap, calls[tap])
    return {tap.stage: found[tap.stage] for tap in taps}


@contextmanager
def _one_device() -> Iterator[None]:
    """What torch says of a tensor that did not come along with the model, in words that help."""
    try:
        yield
    except RuntimeError as error:
        if "to be on the same device" not in str(error):
            raise
        raise ModelError(
            "the model uses a tensor that is on another device than its parameters, expected one "
            "that comes along: make it a buffer with `register_buffer`, or make it in the pass on "
            f"the device of what comes in ({str(error).splitlines()[0]})"
        ) from error


def _check_kind(tap: Tap, tensor: torch.Tensor) -> None:
    """That a tensor is one of plain numbers."""
    if tensor.is_complex():
        raise InvalidTypeError(
            f"{tap} gives complex numbers, {tensor.dtype}, expected real ones; a module of your "
            "own after it can give `torch.view_as_real(…)`, or their absolute values"
        )
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_meta:
        kind = "nested" if tensor.is_nested else "meta" if tensor.is_meta else str(tensor.layout)
        raise InvalidTypeError(f"{tap} gives a tensor that is {kind}, expected a dense one")


def _check_calls(tap: Tap, calls: int) -> None:
    """That the call of a tap is there, and the only one that could be meant."""
    if calls == 0:
        raise InvalidValueError(
            f"{tap}: the module does not run in a pass of the model, expected one that does; its "
            "parent may use its parameters without calling it"
        )
    if tap.call is None and calls > 1:
        raise InvalidValueError(
            f"{tap}: the module runs {calls} times in a pass, expected once; name a call: "
            f"`{tap.module}#1` to `{tap.module}#{calls}`"
        )
    if tap.call is not None and tap.call > calls:
        raise InvalidValueError(
            f"{tap}: the module runs {calls} times in a pass, expected a call from 1 to {calls}"
        )


@contextmanager
def _hooks(
    model: nn.Module, taps: Sequence[Tap], take: Callable[[Tap, Any], None]
) -> Iterator[None]:
    """Hooks on the modules of taps while a pass is made."""
    modules = dict(model.named_modules(remove_duplicate=False))
    handles = []
    try:
        for tap in taps:
            if tap.side == "input":
                hook = modules[tap.module].register_forward_pre_hook(
                    _on_input(tap, take), with_kwargs=True
                )
                handles.append(hook)
            elif tap.side == "output":
                handles.append(modules[tap.module].register_forward_hook(_on_output(tap, take)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _on_output(
    tap: Tap, take: Callable[[Tap, Any], None]
) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
    return lambda module, given, output: take(tap, output)


def _on_input(
    tap: Tap, take: Callable[[Tap, Any], None]
) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
    def hook(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        values = [value for value in [*given, *named.values()] if isinstance(value, torch.Tensor)]
        if not values:
            raise InvalidTypeError(f"{tap}: the module gets no tensor, expected one")
        take(tap, values[0])

    return hook
