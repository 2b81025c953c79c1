"""A model on several devices: a process for each, the images of a batch split among them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .._errors import InvalidValueError
from ._axes import Layouts
from ._device import Place
from ._memory import Growth
from ._process import Crew
from ._runner import Runner, joined
from ._tap import check_names
from ._tower import Tower


class Replicas:
    """Takes the stages of a model on several devices at a time; used as `Runner` is.

    Parameters
    ----------
    model : torch.nn.Module
        The tower's model in main memory, in the number format of the places.
    tower : Tower
        Its stages and its pass.
    places : sequence of Place
        The device of each process.
    batch : int
        Images at a time on each device, at most.

    Raises
    ------
    InvalidValueError
        The model has no module of a stage.
    """

    def __init__(self, model: nn.Module, tower: Tower, places: Sequence[Place], batch: int) -> None:
        check_names(tower.taps, (name for name, _ in model.named_modules(remove_duplicate=False)))
        Layouts.of(tower.layout, tower.taps)
        #: The first; all are of one kind.
        self.place = places[0]
        self._tower = replace(tower, model=model, preprocess=None)
        threads = max(1, torch.get_num_threads() // len(places))

        def given() -> list[tuple[Any, ...]]:
            saved = self._saved()
            return [(saved, place, batch, threads) for place in places]

        names = [f"the process of {place.device}" for place in places]
        self._crew = Crew(names, _runner, given)

    def _saved(self) -> bytes:
        """The model with its stages, as a process takes it."""
        buffer = io.BytesIO()
        try:
            torch.save(self._tower, buffer)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InvalidValueError(
                f"{self._tower.name} cannot be sent to the processes of several devices ({error}), "
                "expected a module that pickle takes, without functions within functions; or one "
                "device"
            ) from error
        return buffer.getvalue()

    def encode(self, images: torch.Tensor, wanted: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """As `Runner.encode`; images keep their order."""
        arrays, size = images.cpu().numpy(), -(-len(images) // len(self._crew))
        parts = [
            (arrays[start : start + size], list(wanted)) for start in range(0, len(arrays), size)
        ]
        return joined(self._crew.each(parts))

    def on_device(self, images: torch.Tensor, wanted: Sequence[str]) -> dict[str, torch.Tensor]:
        """As `Runner.on_device`, but in main memory, where those of several devices meet."""
        return {name: torch.from_numpy(a) for name, a in self.encode(images, wanted).items()}

    def end(self) -> None:
        """Ends the processes; they start anew with the next batch."""
        self._crew.end()


def _runner(saved: bytes, place: Place, batch: int, threads: int) -> Callable[[Any], Any]:
    """What encodes in a process: arrays of images and names of stages to arrays."""
    torch.set_num_threads(threads)
    # From this very program, not from a file.
    tower = torch.load(io.BytesIO(saved), map_location=place.device, weights_only=False)
    runner = Runner(tower.model, tower, place, Growth(place.device, batch, batch))

    def encode(asked: tuple[NDArray[np.float32], list[str]]) -> dict[str, NDArray[np.float32]]:
        images, wanted = asked
        return runner.encode(torch.from_numpy(images), wanted)

    return encode
