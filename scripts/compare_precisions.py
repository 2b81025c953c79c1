"""How far the reduced precisions are from f32, for each family, with and without an outlier channel, and what `auto` may be.

    python scripts/compare_precisions.py --alignscope target/release/alignscope --things DIR --materials DIR --mammals DIR \
        [--precisions bf16x6 bf16x3 bf16] [--models ...] [--checkpoints PATH[@LIKE]...] [--truth]

Each family at full size with random weights of its library, once as they are and once with one channel of the residual stream
60 times the others from the embedding on, as trained CLIPs have it; and checkpoints that are given, as they are. Prints for each
precision and data set the largest, the 99.9th percentile and the median of the relative differences of distances, all stages
and kinds together; how many answers of different trials change at the stage and kind of distance where most do; and the
criterion of `--precision auto`: how many of all answers, of all trials at all stages and kinds, change (at most 1 in 10,000
may), and by how much of the half-width of its 95 % interval the score moves that moves most (at most 0.01). With `--truth` also
how far f32, each precision and PyTorch's f32 are from the same model in f64, for the families of transformers on materials.
Needs torch, transformers, open_clip, timm, pyarrow, pillow, numpy. Not part of the tests.
"""

import argparse
import csv
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from compare_full_size import MODELS
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, CLIPModel

OUTLIER = 5


def planted(folder):
    """Makes one channel of what enters the blocks 60 times as large."""
    safe, pickled = folder / "model.safetensors", folder / "open_clip_pytorch_model.bin"
    if safe.exists():
        from safetensors.torch import load_file, save_file
        tensors = load_file(safe)
    else:
        tensors = torch.load(pickled)
    names = {name for name in tensors if name.endswith(("pre_layrnorm.weight", "pre_layrnorm.bias"))
             and (name.startswith("vision_model") or tensors[name].numel() > 8)}
    if names:
        for name in names:
            tensors[name][OUTLIER] = tensors[name][OUTLIER] * 60 + (60 if name.endswith("bias") else 0)
    else:
        # No norm before the blocks: what the embedding adds, by patch and by position.
        for name in tensors:
            if "patch_embed" in name and ("vision" in name or "visual" in name):
                tensors[name][OUTLIER] *= 60
            if name in {"vision_model.embeddings.position_embedding.weight", "visual.trunk.pos_embed"}:
                tensors[name][..., OUTLIER] = tensors[name][..., OUTLIER] * 60 + 20
    if safe.exists():
        save_file(tensors, safe, metadata={"format": "pt"})
    else:
        torch.save(tensors, pickled)


def answers(out):
    """Distances, which pair is the nearest in each different trial (both `[stages · kinds of distance, ...]`), and how often it is shown."""
    table = pq.read_table(out / "distances.parquet")
    a, b = (np.array(table[side].to_pylist()) for side in ["image_a", "image_b"])
    pairs = table.num_rows // len(set(zip(table["stage"].to_pylist(), table["distance"].to_pylist())))
    place = {frozenset(pair): i for i, pair in enumerate(zip(a[:pairs], b[:pairs]))}
    values = table["value"].to_numpy().reshape(-1, pairs)
    trials = pq.read_table(out / "trials.parquet")
    shown = Counter(zip(*(trials[f"image_{side}"].to_pylist() for side in "abc")))
    images, times = list(shown), np.array(list(shown.values()))
    if trials["image_c"][0].as_py() is None:
        return values, None, None
    odd = trials["odd"][0].as_py() is not None
    compared = [[(0, 1), (0, 2), (1, 2)] if odd else [(0, 1), (0, 2)]] * len(images)
    index = np.array([[place[frozenset((trial[i], trial[j]))] for i, j in pairs] for trial, pairs in zip(images, compared)])
    return values, values[:, index].argmin(-1), times


def scores(out):
    """Of each row: what it is of, and the score and the half-width of its interval, where it has both."""
    found = {}
    for row in csv.DictReader((out / "scores.csv").open()):
        if row["value"] and row["ci_low"] and row["ci_high"]:
            what = tuple(row[column] for column in ["stage", "distance", "measure", "subset"])
            found[what] = float(row["value"]), (float(row["ci_high"]) - float(row["ci_low"])) / 2
    return found


