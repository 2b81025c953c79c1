"""Holds the adapters of alignscope.torch to our own encoders of the same checkpoints, on real data.

    python scripts/compare_torch.py --things DIR --materials DIR [--dinov2 DIR] [--models NAME ...]
        [--limit N] [--device cpu]

Each checkpoint goes through one run as two models: our own encoder, and the adapter of its library.
Of every stage and the three distances of the study it prints, as a table in Markdown,

- the largest difference of a pair's distance, as a part of the mean distance of that stage,
- the same as a part of that very distance (of a cosine below 0.02 as a part of 0.02: of nearly equal
  vectors 1 − cos has lost its first digits), and
- how many answers differ: the nearer image, or the odd one out, of every trial.

`trained DINOv2` is the folder --dinov2, as transformers stores it, and the same weights as timm
stores them. The others are of random weights, at full size, drawn and saved here. Needs torch,
transformers, timm, open_clip and safetensors. --limit takes the first trials of each data set.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import open_clip
import timm
import torch
import transformers as tf
from safetensors.torch import load_file

import alignscope
from alignscope.torch import from_open_clip, from_timm, from_transformers

TEXT = {
    "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
    "vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
#: Of cosines: below this the part is of this.
LEAST_COSINE = 0.02


def saved(folder, model, processor):
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, from_transformers(folder, name="torch", device=DEVICE)


def of_timm(folder, model):
    timm.models.save_for_hf(model.eval(), folder)
    return folder, from_timm(f"local-dir:{folder}", name="torch", device=DEVICE)


def dinov2_transformers(folder):
    return GIVEN.dinov2, from_transformers(GIVEN.dinov2, name="torch", device=DEVICE)


def dinov2_timm(folder):
    """The trained weights under timm's names, with positions for 224 pixels."""
    given = load_file(GIVEN.dinov2 / "model.safetensors")
    model = timm.create_model("vit_small_patch14_dinov2", img_size=224, pretrained=False)
    model.load_state_dict(timm_names(given, model))
    model.pretrained_cfg = dict(model.pretrained_cfg) | {
        "input_size": (3, 224, 224), "crop_pct": 224 / 256, "tag": "trained",
    }  # fmt: skip
    return of_timm(folder, model)


def timm_names(given, model):
    state = {
        "cls_token": given["embeddings.cls_token"],
        "pos_embed": positions(given["embeddings.position_embeddings"], model),
        "norm.weight": given["layernorm.weight"],
        "norm.bias": given["layernorm.bias"],
    }
    for kind in ("weight", "bias"):
        patches = given[f"embeddings.patch_embeddings.projection.{kind}"]
        state[f"patch_embed.proj.{kind}"] = patches
    for i in range(len(model.blocks)):
        state |= block_names(given, f"encoder.layer.{i}", f"blocks.{i}")
    return state


def block_names(given, old, new):
    state = {
        f"{new}.ls{k}.gamma": given[f"{old}.layer_scale{k}.lambda1"] for k in (1, 2)
    }
    for kind in ("weight", "bias"):
        parts = [given[f"{old}.attention.attention.{p}.{kind}"] for p in ("query", "key", "value")]
        state[f"{new}.attn.qkv.{kind}"] = torch.cat(parts)
        for theirs, ours in (
            ("attention.output.dense", "attn.proj"), ("norm1", "norm1"), ("norm2", "norm2"),
            ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
        ):  # fmt: skip
            state[f"{new}.{ours}.{kind}"] = given[f"{old}.{theirs}.{kind}"]
    return state


def positions(given, model):
    return timm.layers.resample_abs_pos_embed(
        given, list(model.patch_embed.grid_size), num_prefix_tokens=1
    )


def clip(folder):
    config = tf.CLIPConfig(
        text_config=TEXT, vision_config={"patch_size": 32, "image_size": 224}, projection_dim=512
    )
    return saved(folder, tf.CLIPModel(config), tf.CLIPImageProcessorPil())


def siglip(folder):
    vision = {"patch_size": 32, "image_size": 256}
    config = tf.SiglipConfig(text_config=TEXT | {"projection_size": 768}, vision_config=vision)
    size = {"height": 256, "width": 256}
    return saved(folder, tf.SiglipModel(config), tf.SiglipImageProcessorPil(size=size))


def chinese_clip(folder):
    text = {key: value for key, value in TEXT.items() if "token" not in key}
    config = tf.ChineseCLIPConfig(
        text_config=text, vision_config={"patch_size": 32}, projection_dim=512
    )
    processor = tf.ChineseCLIPImageProcessorPil(
        size={"height": 224, "width": 224}, do_center_crop=False
    )
    return saved(folder, tf.ChineseCLIPModel(config), processor)


