"""Decoded images to the batch that a model takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch

from .. import _arguments as check
from .._errors import InvalidValueError
from ._fingerprint import identity
from ._process import Crew
from ._processor import recipe_of
from ._recipe import Recipe
from ._transform import Prepare, by_processor, by_transform, check_pickles, in_process
from ._transform import checked, prepared

#: Batches that are handed over at a time where processes prepare images.
_READ_AHEAD = 4


class Preparation:
    """How images are brought to a model.

    Parameters
    ----------
    given : Recipe, str, os.PathLike, image processor, or callable
        The argument `preprocess`.
    workers : int
        How many processes a transform or an image processor runs in; 0 for none.

    Raises
    ------
    InvalidTypeError
        It is none of them.
    InvalidValueError
        It is for processes, but pickle does not take it.
    """

    def __init__(self, given: Any, workers: int = 0) -> None:
        #: The name of a model whose recipe the compiled part follows.
        self.named: str | None = None
        #: The recipe that the compiled part follows, if it is one.
        self.recipe: Recipe | None = None
        self._text: str | None = None
        self._transform: Any = None
        self._one: Prepare | None = None
        self._crew: Crew | None = None
        self._is_tried = False
        if isinstance(given, (str, os.PathLike)):
            self.named = self._text = os.fspath(given)
            return
        processor = _processor(given)
        recipe = given if isinstance(given, Recipe) else processor and recipe_of(processor)
        if isinstance(recipe, Recipe):
            self.recipe, self._text = recipe, recipe.text
        elif processor is not None:
            self._run(by_processor, given, workers)
            self._transform = processor
        elif callable(given):
            self._run(by_transform, given, workers)
            self._transform = given
        else:
            expected = (
                "a Recipe, the name of a model, an image processor, or a function of a PIL image "
                "that returns a tensor [3, height, width]"
            )
            raise check.wrong_type("preprocess", given, expected)

    def _run(self, make: Callable[[Any], Prepare], given: Any, workers: int) -> None:
        """Has the user's own code prepare images, here or in processes."""
        self._one = make(given)
        if workers:
            check_pickles(given)
            names = [f"process {i + 1} of preprocess" for i in range(workers)]
            self._crew = Crew(names, in_process, lambda: [(make, given)] * workers)

    @property
    def identity(self) -> str | None:
        """What tells it, as it is now, from any other; None if nothing does."""
        return self._text if self._transform is None else identity(self._transform)

    @property
    def read_ahead(self) -> int:
        """How many batches are to be handed over at a time, so that processes prepare one while the
        model runs on another."""
        return _READ_AHEAD if self._crew else 1

    def batches(self, images: Any, size: int) -> Iterator[torch.Tensor]:
        """Batches `[images, 3, height, width]` of decoded images, or of what the compiled part has
        prepared already: all in one, or as processes prepare them in batches of `size`."""
        if self._one is None:
            yield torch.from_numpy(np.require(images, np.float32, ["C", "W"]))
        elif self._crew is None:
            yield _batch(self._all(self._one, images))
        else:
            self._try(self._one, images[0])
            made = self._crew.stream(enumerate(images), max(2 * size, len(self._crew)))
            while some := [torch.from_numpy(image) for image in islice(made, size)]:
                yield _batch(some)

    def _all(self, one: Prepare, images: Sequence[Any]) -> list[torch.Tensor]:
        self._try(one, images[0])
        return [prepared(one, image, i) for i, image in enumerate(images)]

    def _try(self, one: Prepare, image: Any) -> None:
        """That a transform gives the same twice: one of training does not."""
        if self._is_tried:
            return
        first, second = prepared(one, image, 0), prepared(one, image, 0)
        if first.shape != second.shape or not torch.equal(first, second):
            raise InvalidValueError(
                "preprocess gives another result for the same image when it is called again, "
                "expected a transform without chance: take the one of evaluation, not of training"
            )
        self._is_tried = True

    def end(self) -> None:
        """Ends the processes; they start anew with the next batch."""
        if self._crew is not None:
            self._crew.end()


def _batch(images: list[torch.Tensor]) -> torch.Tensor:
    shapes = sorted({tuple(image.shape) for image in images})
    if len(shapes) > 1:
        raise InvalidValueError(
            f"preprocess gives images of different shapes ({list(shapes[0])} and "
            f"{list(shapes[1])}), expected one; resize both sides, or crop"
        )
    return torch.stack(images)


def _processor(given: Any) -> dict[str, Any] | None:
    """The configuration of an image processor of transformers; None for anything else."""
    given = getattr(given, "image_processor", given)
    if not hasattr(given, "to_dict") or not hasattr(given, "preprocess"):
        return None
    config = dict(given.to_dict())
    config.setdefault("image_processor_type", type(given).__name__)
    return config
