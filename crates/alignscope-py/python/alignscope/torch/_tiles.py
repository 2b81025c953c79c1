"""The activations of a set at one stage: on a device, in main memory, and in a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from .._errors import AlignscopeError, InvalidValueError
from ._sums import total

if TYPE_CHECKING:
    from .._models import DeviceStage

#: Bytes that are brought from or to main memory at a time.
_PIECE_BYTES = 64 << 20


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
    def kept_shape(self) -> tuple[int, int]:
        """Tokens of an image that are kept, and channels."""
        return self.tokens, self.shape[1]

    @property
    def numbers(self) -> int:
        """Numbers of an image that are compared."""
        return self.tokens * self.shape[1]

    @property
    def image_bytes(self) -> int:
        """Bytes of an image that are kept."""
        return self.numbers * int(self.dtype.itemsize)

    @property
    def sums_bytes(self) -> int:
        """Bytes of the sums of an image: the energy of each channel, and two products."""
        return 4 * self.shape[1] + 2 * 8

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


@dataclass(frozen=True)
class Shares:
    """Where the images of a set are, in order: on the device, in main memory, in a file.

    Parameters
    ----------
    images : int
        All of them.
    on_device, in_memory : int
        How many are there; whole tiles, or all that are left.
    tile : int
        Images that are brought to the device together.
    """

    images: int
    on_device: int
    in_memory: int
    tile: int

    @classmethod
    def of(
        cls, images: int, stages: Sequence[TokenStage], device_bytes: int, host_bytes: int
    ) -> Shares:
        """As many as fit; of a set that does not fit the device, a quarter of it is for two tiles of
        the widest stage, which come and go."""
        of_image = sum(stage.image_bytes + stage.sums_bytes for stage in stages)
        if images * of_image <= device_bytes:
            return cls(images, images, 0, images)
        on_device = device_bytes * 3 // 4 // of_image
        widest = max(stage.image_bytes for stage in stages)
        fitting = device_bytes // 4 // (2 * widest)
        # Small beside what is there, so that little is lost by whole tiles.
        tile = max(min(fitting, on_device // 8 or 1, images), 1)
        on_device = min(on_device // tile * tile, images)
        fitting = host_bytes // of_image
        left = images - on_device
        in_memory = left if left <= fitting else fitting // tile * tile
        return cls(images, on_device, in_memory, tile)

    @property
    def place(self) -> Literal["device", "memory", "file"]:
        """Where the least accessible of them are."""
        if self.on_device == self.images:
            return "device"
        return "memory" if self.on_device + self.in_memory == self.images else "file"


class Tiles:
    """The activations of the images of a set at one stage, in tiles of neighbouring images.

    Parameters
    ----------
    stage : TokenStage
        The stage.
    shares : Shares
        Where the images are.
    device : torch.device
        The device.
    folder : str
        Of temporary files.
    """

    def __init__(
        self, stage: TokenStage, shares: Shares, device: torch.device, folder: str
    ) -> None:
        self._stage = stage
        self._shares = shares
        self._device = device
        self._on_device = torch.empty(
            (shares.on_device, *stage.kept_shape), dtype=stage.dtype, device=device
        )
        self._in_memory = _Pinned(stage, shares.in_memory, device)
        in_file = shares.images - shares.on_device - shares.in_memory
        self._file = _File(stage, folder) if in_file else None
        #: The tiles that were brought to the device last, two at most.
        self._brought: dict[int, torch.Tensor] = {}

    def put(self, first: int, values: torch.Tensor) -> None:
        """Keeps images from position `first` on."""
        some = values[: max(self._shares.on_device - first, 0)]
        self._on_device[first : first + len(some)].copy_(some)
        values, first = values[len(some) :], max(first + len(some) - self._shares.on_device, 0)
        some = values[: max(self._shares.in_memory - first, 0)]
        self._in_memory.put(first, some)
        values, first = values[len(some) :], max(first + len(some) - self._shares.in_memory, 0)
        if self._file is not None and len(values):
            self._file.write(first, values)

    def tile(self, number: int) -> torch.Tensor:
        """The images of a tile, `[images, tokens, channels]`, on the device."""
        start = number * self._shares.tile
        end = min(start + self._shares.tile, self._shares.images)
        if end <= self._shares.on_device:
            return self._on_device[start:end]
        found = self._brought.pop(number, None)
        if found is None:
            while len(self._brought) > 1:
                self._brought.pop(next(iter(self._brought)))
            found = self._read(start - self._shares.on_device, end - self._shares.on_device)
        self._brought[number] = found
        return found

    def forget(self) -> None:
        """Forgets the tiles that were brought to the device."""
        self._brought.clear()

    def image(self, position: int) -> torch.Tensor:
        """One image, `[tokens, channels]`, in float32."""
        tile, row = divmod(position, self._shares.tile)
        return self.tile(tile)[row].float()

    def numbers(self, start: int, end: int) -> torch.Tensor:
        """Some numbers of all images, `[images, numbers]`, in float32 and in main memory."""
        tiles = range(-(-self._shares.images // self._shares.tile))
        return torch.cat([self.tile(i).flatten(1)[:, start:end].float().cpu() for i in tiles])

    def _read(self, start: int, end: int) -> torch.Tensor:
        """Images that are not on the device, by position behind those that are."""
        found = torch.empty(
            (end - start, *self._stage.kept_shape), dtype=self._stage.dtype, device=self._device
        )
        if end <= self._shares.in_memory:
            self._in_memory.read(start, found)
        elif self._file is not None:
            self._file.read(start - self._shares.in_memory, found)
        return found


class _Pinned:
    """Activations in main memory, for a GPU in pages that do not move: in pieces of a size of which
    torch, which rounds up to powers of two, takes no more than it is asked for."""

    def __init__(self, stage: TokenStage, images: int, device: torch.device) -> None:
        self._rows = max(_PIECE_BYTES // stage.image_bytes, 1)
        pieces = range(0, images, self._rows)
        self._pieces = [
            _host_empty(min(self._rows, images - first), stage, device) for first in pieces
        ]

    def put(self, first: int, values: torch.Tensor) -> None:
        for piece, rows, at in self._parts(first, len(values)):
            # Another pass may overwrite the values: all is done in the order of one stream.
            self._pieces[piece][rows].copy_(values[at], non_blocking=True)

    def read(self, first: int, out: torch.Tensor) -> None:
        for piece, rows, at in self._parts(first, len(out)):
            out[at].copy_(self._pieces[piece][rows], non_blocking=True)

    def _parts(self, first: int, images: int) -> Iterator[tuple[int, slice, slice]]:
        """Each piece of which images are, which rows of it they are, and which of the images."""
        done = 0
        while done < images:
            piece, row = divmod(first + done, self._rows)
            count = min(images - done, self._rows - row)
            yield piece, slice(row, row + count), slice(done, done + count)
            done += count


def _host_empty(images: int, stage: TokenStage, device: torch.device) -> torch.Tensor:
    """Room for images in main memory, pinned for a GPU as far as the system allows it."""
    shape = (images, *stage.kept_shape)
    if device.type == "cuda":
        try:
            return torch.empty(shape, dtype=stage.dtype, pin_memory=True)
        except RuntimeError:
            # Slower, and as right.
            pass
    return torch.empty(shape, dtype=stage.dtype)


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
            for some in torch.split(values, self._rows):
                left = _bytes(some.cpu().contiguous())
                while left:
                    left = left[self._file.write(left) :]
        except OSError as error:
            raise AlignscopeError(
                f"cannot keep activations in a temporary file in {self._folder}: {error}; free "
                "space there, name another folder in TMPDIR, or allow more memory"
            ) from error

    def read(self, first: int, out: torch.Tensor) -> None:
        """Images from position `first` of the file on, into `out`, a piece at a time."""
        self._file.seek(first * self._stage.image_bytes)
        for part in torch.split(out, self._rows):
            piece = torch.empty(part.shape, dtype=part.dtype)
            left = _bytes(piece)
            while left:
                count = self._file.readinto(left)
                if not count:
                    raise AlignscopeError(
                        f"a temporary file in {self._folder} is shorter than it was, expected all "
                        "activations that were written; was the disk changed?"
                    )
                left = left[count:]
            part.copy_(piece)

    @property
    def _rows(self) -> int:
        """Images of a piece."""
        return max(_PIECE_BYTES // self._stage.image_bytes, 1)


def _bytes(values: torch.Tensor) -> memoryview:
    """The bytes of contiguous numbers in main memory."""
    found: memoryview = values.reshape(-1).view(torch.uint8).numpy().data
    return found
