"""What the axes of a stage's tensor are, and one form for all of them.

The form is `[images, channels]`, `[images, tokens, channels]` or `[images, height, width,
channels]`: each token's channels lie together, as pairs are reduced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .. import _arguments as check
from .._errors import InvalidValueError
from ._tap import Tap

#: Numbers of images that a model is tried with: the axis that follows them is that of images.
PROBES = (2, 3)

#: The order in which the axes of a layout, that of images aside, become the form.
_ORDERS = {
    "NC": (0,),
    "NLC": (0, 1),
    "LNC": (0, 1),
    "NCL": (1, 0),
    "NCHW": (1, 2, 0),
    "NHWC": (0, 1, 2),
}


@dataclass(frozen=True)
class Axes:
    """How a stage's tensor is read.

    Parameters
    ----------
    images : int
        Which axis is that of images.
    order : tuple of int
        The other axes in the order of the form, counted without that of images.
    shape : tuple of int
        Their sizes as they come, the same for every image.
    """

    images: int
    order: tuple[int, ...]
    shape: tuple[int, ...]

    def formed(self, tap: Tap, tensor: torch.Tensor, images: int) -> torch.Tensor:
        """A copy of the tensor in the form, on its device.

        Raises
        ------
        InvalidValueError
            It is not of so many images, or not of the shape of earlier images.
        """
        found = list(tensor.shape)
        expected = list(self.shape)
        expected.insert(self.images, images)
        if found != expected:
            raise InvalidValueError(
                f"{tap}: the shape for {images} images is {found}, expected {expected} as for the "
                "images before; every image must give the same shape, so bring all to one size"
            )
        first = tensor.movedim(self.images, 0)
        formed = first.permute(0, *(axis + 1 for axis in self.order))
        if formed.dim() == 1:
            formed = formed.unsqueeze(1)
        # A copy in any case: the next layer may work in place.
        return formed.clone(memory_format=torch.contiguous_format)


def axes_of(tap: Tap, shapes: Sequence[Sequence[int]], layout: str | None) -> Axes:
    """The axes of a stage from its shapes for `PROBES` images.

    Raises
    ------
    InvalidValueError
        No axis follows the number of images, or it is not known which of the others are channels.
    """
    images = _axis_of_images(tap, shapes)
    shape = list(shapes[0])
    of_image = tuple(shape[:images] + shape[images + 1 :])
    if len(of_image) > 3:
        raise InvalidValueError(
            f"{tap}: the shape for {PROBES[0]} images is {shape}, expected at most four axes"
        )
    name = layout or _layout(tap, of_image)
    if layout is not None and (layout == "LNC") != (images == 1):
        raise InvalidValueError(
            f"{tap}: the layout is {layout}, but axis {images} of {shape} is that of images, "
            f"expected {'a layout that begins with N' if images == 0 else 'LNC'}"
        )
    return Axes(images, _ORDERS[name] if of_image else (), of_image)


def _axis_of_images(tap: Tap, shapes: Sequence[Sequence[int]]) -> int:
    """The axis that follows the number of images."""
    few, more = (list(shape) for shape in shapes)
    told = f"{few} for {PROBES[0]} images and {more} for {PROBES[1]}"
    changed = [i for i, (a, b) in enumerate(zip(few, more)) if a != b]
    if len(few) != len(more) or len(changed) != 1:
        raise InvalidValueError(
            f"{tap}: no one axis is that of images (the shape is {told}), expected an output that "
            "holds each image for itself"
        )
    (axis,) = changed
    if (few[axis], more[axis]) != PROBES:
        raise InvalidValueError(
            f"{tap}: axis {axis} mixes images with windows, heads or tokens (the shape is {told}), "
            "expected an axis of images alone; take the module around it"
        )
    return axis


def _layout(tap: Tap, of_image: tuple[int, ...]) -> str:
    """The layout of a stage for which none is named."""
    if len(of_image) < 3:
        return ("NC", "NC", "NLC")[len(of_image)]
    first, middle, last = of_image
    # A square image gives a square map.
    if middle == last and first != middle:
        return "NCHW"
    if first == middle and middle != last:
        return "NHWC"
    raise InvalidValueError(
        f"{tap}: the axes of an image are {list(of_image)}, of which no two alone are a square "
        'map\'s height and width; say which they are: layout="NCHW" or "NHWC", also for one '
        f'stage, layout={{{tap.stage!r}: "NCHW"}}'
    )


@dataclass(frozen=True)
class Layouts:
    """The layouts that are named: for a stage, or for all stages of so many axes."""

    of_stages: Mapping[str, str]
    of_axes: Mapping[int, str]

    @classmethod
    def of(cls, given: Any, taps: Sequence[Tap]) -> Layouts:
        """The argument `layout`: a layout, a list of one for each number of axes, or a mapping of
        stages to layouts.

        Raises
        ------
        InvalidValueError
            A layout or a stage is not known, or two layouts have as many axes.
        """
        if isinstance(given, Mapping):
            stages = [tap.stage for tap in taps]
            for stage in given:
                if stage not in stages:
                    raise InvalidValueError(
                        f"layout is given for `{stage}`, expected one of `{'`, `'.join(stages)}`"
                    )
            return cls({s: _known(f"layout[{s!r}]", name) for s, name in given.items()}, {})
        found: dict[int, str] = {}
        for word in check.optional_words("layout", given, "a layout"):
            name = _known("layout", word)
            if len(name) in found:
                raise InvalidValueError(
                    f"layout names {found[len(name)]} and {name} for as many axes, expected one"
                )
            found[len(name)] = name
        return cls({}, found)

    def axes(self, tap: Tap, shapes: Sequence[Sequence[int]]) -> Axes:
        """The axes of a stage from its shapes for `PROBES` images."""
        name = self.of_stages.get(tap.stage)
        if name is not None and len(name) != len(shapes[0]):
            raise InvalidValueError(
                f"{tap}: the layout is {name}, but the shape for {PROBES[0]} images is "
                f"{list(shapes[0])}, expected {len(name)} axes"
            )
        return axes_of(tap, shapes, name or self.of_axes.get(len(shapes[0])))


def _known(what: str, name: object) -> str:
    """A layout of three or four axes."""
    found = check.text(what, name)
    known = [layout for layout in _ORDERS if len(layout) > 2]
    if found not in known:
        raise InvalidValueError(f"{what} is {found!r}, expected one of {', '.join(known)}")
    return found
