"""A model with its stages, as an adapter knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._errors import InvalidTypeError, InvalidValueError, ModelError
from ._tap import Tap

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Tower:
    """A model with its stages.

    Parameters
    ----------
    model : torch.nn.Module
        What is measured; taps name its modules.
    taps : sequence of Tap
        Its stages, in order of depth.
    forward : callable
        A pass: the model, wherever it was brought, and images `[images, 3, height, width]` to the
        result, which is a stage where a tap has the side `result`. Pickle takes it: it is a
        function of a module, or an object of such.
    name : str
        Its name in results.
    prefix : int, optional
        Tokens before the patches; None where that is not known, or where stages are maps.
    preprocess : optional
        As the option; None where the library has none.
    layout : optional
        Layouts, as `module` takes them.
    """

    model: nn.Module
    taps: Sequence[Tap]
    forward: Callable[[Any, torch.Tensor], Any]
    name: str
    prefix: int | None = None
    preprocess: Any = None
    layout: Any = None


def block_taps(blocks: Sequence[str], last: str | None, embedding: str | None = None) -> list[Tap]:
    """The stages of an encoder: `embedding`, `block i`, and the result of a pass.

    Parameters
    ----------
    blocks : sequence of str
        The modules of the blocks.
    last : str, optional
        `projection` or `output`; None where the pass gives no stage.
    embedding : str, optional
        The module whose output is `embedding`; by default it is what enters the first block.
    """
    first = (
        Tap("embedding", blocks[0], "input") if embedding is None else Tap("embedding", embedding)
    )
    taps = [first, *(Tap(f"block {i}", block) for i, block in enumerate(blocks, 1))]
    return taps if last is None else [*taps, Tap(last, "", "result")]


def whole(model: Any, images: torch.Tensor) -> Any:
    """The pass that is the model's own."""
    return model(images)


def children(model: nn.Module, path: str) -> list[str]:
    """The names of the modules in a list of modules."""
    return [f"{path}.{name}" for name, _ in model.get_submodule(path).named_children()]


def checked(given: Any, what: str) -> nn.Module:
    """A module that can be measured: what is around it for several GPUs or by `torch.compile` is
    taken off.

    Raises
    ------
    InvalidTypeError
        It is no module, or one that is compiled to TorchScript.
    InvalidValueError
        It is in training mode.
    """
    import torch
    from torch import nn

    if isinstance(given, type):
        raise InvalidTypeError(f"{what} is the class {given.__name__}, expected a module: call it")
    if not isinstance(given, nn.Module):
        raise InvalidTypeError(f"{what} is a {type(given).__name__}, expected a torch.nn.Module")
    model: Any = given
    around = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while isinstance(model, around) or hasattr(model, "_orig_mod"):
        model = model.module if isinstance(model, around) else model._orig_mod
    for name, part in model.named_modules():
        if isinstance(part, around):
            raise InvalidTypeError(
                f"`{name}` of {what} is a {type(part).__name__}, expected the module in it: its "
                "replicas would run beside the hooks"
            )
    found: nn.Module = model
    if isinstance(found, torch.jit.ScriptModule):
        raise InvalidTypeError(
            f"{what} is compiled to TorchScript, whose modules take no hooks, expected the module "
            "that it was made of"
        )
    for name, part in model.named_modules():
        if part.training:
            where = f"`{name}` of {what} is" if name else f"{what} is"
            raise InvalidValueError(
                f"{where} in training mode, in which dropout and batch norms change its numbers, "
                "expected evaluation: call `.eval()`"
            )
    return found


def longest_blocks(model: nn.Module, maker: str) -> list[str]:
    """The blocks of a model of no known family: the one list of two or more modules of one class
    that is in no other such list.

    Raises
    ------
    ModelError
        There is no such list, or there are several.
    """
    lists = {
        path: [f"{path}.{name}" for name, _ in part.named_children()]
        for path, part in _lists(model)
    }
    outer = {
        path: blocks
        for path, blocks in lists.items()
        if not any(f"{path}.".startswith(f"{block}.") for of in lists.values() for block in of)
    }
    if len(outer) == 1:
        return next(iter(outer.values()))
    found = ", ".join(f"`{path}` ({len(blocks)})" for path, blocks in outer.items())
    raise ModelError(
        f"{type(model).__name__} of {maker} is of no family whose stages are known, and its blocks "
        f"are in {len(outer)} lists{f': {found}' if found else ''}, expected one; name its stages "
        "with `alignscope.torch.module(model, stages=[…], preprocess=…)`"
    )


def _lists(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Lists of two or more modules of one class that have parts of their own."""
    from torch import nn

    for path, part in model.named_modules():
        if path and isinstance(part, (nn.ModuleList, nn.Sequential)) and len(part) > 1:
            held = list(part.children())
            if len({type(child) for child in held}) == 1 and any(held[0].children()):
                yield path, part
