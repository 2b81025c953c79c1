"""Golden files of DreamSim: its single models and its ensemble, small and at random, run by the package `dreamsim`.

    python generate.py --dinov2 FOLDER      # a clone of github.com/facebookresearch/dinov2

`models/` is what `dreamsim(cache_dir="models")` leaves: backbones, adapters, and in `checkpoints/` what PyTorch's hub
fetched. The package's own code reads it. What it would download is handed to it instead: DINO's network is the package's
own copy of it, DINOv2's is the clone's. Its networks are ViT-B of 12 blocks and 12 heads; here they are 24 channels wide.

| file | what it has |
|---|---|
| `images.json` | the images, in `../baseline` |
| `expected.safetensors` | `TYPE.embed`, `[images, channels]`, as the package compares it; `TYPE.raw`, the same with `normalize_embeds=False`; `TYPE.distances`, of all pairs; of some models `TYPE.stages.0` (what enters the first block), `.1` and `.12`, of the first image |
| `versions.json` | what made them |

Weights are numbers of f16, so that the files are small; the package widens them.
"""

import argparse
import functools
import itertools
import json
import shutil
import sys
from pathlib import Path

import dreamsim.feature_extraction.load_clip_as_dino as load_clip
import dreamsim.feature_extraction.load_open_clip_as_dino as load_open_clip
import dreamsim.feature_extraction.load_synclr_as_dino as load_synclr
import dreamsim.model as package
import peft
import torch
from dreamsim.config import dreamsim_args
from dreamsim.feature_extraction import extractor
from dreamsim.feature_extraction.vision_transformer import VisionTransformer
from PIL import Image
from safetensors.torch import save_file

HERE = Path(__file__).parent
MODELS = HERE / "models"
IMAGES = ["even_original.jpg", "even_blur.jpg", "odd_original.jpg", "odd_noise.jpg"]
CHANNELS, PROJECTION, RANK = 24, 10, 2
# Whose stages are kept, and not their embeddings alone.
WITH_STAGES = ["dino_vitb16", "dinov2_vitb14", "clip_vitb32", "open_clip_vitb32"]


def vit(patch_size=16):
    return VisionTransformer(patch_size=patch_size, embed_dim=CHANNELS, depth=12, num_heads=12, mlp_ratio=1,
                             qkv_bias=True, norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6))


def dinov2():
    from dinov2.models.vision_transformer import DinoVisionTransformer
    from dinov2.layers import MemEffAttention, NestedTensorBlock
    return DinoVisionTransformer(
        img_size=14 * 20, patch_size=14, embed_dim=CHANNELS, depth=12, num_heads=12, mlp_ratio=1, init_values=1.0,
        block_chunks=0, block_fn=functools.partial(NestedTensorBlock, attn_class=MemEffAttention))


def clip(patch_size):
    model = vit(patch_size)
    model.pos_drop = torch.nn.LayerNorm(CHANNELS)
    return model


def drawn(state_dict):
    """Random numbers such that each layer matters, attention is not flat, and 12 blocks do not blow rounding up."""
    numbers = {}
    for name, old in state_dict.items():
        spread = {"qkv.weight": 0.25, "pos_embed": 0.5, "cls_token": 0.5}.get(
            next((end for end in ["qkv.weight", "pos_embed", "cls_token"] if name.endswith(end)), ""), 0.2)
        if name.endswith("patch_embed.proj.weight"):
            spread = 3 / old[0].numel() ** 0.5
        is_gain = ("norm" in name or "pos_drop" in name or "ls" in name) and not name.endswith("bias")
        numbers[name] = (spread * torch.randn(old.shape) + (1 if is_gain else 0)).half()
    return numbers


def backbones():
    (MODELS / "checkpoints").mkdir(parents=True)
    torch.save(drawn(vit().state_dict()), MODELS / "checkpoints/dino_vitbase16_pretrain.pth")
    torch.save(drawn(dinov2().state_dict()), MODELS / "checkpoints/dinov2_vitb14_pretrain.pth")
    for kind in ["clip", "open_clip"]:
        for patch_size in [16, 32]:
            numbers = drawn(clip(patch_size).state_dict())
            # The package multiplies by it as it is.
            numbers["proj"] = (0.3 * torch.randn(CHANNELS, PROJECTION)).half().float()
            torch.save({"state_dict": numbers}, MODELS / f"{kind}_vitb{patch_size}_pretrain.pth.tar")
    numbers = {f"module.visual.{name}": value for name, value in drawn(vit().state_dict()).items()}
    torch.save({"model": numbers, "epoch": 3}, MODELS / "synclr_vit_b_16.pth")
    # These two the package asks for: it reads a head of the first that no model of DreamSim uses, and nothing of the second.
    head = {f"module.head.{name}": torch.zeros(1) for name in [
        *(f"mlp.{i}.{end}" for i in [0, 2, 4] for end in ["weight", "bias"]), "last_layer.weight"]}
    torch.save({"student": head}, MODELS / "dino_vitb16_pretrain.pth")
    torch.save({}, MODELS / "dinov2_vitb14_pretrain.pth")


