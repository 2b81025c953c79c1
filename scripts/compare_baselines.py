"""The baselines of alignscope against piq and lpips in PyTorch, on the pairs of a data set: values, and time per pair.

    python scripts/compare_baselines.py --dataset things --data DIR --weights DIR [--threads 2] [--pairs 500]

Runs `alignscope run` (must be on the path, or ALIGNSCOPE) on all pairs: its time has reading and decoding in it. Then
piq's SSIM and MS-SSIM and the package lpips on the first `--pairs` of them, pair by pair as users do, images decoded
beforehand, which is not in their time. Where a side is odd at a scale of MS-SSIM, piq drops a row. Needs torch, torchvision, piq, lpips,
pandas, pyarrow. LPIPS is run with the backbone files in --weights, whatever weights they hold.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import lpips
import numpy as np
import pandas as pd
import piq
import torch
from PIL import Image

BASELINES = ["ssim", "ssim-rgb", "ms-ssim", "psnr", "lpips-alex", "lpips-squeeze", "lpips-vgg"]
FILES = {"alex": "alexnet-owt-7be5be79.pth", "squeeze": "squeezenet1_1-b8a52dc0.pth", "vgg": "vgg16-397923af.pth"}


def lpips_of(net, weights):
    model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()
    trained = torch.load(Path(weights) / FILES[net], map_location="cpu", weights_only=True)
    own = model.state_dict()
    for key in own:
        if key.startswith("net.slice"):
            own[key].copy_(trained["features." + key.split(".", 2)[2]])
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--models", nargs="+", default=BASELINES)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    program = os.environ.get("ALIGNSCOPE", "alignscope")

    with tempfile.TemporaryDirectory() as out:
        command = [program, "run", "--model", *arguments.models, "--dataset", arguments.dataset, "--data", arguments.data,
                   "--weights", arguments.weights, "--threads", str(arguments.threads), "--skip-missing", "--out", out]
        subprocess.run(command, check=True, capture_output=True)
        manifest = json.loads((Path(out) / "manifest.json").read_text())
        seconds = {record["model"]: record["wall_s"] for record in manifest["times"]["work"]}
        distances = pd.read_parquet(Path(out) / "distances.parquet")

    files = {p.relative_to(arguments.data).as_posix(): p for p in Path(arguments.data).rglob("*") if p.is_file()}
    by_stem = {Path(name).name: p for name, p in files.items()} | {Path(name).stem: p for name, p in files.items()}
    concepts = Path(arguments.data) / "object_images"

    def image(name):
        path = files.get(name) or by_stem.get(name)
        if path is None:
            path = sorted((concepts / name).iterdir())[0]
        array = np.asarray(Image.open(path).convert("RGB"))
        return torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float()

    print(f"{'baseline':14} {'pairs':>7} {'ms a pair':>10} {'peer':>10} {'ratio':>7} {'worst':>9}")
    for name in arguments.models:
        rows = distances[distances.model == name]
        some = rows.head(arguments.pairs)
        images = {n: image(n) for n in set(some.image_a) | set(some.image_b)}
        if len({i.shape for i in images.values()}) > 1:
            raise SystemExit("images differ in size: the peer would need the same crop")
        luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        grey = lambda x: (x * luma).sum(1, keepdim=True)
        if name.startswith("lpips"):
            model = lpips_of(name.split("-")[1], arguments.weights)
            peer = lambda a, b: model(a / 255 * 2 - 1, b / 255 * 2 - 1).item()
        elif name == "ssim":
            peer = lambda a, b: 1 - piq.ssim(grey(a), grey(b), data_range=255.0, downsample=False).item()
        elif name == "ssim-rgb":
            peer = lambda a, b: 1 - piq.ssim(a, b, data_range=255.0, downsample=False).item()
        elif name == "psnr":
            peer = lambda a, b: (a - b).square().mean().sqrt().item()
        elif name == "ms-ssim":
            exponents = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
            peer = lambda a, b: 1 - piq.multi_scale_ssim(grey(a), grey(b), data_range=255.0,
                                                         scale_weights=exponents).item() ** exponents.sum().item()
        else:
            raise SystemExit(f"there is no peer for {name}")
        with torch.inference_mode():
            pairs = [(images[a], images[b]) for a, b in zip(some.image_a, some.image_b)]
            peer(*pairs[0])
            start = time.perf_counter()
            values = np.array([peer(a, b) for a, b in pairs])
            theirs = (time.perf_counter() - start) / len(pairs)
        ours = seconds[name] / len(rows)
        worst = np.abs(values - some.value.to_numpy()).max()
        print(f"{name:14} {len(rows):7} {1e3 * ours:10.3f} {1e3 * theirs:10.3f} {theirs / ours:7.1f} {worst:9.1e}")


if __name__ == "__main__":
    main()
