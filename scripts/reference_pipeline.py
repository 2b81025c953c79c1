"""Holds whole runs against a short independent pipeline: transformers, Pillow, NumPy.

    python scripts/reference_pipeline.py --alignscope target/release/alignscope \
        --things DIR --nights DIR --pairs DIR

Makes a small random CLIP checkpoint, runs `alignscope run` on each data set, computes the same
distances in Python, and counts the trials whose answer differs (or, for rated pairs, compares the
correlation). Needs torch, transformers, pillow, numpy, scipy, pyarrow, pandas.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy import stats
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel


def checkpoint(folder):
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(
        text_config={"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
                     "vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2},
        vision_config={"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 4, "num_attention_heads": 4,
                       "image_size": 224, "patch_size": 32}, projection_dim=48)).eval()
    model.save_pretrained(folder)
    processor = CLIPImageProcessorPil()
    processor.save_pretrained(folder)
    return model, processor


@torch.no_grad()
def stages(model, processor, paths):
    """[images, tokens, channels] of each stage, in float32 as the model gives them."""
    parts = []
    for start in range(0, len(paths), 64):
        images = [Image.open(p).convert("RGB") for p in paths[start:start + 64]]
        pixels = torch.from_numpy(np.stack(processor(images, return_tensors="np")["pixel_values"]))
        tower = model.vision_model(pixel_values=pixels, output_hidden_states=True)
        projection = model.visual_projection(tower.pooler_output)[:, None]
        parts.append([h.numpy() for h in tower.hidden_states] + [projection.numpy()])
    names = ["embedding"] + [f"block {i + 1}" for i in range(len(parts[0]) - 2)] + ["projection"]
    return {name: np.concatenate(p).astype(np.float64) for name, p in zip(names, zip(*parts))}


def distances(x, first, second, uses):
    a, b = x[first], x[second]
    msd = ((a - b) ** 2).mean(1)
    scale = np.average(msd, axis=0, weights=uses)
    dot = (a * b).sum((1, 2)) / np.sqrt((a * a).sum((1, 2)) * (b * b).sum((1, 2)))
    return {"euclidean": np.sqrt(msd.mean(1)), "normalized-euclidean": np.sqrt((msd / scale).mean(1)), "cosine": 1 - dot}


def answers(trials, lookup):
    """What a model answers on each trial: the nearer side, or the odd one."""
    d = lambda i, j: np.array([lookup[frozenset(p)] for p in zip(trials[i], trials[j])])
    if trials["odd"].notna().any():
        return np.argmin(np.stack([d("image_b", "image_c"), d("image_a", "image_c"), d("image_a", "image_b")]), axis=0)
    if trials["left_votes"].notna().any():
        return (d("image_a", "image_b") < d("image_a", "image_c")).astype(int)
    return -d("image_a", "image_b")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--alignscope", default="target/release/alignscope")
    for name in ["things", "nights", "pairs"]:
        parser.add_argument(f"--{name}", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        model, processor = checkpoint(tmp / "model")
        for dataset in ["things", "nights", "pairs"]:
            data = getattr(arguments, dataset)
            if data is None:
                continue
            out = tmp / dataset
            subprocess.run([arguments.alignscope, "run", "--model", tmp / "model", "--dataset", dataset, "--data", data,
                            "--skip-missing", "--no-pixels", "--quiet", "--out", out], check=True)
            table = pd.read_parquet(out / "distances.parquet")
            trials = pd.read_parquet(out / "trials.parquet")
            pairs = table.drop_duplicates(["image_a", "image_b"])[["image_a", "image_b", "uses"]]
            images = sorted(set(pairs.image_a) | set(pairs.image_b))
            index = {name: i for i, name in enumerate(images)}
            activations = stages(model, processor, [data / name for name in images])
            first, second = pairs.image_a.map(index).to_numpy(), pairs.image_b.map(index).to_numpy()
            worst, changed, total, largest = 0, 0, 0, 0
            for stage, x in activations.items():
                for kind, mine in distances(x, first, second, pairs.uses).items():
                    theirs = table[(table.stage == stage) & (table.distance == kind)]
                    assert list(theirs.image_a) == list(pairs.image_a)
                    largest = max(largest, np.max(np.abs(theirs.value.to_numpy() / mine - 1)))
                    lookup = [{frozenset(p): v for p, v in zip(zip(pairs.image_a, pairs.image_b), values)}
                              for values in (mine, theirs.value)]
                    one, other = (answers(trials, l) for l in lookup)
                    if dataset == "pairs":
                        rho = [stats.spearmanr(values, trials.score).statistic for values in (one, other)]
                        worst = max(worst, abs(rho[0] - rho[1]))
                    else:
                        changed += int((one != other).sum())
                        total += len(trials)
                        worst = max(worst, (one != other).mean())
            if dataset == "pairs":
                print(f"{dataset}: Spearman differs by at most {worst:.1e}; distances by at most {largest:.1e}")
            else:
                print(f"{dataset}: {changed} of {total} answers change ({len(trials)} trials × {len(activations) * 3} "
                      f"stages and distances); at most 1 in {1 / worst if worst else np.inf:.0f} at any stage; "
                      f"distances differ by at most {largest:.1e} relative")


if __name__ == "__main__":
    main()
