"""The images of a data set as users have them: files, or pictures in memory and in data sets of
other libraries. They are asked for one after the other, and only those that trials show."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _arguments as check
from ._arrays import pixels
from ._errors import InvalidTypeError, InvalidValueError, MissingFileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What `images` may be.
EXPECTED = (
    "a list of paths, PIL images or arrays (height, width, 3) of uint8, an array of many, a "
    "mapping of names to them, or a data set of Hugging Face or torch"
)


@dataclass(frozen=True)
class Images:
    """Images by their numbers."""

    #: What results call each.
    names: Sequence[str]
    #: Image number i: a path, the bytes of a file, or a picture.
    get: Callable[[int], Any]
    #: What messages call image number i.
    said: Callable[[int], str]
    #: The number of the image of a name, as trials may give it.
    numbers: Mapping[str, int]

    def content(self, i: int) -> Path | bytes | NDArray[np.uint8]:
        """Image number i: where its file is, the bytes of a file, or pixels `[height, width,
        3]`."""
        said = self.said(i)
        found = self.get(i)
        if isinstance(found, (str, os.PathLike)):
            path = Path(os.path.abspath(check.path(said, found)))
            if not path.is_file():
                raise MissingFileError(
                    f"{said} is not there: {path}; say with `folder` where relative paths begin, "
                    "or load trials alone with `images=False`"
                )
            return path
        if isinstance(found, (bytes, bytearray, memoryview)):
            return bytes(found)
        return picture(found, said)


def of_paths(paths: Sequence[str], folder: str | None, said: str) -> Images:
    """Files: below `folder`; else as they are named, or where one is absolute, all from the folder
    that holds all of them."""
    found = [Path(path) for path in paths]
    if folder is None and any(path.is_absolute() for path in found):
        found = [Path(os.path.abspath(path)) for path in found]
        folder = os.path.commonpath([path.parent for path in found])
    root = Path("." if folder is None else folder)
    names = [_below(root, path, f"{said}[{i}]") for i, path in enumerate(found)]
    # What a user wrote is that file, even if another is called so here.
    numbers = {name: i for i, name in reversed(list(enumerate(names)))}
    numbers |= {text: i for i, text in reversed(list(enumerate(paths)))}
    return Images(names, lambda i: root / names[i], lambda i: f"{said}[{i}]", numbers)


def _below(root: Path, path: Path, said: str) -> str:
    """The path below a folder, with `/`."""
    if path.is_absolute():
        try:
            path = path.relative_to(os.path.abspath(root))
        except ValueError:
            raise InvalidValueError(
                f"{said} is {path}, expected a path below the folder {root}"
            ) from None
    return path.as_posix()


def of(images: Any, folder: str | None, column: str | None) -> Images:
    """The images that a user gives."""
    import numpy as np

    if hasattr(images, "to_numpy"):
        images = images.to_numpy()
    if isinstance(images, np.ndarray) and images.ndim == 1:
        images = list(images)
    if isinstance(images, Mapping):
        return _of_mapping(images, folder)
    if _is_paths(images):
        paths = check.names("images", images, EXPECTED)
        return of_paths([os.path.expanduser(path) for path in paths], folder, "images")
    if folder is not None:
        raise InvalidValueError("folder is given, but the images are no paths, expected none")
    if isinstance(images, (str, bytes, os.PathLike)) or not _is_sequence(images):
        raise check.wrong_type("images", images, EXPECTED)
    if getattr(images, "ndim", 4) != 4:
        raise InvalidValueError(
            f"images has the shape {tuple(images.shape)}, expected (images, height, width, 3)"
        )
    column = _image_column(images, column)
    if column is not None and hasattr(images, "select_columns"):
        images = images.select_columns([column])
    names = [str(i) for i in range(len(images))]

    def get(i: int) -> Any:
        return _item(images[i], column, f"images[{i}]")

    numbers = {name: i for i, name in enumerate(names)}
    return Images(names, get, lambda i: f"images[{i}]", numbers)


def _of_mapping(images: Mapping[Any, Any], folder: str | None) -> Images:
    names = [check.text("images", name) for name in images]
    values = list(images.values())
    root = Path("." if folder is None else folder)

    def get(i: int) -> Any:
        value = values[i]
        is_path = isinstance(value, (str, os.PathLike))
        return root / check.path("images", value) if is_path else value

    numbers = {name: i for i, name in enumerate(names)}
    return Images(names, get, lambda i: f"images[{names[i]!r}]", numbers)


def _is_paths(images: Any) -> bool:
    """Whether it is a list of paths: such a list is read whole, other sequences are not."""
    is_list = isinstance(images, (list, tuple))
    return is_list and bool(images) and all(isinstance(i, (str, os.PathLike)) for i in images)


def _is_sequence(images: Any) -> bool:
    return hasattr(images, "__len__") and hasattr(images, "__getitem__")


def _image_column(images: Any, asked: str | None) -> str | None:
    """The column of a data set of Hugging Face that has the images; None if it has no columns."""
    features = getattr(images, "features", None)
    if asked is not None or not isinstance(features, Mapping):
        return asked
    found = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    if len(found) == 1:
        return str(found[0])
    raise InvalidValueError(
        f"images has the columns {', '.join(map(str, features))}, of which "
        f"{', '.join(found) or 'none'} have images; name one with `image_column`"
    )


def _item(item: Any, column: str | None, said: str) -> Any:
    """The image of an item: of `(image, label)` the first, of a row its column."""
    if isinstance(item, Mapping):
        name = "image" if column is None else column
        if name not in item:
            raise InvalidValueError(
                f"{said} has no `{name}`, only {', '.join(map(str, item))}; name the column of the "
                "image with `image_column`"
            )
        item = item[name]
        # An image that Hugging Face has not decoded.
        if isinstance(item, Mapping) and {"bytes", "path"} <= set(item):
            item = item["path"] if item["bytes"] is None else item["bytes"]
    elif isinstance(item, (tuple, list)) and item:
        item = item[0]
    return item


def picture(image: Any, said: str) -> NDArray[np.uint8]:
    """An image of Pillow, an array `[height, width, 3]` or a tensor of torch `[3, height, width]`
    as an array `[height, width, 3]` of `uint8`."""
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        if "uint8" not in str(image.dtype):
            raise InvalidTypeError(
                f"{said} is a tensor of {image.dtype}, expected uint8: a transform has changed the "
                "image; give the data set without its transform"
            )
        # [c, h, w] -> [h, w, c]
        image = image.permute(1, 2, 0).numpy() if image.ndim == 3 else image.numpy()
    if not hasattr(image, "convert") and not hasattr(image, "__array__"):
        raise InvalidTypeError(
            f"{said} is {check.shown(image)}, expected a path, a PIL image, an array (height, "
            "width, 3) of uint8, or the bytes of an image file"
        )
    return pixels(image, said)
