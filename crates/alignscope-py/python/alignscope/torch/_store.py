"""The activations of a resident set on a device, where their pairs are reduced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from .._errors import MemoryBudgetError
from ._device import is_out_of_memory
from ._memory import free_bytes, has_own_memory
from ._prepare import Preparation
from ._runner import Runner
from ._sums import image_sums, pair_sums
from ._tiles import Shares, Tiles, TokenStage

if TYPE_CHECKING:
    from .._models import DeviceStage

#: What pairs may take of a device while they are reduced, and images while they are summed.
_WORK_BYTES = 256 << 20
#: Bytes that a number of a pair takes meanwhile: both images, as they are kept and in float32, and
#: their difference.
_WORK_OF_NUMBER = 16


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

    def __init__(self, runner: Runner, preparation: Preparation, memory: int | None) -> None:
        self._runner = runner
        self._preparation = preparation
        self._growth = runner.growth
        self._memory = memory
        self._bytes = 0
        self._stages: list[TokenStage] = []
        self._tiles: list[Tiles] = []
        self._sums: list[list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]] = []
        self._tile = 1
        self._done = 0

    def capacity(self, stages: Sequence[DeviceStage], budget: int) -> tuple[int, int, int]:
        """Images whose activations the device holds while it encodes; images that it takes at a time
        at first; and bytes of main memory that they take of the run's `budget`."""
        place = self._runner.place
        known = [TokenStage.of(stage, place.dtype) for stage in stages]
        of_image = sum(stage.image_bytes + stage.sums_bytes for stage in known)
        if self._memory is None:
            beside = self._growth.step * self._growth.image_bytes + 2 * _WORK_BYTES
            is_apart = has_own_memory(place.device)
            self._bytes = max(free_bytes(place.device, budget) - is_apart * beside, 0)
        else:
            self._bytes = self._memory
        batch = self._growth.step * self._preparation.read_ahead
        return self._bytes // of_image, batch, 0 if has_own_memory(place.device) else self._bytes

    def begin(
        self, images: int, stages: Sequence[DeviceStage], host_bytes: int, folder: str
    ) -> tuple[Literal["device", "memory", "file"], int]:
        """Begins with a set of images: where the least accessible of them will be, and how many make
        a tile."""
        self.give_back()
        self._stages = [TokenStage.of(stage, self._runner.place.dtype) for stage in stages]
        device_bytes = self._bytes
        while not self._reserved(images, device_bytes, host_bytes, folder):
            # Another program took what was free, or it is in pieces.
            self._growth.free()
            device_bytes //= 2
        self._sums = [[] for _ in self._stages]
        self._done = 0
        return self._shares.place, self._tile

    def _reserved(self, images: int, device_bytes: int, host_bytes: int, folder: str) -> bool:
        """Whether the device gave what a set takes of it."""
        device = self._runner.place.device
        widest = max(stage.image_bytes for stage in self._stages)
        if 2 * widest > device_bytes:
            raise MemoryBudgetError(
                f"two images of the widest stage take {2 * widest} bytes, and {device} has "
                f"{device_bytes} for activations, expected room for them; take another number "
                'format, dtype="bfloat16", fewer stages, or a device with more memory'
            )
        self._shares = Shares.of(images, self._stages, device_bytes, host_bytes)
        self._tile = self._shares.tile
        try:
            self._tiles = [Tiles(stage, self._shares, device, folder) for stage in self._stages]
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._tiles = []
            return False
        return True

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
        sums = []
        with self._growth.watched(len(batch)) as watch:
            found = self._runner.on_device(batch, wanted)
            for stage, tiles in zip(self._stages, self._tiles):
                chosen = stage.chosen(found.pop(stage.name))
                sums.append(image_sums(chosen))
                # Once more at the same place, if it has to be tried again.
                tiles.put(self._done, chosen)
        if watch.is_out_of_memory:
            return False
        for of_images, all_sums in zip(sums, self._sums):
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
        return _host(self._only(stage).image(image).flatten(), np.float32)

    def numbers(self, stage: int, start: int, end: int) -> NDArray[np.float32]:
        """Some of the numbers of all images at a stage, `[images, numbers]`: those of the tokens that
        are compared, token after token."""
        return _host(self._only(stage).numbers(start, end), np.float32)

    def pairs(
        self, stage: int, pairs: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Mean squared difference of each channel, `[pairs, channels]`, and inner product, `[pairs]`,
        of pairs of images by position. All pairs are of the images of two tiles.

        Raises
        ------
        MemoryBudgetError
            The device has too little memory for one pair.
        """
        lower, upper = pairs.min(1), pairs.max(1)
        first, second = int(lower[0]) // self._tile, int(upper[0]) // self._tile
        tiles = self._only(stage)
        of_first, of_second = tiles.tile(first), tiles.tile(second)
        _, aa, _ = self._of_images(stage)
        index = torch.from_numpy(np.stack([lower, upper]))
        step = max(_WORK_BYTES // (_WORK_OF_NUMBER * self._stages[stage].numbers), 1)
        found: list[tuple[torch.Tensor, torch.Tensor]] = []
        start = 0
        while start < len(pairs):
            i, j = index[:, start : start + step]
            try:
                a = of_first[(i - first * self._tile).to(of_first.device)]
                b = of_second[(j - second * self._tile).to(of_second.device)]
                found.append(pair_sums(a, b, aa[i.to(aa.device)], aa[j.to(aa.device)]))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                step = self._fewer(len(i))
                continue
            start += len(i)
        msd, ab = (torch.cat(list(part)) for part in zip(*found))
        return _host(msd, np.float32), _host(ab, np.float64)

    def _fewer(self, pairs: int) -> int:
        """Half as many pairs at a time."""
        self._growth.free()
        if pairs == 1:
            raise MemoryBudgetError(
                f"the memory of {self._runner.place.device} does not hold one pair of images of "
                f"{self._runner.name} beside activations, expected room for it; give less of it to "
                'them, such as memory="4GB"'
            )
        return pairs // 2

    def _only(self, stage: int) -> Tiles:
        """The activations at a stage, of which alone tiles are brought to the device."""
        for other in self._tiles[:stage] + self._tiles[stage + 1 :]:
            other.forget()
        return self._tiles[stage]

    def give_back(self) -> None:
        """Forgets a set, and gives memory back."""
        self._tiles, self._sums, self._stages = [], [], []
        self._growth.free()


def _host(tensor: torch.Tensor, dtype: type[np.generic]) -> NDArray[Any]:
    return np.ascontiguousarray(tensor.cpu().numpy().astype(dtype, copy=False))