def resnet_transformers(folder):
    return saved(folder, tf.ResNetModel(tf.ResNetConfig()), tf.ConvNextImageProcessorPil())


def resnet_timm(folder):
    return of_timm(folder, timm.create_model("resnet50", pretrained=False))


def open_clip_vit(folder):
    folder.mkdir()
    config = open_clip.get_model_config("ViT-B-32")
    config["text_cfg"] |= {"layers": 1, "width": 64, "heads": 1}
    vision = open_clip.model.CLIPVisionCfg(**config["vision_cfg"])
    text = open_clip.model.CLIPTextCfg(**config["text_cfg"])
    model = open_clip.model.CLIP(config["embed_dim"], vision, text).eval()
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    preprocess = {
        "size": 224, "mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest",
        "mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD,
        "fill_color": 0,
    }  # fmt: skip
    told = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(told))
    return folder, from_open_clip(f"local-dir:{folder}", name="torch", device=DEVICE)


CASES = {
    "DINOv2 S/14, trained, transformers": dinov2_transformers,
    "DINOv2 S/14, trained, timm": dinov2_timm,
    "CLIP B/32, transformers": clip,
    "SigLIP B/32-256, transformers": siglip,
    "Chinese-CLIP B/32, transformers": chinese_clip,
    "CLIP B/32, open_clip": open_clip_vit,
    "ResNet-50, transformers": resnet_transformers,
    "ResNet-50, timm": resnet_timm,
}


def answers(dataset, distances):
    """What a model answers on each trial: the nearer side, or the pair without the odd one."""
    return np.argmin(distances[dataset.pairs_of_trials], axis=1)


def compared(run, dataset):
    """The worst part of distances, answers that differ at the worst stage and in all, and how
    many curves were compared."""
    table = alignscope.results(run.path, "distances")
    stages = list(dict.fromkeys(table["stage"]))
    worst, most, changed, curves = np.zeros(2), 0, 0, 0
    for stage in stages:
        for kind in ("euclidean", "normalized-euclidean", "cosine"):
            keep = (table["dataset"] == dataset.name) & (table["stage"] == stage)
            keep &= table["distance"] == kind
            ours = table["value"][keep & (table["model"] == "ours")]
            theirs = table["value"][keep & (table["model"] == "torch")]
            assert len(ours) == len(theirs) == len(dataset.pairs), (stage, kind)
            least = LEAST_COSINE if kind == "cosine" else 1e-30
            off = np.abs(theirs - ours)
            parts = [np.max(off) / np.mean(ours), np.max(off / np.maximum(ours, least))]
            worst = np.maximum(worst, parts)
            differing = int(np.sum(answers(dataset, ours) != answers(dataset, theirs)))
            most, changed, curves = max(most, differing), changed + differing, curves + 1
    return worst, most, changed, curves


def row(name, case, datasets):
    with tempfile.TemporaryDirectory() as place:
        torch.manual_seed(0)
        folder, model = case(Path(place) / "checkpoint")
        begun = time.perf_counter()
        run = alignscope.run(
            [f"ours={folder}", model], datasets, f"{place}/run", resamples=0, cache=False,
            pixels=False, progress=False, precision="f32", memory=GIVEN.memory,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        for dataset in datasets:
            worst, most, changed, curves = compared(run, dataset)
            print(
                f"| {name} | {dataset.name} | {curves} | {len(dataset):,} | "
                f"{worst[0]:.1e} | {worst[1]:.1e} | {changed} of {curves * len(dataset):,} | {most} |",
                flush=True,
            )
    return seconds


def datasets():
    made = []
    for name, folder in (("things", GIVEN.things), ("nights", GIVEN.materials)):
        if folder:
            made.append(
                alignscope.load_dataset(name, folder, skip_missing=True, limit=GIVEN.limit)
            )
    if not made:
        raise SystemExit("expected --things or --materials")
    return made


def main():
    chosen = GIVEN.models or list(CASES)
    found = {
        name: case for name, case in CASES.items() if any(word in name for word in chosen)
    }
    print(
        "| checkpoint | data set | curves | trials | of the mean distance | of each distance | "
        "answers that differ | most on a curve |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name, case in found.items():
        if "trained" in name and GIVEN.dinov2 is None:
            print(f"{name}: left out, expected --dinov2")
            continue
        print(f"{name}: {row(name, case, datasets()):.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--things", type=Path)
    parser.add_argument("--materials", type=Path)
    parser.add_argument("--dinov2", type=Path)
    parser.add_argument("--models", nargs="*", help="parts of names; by default all")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--memory", default="4GB")
    GIVEN = parser.parse_args()
    DEVICE = GIVEN.device
    main()
