"""Decoded images to the batch that a model takes."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import _arguments as check
from .._errors import InvalidTypeError, InvalidValueError
from .._models import Steps
from ._fingerprint import code_of, names_in, plain
from ._library import need
from ._processor import recipe_of
from ._recipe import Recipe

Prepare = Callable[[NDArray[np.uint8]], Any]


class Preparation:
    """How images are brought to a model.

    Parameters
    ----------
    given : Recipe, str, os.PathLike, image processor, or callable
        The argument `preprocess`.

    Raises
    ------
    InvalidTypeError
        It is none of them.
    """

    def __init__(self, given: Any) -> None:
        #: The name of a model whose recipe the compiled part follows.
        self.named: str | None = None
        #: What tells it from any other; None if nothing does.
        self.identity: str | None = None
        #: The recipe that the compiled part follows, if there is one.
        self.steps: Steps | None = None
        self._one: Prepare | None = None
        self._is_tried = False
        if isinstance(given, (str, os.PathLike)):
            self.named = self.identity = os.fspath(given)
            return
        processor = _processor(given)
        recipe = given if isinstance(given, Recipe) else processor and recipe_of(processor)
        if isinstance(recipe, Recipe):
            self.steps, self.identity = recipe.steps, recipe.text
        elif processor is not None:
            self._one, self.identity = _by_processor(given), str(plain(processor))
        elif callable(given):
            self._one, self.identity = _by_transform(given), _identity(given)
        else:
            expected = (
                "a Recipe, the name of a model, an image processor, or a function of a PIL image "
                "that returns a tensor [3, height, width]"
            )
            raise check.wrong_type("preprocess", given, expected)

    def batch(self, images: Any) -> torch.Tensor:
        """The batch `[images, 3, height, width]` of decoded images, or of what the compiled part
        has prepared already."""
        if self._one is None:
            return torch.from_numpy(np.require(images, np.float32, ["C", "W"]))
        prepared = self._all(self._one, images)
        shapes = sorted({tuple(tensor.shape) for tensor in prepared})
        if len(shapes) > 1:
            raise InvalidValueError(
                f"preprocess gives images of different shapes ({list(shapes[0])} and "
                f"{list(shapes[1])}), expected one; resize both sides, or crop"
            )
        return torch.stack(prepared)

    def _all(self, one: Prepare, images: Sequence[Any]) -> list[torch.Tensor]:
        if not self._is_tried:
            self._try(one, images[0])
        return [_checked(one(image)) for image in images]

    def _try(self, one: Prepare, image: Any) -> None:
        """That a transform gives the same twice: one of training does not."""
        first, second = _checked(one(image)), _checked(one(image))
        if first.shape != second.shape or not torch.equal(first, second):
            raise InvalidValueError(
                "preprocess gives another result for the same image when it is called again, "
                "expected a transform without chance: take the one of evaluation, not of training"
            )
        self._is_tried = True


def _processor(given: Any) -> dict[str, Any] | None:
    """The configuration of an image processor of transformers; None for anything else."""
    given = getattr(given, "image_processor", given)
    if not hasattr(given, "to_dict") or not hasattr(given, "preprocess"):
        return None
    config = dict(given.to_dict())
    config.setdefault("image_processor_type", type(given).__name__)
    return config


def _by_processor(given: Any) -> Prepare:
    """An image processor that does more than a recipe, run as it is."""
    pillow = need("PIL.Image", "preprocessing")
    processor = getattr(given, "image_processor", given)
    return lambda image: processor(images=pillow.fromarray(image), return_tensors="pt")


def _by_transform(transform: Callable[[Any], Any]) -> Prepare:
    """A transform of images of Pillow."""
    pillow = need("PIL.Image", "preprocessing")
    return lambda image: transform(pillow.fromarray(image))


def _identity(transform: Any) -> str | None:
    """What describes a transform the same in every process: a function's code, if it depends on
    nothing else; of any other object what it says of itself."""
    if isinstance(transform, types.FunctionType):
        used = _globals(transform)
        if used is None or transform.__closure__ or transform.__defaults__:
            return None
        return f"{transform.__qualname__} {code_of(transform)} {used}"
    text = repr(transform)
    return None if " at 0x" in text else f"{type(transform).__module__} {text}"


def _globals(function: types.FunctionType) -> dict[str, Any] | None:
    """The numbers and texts that a function takes from around it; None if it takes anything else
    that is no module and no class."""
    found = {}
    for name in names_in(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, (bool, int, float, str, bytes)):
            found[name] = value
        elif not isinstance(value, (type(None), types.ModuleType, types.BuiltinFunctionType, type)):
            return None
    return found


def _checked(found: Any) -> torch.Tensor:
    """What a transform gives for an image, as a tensor `[3, height, width]` of floats."""
    if isinstance(found, Mapping) and "pixel_values" in found:
        found = found["pixel_values"]
    if hasattr(found, "convert"):
        raise InvalidTypeError(
            f"preprocess returns a PIL image ({found.mode}, {found.width} × {found.height}), "
            "expected a tensor [3, height, width] of floats; end it with `ToTensor()` and "
            "`Normalize(…)`"
        )
    if not isinstance(found, (torch.Tensor, np.ndarray)):
        raise InvalidTypeError(
            f"preprocess returns a {type(found).__name__}, expected a tensor or an array "
            "[3, height, width] of floats"
        )
    # A copy: an array of Pillow cannot be written to, which torch does not take.
    tensor = torch.from_numpy(np.array(found)) if isinstance(found, np.ndarray) else found
    if not tensor.is_floating_point():
        raise InvalidTypeError(
            f"preprocess returns {tensor.dtype}, expected floats as the model takes them: rescale "
            "from 0–255, and normalise"
        )
    if tensor.dim() == 4 and len(tensor) == 1:
        tensor = tensor[0]
    if tensor.dim() != 3 or tensor.shape[0] != 3:
        raise InvalidValueError(
            f"preprocess returns the shape {list(tensor.shape)}, expected [3, height, width]"
        )
    return tensor.detach().float()
