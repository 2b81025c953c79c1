"""alignscope and transformers in turn on the same checkpoint and images, and the ratio of their speeds.

    python scripts/compare_speed.py --alignscope target/release/alignscope --images DIR \
        [--models B/32 B/16 L/14 DINOv2-B/14 SigLIP-so400m/14 ResNet-50] [--precision f32] [--torch float32] [--rounds 5] [--openvino]

For each model: a random checkpoint of its size, saved by transformers. In each round both encode the same images
(transformers: batched, all hidden states kept, preprocessed beforehand; alignscope: every stage, with the differences of every
image and its neighbour at every stage), on the same number of threads. Images are cut to the model's size beforehand, and
alignscope reads them as BMP: its time is what the run's manifest says of the encoding, reading and normalising among it.
Decoding and scaling JPEGs, the same work for whoever does it, are compared by compare_pipeline.py. Reading the weights is left
out of both. Prints each round, and the ratio of the medians.
Needs torch, transformers, numpy, pillow; `--openvino` also openvino and onnx. Not part of the tests.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model, ResNetConfig, ResNetModel, SiglipVisionConfig, SiglipVisionModel

SIZES = {"B/32": (768, 12, 12, 32, 224), "B/16": (768, 12, 12, 16, 224), "L/14": (1024, 24, 16, 14, 224),
         "L/14-336": (1024, 24, 16, 14, 336)}
TEXT = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 8,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
SIZE = {"DINOv2-B/14": 224, "SigLIP-so400m/14": 224, "ResNet-50": 224} | {name: sizes[4] for name, sizes in SIZES.items()}


class Clip(torch.nn.Module):
    """All hidden states and the projection."""

    def __init__(self, name):
        super().__init__()
        width, layers, heads, patch, size = SIZES[name]
        vision = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
                  "num_attention_heads": heads, "patch_size": patch, "image_size": size}
        self.model = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=512))

    def forward(self, x):
        tower = self.model.vision_model(pixel_values=x, output_hidden_states=True)
        return (*tower.hidden_states, self.model.visual_projection(tower.pooler_output))


class Dino(torch.nn.Module):
    """All hidden states and the normed class token."""

    def __init__(self):
        super().__init__()
        self.model = Dinov2Model(Dinov2Config(image_size=518, patch_size=14))

    def forward(self, x):
        tower = self.model(pixel_values=x, output_hidden_states=True)
        return (*tower.hidden_states, tower.pooler_output)


class Siglip(torch.nn.Module):
    """All hidden states and what the pooling head makes of the last."""

    def __init__(self):
        super().__init__()
        self.model = SiglipVisionModel(SiglipVisionConfig(
            hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16, patch_size=14, image_size=224))

    def forward(self, x):
        tower = self.model(pixel_values=x, output_hidden_states=True)
        return (*tower.hidden_states, tower.pooler_output)


class Residual(torch.nn.Module):
    """The stem, every residual block and the pooled map."""

    def __init__(self):
        super().__init__()
        self.model = ResNetModel(ResNetConfig())

    def forward(self, x):
        maps = [self.model.embedder(x)]
        for stage in self.model.encoder.stages:
            for block in stage.layers:
                maps.append(block(maps[-1]))
        return (*maps, self.model.pooler(maps[-1]))


def checkpoint(name, folder):
    """The module of a random checkpoint of transformers, which lies in the folder."""
    torch.manual_seed(0)
    size = SIZE[name]
    module = {"DINOv2-B/14": Dino, "SigLIP-so400m/14": Siglip, "ResNet-50": Residual}.get(name, lambda: Clip(name))().eval()
    module.requires_grad_(False)
    module.model.save_pretrained(folder)
    processor = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": size}, "crop_size": size,
                 "image_mean": MEAN, "image_std": STD}
    if name.startswith("SigLIP"):
        processor |= {"image_processor_type": "SiglipImageProcessor", "size": {"height": size, "width": size}}
        del processor["crop_size"]
    (Path(folder) / "preprocessor_config.json").write_text(json.dumps(processor))
    return module


def cut(path, size):
    """Short side to `size`, the centre cut out."""
    image = Image.open(path).convert("RGB")
    scale = size / min(image.size)
    image = image.resize([max(size, round(side * scale)) for side in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def normalised(image):
    """Less CLIP's mean, divided by its deviation: `[3, size, size]`."""
    pixels = np.asarray(image, dtype=np.float32) / 255
    return ((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)


def transformers_speed(model, pixels, batch, dtype):
    """Images per second: every stage, kept as f32."""
    start = time.perf_counter()
    with torch.inference_mode():
        for some in pixels.split(batch):
            kept = [stage.float() for stage in model(some.to(dtype))]
    assert len(kept) > 2
    return len(pixels) / (time.perf_counter() - start)


def openvino_speed(model, pixels, batch, threads, bf16):
    """The same from a graph that transformers' model was exported to."""
    import openvino as ov

    graph = ov.convert_model(model.eval(), example_input=pixels[:batch], input=[list(pixels[:batch].shape)])
    hint = ov.Type.bf16 if bf16 else ov.Type.f32
    compiled = ov.compile_model(graph, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint})
    batches = [some.numpy() for some in pixels.split(batch)]
    compiled(batches[0])

    def speed():
        start = time.perf_counter()
        for some in batches:
            compiled(some)
        return len(pixels) / (time.perf_counter() - start)
    return speed


