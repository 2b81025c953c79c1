"""The whole way on THINGS, from JPEG to scores: alignscope beside a straightforward Python pipeline, and the study's way.

    python scripts/compare_pipeline.py --alignscope target/release/alignscope --things DIR [--model B/16] [--rounds 1] \
        [--precision auto] [--study-pairs 40]

The Python pipeline is a process of its own: images in batches through transformers, all hidden states kept, then three
distances of all pairs that trials compare at every stage with NumPy, then the share of trials that people's choice wins.
alignscope makes the same scores with their intervals, tables, figures and page. The study's way encodes both images of a pair
anew, one at a time, for each pair of each trial; it is timed on some pairs and told for all. Prints times, peaks of memory, ratios, and the
largest difference of a score. Needs torch, transformers, numpy, pillow. Not part of the tests.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from compare_speed import SIZES, checkpoint, cut, normalised
from transformers import CLIPModel


def trials_of(things):
    """Images, and the positions of each trial's three among them, the odd one last; only trials whose images are there."""
    concepts = (things / "unique_id.txt").read_text().split()
    first = {c: min((things / "object_images" / c).glob("*"), default=None) for c in concepts}
    rows = [[int(i) for i in line.split()] for line in (things / "triplet_dataset" / "testset1.txt").read_text().splitlines()]
    rows = [row for row in rows if all(first[concepts[i]] for i in row)]
    used = sorted({i for row in rows for i in row})
    place = {concept: i for i, concept in enumerate(used)}
    return [first[concepts[i]] for i in used], np.array([[place[i] for i in row] for row in rows])


def names(stages):
    return ["embedding"] + [f"block {i}" for i in range(1, stages - 1)] + ["projection"]


@torch.inference_mode()
def batched(folder, things, size, batch):
    """Scores by stage and distance, and the seconds that it took."""
    model = CLIPModel.from_pretrained(folder).eval()
    start = time.perf_counter()
    paths, trials = trials_of(things)
    parts = []
    for begin in range(0, len(paths), batch):
        pixels = torch.from_numpy(np.stack([normalised(cut(p, size)) for p in paths[begin:begin + batch]]))
        tower = model.vision_model(pixel_values=pixels, output_hidden_states=True)
        parts.append([h.numpy() for h in tower.hidden_states] + [model.visual_projection(tower.pooler_output)[:, None].numpy()])
    ways = np.stack([trials[:, [0, 1]], trials[:, [0, 2]], trials[:, [1, 2]]], axis=1)
    pairs, inverse, uses = np.unique(np.sort(ways.reshape(-1, 2), axis=1), axis=0, return_inverse=True, return_counts=True)
    scores = {}
    for position, stage in enumerate(names(len(parts[0]))):
        x = np.concatenate([part[position] for part in parts])
        msd, cosine = np.empty((len(pairs), x.shape[2])), np.empty(len(pairs))
        for i, (a, b) in enumerate(pairs):
            msd[i] = ((x[a] - x[b]) ** 2).mean(0)
            cosine[i] = 1 - np.vdot(x[a], x[b]) / (np.linalg.norm(x[a]) * np.linalg.norm(x[b]))
        scale = np.average(msd, axis=0, weights=uses)
        found = {"euclidean": np.sqrt(msd.mean(1)), "normalized-euclidean": np.sqrt((msd / scale).mean(1)), "cosine": cosine}
        for kind, distance in found.items():
            kept, *others = distance[inverse.reshape(-1, 3)].T
            scores[f"{stage}, {kind}"] = float(((kept < others[0]) & (kept < others[1])).mean())
    return scores, time.perf_counter() - start, len(trials), len(paths)


@torch.inference_mode()
def study(folder, things, size, count):
    """Seconds a pair when both images are encoded anew."""
    model = CLIPModel.from_pretrained(folder).eval()
    paths, trials = trials_of(things)
    start = time.perf_counter()
    for a, b in trials[:count, :2]:
        x, y = (model.vision_model(pixel_values=torch.from_numpy(normalised(cut(paths[i], size))[None]), output_hidden_states=True)
                for i in (a, b))
        for h, k in zip(x.hidden_states, y.hidden_states):
            ((h - k) ** 2).mean().sqrt().item()
    return (time.perf_counter() - start) / count


def child(mode, folder, things, size, number, threads):
    torch.set_num_threads(threads)
    if mode == "study":
        print(json.dumps({"pair_s": study(folder, Path(things), size, number)}))
        return
    scores, wall, trials, images = batched(folder, Path(things), size, number)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"scores": scores, "wall_s": wall, "trials": trials, "images": images, "peak": peak}))


def in_a_process(*arguments):
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def alignscope(program, folder, things, precision, threads):
    with tempfile.TemporaryDirectory() as out:
        command = [program, "run", "--model", folder, "--dataset", "things", "--data", things, "--skip-missing", "--no-pixels", "--no-cache",
                   "--precision", precision, "--threads", threads, "--out", Path(out) / "run", "--quiet"]
        start = time.perf_counter()
        with subprocess.Popen([str(c) for c in command]) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
        if status:
            sys.exit("alignscope failed")
        with open(Path(out) / "run" / "scores.csv", newline="") as file:
            scores = {f"{row['stage']}, {row['distance']}": float(row["value"]) for row in csv.DictReader(file)
                      if row["subset"] == "all" and row["measure"] == "accuracy"}
        return scores, time.perf_counter() - start, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alignscope", type=Path)
    parser.add_argument("--things", type=Path)
    parser.add_argument("--model", default="B/16", choices=list(SIZES))
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--study-pairs", type=int, default=40)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(*json.loads(arguments.child))
    if not (arguments.alignscope and arguments.things):
        parser.error("--alignscope and --things are needed")
    size, things = SIZES[arguments.model][4], str(arguments.things.resolve())
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(arguments.model, folder)
        theirs, ours = [], []
        for _ in range(arguments.rounds):
            python = in_a_process("batched", folder, things, size, arguments.batch, arguments.threads)
            scores, wall, peak = alignscope(arguments.alignscope.resolve(), folder, things, arguments.precision, arguments.threads)
            theirs.append(python["wall_s"])
            ours.append(wall)
            worst = max(abs(scores[key] - value) for key, value in python["scores"].items())
            print(f"Python pipeline {python['wall_s']:.0f} s, {python['peak'] / 1e6:.0f} MB; alignscope {wall:.0f} s, "
                  f"{peak / 1e6:.0f} MB; {len(scores)} scores, differing by at most {worst:.5f} "
                  f"({python['trials']} trials, {python['images']} images)", flush=True)
        ratio = statistics.median(theirs) / statistics.median(ours)
        print(f"{arguments.model}, THINGS, {arguments.precision}: {ratio:.2f} times as fast", flush=True)
        if arguments.study_pairs:
            pair = in_a_process("study", folder, things, size, arguments.study_pairs, arguments.threads)["pair_s"]
            whole = 3 * python["trials"] * pair
            print(f"the study's way: {pair:.2f} s a pair ({arguments.study_pairs} pairs), so {whole / 3600:.1f} h for three pairs of each "
                  f"trial: alignscope is {whole / statistics.median(ours):.0f} times as fast")


if __name__ == "__main__":
    main()
