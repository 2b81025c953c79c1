"""Resize, crop the centre, rescale, normalise: how the configurations of the libraries prepare images."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from .._errors import InvalidValueError
from ._library import need

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The filters of Pillow, by the names of timm and open_clip, and by Pillow's numbers.
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Recipe:
    """How an image is brought to a model: each step only where it is there, as our own encoders have
    it, with the very numbers of Pillow.

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
        How the crop begins where the centre is between two pixels: as torchvision, or as transformers.
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

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The prepared image, `[3, height, width]`, of pixels `[height, width, 3]`."""
        if self.in_floats:
            return self._normalized(self._resized_floats(image))
        pixels = self._cropped(self._resized(image))
        return self._normalized(self._scaled(pixels))

    def _target(self, height: int, width: int) -> tuple[int, int]:
        """Height and width before the crop."""
        if self.exact is not None:
            return self.exact
        if self.shortest is None:
            return height, width
        other = int(self.shortest * max(height, width) / min(height, width))
        return (other, self.shortest) if width <= height else (self.shortest, other)

    def _resized(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import numpy as np

        pillow = need("PIL.Image", "preprocessing")
        height, width = self._target(*image.shape[:2])
        resized = pillow.fromarray(image).resize((width, height), FILTERS[self.filter])
        return np.asarray(resized)

    def _resized_floats(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        import numpy as np

        pillow = need("PIL.Image", "preprocessing")
        height, width = self._target(*image.shape[:2])
        scaled = image.astype(np.float32) * np.float32(self.rescale or 1.0)
        planes = [
            np.asarray(
                pillow.fromarray(np.ascontiguousarray(scaled[:, :, channel])).resize(
                    (width, height), FILTERS[self.filter]
                )
            )
            for channel in range(3)
        ]
        return np.stack(planes)

    def _cropped(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import numpy as np

        if self.crop is None:
            return pixels
        tops = [self._begin(pixels.shape[axis], self.crop[axis]) for axis in (0, 1)]
        out = np.zeros((*self.crop, 3), np.uint8)
        from_, to = [], []
        for axis, begin in enumerate(tops):
            start = max(begin, 0)
            stop = min(begin + self.crop[axis], pixels.shape[axis])
            from_.append(slice(start, stop))
            to.append(slice(start - begin, stop - begin))
        out[tuple(to)] = pixels[tuple(from_)]
        return out

    def _begin(self, side: int, crop: int) -> int:
        """Where the crop begins; negative where the image is smaller."""
        difference = side - crop
        if difference < 0:
            return -((1 - difference) // 2)
        # Python rounds halves to even.
        return difference // 2 if self.rounding == "floor" else round(difference / 2)

    def _scaled(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Rescaled in f64 and rounded once: 8-bit values have 256 results."""
        import numpy as np

        factor = 1.0 if self.rescale is None else self.rescale
        table = (np.arange(256) * factor).astype(np.float32)
        # [h, w, c] -> [c, h, w]
        scaled: NDArray[np.float32] = table[pixels].transpose(2, 0, 1)
        return scaled

    def _normalized(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        if self.mean is not None and self.std is not None:
            mean, std = (np.array(x, np.float32)[:, None, None] for x in (self.mean, self.std))
            values = (values - mean) / std
        return np.ascontiguousarray(values)


def triple(value: Any) -> tuple[float, float, float]:
    """Three numbers, or one for all three."""
    if not isinstance(value, Sequence):
        return (float(value),) * 3
    first, second, third = (float(x) for x in value)
    return first, second, third


def of_timm(config: Mapping[str, Any]) -> Recipe | None:
    """The recipe of timm's `resolve_model_data_config`, as its `create_transform` makes it; None
    where it asks for what is not done here (`border`, a filter that is not Pillow's)."""
    _, height, width = config["input_size"]
    part, mode = config.get("crop_pct") or 0.875, config.get("crop_mode") or "center"
    before = (math.floor(height / part), math.floor(width / part))
    name = config.get("interpolation") or "bicubic"
    if part > 1 or name not in FILTERS or (mode == "center" and height != width):
        return None
    if mode not in ("center", "squash"):
        return None
    return Recipe(
        shortest=before[0] if mode == "center" else None,
        exact=before if mode == "squash" else None,
        crop=(height, width),
        filter=name,
        mean=triple(config.get("mean") or _IMAGENET_MEAN),
        std=triple(config.get("std") or _IMAGENET_STD),
    )


def of_open_clip(config: Mapping[str, Any]) -> Recipe | None:
    """The recipe of open_clip's `PreprocessCfg`; None where it asks for what is not done here."""
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else (size[0], size[-1])
    # open_clip takes bicubic where training took either.
    name = {"random": "bicubic"}.get(config["interpolation"], config["interpolation"])
    mode = config["resize_mode"]
    if name not in ("bicubic", "bilinear") or config.get("mode", "RGB") != "RGB":
        return None
    if mode == "squash" or (mode == "shortest" and height == width):
        return Recipe(
            shortest=height if mode == "shortest" else None,
            exact=(height, width) if mode == "squash" else None,
            crop=(height, width) if mode == "shortest" else None,
            filter=name,
            mean=triple(config["mean"]),
            std=triple(config["std"]),
        )
    return None


def of_torchvision(preset: Any) -> Recipe | None:
    """The recipe of torchvision's `ImageClassification`; None for a transform of another kind."""
    if type(preset).__name__ != "ImageClassification":
        return None
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    return Recipe(
        shortest=int(resize),
        crop=(int(crop), int(crop)),
        filter=preset.interpolation.value,
        mean=triple(preset.mean),
        std=triple(preset.std),
    )


#: Image processors of transformers that only resize, crop, rescale and normalise.
_PROCESSORS = (
    "CLIP", "ChineseCLIP", "Bit", "Siglip", "ViT", "Beit", "DINOv3ViT", "ConvNext", "Blip", "DeiT",
    "MobileNetV1", "Pvt",
)  # fmt: skip
#: What each of them would do beside.
_MORE = (
    "do_pad", "do_flip_channel_order", "do_grayscale", "size_divisor", "rescale_offset", "offset",
    "include_top", "use_square_size", "keep_aspect_ratio", "do_thumbnail",
)  # fmt: skip


def of_processor(config: Mapping[str, Any]) -> Recipe | None:
    """The recipe of an image processor of transformers, from its `to_dict()`; None where it is of
    another class, or asks for what is not done here."""
    stem = str(config.get("image_processor_type", ""))
    for suffix in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        stem = stem.removesuffix(suffix)
    if stem not in _PROCESSORS or any(config.get(key) for key in _MORE):
        return None
    resize = _sides(config.get("size")) if config.get("do_resize") else {}
    crop = _sides(config.get("crop_size")) if config.get("do_center_crop") else {}
    names = {number: name for name, number in FILTERS.items()}
    more: dict[str, Any] = {"filter": names.get(int(config.get("resample") or 0))}
    if stem == "ConvNext":
        resize, crop = _by_part(resize, config.get("crop_pct") or 224 / 256)
    if resize is None or crop is None or more["filter"] is None:
        return None
    if "shortest_edge" in resize:
        more["shortest"] = resize["shortest_edge"]
    elif resize:
        more["exact"] = (resize["height"], resize["width"])
    if crop:
        more["crop"] = (crop["height"], crop["width"])
    if config.get("do_normalize"):
        more |= {"mean": triple(config["image_mean"]), "std": triple(config["image_std"])}
    if not (crop or "exact" in more):
        return None
    factor = config.get("rescale_factor") or 1 / 255
    return Recipe(
        rounding="floor",
        rescale=factor if config.get("do_rescale") else None,
        in_floats=stem == "DINOv3ViT",
        **more,
    )


def _sides(size: Any) -> dict[str, int] | None:
    """`{"shortest_edge"}` or `{"height", "width"}`; None for any other size."""
    if not isinstance(size, Mapping):
        size = getattr(size, "__dict__", {"shortest_edge": size} if size is not None else {})
    found = {str(key): int(value) for key, value in size.items() if value is not None}
    return found if set(found) in ({"shortest_edge"}, {"height", "width"}) else None


def _by_part(
    resize: dict[str, int] | None, part: float
) -> tuple[dict[str, int] | None, dict[str, int] | None]:
    """As ConvNext's processor: a small image is brought to more than its side and cut to it; from 384
    pixels on it is squeezed to a square."""
    side = (resize or {}).get("shortest_edge")
    if side is None:
        return None, None
    square = {"height": side, "width": side}
    if side >= 384:
        return square, {}
    return {"shortest_edge": math.floor(side / part)}, square
