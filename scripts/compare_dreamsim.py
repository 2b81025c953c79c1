"""Holds DreamSim's models, at full size, against the package `dreamsim`.

    python scripts/compare_dreamsim.py --alignscope target/release/alignscope --images DIR --dinov2 FOLDER
        [--count 4] [--precision f32] [--models DIR]

Random weights in the published layout (below `--models`, else in a temporary folder of 4 GB), real photographs as they
are. Prints for each model the largest difference of a distance, and of a stage over the stage's largest magnitude. FOLDER is
a clone of github.com/facebookresearch/dinov2, whose network PyTorch's hub would fetch. Needs dreamsim, peft, torch, pillow,
numpy, pandas.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import dreamsim.model as package
import numpy as np
import pandas as pd
import peft
import torch
from dreamsim.config import dreamsim_args
from dreamsim.feature_extraction.vision_transformer import DINOHead, vit_base
from PIL import Image


def dinov2():
    from dinov2.hub.backbones import dinov2_vitb14
    return dinov2_vitb14(pretrained=False)


def drawn(model):
    """As training begins, but for what would be the same for all: positions and gains."""
    numbers = model.state_dict()
    for name in ["pos_embed", "cls_token"]:
        numbers[name] = 0.2 * torch.randn_like(numbers[name])
    for name, value in numbers.items():
        if "norm" in name or "pos_drop" in name or "gamma" in name:
            numbers[name] = value + 0.2 * torch.randn_like(value)
    return numbers


def clip(patch_size):
    model = vit_base(patch_size=patch_size)
    model.pos_drop = torch.nn.LayerNorm(768)
    return model


def backbones(folder):
    (folder / "checkpoints").mkdir(parents=True)
    torch.save(drawn(vit_base(patch_size=16)), folder / "checkpoints/dino_vitbase16_pretrain.pth")
    torch.save(drawn(dinov2()), folder / "checkpoints/dinov2_vitb14_pretrain.pth")
    for kind, patch_size in itertools.product(["clip", "open_clip"], [16, 32]):
        numbers = drawn(clip(patch_size)) | {"proj": 0.05 * torch.randn(768, 512)}
        torch.save({"state_dict": numbers}, folder / f"{kind}_vitb{patch_size}_pretrain.pth.tar")
    numbers = {f"module.visual.{name}": value for name, value in drawn(vit_base(patch_size=16)).items()}
    torch.save({"model": numbers}, folder / "synclr_vit_b_16.pth")
    head = {f"module.head.{name}": value for name, value in DINOHead(768, 2048).state_dict().items()}
    head["module.head.last_layer.weight"] = torch.zeros(2048, 256)
    torch.save({"student": head}, folder / "dino_vitb16_pretrain.pth")
    torch.save({}, folder / "dinov2_vitb14_pretrain.pth")


def adapter(folder, kind):
    model = package.PerceptualModel(**dreamsim_args["model_config"][kind], device="cpu", load_dir=str(folder))
    config = peft.LoraConfig(r=16, lora_alpha=0.5, lora_dropout=0.3, bias="none", target_modules=["qkv"])
    model = peft.get_peft_model(model, config)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data = 0.5 * torch.randn(value.shape)
    tag = kind if kind == "ensemble" or kind.endswith("_patch") else f"{kind}_single"
    model.save_pretrained(folder / f"{tag}_lora")


def from_hub(repository, name):
    model, file = {"dino_vitb16": (lambda: vit_base(patch_size=16), "dino_vitbase16_pretrain.pth"),
                   "dinov2_vitb14": (dinov2, "dinov2_vitb14_pretrain.pth")}[name]
    model = model()
    model.load_state_dict(torch.load(Path(torch.hub.get_dir()) / "checkpoints" / file, weights_only=True))
    return model


def of_package(folder, kind, images):
    model, preprocess = package.dreamsim(device="cpu", cache_dir=str(folder), dreamsim_type=kind.removesuffix("_patch"),
                                         use_patch_model=kind.endswith("_patch"))
    tensors = [preprocess(image) for image in images]
    pairs = itertools.combinations(tensors, 2)
    distances = np.array([float(model(a, b)) for a, b in pairs])
    stages = {}
    if kind != "ensemble":
        blocks, seen = model.base_model.model.extractor_list[0].model.blocks, []
        blocks[0].register_forward_pre_hook(lambda m, i: seen.append(i[0].numpy()))
        [block.register_forward_hook(lambda m, i, o: seen.append(o.numpy())) for block in blocks]
        for tensor in tensors:
            model.embed(tensor)
        names = ["embedding"] + [f"block-{i:02}" for i in range(1, 13)]
        stages = {name: np.concatenate(seen[i::13]) for i, name in enumerate(names)}
    return distances, stages


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--alignscope", default="target/release/alignscope")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--dinov2", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--models", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.dinov2))
    torch.hub.load = from_hub
    paths = sorted(p.resolve() for p in arguments.images.rglob("*") if p.suffix.lower() in {".jpg", ".png"})
    paths = paths[::max(1, len(paths) // arguments.count)][:arguments.count]
    images = [Image.open(path).convert("RGB") for path in paths]
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        folder = arguments.models or tmp / "models"
        torch.manual_seed(0)
        if not folder.exists():
            backbones(folder)
            [adapter(folder, kind) for kind in dreamsim_args["model_config"]]
        (tmp / "data").mkdir()
        for i, path in enumerate(paths):
            (tmp / "data" / f"{i}{path.suffix}").symlink_to(path)
        names = [f"{i}{path.suffix}" for i, path in enumerate(paths)]
        rows = [f"{a},{b},{i % 7}" for i, (a, b) in enumerate(itertools.combinations(names, 2))]
        (tmp / "data/pairs.csv").write_text("\n".join(["reference,distorted,score", *rows]) + "\n")
        print("| model | distances, off by at most | distances | worst stage |\n|---|---|---|---|")
        for kind in dreamsim_args["model_config"]:
            expected, stages = of_package(folder, kind, images)
            metric = "dreamsim" if kind == "ensemble" else "dreamsim-" + kind.replace("_", "-")
            out = tmp / kind
            subprocess.run([arguments.alignscope, "run", "--quiet", "--model", metric, "--weights", folder, "--no-cache", "--no-pixels",
                            "--dataset", "pairs", "--data", tmp / "data", "--allow-outside", "--precision", arguments.precision,
                            "--out", out], check=True)
            table = pd.read_parquet(out / "distances.parquet")
            found = {tuple(sorted([row["image_a"], row["image_b"]])): row["value"] for _, row in table.iterrows()}
            pairs = [tuple(sorted(pair)) for pair in itertools.combinations(names, 2)]
            off = max(abs(found[pair] - d) for pair, d in zip(pairs, expected))
            worst = ""
            if stages:
                subprocess.run([arguments.alignscope, "activations", "--quiet", "--precision", arguments.precision, "--model",
                                f"{folder}#{kind}", "--images", *paths, "--out", tmp / f"{kind}-stages"], check=True)
                of = lambda s, e: np.abs(np.load(tmp / f"{kind}-stages" / s / "features.npy") - e).max() / np.abs(e).max()
                worst = f"{max(of(stage, e) for stage, e in stages.items()):.1e}"
            print(f"| `{metric}` | {off:.1e} | {expected.min():.3f} to {expected.max():.3f} | {worst} |", flush=True)


if __name__ == "__main__":
    main()
