"""Recipes give what the libraries' own transforms give."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope
from alignscope.torch import Recipe, _open_clip, _processor, _timm, _torchvision

torch = pytest.importorskip("torch")
pillow = pytest.importorskip("PIL.Image")

#: Landscape, portrait, square, and smaller than the crop.
SIZES = [(61, 47), (47, 61), (50, 50), (13, 90)]
MEAN, STD = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)


def photographs():
    """Smooth colours with some noise, [height, width, 3]."""
    rng = np.random.default_rng(0)
    for height, width in SIZES:
        coarse = pillow.fromarray(rng.integers(0, 256, (6, 7, 3)).astype(np.uint8))
        smooth = np.asarray(coarse.resize((width, height), 3)).astype(int)
        yield np.clip(smooth + rng.integers(-20, 20, smooth.shape), 0, 255).astype(np.uint8)


def compare(recipe, transform, within=1e-6):
    """The numbers of a recipe within 1e-6 of those of a transform of images of Pillow: a rounding
    of float32 after the division by a deviation of 0.26."""
    assert isinstance(recipe, Recipe)
    for image in photographs():
        found, expected = recipe.apply(image), np.asarray(transform(pillow.fromarray(image)))
        assert found.dtype == np.float32 and found.shape == expected.shape
        assert np.abs(found - expected).max() <= within


@pytest.mark.parametrize("name", ["bicubic", "bilinear", "lanczos", "nearest", "box", "hamming"])
@pytest.mark.parametrize(("mode", "part"), [("center", 0.9), ("center", 1.0), ("squash", 0.87)])
def test_timm(name, mode, part):
    timm = pytest.importorskip("timm")
    config = {
        "input_size": (3, 32, 32), "interpolation": name, "mean": MEAN, "std": STD, "crop_pct":
        part, "crop_mode": mode,
    }
    compare(_timm.recipe_of(config), timm.data.create_transform(**config))


@pytest.mark.parametrize(
    "change", [{"crop_mode": "border"}, {"crop_pct": 1.2}, {"input_size": (3, 32, 48)}]
)
def test_what_a_recipe_cannot_say_of_timm(change):
    config = {
        "input_size": (3, 32, 32), "interpolation": "bicubic", "mean": MEAN, "std": STD,
        "crop_pct": 0.9, "crop_mode": "center",
    }
    assert _timm.recipe_of(config) is not None
    assert _timm.recipe_of(config | change) is None


@pytest.mark.parametrize("name", ["bicubic", "bilinear", "random"])
@pytest.mark.parametrize("mode", ["shortest", "squash"])
def test_open_clip(name, mode):
    transform = pytest.importorskip("open_clip.transform")
    config = {
        "size": 32, "mode": "RGB", "mean": MEAN, "std": STD, "interpolation": name,
        "resize_mode": mode, "fill_color": 0,
    }
    recipe = _open_clip.recipe_of(config)
    compare(recipe, transform.image_transform_v2(transform.PreprocessCfg(**config), is_train=False))
    assert _open_clip.recipe_of(config | {"resize_mode": "longest"}) is None


def test_torchvision():
    torchvision = pytest.importorskip("torchvision")
    for name in ("AlexNet_Weights", "ConvNeXt_Tiny_Weights", "ViT_H_14_Weights"):
        for weights in getattr(torchvision.models, name):
            preset = weights.transforms()
            compare(_torchvision.recipe_of(preset), preset)
    assert _torchvision.recipe_of(lambda image: image) is None


PROCESSORS = [
    ("CLIP", {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}),
    ("ChineseCLIP", {"size": {"shortest_edge": 33}, "crop_size": {"height": 32, "width": 30}}),
    ("Siglip", {"size": {"height": 32, "width": 30}}),
    ("ViT", {"size": {"height": 32, "width": 32}}),
    ("ViT", {"size": {"height": 32, "width": 32}, "do_normalize": False}),
    ("Beit", {"size": {"height": 32, "width": 32}, "resample": 1}),
    ("DeiT", {"size": {"height": 36, "width": 36}, "crop_size": {"height": 32, "width": 32}}),
    ("Bit", {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}),
    ("ConvNext", {"size": {"shortest_edge": 40}}),
    ("ConvNext", {"size": {"shortest_edge": 384}}),
]


@pytest.mark.parametrize(("name", "options"), PROCESSORS)
def test_transformers(name, options):
    transformers = pytest.importorskip("transformers")
    processor = getattr(transformers, f"{name}ImageProcessorPil")(**options)
    recipe = _processor.recipe_of(processor.to_dict())
    compare(recipe, lambda image: processor(image, return_tensors="np")["pixel_values"][0])


def test_dinov3_resizes_in_floats():
    transformers = pytest.importorskip("transformers")
    processor = transformers.DINOv3ViTImageProcessor(size={"height": 32, "width": 32})
    recipe = _processor.recipe_of(processor.to_dict())
    assert recipe.in_floats
    # torch sums in f32, Pillow in f64.
    compare(recipe, lambda image: processor(image, return_tensors="np")["pixel_values"][0], 3e-6)


def test_what_a_recipe_cannot_say_of_transformers():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTImageProcessor().to_dict()
    assert _processor.recipe_of(config) is not None
    for change in (
        {"image_processor_type": "MobileViTImageProcessor"},
        {"do_pad": True},
        {"size": {"longest_edge": 224}},
        {"size": {"shortest_edge": 224}},
        {"resample": 9},
    ):
        assert _processor.recipe_of(config | change) is None, change


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shortest": 32}, "differ in size"),
        ({"exact": (8, 8), "shortest": 8}, "both given"),
        ({"exact": (8, 8), "filter": "cubic"}, "filter is 'cubic'"),
        ({"exact": (8, 8), "mean": MEAN}, "mean and std go together"),
    ],
)
def test_wrong_recipes(options, message):
    with pytest.raises(alignscope.InvalidValueError, match=message):
        Recipe(**options)
