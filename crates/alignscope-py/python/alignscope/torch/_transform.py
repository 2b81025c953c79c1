"""The user's transform, on an image."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._errors import AlignscopeError, InvalidTypeError, InvalidValueError
from ._library import need

#: An image `[height, width, 3]` to what the model takes.
Prepare = Callable[[NDArray[np.uint8]], Any]


@dataclass(frozen=True)
class _ByTransform:
    """An array to a transform of images of Pillow, and its result."""

    transform: Callable[[Any], Any]

    def __call__(self, image: NDArray[np.uint8]) -> Any:
        from PIL import Image

        return self.transform(Image.fromarray(image))


def by_transform(transform: Callable[[Any], Any]) -> Prepare:
    """A transform of images of Pillow."""
    need("PIL.Image", "preprocessing")
    return _ByTransform(transform)


@dataclass(frozen=True)
class _ByProcessor:
    """An array to an image processor, and its result."""

    processor: Any

    def __call__(self, image: NDArray[np.uint8]) -> Any:
        from PIL import Image

        return self.processor(images=Image.fromarray(image), return_tensors="pt")


def by_processor(given: Any) -> Prepare:
    """An image processor of transformers that does more than a recipe, run as it is."""
    need("PIL.Image", "preprocessing")
    return _ByProcessor(getattr(given, "image_processor", given))


def prepared(one: Prepare, image: NDArray[np.uint8], number: int) -> torch.Tensor:
    """What a transform gives for an image, checked.

    Parameters
    ----------
    number : int
        Which image of a batch it is, from 0.

    Raises
    ------
    InvalidValueError
        The transform fails; its error is the cause.
    """
    try:
        found = one(image)
    except AlignscopeError:
        raise
    except Exception as error:
        height, width = image.shape[:2]
        raise InvalidValueError(
            f"preprocess fails for image {number + 1} of a batch ({width} × {height} pixels): "
            f"{type(error).__name__}: {error}"
        ) from error
    return checked(found)


def checked(found: Any) -> torch.Tensor:
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
    # Where a transform brings images to a GPU, they come back: the batch goes there as one.
    return tensor.detach().float().cpu()


def check_pickles(given: Any) -> None:
    """That a transform can be sent to processes of its own.

    Raises
    ------
    InvalidValueError
        Pickle does not take it.
    """
    try:
        pickle.dumps(given)
    except Exception as error:
        raise InvalidValueError(
            f"preprocess cannot be sent to the processes of `workers` ({error}), expected what "
            "pickle takes: a function or an object of a module, not a lambda or a function within "
            "a function; or workers=0"
        ) from error


def in_process(make: Callable[[Any], Prepare], given: Any) -> Callable[[Any], Any]:
    """What prepares images in a process: a position and an image to an array."""
    torch.set_num_threads(1)
    one = make(given)

    def prepare(asked: tuple[int, NDArray[np.uint8]]) -> NDArray[np.float32]:
        number, image = asked
        found: NDArray[np.float32] = prepared(one, image, number).numpy()
        return found

    return prepare