def from_hub(repository, name):
    model, file = {"dino_vitb16": (vit, "dino_vitbase16_pretrain.pth"),
                   "dinov2_vitb14": (dinov2, "dinov2_vitb14_pretrain.pth")}[name]
    model = model()
    # As PyTorch's hub does: strictly, below the folder that the package sets.
    model.load_state_dict(torch.load(Path(torch.hub.get_dir()) / "checkpoints" / file, weights_only=True))
    return model


class Head(torch.nn.Module):
    """In the place of DINO's head, which no model of DreamSim uses."""

    def __init__(self, *_):
        super().__init__()
        self.mlp = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(5))
        self.last_layer = torch.nn.Linear(1, 1)


def adapter(kind):
    """The folder of an adapter as training saves it."""
    types = dreamsim_args["model_config"][kind]
    model = package.PerceptualModel(**types, device="cpu", load_dir=str(MODELS))
    config = peft.LoraConfig(r=RANK, lora_alpha=0.5, lora_dropout=0.3, bias="none", target_modules=["qkv"])
    model = peft.get_peft_model(model, config)
    for name, value in model.named_parameters():
        if "lora_" in name:
            value.data = (0.8 * torch.randn(value.shape)).half().float()
    tag = kind.removesuffix("_patch") + ("_patch" if kind.endswith("_patch") else "" if kind == "ensemble" else "_single")
    # Older versions of peft wrote pickles.
    model.save_pretrained(MODELS / f"{tag}_lora", safe_serialization=kind != "ensemble")
    (MODELS / f"{tag}_lora/README.md").unlink()


def compared(model, embed):
    """What the package's `forward` compares of an embedding."""
    if not model.is_patch:
        return embed
    tokens = embed.reshape(1, -1, embed.shape[-1])
    return torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], dim=-1)


def run(kind, images, expected):
    settings = {"device": "cpu", "cache_dir": str(MODELS), "dreamsim_type": kind.removesuffix("_patch"),
                "use_patch_model": kind.endswith("_patch")}
    model, preprocess = package.dreamsim(**settings)
    inner = model.base_model.model
    images = [preprocess(image) for image in images]
    stages = []
    if kind in WITH_STAGES:
        blocks = inner.extractor_list[0].model.blocks
        hooks = [blocks[0].register_forward_pre_hook(lambda m, i: stages.append(i[0]))]
        hooks += [block.register_forward_hook(lambda m, i, o: stages.append(o)) for block in blocks]
    expected[f"{kind}.embed"] = torch.cat([compared(inner, inner.embed(image)) for image in images])
    for i in [0, 1, 12] if stages else []:
        expected[f"{kind}.stages.{i}"] = stages[i].contiguous()
    [hook.remove() for hook in hooks] if stages else None
    inner.normalize_embeds = False
    expected[f"{kind}.raw"] = torch.cat([compared(inner, inner.embed(image)) for image in images])
    inner.normalize_embeds = True
    pairs = itertools.combinations(images, 2)
    expected[f"{kind}.distances"] = torch.cat([model(a, b).reshape(1) for a, b in pairs])
    inner.double()
    for extractor in inner.extractor_list:
        if torch.is_tensor(getattr(extractor, "proj", None)):
            extractor.proj = extractor.proj.double()
    pairs = itertools.combinations([image.double() for image in images], 2)
    exact = torch.cat([model(a, b).reshape(1) for a, b in pairs])
    off = (exact - expected[f"{kind}.distances"]).abs().max()
    print(kind, [f"{d:.4f}" for d in exact], f"in f32 {off:.0e} off")


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dinov2", type=Path, required=True)
    sys.path.insert(0, str(parser.parse_args().dinov2))
    for module in [load_clip, load_open_clip, load_synclr]:
        module.vit_base = vit
    torch.hub.load = from_hub
    extractor.DINOHead = Head
    torch.manual_seed(0)
    shutil.rmtree(MODELS, ignore_errors=True)
    backbones()
    kinds, expected = list(dreamsim_args["model_config"]), {}
    images = [Image.open(HERE.parent / "baseline" / name) for name in IMAGES]
    for kind in kinds:
        adapter(kind)
        run(kind, images, expected)
    for name in ["dino_vitb16_pretrain.pth", "dinov2_vitb14_pretrain.pth"]:
        (MODELS / name).unlink()
    save_file({k: v.contiguous() for k, v in expected.items()}, HERE / "expected.safetensors")
    (HERE / "images.json").write_text(json.dumps(IMAGES) + "\n")
    versions = {m: __import__("importlib.metadata").metadata.version(m) for m in ["dreamsim", "peft", "torch", "torchvision", "pillow"]}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
