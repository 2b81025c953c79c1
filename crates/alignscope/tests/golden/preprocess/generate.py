"""Resized pixels as Pillow makes them, and whole recipes as transformers' Pil processors make them.

    python generate.py

`resized.csv`: source size, filter, target size and the SHA-256 of the pixels. The source image is a
formula (`pattern`), which the test repeats. `recipes.safetensors`: the preprocessed arrays;
`recipes/*.json`: the configurations, in both generations.
"""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
import transformers
from PIL import Image
from safetensors.numpy import save_file
from transformers import (ChineseCLIPImageProcessorPil, CLIPImageProcessorPil, SiglipImageProcessorPil,
                          ViTImageProcessorPil)

HERE = Path(__file__).parent


def pattern(width, height):
    """Ramps, checks and texture, with values over all of 0 to 255."""
    y, x, c = np.ogrid[0:height, 0:width, 0:3]
    return ((x * 5 + y * 3 + c * 40 + (x * y * (c + 1)) % 61 * 3 + (x // 7 + y // 5) % 2 * 90) % 256).astype(np.uint8)


SOURCES = [(1, 1), (2, 3), (17, 23), (64, 48), (48, 64), (101, 77), (300, 20), (20, 300), (500, 375), (299, 298)]
TARGETS = [(1, 1), (5, 7), (16, 16), (23, 17), (224, 224), (64, 49), (65, 48), (298, 299)]
rows = []
for source in SOURCES:
    image = Image.fromarray(pattern(*source))
    for target in TARGETS:
        for code in range(6):
            pixels = image.resize(target, Image.Resampling(code)).tobytes()
            rows.append([*source, code, *target, hashlib.sha256(pixels).hexdigest()])
with open(HERE / "resized.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["source_width", "source_height", "resample", "width", "height", "sha256"])
    writer.writerows(rows)

CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
RECIPES = {
    "clip_old": (CLIPImageProcessorPil, CLIP | {
        "feature_extractor_type": "CLIPFeatureExtractor", "do_resize": True, "size": 18, "do_center_crop": True,
        "crop_size": 18, "do_normalize": True, "resample": 3}),
    "clip_new": (CLIPImageProcessorPil, CLIP | {
        "image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": {"shortest_edge": 20},
        "do_center_crop": True, "crop_size": {"height": 15, "width": 17}, "do_normalize": True, "resample": 3,
        "do_rescale": True, "rescale_factor": 0.00392156862745098}),
    "clip_small_image": (CLIPImageProcessorPil, CLIP | {
        "image_processor_type": "CLIPImageProcessor", "do_resize": False, "size": {"shortest_edge": 20},
        "do_center_crop": True, "crop_size": {"height": 40, "width": 19}, "do_normalize": False, "resample": 3}),
    "chinese_clip": (ChineseCLIPImageProcessorPil, CLIP | {
        "feature_extractor_type": "ChineseCLIPFeatureExtractor", "do_resize": True,
        "size": {"height": 16, "width": 16}, "do_center_crop": False, "do_normalize": True, "resample": 3}),
    "siglip": (SiglipImageProcessorPil, {
        "image_processor_type": "SiglipImageProcessor", "do_resize": True, "size": {"height": 14, "width": 18},
        "do_rescale": True, "rescale_factor": 0.00392156862745098, "do_normalize": True, "resample": 3,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}),
    "vit_bilinear": (ViTImageProcessorPil, {
        "feature_extractor_type": "ViTFeatureExtractor", "do_resize": True, "size": 16, "do_normalize": True,
        "image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.6, 0.7], "resample": 2}),
}
(HERE / "recipes").mkdir(exist_ok=True)
expected = {}
for name, (processor, config) in RECIPES.items():
    text = json.dumps(config, indent=1) + "\n"
    (HERE / "recipes" / f"{name}.json").write_text(text)
    known = {k: v for k, v in config.items() if not k.endswith("_type")}
    made = processor(**known)
    for width, height in [(37, 29), (29, 38)]:
        image = Image.fromarray(pattern(width, height))
        array = made(image, return_tensors="np")["pixel_values"][0]
        expected[f"{name}/{width}x{height}"] = np.ascontiguousarray(array, dtype=np.float32)
save_file(expected, HERE / "recipes.safetensors")
(HERE / "recipes.safetensors").chmod(0o644)
(HERE / "versions.json").write_text(json.dumps({
    "pillow": PIL.__version__, "numpy": np.__version__, "transformers": transformers.__version__}, indent=1) + "\n")
