"""What all ways to a torch model take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from .. import _arguments as check
from .._errors import InvalidTypeError, InvalidValueError


class Options(TypedDict, total=False):
    """What `module` and the `from_…` functions take beside the model.

    Parameters
    ----------
    name : str, optional
        Its name in the results; by default that of the architecture, the checkpoint or the class.
    preprocess : optional
        How an image is brought to the model. A `Recipe`; the name of a known model, a checkpoint or
        a folder, whose recipe is followed exactly; an image processor of transformers; or a
        transform: a function of a `PIL.Image.Image` that returns a tensor or an array `[3, height,
        width]` of floats. `module` needs it; by default the `from_…` functions take the library's
        own configuration.
    device : str, torch.device, or a list of them, optional
        `cpu`, `cuda`, `cuda:1`, `mps`; by default where the module is, and `cpu` for a name. A
        module that is elsewhere is copied there; yours stays where it is. Of several, such as
        `["cuda:0", "cuda:1"]`, each has a process with a copy of the model, and the images of a
        batch are split among them, in their order.
    dtype : str or torch.dtype, optional
        `float32`, `bfloat16` or `float16`, of weights and images; by default that of the module,
        and `float32` for a name. A module in another dtype is copied.
    tf32 : bool, default False
        Whether products of float32 on a GPU may be made in TF32, with 10 bits of mantissa. Off
        during the pass otherwise, whatever torch's own settings, which are put back after it.
    compile : bool, default False
        Whether the modules that are stages are compiled by `torch.compile`, each on its own. Every
        batch is then filled up to `batch` images, so that each is compiled once. Numbers differ
        from those without by roundings.
    batch : int, optional
        Images at a time, at most, on each device; by default 32, and on a GPU from 32 on as many as
        it bears, up to 512 (not with `compile`). If a device has too little memory, batches are
        halved, and the work goes on.
    reduce : {"host", "device"}, optional
        Where pairs of images are reduced to statistics. `device`: where activations are, so that
        they never come to main memory; by default on one GPU. `host`: by the compiled part, in main
        memory; by default on the CPU and on several devices. Distances agree to 5e-7.
    memory : int or str, optional
        With `reduce="device"`, what activations may take of the device, in bytes or as `8GB`; by
        default what is free beside the model and a batch. Of images that are connected by pairs and
        do not fit, the others wait in pinned main memory, and then in a temporary file.
    workers : int, default 0
        How many processes a transform or an image processor runs in; 0 for none, where it runs
        between the passes of the model. It must be something that pickle takes, not a lambda. A
        `Recipe` and the name of a model need none: they are done on threads.
    prefix : int, optional
        How many tokens stand before the patches: 1 for a class token, 5 for a class token and four
        registers, 0 for none. The `from_…` functions know it.
    depths : sequence of float, or mapping of str to float, optional
        As for `Features`.
    spill : bool, default True
        With `reduce="host"`, as for `Function`. With `reduce="device"` it has no effect: what
        fits neither the device nor main memory goes through a temporary file.
    version : str, optional
        What tells the model from any other; by default a hash of its parameters, buffers, settings
        and code, and of the transform, as they are now, so that what is measured of it is kept in
        the cache. A model or a transform that holds what cannot be told, such as an open file or a
        lock, has no version: nothing of it is kept.
    """

    name: str | None
    preprocess: Any
    device: Any
    dtype: Any
    tf32: bool
    compile: bool
    batch: int | None
    reduce: Literal["host", "device"] | None
    memory: int | str | None
    workers: int
    prefix: int | None
    depths: Sequence[float] | Mapping[str, float] | None
    spill: bool
    version: str | None


@dataclass(frozen=True)
class Settings:
    """The options, checked, with their defaults."""

    name: str | None = None
    preprocess: Any = None
    device: Any = None
    dtype: Any = None
    tf32: bool = False
    compile: bool = False
    batch: int | None = None
    reduce: str | None = None
    memory: int | str | None = None
    workers: int = 0
    prefix: int | None = None
    depths: Sequence[float] | Mapping[str, float] | None = None
    spill: bool = True
    version: str | None = None


def settings(options: Mapping[str, Any]) -> Settings:
    """The options, checked.

    Raises
    ------
    InvalidTypeError
        An option is not known, or of a wrong type.
    """
    for name in options:
        if name not in Options.__annotations__:
            raise InvalidTypeError(
                f"{name} is no option of a torch model, expected one of "
                f"{', '.join(Options.__annotations__)}"
            )
    given = Settings(**options)
    check.yes_or_no("tf32", given.tf32)
    check.yes_or_no("compile", given.compile)
    check.optional_whole("batch", given.batch, 1)
    if given.reduce not in (None, "host", "device"):
        raise InvalidValueError(
            f"reduce is {check.shown(given.reduce)}, expected `host`, `device` or None"
        )
    check.memory(given.memory)
    check.whole("workers", given.workers)
    check.optional_text("name", given.name)
    check.optional_whole("prefix", given.prefix)
    return given
