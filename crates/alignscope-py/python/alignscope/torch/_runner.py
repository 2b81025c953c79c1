"""Batches through a model, on its device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .._errors import InvalidValueError
from ._axes import PROBES, Axes, Layouts
from ._capture import captured
from ._compile import compiled, uncompiled
from ._device import Place, exact
from ._memory import Growth
from ._tap import Tap, check_names
from ._tower import Tower


class Runner:
    """Takes the stages of a model, batch after batch.

    Parameters
    ----------
    model : torch.nn.Module
        The tower's model, where it runs.
    tower : Tower
        Its stages and its pass.
    place : Place
        Its device and number format.
    growth : Growth
        Images at a time.

    Raises
    ------
    InvalidValueError
        The model has no module of a stage.
    """

    def __init__(self, model: nn.Module, tower: Tower, place: Place, growth: Growth) -> None:
        check_names(tower.taps, (name for name, _ in model.named_modules(remove_duplicate=False)))
        self.place = place
        #: Images at a time.
        self.growth = growth
        self._model = compiled(model, tower.taps) if place.is_compiled else model
        self._tower = tower
        self._layouts = Layouts.of(tower.layout, tower.taps)
        self._axes: dict[str, Axes] = {}

    @property
    def name(self) -> str:
        """What the model is called."""
        return self._tower.name

    def encode(self, images: torch.Tensor, wanted: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The activations of images in main memory, float32, by stage.

        Raises
        ------
        MemoryBudgetError
            The device has too little memory for one image.
        """
        parts: list[dict[str, NDArray[np.float32]]] = []
        start = 0
        while start < len(images):
            some = images[start : start + self.growth.step]
            with self.growth.watched(len(some)) as watch:
                found = self.on_device(some, wanted)
                parts.append({name: found[name].float().cpu().numpy() for name in wanted})
                # Not while the next batch goes through.
                del found
            if watch.is_out_of_memory:
                self.growth.halve(len(some), self.name)
                continue
            start += len(some)
        return joined(parts)

    def on_device(self, images: torch.Tensor, wanted: Sequence[str]) -> dict[str, torch.Tensor]:
        """The activations of images on the device, in its number format, by stage: channels last.

        Whatever reduces pairs on the device begins here.
        """
        count = len(images)
        images = self._filled(self._brought(images))
        with exact(self.place):
            if not self._axes:
                self._look(images[:1])
            taps = [tap for tap in self._tower.taps if tap.stage in wanted]

            def keep(tap: Tap, tensor: torch.Tensor) -> torch.Tensor:
                return self._axes[tap.stage].formed(tap, tensor, len(images))[:count]

            found = captured(self._model, taps, self._tower.forward, images, keep)
        if self.place.is_half:
            _check_finite(taps, found, self.place)
        return found

    def _brought(self, images: torch.Tensor) -> torch.Tensor:
        device, dtype = self.place.device, self.place.dtype
        if device.type == "cuda" and images.device.type == "cpu":
            # From memory that does not move, while the pass before still runs.
            return images.pin_memory().to(device, non_blocking=True).to(dtype)
        # A copy in any case: a model that works on its input in place must not spoil a second try.
        return images.to(device=device, dtype=dtype, copy=True)

    def _filled(self, images: torch.Tensor) -> torch.Tensor:
        """A compiled model gets batches of one size: the last image again and again."""
        missing = self.growth.step - len(images)
        if not self.place.is_compiled or missing <= 0:
            return images
        return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])

    def _look(self, image: torch.Tensor) -> None:
        """Tries the model with a few copies of an image, which tells what the axes are."""
        taps = self._tower.taps

        def shape(tap: Tap, tensor: torch.Tensor) -> tuple[int, ...]:
            return tuple(tensor.shape)

        shapes = []
        for count in PROBES:
            copies = image.expand(count, *image.shape[1:]).contiguous()
            with uncompiled():
                shapes.append(captured(self._model, taps, self._tower.forward, copies, shape))
        self._axes = {
            tap.stage: self._layouts.axes(tap, [found[tap.stage] for found in shapes])
            for tap in taps
        }

    def end(self) -> None:
        """Nothing: a model on one device has no process of its own."""


def joined(parts: Sequence[dict[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    """The activations of several batches as those of one."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _check_finite(taps: Sequence[Tap], found: dict[str, torch.Tensor], place: Place) -> None:
    """That no number of 16 bits is NaN or infinite; of float32 the run says it, with the image."""
    finite: list[Any] = [found[tap.stage].isfinite().flatten(1).all(1) for tap in taps]
    # One transfer for all stages: [stages, images].
    good = torch.stack(finite).cpu()
    for tap, images in zip(taps, good):
        if not images.all():
            image = int((~images).nonzero()[0, 0])
            raise InvalidValueError(
                f"{tap}: image {image + 1} of a batch of {len(images)} gives NaN or infinity in "
                f'{place}, expected finite numbers; take dtype="bfloat16", whose range is that of '
                'float32, or dtype="float32"'
            )