def distances(folder, table, source, dtype):
    """All distances of a run's table by transformers in `dtype`, differences in f64: `[stages · kinds of distance, pairs]`."""
    model = AutoModel.from_pretrained(folder, dtype=dtype).eval()
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    stages = list(dict.fromkeys(table["stage"].to_pylist()))
    first = table.slice(0, table.num_rows // (3 * len(stages)))
    a, b = (first[f"image_{side}"].to_pylist() for side in "ab")
    names = sorted({*a, *b})
    a, b = ([names.index(name) for name in side] for side in (a, b))
    uses = first["uses"].to_numpy()[:, None]
    held = []
    for start in range(0, len(names), 10):
        images = [Image.open(source / name).convert("RGB") for name in names[start:start + 10]]
        pixels = torch.from_numpy(np.stack(processor(images, return_tensors="np")["pixel_values"])).to(dtype)
        tower = model.vision_model(pixel_values=pixels, output_hidden_states=True)
        pooled = tower.last_hidden_state[:, 0] if tower.pooler_output is None else tower.pooler_output
        embeds = model.visual_projection(pooled) if hasattr(model, "visual_projection") else pooled
        if not isinstance(model, CLIPModel):
            embeds = embeds / embeds.norm(dim=-1, keepdim=True)
        held.append([h.double().numpy() for h in (*tower.hidden_states, embeds[:, None])])
    found = []
    for stage in range(len(stages)):
        x = np.concatenate([some[stage] for some in held])
        msd = np.stack([((x[i] - x[j]) ** 2).mean(0) for i, j in zip(a, b)])
        scale = (msd * uses).sum(0) / uses.sum()
        unit = x.reshape(len(x), -1)
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        normalized = np.divide(msd, scale, out=np.zeros_like(msd), where=scale > 0)
        # 1 - cos without cancellation.
        cosine = [((unit[i] - unit[j]) ** 2).sum() / 2 for i, j in zip(a, b)]
        found += [np.sqrt(msd.mean(1)), np.sqrt(normalized.mean(1)), np.array(cosine)]
    return np.array(found)


def relative(found, truth):
    return np.abs(found - truth) / np.where(truth == 0, 1, truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alignscope", type=Path, required=True)
    parser.add_argument("--things", type=Path)
    parser.add_argument("--materials", type=Path)
    parser.add_argument("--mammals", type=Path)
    parser.add_argument("--precisions", nargs="+", default=["bf16x6", "bf16x3", "bf16"])
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--checkpoints", nargs="*", default=[], metavar="PATH[@LIKE]")
    parser.add_argument("--truth", action="store_true")
    arguments = parser.parse_args()
    if arguments.truth and not arguments.materials:
        parser.error("--truth needs --materials")
    data = {"things": arguments.things, "nights": arguments.materials, "pairs": arguments.mammals}
    data = {kind: folder for kind, folder in data.items() if folder}
    for folder in arguments.checkpoints:
        with tempfile.TemporaryDirectory() as tmp:
            path, _, like = folder.partition("@")
            compare(arguments, Path(path).name, Path(path), data, Path(tmp), ["--like", like] if like else [])
    for name in arguments.models:
        for outlier in [False, True]:
            with tempfile.TemporaryDirectory() as tmp:
                torch.manual_seed(0)
                folder = Path(tmp) / "model"
                with torch.no_grad():
                    MODELS[name](folder)
                if outlier:
                    planted(folder)
                compare(arguments, f"{name}{' with an outlier' if outlier else ''}", folder, data, Path(tmp))


def compare(arguments, name, folder, data, tmp, like=()):
    for kind, source in data.items():
        tables, scored = {}, {}
        for precision in ["f32", *arguments.precisions]:
            out = tmp / f"{kind}-{precision}"
            command = [arguments.alignscope, "run", "--quiet", "--model", folder, *like, "--dataset", kind, "--data", source,
                       "--skip-missing", "--no-pixels", "--no-cache", "--resamples", "1000", "--precision", precision,
                       "--out", out]
            subprocess.run([str(c) for c in command], check=True)
            tables[precision], scored[precision] = answers(out), scores(out)
        truth, right, times = tables["f32"]
        for precision in arguments.precisions:
            found, chosen, _ = tables[precision]
            off = relative(found, truth)
            print(f"{name}, {kind}, {precision}: "
                  f"worst {off.max():.1e} (a distance of {truth.flat[off.argmax()]:.1e}), 99.9 % {np.quantile(off, .999):.1e}, "
                  f"median {np.median(off):.1e}", end="; ")
            if right is not None:
                changed = chosen != right
                share = (changed * times).sum() / (times.sum() * len(right))
                print(f"at most {changed.sum(1).max()} of {right.shape[1]} different answers change at a stage, "
                      f"{share * 1e4:.2f} in 10,000 of all", end="; ")
            moved = {what: abs(scored[precision][what][0] - score) / half
                     for what, (score, half) in scored["f32"].items() if half > 0 and what in scored[precision]}
            if not moved:
                print("no score has an interval", flush=True)
                continue
            worst = max(moved, key=moved.get)
            print(f"scores move by at most {moved[worst]:.4f} of a half-width ({', '.join(worst[:3])}), "
                  f"{sum(share > 0 for share in moved.values())} of {len(moved)} at all", flush=True)
        if arguments.truth and kind == "nights" and (folder / "model.safetensors").exists():
            table = pq.read_table(tmp / f"{kind}-f32" / "distances.parquet")
            with torch.inference_mode():
                exact, torchs = (distances(folder, table, source, d) for d in [torch.float64, torch.float32])
            for who, found in {"PyTorch's f32": torchs, **{who: table[0] for who, table in tables.items()}}.items():
                off = relative(found, exact)
                print(f"{name}, {who} from f64: worst {off.max():.1e}, "
                      f"99.9 % {np.quantile(off, .999):.1e}, root mean square {np.sqrt((off ** 2).mean()):.1e}", flush=True)


if __name__ == "__main__":
    main()