def alignscope_speed(program, folder, data, precision, threads):
    """Images per second, as the run says of the encoding."""
    with tempfile.TemporaryDirectory() as out:
        command = [program, "run", "--model", folder, "--dataset", "pairs", "--data", data, "--no-pixels", "--no-cache",
                   "--precision", precision, "--threads", str(threads), "--out", Path(out) / "run", "--quiet"]
        subprocess.run([str(c) for c in command], check=True)
        manifest = json.loads((Path(out) / "run" / "manifest.json").read_text())
        encoding = manifest["times"]["work"][0]
        return encoding["images"] / encoding["wall_s"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--alignscope", type=Path, required=True)
    arguments.add_argument("--images", type=Path, required=True)
    arguments.add_argument("--models", nargs="+", default=["B/32", "B/16", "L/14"], choices=list(SIZE))
    arguments.add_argument("--precision", default="f32")
    arguments.add_argument("--torch", default="float32", choices=["float32", "bfloat16"])
    arguments.add_argument("--count", type=int, default=64)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--openvino", action="store_true")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    dtype = getattr(torch, arguments.torch)
    paths = sorted(p for p in arguments.images.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".bmp"})
    paths = [p.resolve() for p in paths[:arguments.count]]
    if len(paths) < 2:
        sys.exit(f"{arguments.images} holds {len(paths)} images, expected at least 2")
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            model = checkpoint(name, folder)
            data = Path(folder) / "data"
            data.mkdir()
            images = [cut(path, SIZE[name]) for path in paths]
            names = [f"{i}.bmp" for i in range(len(images))]
            for image, file in zip(images, names):
                image.save(data / file)
            rows = [f"{a},{b},{i}" for i, (a, b) in enumerate(zip(names, names[1:] + names[:1]))]
            (data / "pairs.csv").write_text("\n".join(["reference,distorted,score", *rows]) + "\n")
            pixels = torch.from_numpy(np.stack([normalised(image) for image in images]))
            model = model.to(dtype)
            transformers_speed(model, pixels[:arguments.batch], arguments.batch, dtype)
            rival = (openvino_speed(model.float(), pixels, arguments.batch, arguments.threads, dtype == torch.bfloat16)
                     if arguments.openvino else None)
            model = model.to(dtype)
            found = {"transformers": [], "alignscope": []} | ({"openvino": []} if rival else {})
            for _ in range(arguments.rounds):
                found["transformers"].append(transformers_speed(model, pixels, arguments.batch, dtype))
                found["alignscope"].append(alignscope_speed(arguments.alignscope, folder, data, arguments.precision,
                                                            arguments.threads))
                if rival:
                    found["openvino"].append(rival())
            medians = {who: statistics.median(speeds) for who, speeds in found.items()}
            for who, speeds in found.items():
                print(f"{name} {who:13} " + " ".join(f"{s:6.2f}" for s in speeds) + f"   median {medians[who]:.2f} images/s", flush=True)
            ratios = {who: medians["alignscope"] / speed for who, speed in medians.items() if who != "alignscope"}
            print(f"{name} alignscope {arguments.precision} : " + ", ".join(
                f"{who} {arguments.torch} = {ratio:.2f}" for who, ratio in ratios.items()), flush=True)


if __name__ == "__main__":
    main()
