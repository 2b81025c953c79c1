"""Image processors of transformers as recipes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ._recipe import FILTERS, Recipe, triple

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


def recipe_of(config: Mapping[str, Any]) -> Recipe | None:
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
    more: dict[str, Any] = {"filter": names.get(config.get("resample", -1))}
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
    """As ConvNext's processor: a small image is brought to more than its side and cut to it; from
    384 pixels on it is squeezed to a square."""
    side = (resize or {}).get("shortest_edge")
    if side is None:
        return None, None
    square = {"height": side, "width": side}
    if side >= 384:
        return square, {}
    return {"shortest_edge": math.floor(side / part)}, square
