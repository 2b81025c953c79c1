"""A model whose stages are compiled."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import nn

from ._tap import Tap


def compiled(model: nn.Module, taps: Sequence[Tap]) -> nn.Module:
    """The model with `torch.compile` around the pass of each module that is a stage and has no
    stage within.

    Hooks stay outside of what is compiled, so that they need no break in a graph, and blocks of one
    kind share one. The modules are copies, the tensors those of the model, which is not changed.
    """
    tensors: dict[int, Any] = {
        id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())
    }
    copied = copy.deepcopy(model, tensors)
    modules = dict(copied.named_modules(remove_duplicate=False))
    for part in {id(modules[name]): modules[name] for name in _innermost(taps)}.values():
        # Batches are filled up to one size, so that one graph does for all.
        part.forward = torch.compile(part.forward, dynamic=False)
    return copied


def _innermost(taps: Sequence[Tap]) -> list[str]:
    """The modules of taps in which no other tap is."""
    names = {tap.module for tap in taps if tap.side != "result"}
    return [name for name in names if not any(_is_within(other, name) for other in names)]


def _is_within(name: str, outer: str) -> bool:
    return name != outer and (not outer or name.startswith(f"{outer}."))


@contextmanager
def uncompiled() -> Iterator[None]:
    """Passes as if nothing were compiled: for images of a number that does not come again."""
    if not hasattr(torch.compiler, "set_stance"):
        # Before torch 2.6.
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
