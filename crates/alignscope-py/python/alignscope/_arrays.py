"""Arrays and images as users have them, brought to the form that the compiled part takes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Union

from ._arguments import path, shown, wrong_type
from ._errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: An image: a path, a `PIL.Image.Image`, an array `[height, width, 3]` of `uint8`, or an image that
#: is preprocessed already, `[3, size, size]` of `float32`.
ImageLike = Any

#: What stands for one image in the compiled part.
Given = Union[str, "NDArray[np.uint8]", "NDArray[np.float32]"]


def plain(array: Any, what: str) -> NDArray[Any]:
    """An array or a tensor of torch, from any device, as an array of NumPy: the same memory where it
    can be.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        It is none, or has entries that are masked; the message begins with `what`.
    """
    import numpy as np

    if hasattr(array, "detach"):
        array = array.detach()
        if str(array.dtype) == "torch.bfloat16":
            # NumPy has no such type; every value is a float32.
            array = array.float()
        array = array.cpu().numpy()
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise InvalidValueError(
            f"{what} has masked entries, expected a number in each; fill them with `.filled(…)`"
        )
    try:
        return np.asarray(array)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            f"{what} is {shown(array)}, expected an array of numbers: {error}"
        ) from error


def activations(array: Any, what: str) -> NDArray[np.float32]:
    """An array of activations of any axes, the first that of images, as contiguous `float32`: the
    same memory where it is so already, else a copy.

    Tensors of torch are taken too, from any device.
    """
    import numpy as np

    found = plain(array, what)
    if found.dtype.kind in "iub":
        return _whole_numbers(found, what)
    if found.dtype.kind != "f" or found.dtype.itemsize > 8:
        raise InvalidTypeError(
            f"{what} is of {found.dtype}, expected float32 (or float16, float64, whole numbers or "
            "bool, which are converted)"
        )
    return np.require(found, np.float32, ["C", "ALIGNED"])


def _whole_numbers(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    """Whole numbers or bools as `float32`, if each is the same number then."""
    import numpy as np

    found = np.require(array, np.float32, ["C", "ALIGNED"])
    if array.dtype.itemsize > 2:
        same = found.astype(np.float64) == array
        for value in array[~same][:1]:
            raise InvalidValueError(
                f"{what} is of {array.dtype} and has the value {value}, which float32 does not "
                "have; scale the numbers, and give them as float32"
            )
    return found


def pixels(image: Any, what: str) -> NDArray[np.uint8]:
    """An image of an array or of Pillow as a contiguous array `[height, width, 3]` of `uint8`."""
    import numpy as np

    if hasattr(image, "convert"):
        if getattr(image, "mode", "") in ("F", "I"):
            raise InvalidTypeError(
                f"{what} is a PIL image of the mode {image.mode}, expected 8 bits a channel; "
                "numbers beyond 255 or between whole ones would be cut: bring it to 0 to 255, and "
                "convert it"
            )
        image = image.convert("RGB")
    found = np.asarray(image)
    if found.dtype != np.uint8:
        raise InvalidTypeError(
            f"{what} is of {found.dtype}, expected uint8 from 0 to 255 in the order red, green, "
            "blue"
        )
    if found.ndim != 3 or found.shape[2] != 3 or 0 in found.shape:
        raise InvalidValueError(f"{what} has the shape {found.shape}, expected (height, width, 3)")
    return np.ascontiguousarray(found)


def images(given: ImageLike | Iterable[ImageLike], size: int) -> list[Given]:
    """A list of images for a model that takes images of `size` pixels a side; also of one image, or
    of an array of images."""
    if _is_one(given):
        given = [given]
    if not isinstance(given, Iterable) or getattr(given, "ndim", None) == 0:
        raise wrong_type(
            "images", given, "paths, PIL images or arrays (height, width, 3) of uint8"
        )
    return [_image(image, size, f"image {i}") for i, image in enumerate(given)]


def _is_one(given: Any) -> bool:
    if isinstance(given, (str, os.PathLike)) or hasattr(given, "convert"):
        return True
    return getattr(given, "ndim", None) == 3


def _image(image: Any, size: int, what: str) -> Given:
    if isinstance(image, (str, os.PathLike)):
        return path(what, image)
    if hasattr(image, "convert"):
        return pixels(image, what)
    if hasattr(image, "__array__"):
        return _preprocessed(image, size, what) if _is_float(image) else pixels(image, what)
    raise InvalidTypeError(
        f"{what} is a {type(image).__name__}, expected a path, a PIL image or an array "
        "(height, width, 3) of uint8"
    )


def _is_float(array: Any) -> bool:
    return "float" in str(array.dtype)


def _preprocessed(array: Any, size: int, what: str) -> NDArray[np.float32]:
    import numpy as np

    found = np.asarray(array)
    if found.shape != (3, size, size) or found.dtype != np.float32:
        raise InvalidValueError(
            f"{what} is of {found.dtype} and has the shape {found.shape}, expected a preprocessed "
            f"image (3, {size}, {size}) of float32, or pixels (height, width, 3) of uint8"
        )
    return np.ascontiguousarray(found)
