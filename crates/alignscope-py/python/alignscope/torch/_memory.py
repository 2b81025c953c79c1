"""A device's memory, and how many images at a time it bears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from .._errors import MemoryBudgetError
from ._device import free, is_out_of_memory


#: Of main memory, where a device has no other, it may take the run's budget divided by this.
_PART = 4


def has_own_memory(device: torch.device) -> bool:
    """Whether a device has memory of its own: not the CPU, and not Apple's GPUs."""
    return bool(device.type == "cuda")


def free_bytes(device: torch.device, budget: int) -> int:
    """Bytes of a device that may be taken: those of the system and those that torch keeps; of main
    memory a part of the run's budget.

    Parameters
    ----------
    device : torch.device
        The device.
    budget : int
        The run's budget of main memory, in bytes.
    """
    if not has_own_memory(device):
        return budget // _PART
    of_system, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(0.9 * (of_system + kept))


@dataclass
class Watch:
    """What is known of a pass once it is over."""

    is_out_of_memory: bool = False


class Growth:
    """Images at a time: doubled while the device bears it, halved when it has too little memory.

    Parameters
    ----------
    device : torch.device
        The device.
    step : int
        Images at first.
    most : int
        Images at most.
    """

    def __init__(self, device: torch.device, step: int, most: int) -> None:
        self._device = device
        #: Images at a time, as far as is known.
        self.step = step
        #: What an image takes of the device while it goes through; 0 if that is not known.
        self.image_bytes = 0
        #: Images at most.
        self.most = most

    @contextmanager
    def watched(self, images: int) -> Iterator[Watch]:
        """Watches a pass of some images. An error of too little memory ends it, and is told by
        `Watch.is_out_of_memory`."""
        watch = Watch()
        before = self._allocated()
        try:
            yield watch
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            watch.is_out_of_memory = True
            return
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device) - before
            self.image_bytes = max(self.image_bytes, peak // images)
            self._grow(images, peak)

    def _allocated(self) -> int:
        if self._device.type != "cuda":
            return 0
        torch.cuda.reset_peak_memory_stats(self._device)
        return int(torch.cuda.memory_allocated(self._device))

    def _grow(self, images: int, peak: int) -> None:
        room = 0.8 * free_bytes(self._device, 0)
        if images == self.step and 2 * self.step <= self.most and 2 * peak < room:
            self.step *= 2

    def halve(self, images: int, model: str) -> None:
        """Takes half as many images from now on.

        Raises
        ------
        MemoryBudgetError
            It was one.
        """
        if images == 1:
            raise MemoryBudgetError(
                f"one image of {model} does not fit the memory of {self._device}, "
                "expected room for its weights and the activations of all stages; take another "
                'number format, dtype="bfloat16", or a device with more memory'
            )
        free(self._device)
        self.step = self.most = max(images // 2, 1)

    def free(self) -> None:
        """Gives what torch keeps of the device's memory, and of pinned memory, back."""
        free(self._device)
        give_back = getattr(torch._C, "_host_emptyCache", None)
        if self._device.type == "cuda" and give_back is not None:
            give_back()
