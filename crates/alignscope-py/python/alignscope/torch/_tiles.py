"""The activations of a set at one stage: on a device, in main memory, and in a file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from .._errors import AlignscopeError, InvalidValueError
from ._sums import total

if TYPE_CHECKING:
    from .._models import DeviceStage


@dataclass(frozen=True)
class TokenStage:
    """A stage, and which of its tokens are compared.

    Parameters
    ----------
    name : str
        Its name.
    shape : (int, int)
        Tokens of an image and channels, as the model gives them.
    range : (int, int), optional
        The first token that is compared, and the one behind the last; None for the mean of all but
        the registers.
    registers : (int, int)
        The registers among the tokens.
    dtype : torch.dtype
        What activations are kept in.
    """

    name: str
    shape: tuple[int, int]
    range: tuple[int, int] | None
    registers: tuple[int, int]
    dtype: torch.dtype

    @classmethod
    def of(cls, stage: DeviceStage, dtype: torch.dtype) -> TokenStage:
        """The stage as the compiled part tells it."""
        if stage["channels_first"]:
            raise InvalidValueError(
                f"stage `{stage['stage']}` has its channels first, expected them last"
            )
        kept = torch.float32 if stage["chosen"] is None else dtype
        shape = (stage["tokens"], stage["channels"])
        return cls(stage["stage"], shape, stage["chosen"], stage["registers"], kept)

    @property
    def tokens(self) -> int:
        """Tokens that are compared."""
        return 1 if self.range is None else self.range[1] - self.range[0]

    @property
    def numbers(self) -> int:
        """Numbers of an image that are compared."""
        return self.tokens * self.shape[1]

    @property
    def image_bytes(self) -> int:
        """Bytes of an image that are kept."""
        return self.numbers * self.dtype.itemsize

    def chosen(self, found: torch.Tensor) -> torch.Tensor:
        """The tokens that are compared, `[images, tokens, channels]`.

        Raises
        ------
        InvalidValueError
            Images have another shape than the first one had.
        """
        images = found.reshape(len(found), -1, found.shape[-1])
        if tuple(images.shape[1:]) != self.shape:
            tokens, channels = images.shape[1:]
            raise InvalidValueError(
                f"stage `{self.name}` has {tokens} tokens × {channels} channels an image in this "
                f"batch, expected {self.shape[0]} × {self.shape[1]} as of the first image"
            )
        if self.range is not None:
            return images[:, slice(*self.range)]
        first, behind = self.registers
        seen = torch.cat([images[:, :first], images[:, behind:]], 1).float()
        return (total(seen, 1) / seen.shape[1]).float()[:, None]


class Tiles:
    """The activations of the images of a set at one stage, in tiles of neighbouring images: the first
    on the device, others in main memory (pinned, for a GPU), the last in a temporary file.

    Parameters
    ----------
    stage : TokenStage
        The stage.
    images : int
        Images of the set.
    on_device, in_memory : int
        How many of them are there; whole tiles, unless that is all.
    tile : int
        Images of a tile.
    device : torch.device
        The device.
    folder : str
        Of temporary files.
    """

    def __init__(
        self,
        stage: TokenStage,
        images: int,
        on_device: int,
        in_memory: int,
        tile: int,
        device: torch.device,
        folder: str,
    ) -> None:
        shape = (stage.tokens, stage.shape[1])
        is_gpu = device.type == "cuda"
        self._stage = stage
        self._images = images
        self._tile = tile
        self._device = device
        self._on_device = torch.empty((on_device, *shape), dtype=stage.dtype, device=device)
        self._in_memory = torch.empty((in_memory, *shape), dtype=stage.dtype, pin_memory=is_gpu)
        self._file = _File(stage, folder) if images > on_device + in_memory else None
        #: The two tiles that were brought to the device last.
        self._brought: dict[int, torch.Tensor] = {}

    def put(self, first: int, values: torch.Tensor) -> None:
        """Keeps images from position `first` on."""
        place = first
        for held in (self._on_device, self._in_memory):
            some = values[: max(len(held) - place, 0)]
            held[place : place + len(some)].copy_(some, non_blocking=True)
            values = values[len(some) :]
            place = max(place + len(some) - len(held), 0)
        if self._file is not None and len(values):
            self._file.write(place, values)

    def tile(self, number: int) -> torch.Tensor:
        """The images of a tile, `[images, tokens, channels]`, on the device."""
        start = number * self._tile
        end = min(start + self._tile, self._images)
        if end <= len(self._on_device):
            return self._on_device[start:end]
        found = self._brought.pop(number, None)
        if found is None:
            while len(self._brought) > 1:
                self._brought.pop(next(iter(self._brought)))
            found = self._read(start, end).to(self._device, non_blocking=True)
        self._brought[number] = found
        return found

    def image(self, position: int) -> torch.Tensor:
        """One image, `[tokens, channels]`, in float32."""
        return self.tile(position // self._tile)[position % self._tile].float()

    def _read(self, start: int, end: int) -> torch.Tensor:
        start, end = start - len(self._on_device), end - len(self._on_device)
        if end <= len(self._in_memory):
            return self._in_memory[start:end]
        if self._file is None:
            raise AssertionError("images that are nowhere else are in the file")
        return self._file.read(start - len(self._in_memory), end - start)


class _File:
    """Activations in a temporary file that has no name: it is gone when the program is."""

    def __init__(self, stage: TokenStage, folder: str) -> None:
        self._stage = stage
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)

    def write(self, first: int, values: torch.Tensor) -> None:
        """Keeps images from position `first` of the file on."""
        try:
            self._file.seek(first * self._stage.image_bytes)
            left = _bytes(values.contiguous().cpu())
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise AlignscopeError(
                f"cannot keep activations in a temporary file in {self._folder}: {error}; free "
                "space there, name another folder in TMPDIR, or allow more memory"
            ) from error

    def read(self, first: int, images: int) -> torch.Tensor:
        """Images from position `first` of the file on."""
        values = torch.empty(
            (images, self._stage.tokens, self._stage.shape[1]), dtype=self._stage.dtype
        )
        self._file.seek(first * self._stage.image_bytes)
        left = _bytes(values)
        while left:
            count = self._file.readinto(left)
            if not count:
                raise AlignscopeError(
                    f"a temporary file in {self._folder} is shorter than it was, expected all "
                    "activations that were written; was the disk changed?"
                )
            left = left[count:]
        return values


def _bytes(values: torch.Tensor) -> memoryview:
    """The bytes of contiguous numbers in main memory."""
    found: memoryview = values.reshape(-1).view(torch.uint8).numpy().data
    return found
