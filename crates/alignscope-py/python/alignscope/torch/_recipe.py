"""Resize, crop the centre, rescale, normalise: how libraries prepare images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from .._alignscope import prepared
from .._errors import InvalidValueError
from .._models import Steps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The filters of Pillow, by the names of timm and open_clip, and by Pillow's numbers.
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


@dataclass(frozen=True)
class Recipe:
    """How an image is brought to a model: each step only where it is there, as our own encoders
    have it, with the very numbers of Pillow.

    Parameters
    ----------
    shortest : int, optional
        The shorter side is brought to so many pixels, the other in proportion, rounded down.
    exact : (int, int), optional
        Height and width to which an image is brought, whatever its proportion.
    crop : (int, int), optional
        Height and width that are cut out of the centre; black is put around a smaller image.
    filter : str, default "bicubic"
        Of Pillow: `nearest`, `lanczos`, `bilinear`, `bicubic`, `box` or `hamming`.
    rounding : {"half-to-even", "floor"}
        How the crop begins where the centre is between two pixels: as torchvision, or as
        transformers.
    rescale : float, optional
        What 8-bit values are multiplied by; 1/255 by default.
    mean, std : (float, float, float), optional
        Subtracted from, and divided by, for red, green and blue.
    in_floats : bool, default False
        Whether values are rescaled before they are resized, without rounding, as DINOv3's processor
        does it.

    Examples
    --------
    >>> import numpy as np
    >>> from alignscope.torch import Recipe
    >>> recipe = Recipe(shortest=8, crop=(8, 8), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    >>> recipe.apply(np.full((20, 30, 3), 255, np.uint8)).shape
    (3, 8, 8)
    """

    shortest: int | None = None
    exact: tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    filter: str = "bicubic"
    rounding: Literal["half-to-even", "floor"] = "half-to-even"
    rescale: float | None = 1 / 255
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    in_floats: bool = False

    def __post_init__(self) -> None:
        if self.filter not in FILTERS:
            raise InvalidValueError(
                f"filter is {self.filter!r}, expected one of {', '.join(FILTERS)}"
            )
        if self.shortest is not None and self.exact is not None:
            raise InvalidValueError("shortest and exact are both given, expected one of them")
        if self.size is None:
            raise InvalidValueError(
                "images would differ in size after this recipe, expected `crop` or `exact`"
            )
        if (self.mean is None) != (self.std is None):
            raise InvalidValueError("mean and std go together, expected both or neither")

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of every prepared image."""
        return self.crop or self.exact

    @property
    def text(self) -> str:
        """The recipe as JSON, the same in every process."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def steps(self) -> Steps:
        """The recipe as the compiled part takes it."""
        return Steps(
            shortest=self.shortest,
            exact=self.exact,
            crop=self.crop,
            filter=FILTERS[self.filter],
            floor=self.rounding == "floor",
            rescale=self.rescale,
            mean=self.mean,
            std=self.std,
            in_floats=self.in_floats,
        )

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The prepared image, `[3, height, width]`, of pixels `[height, width, 3]`."""
        import numpy as np

        return prepared(self.steps, np.ascontiguousarray(image))


def triple(value: Any) -> tuple[float, float, float]:
    """Three numbers, or one for all three."""
    if not isinstance(value, Sequence):
        return (float(value),) * 3
    first, second, third = (float(x) for x in value)
    return first, second, third
