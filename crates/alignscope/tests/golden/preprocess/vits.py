"""Whole recipes of plain vision transformers: transformers' Pil processors, DINOv3's (which has no Pil form), and
timm's transform for evaluation, made from the `pretrained_cfg` of a timm folder.

    python vits.py

`recipes_vits/*.json`: a `preprocessor_config.json`, or the `config.json` of a timm folder. `recipes_vits.safetensors`:
`NAME/WIDTHxHEIGHT`, the arrays of the images of `generate.py`'s `pattern`. `versions_vits.json` says what made them.
"""

import json
from pathlib import Path

import numpy as np
import PIL
import timm
import torchvision
import transformers
from PIL import Image
from safetensors.numpy import save_file
from timm.data import create_transform, resolve_data_config
from transformers import (BeitImageProcessorPil, BitImageProcessorPil, DeiTImageProcessorPil, DINOv3ViTImageProcessor,
                          Siglip2ImageProcessorPil)

HERE = Path(__file__).parent
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
RESCALE = {"do_rescale": True, "rescale_factor": 0.00392156862745098, "do_normalize": True}


def pattern(width, height):
    """As in generate.py."""
    y, x, c = np.ogrid[0:height, 0:width, 0:3]
    return ((x * 5 + y * 3 + c * 40 + (x * y * (c + 1)) % 61 * 3 + (x // 7 + y // 5) % 2 * 90) % 256).astype(np.uint8)


# As on the hub, with other sizes.
PROCESSORS = {
    "dinov2": (BitImageProcessorPil, IMAGENET | RESCALE | {
        "image_processor_type": "BitImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": 18},
        "resample": 3, "do_center_crop": True, "crop_size": {"height": 16, "width": 16}}),
    "deit_old": (DeiTImageProcessorPil, IMAGENET | {
        "feature_extractor_type": "DeiTFeatureExtractor", "do_resize": True, "size": 19, "resample": 3, "do_center_crop": True,
        "crop_size": 16, "do_normalize": True}),
    "beit_old": (BeitImageProcessorPil, HALF | {
        "feature_extractor_type": "BeitFeatureExtractor", "do_resize": True, "size": 16, "resample": 2, "do_center_crop": False,
        "crop_size": 16, "do_normalize": True}),
    "dinov3": (DINOv3ViTImageProcessor, IMAGENET | RESCALE | {
        "image_processor_type": "DINOv3ViTImageProcessorFast", "do_resize": True, "size": {"height": 16, "width": 16}, "resample": 2,
        "data_format": "channels_first", "default_to_square": True, "device": None, "do_center_crop": None, "crop_size": None,
        "do_convert_rgb": None, "input_data_format": None, "return_tensors": None, "disable_grouping": None}),
    "dinov3_wider": (DINOv3ViTImageProcessor, IMAGENET | RESCALE | {
        "image_processor_type": "DINOv3ViTImageProcessorFast", "do_resize": True, "size": {"height": 32, "width": 32}, "resample": 2}),
}
# As google/siglip2-base-patch16-naflex, with other sizes; 17 patches at most are 4 × 4, and one of padding.
NAFLEX = {
    f"siglip2_{patches}": HALF | RESCALE | {
        "image_processor_type": "Siglip2ImageProcessor", "processor_class": "Siglip2Processor", "do_resize": True, "resample": 2,
        "patch_size": patch, "max_num_patches": patches}
    for patch, patches in [(4, 17), (2, 100)]}
TIMM = {
    "timm_augreg": {"input_size": [3, 16, 16], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center", "mean": [0.5] * 3, "std": [0.5] * 3},
    # 15 / 0.875 = 17.1…: an odd margin, rounded to even.
    "timm_odd": {"input_size": [3, 15, 15], "interpolation": "bilinear", "crop_pct": 0.875, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    "timm_whole": {"input_size": [3, 16, 16], "interpolation": "bicubic", "crop_pct": 1.0, "crop_mode": "center", "mean": [0.5, 0.4, 0.3], "std": [0.5, 0.6, 0.7]},
    "timm_squash": {"input_size": [3, 16, 16], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "squash", "mean": [0.5] * 3, "std": [0.5] * 3},
    "timm_border": {"input_size": [3, 16, 16], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "border", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    # Only what the model needs: bicubic, 0.875, ImageNet's mean.
    "timm_defaults": {"input_size": [3, 16, 16]},
    # Left aside unless asked for.
    "timm_test_size": {"input_size": [3, 16, 16], "test_input_size": [3, 20, 20], "crop_pct": 0.95, "test_crop_pct": 1.0, "interpolation": "bicubic",
                       "mean": [0.5] * 3, "std": [0.5] * 3},
}


def unpatched(made, patch):
    """The image that was cut into patches, `[3, height, width]`; padding is left out."""
    (rows, columns), = made["spatial_shapes"]
    patches = made["pixel_values"][0][made["pixel_attention_mask"][0] == 1]
    return patches.reshape(rows, columns, patch, patch, 3).transpose(4, 0, 2, 1, 3).reshape(3, rows * patch, columns * patch)


def main():
    (HERE / "recipes_vits").mkdir(exist_ok=True)
    expected = {}

    def write(name, config, made, sizes=((37, 29), (29, 38))):
        (HERE / "recipes_vits" / f"{name}.json").write_text(json.dumps(config, indent=1) + "\n")
        for width, height in sizes:
            array = np.asarray(made(Image.fromarray(pattern(width, height))))
            expected[f"{name}/{width}x{height}"] = np.ascontiguousarray(array, dtype=np.float32)

    for name, (processor, config) in PROCESSORS.items():
        known = {k: v for k, v in config.items() if not k.endswith("_type") and v is not None}
        made = processor(**known)
        write(name, config, lambda image: made(image, return_tensors="np")["pixel_values"][0])
    for name, config in NAFLEX.items():
        known = {k: v for k, v in config.items() if k not in ("image_processor_type", "processor_class")}
        processor = Siglip2ImageProcessorPil(**known)
        # Squares, and a size so near one that it comes to the same grid.
        write(name, config, lambda image: unpatched(processor(image, return_tensors="np"), config["patch_size"]),
              [(37, 37), (19, 19), (50, 48)])
    for name, pretrained in TIMM.items():
        data = resolve_data_config(pretrained_cfg=pretrained)
        config = {"architecture": "vit_tiny_patch16_224", "num_classes": 0, "num_features": 192, "pretrained_cfg": pretrained}
        write(name, config, create_transform(**data, is_training=False))
    save_file(expected, HERE / "recipes_vits.safetensors")
    (HERE / "recipes_vits.safetensors").chmod(0o644)
    (HERE / "versions_vits.json").write_text(json.dumps({
        "pillow": PIL.__version__, "numpy": np.__version__, "torchvision": torchvision.__version__, "transformers": transformers.__version__,
        "timm": timm.__version__}, indent=1) + "\n")


if __name__ == "__main__":
    main()
