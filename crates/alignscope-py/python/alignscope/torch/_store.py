"""The activations of a resident set on a device, where their pairs are reduced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from .._errors import MemoryBudgetError
from ._memory import free_bytes
from ._prepare import Preparation
from ._runner import Runner
from ._sums import image_sums, pair_sums
from ._tiles import Tiles, TokenStage

if TYPE_CHECKING:
    from .._models import DeviceStage

#: What pairs may take of a device while they are reduced.
_WORK_BYTES = 256 << 20


class Store:
    """Encodes the images of one resident set after the other, holds their activations on the device
    while they fit, then in pinned main memory, then in a temporary file, and reduces pairs on the
    device. The compiled part calls it; its methods are those of Rust's `Device`.

    Parameters
    ----------
    runner : Runner
        Takes the stages of the model.
    preparation : Preparation
        Brings decoded images to the model.
    memory : int, optional
        Bytes of the device for activations; by default what is free beside a batch.
    """

    def __init__(
        self, runner: Runner, preparation: Preparation, memory: int | None
    ) -> None:
        self._runner = runner
        self._preparation = preparation
        self._growth = runner.growth
        self._memory = memory
        self._capacity = 0
        self._stages: list[TokenStage] = []
        self._tiles: list[Tiles] = []
        self._sums: list[list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]] = []
        self._tile = 1
        self._done = 0

    def capacity(self) -> tuple[int, int]:
        """Bytes of activations that the device holds while it encodes, in the float32 that they are
        counted in; and images that it takes at a time at first."""
        device = self._runner.place.device
        if self._memory is None:
            beside = self._growth.step * self._growth.image_bytes + 2 * _WORK_BYTES
            self._capacity = max(int(0.9 * free_bytes(device)) - beside, 0)
        else:
            self._capacity = self._memory
        # Rust counts four bytes a number.
        counted = self._capacity * 4 // self._runner.place.dtype.itemsize
        return counted, self._growth.step * self._preparation.read_ahead

    def begin(
        self, images: int, stages: Sequence[DeviceStage], host_bytes: int, folder: str
    ) -> tuple[Literal["device", "memory", "file"], int]:
        """Begins with a set of images: where the least accessible of them will be, and how many make
        a tile."""
        self.give_back()
        place = self._runner.place
        self._stages = [TokenStage.of(stage, place.dtype) for stage in stages]
        of_image = sum(stage.image_bytes for stage in self._stages)
        widest = max(stage.image_bytes for stage in self._stages)
        if 2 * widest > self._capacity:
            raise MemoryBudgetError(
                f"two images of the widest stage take {2 * widest} bytes, and {place.device} has "
                f"{self._capacity} for activations, expected room for them; take another number "
                'format, dtype="bfloat16", fewer stages, or a device with more memory'
            )
        on_device, in_memory, tile = _shares(
            images, of_image, widest, self._capacity, host_bytes
        )
        self._tiles = [
            Tiles(stage, images, on_device, in_memory, tile, place.device, folder)
            for stage in self._stages
        ]
        self._sums = [[] for _ in self._stages]
        self._tile, self._done = tile, 0
        if on_device == images:
            return "device", tile
        return "memory" if on_device + in_memory >= images else "file", tile

    def encode(self, images: Any) -> int:
        """Encodes the next images of the set; gives how many are taken next at most."""
        for batch in self._preparation.batches(images, self._growth.step):
            start = 0
            while start < len(batch):
                some = batch[start : start + self._growth.step]
                if not self._encoded(some):
                    self._growth.halve(len(some), self._runner.name)
                    continue
                start += len(some)
        return self._growth.step * self._preparation.read_ahead

    def _encoded(self, batch: torch.Tensor) -> bool:
        """Whether the images were encoded: False if the device has too little memory."""
        wanted = [stage.name for stage in self._stages]
        with self._growth.watched(len(batch)) as watch:
            found = self._runner.on_device(batch, wanted)
            sums = []
            kept = []
            for stage in self._stages:
                chosen = stage.chosen(found.pop(stage.name))
                sums.append(image_sums(chosen))
                kept.append(chosen)
        if watch.is_out_of_memory:
            return False
        for tiles, values, of_images, all_sums in zip(self._tiles, kept, sums, self._sums):
            tiles.put(self._done, values)
            all_sums.append(of_images)
        self._done += len(batch)
        return True

    def images(
        self, stage: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        """Mean of the squares over tokens, `[images, channels]`; the product of each image with
        itself and with the constant of length 1, `[images]`."""
        energy, aa, a1 = self._of_images(stage)
        return _host(energy, np.float32), _host(aa, np.float64), _host(a1, np.float64)

    def _of_images(self, stage: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        parts = self._sums[stage]
        if len(parts) > 1:
            energy, aa, a1 = (torch.cat(list(part)) for part in zip(*parts))
            self._sums[stage] = [(energy, aa, a1)]
        return self._sums[stage][0]

    def image(self, stage: int, image: int) -> NDArray[np.float32]:
        """The activations of one image, `[tokens · channels]`, as numbers that are not usable are
        told."""
        return _host(self._tiles[stage].image(image).flatten(), np.float32)

    def pairs(
        self, stage: int, pairs: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Mean squared difference of each channel, `[pairs, channels]`, and inner product, `[pairs]`,
        of pairs of images by position. All pairs are of the images of two tiles."""
        tiles, (_, aa, _) = self._tiles[stage], self._of_images(stage)
        lower, upper = pairs.min(1), pairs.max(1)
        first, second = int(lower[0]) // self._tile, int(upper[0]) // self._tile
        of_first, of_second = tiles.tile(first), tiles.tile(second)
        device = self._runner.place.device
        index = torch.from_numpy(np.stack([lower, upper])).to(device)
        step = max(_WORK_BYTES // (12 * self._stages[stage].numbers), 1)
        found = []
        for i, j in torch.split(index, step, 1):
            a, b = of_first[i - first * self._tile], of_second[j - second * self._tile]
            found.append(pair_sums(a, b, aa[i], aa[j]))
        msd, ab = (torch.cat(list(part)) for part in zip(*found))
        return _host(msd, np.float32), _host(ab, np.float64)

    def give_back(self) -> None:
        """Forgets a set."""
        self._tiles, self._sums, self._stages = [], [], []
        self._growth.free()


def _shares(
    images: int, of_image: int, widest: int, device_bytes: int, host_bytes: int
) -> tuple[int, int, int]:
    """Images that are on the device, those in main memory, and how many make a tile."""
    if images * of_image <= device_bytes:
        return images, 0, images
    # Half of the device for two tiles of one stage, which come and go.
    tile = min(max(device_bytes // (4 * widest), 1), images)
    on_device = device_bytes // 2 // of_image // tile * tile
    # Half of the host's for what is on its way to and from a file.
    left = images - on_device
    in_memory = left if left * of_image <= host_bytes else host_bytes // 2 // of_image // tile * tile
    return on_device, in_memory, tile


def _host(tensor: torch.Tensor, dtype: type[np.generic]) -> NDArray[Any]:
    return np.ascontiguousarray(tensor.cpu().numpy().astype(dtype, copy=False))
