"""Time and memory of alignscope.score and alignscope.evaluate beside the same in NumPy, in one run.

    python scripts/compare_python.py --things DIR [--stages 14] [--images N]

Features of CLIP B/16's shapes (197 tokens × 768 channels; noise, the same in all ways) for the images of THINGS, its odd-one-out
trials, all three distances and the accuracy. Each way is a process of its own; the peak of memory is the process's, less what it
had before the way began. Needs the module alignscope and NumPy.

- `score`: features of one stage, in memory beforehand; NumPy in blocks of 64 pairs, in f64 as docs/numerics.md says
- `evaluate`: a function that gives the features of each batch for all stages; NumPy keeps those of one stage at a time, so that its
  function is called once for each stage, and once with all stages kept where memory allows (--keep)
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

TOKENS, CHANNELS, BATCH = 197, 768, 32


def noise():
    return np.random.default_rng(0).normal(size=TOKENS * CHANNELS + (1 << 16)).astype(np.float32)


def features_of(images, stage, base, out):
    """Features of some images at a stage: each a piece of the noise of its own, with its own strength."""
    for row, image in enumerate(images):
        start = (image * 7919 + stage * 104729) % (1 << 16)
        np.multiply(base[start : start + TOKENS * CHANNELS], 1 + (image % 13) / 50, out=out[row].reshape(-1))
    return out


def empty(images):
    return np.empty((images, TOKENS, CHANNELS), np.float32)


def numpy_distances(a, pairs, uses):
    """The three distances of all pairs, as plainly as memory allows."""
    msd = np.empty((len(pairs), CHANNELS))
    cosine = np.empty(len(pairs))
    norms = np.array([np.einsum("tc,tc->", x, x, dtype=np.float64) for x in a])
    for start in range(0, len(pairs), 64):
        part = slice(start, start + 64)
        first, second = a[pairs[part, 0]], a[pairs[part, 1]]
        difference = first - second
        msd[part] = np.einsum("ptc,ptc->pc", difference, difference, dtype=np.float64) / TOKENS
        dot = np.einsum("ptc,ptc->p", first, second, dtype=np.float64)
        cosine[part] = 1 - dot / np.sqrt(norms[pairs[part, 0]] * norms[pairs[part, 1]])
    scale = np.average(msd, axis=0, weights=uses)
    return {"euclidean": np.sqrt(msd.mean(1)), "normalized-euclidean": np.sqrt((msd / scale).mean(1)), "cosine": cosine}


def accuracies(dataset, distances):
    odd = dataset.trials["odd"]
    kept = np.array([2, 1, 0])[odd]  # the pair without the odd one, among 0–1, 0–2, 1–2
    found = {}
    for kind, values in distances.items():
        of_trials = values[dataset.pairs_of_trials]
        best = of_trials[np.arange(len(odd)), kept]
        found[kind] = float(np.mean((of_trials > best[:, None]).sum(1) == 2))
    return found


def way(name, things, stages, limit):
    """Does one way, and prints seconds, peak and scores as JSON."""
    import alignscope

    dataset = alignscope.load_dataset("things", things, skip_missing=True, limit=limit)
    images, base = len(dataset.images), noise()
    numbers = {f"stage {i}": i for i in range(stages)}
    features = None
    if name.startswith("score"):
        features = features_of(range(images), 0, base, empty(images))
    pairs, uses = dataset.pairs, dataset.pair_uses
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    if name == "score":
        found = alignscope.score(dataset, {"stage 0": features}, resamples=0)
        distances = {"stage 0": {kind: found.distances("stage 0", kind) for kind in found.kinds}}
    elif name == "score numpy":
        distances = {"stage 0": numpy_distances(features, pairs, uses)}
    elif name.startswith("evaluate numpy"):
        groups = [list(numbers)] if name.endswith("kept") else [[stage] for stage in numbers]
        distances = {}
        for group in groups:
            kept = {stage: empty(images) for stage in group}
            for start in range(0, images, BATCH):
                batch = range(start, min(start + BATCH, images))
                for stage in group:
                    features_of(batch, numbers[stage], base, kept[stage][start : start + BATCH])
            for stage in group:
                distances[stage] = numpy_distances(kept.pop(stage), pairs, uses)
    else:
        def encode(batch, wanted):
            at = [position(image) for image in batch]
            return [features_of(at, numbers[stage], base, empty(len(at))) for stage in wanted]

        marks = {}

        def position(image):
            """Which image it is, by its pixels."""
            return marks[image.tobytes()[:4096], image.shape]

        from PIL import Image

        for i, path in enumerate(dataset.files):
            pixels = np.asarray(Image.open(path).convert("RGB"))
            marks[pixels.tobytes()[:4096], pixels.shape] = i
        assert len(marks) == images, "images that begin alike"
        begun = time.perf_counter()
        budget = {"evaluate": None, "evaluate spilled": 3_000_000_000, "evaluate groups": 3_000_000_000}[name]
        found = alignscope.evaluate(dataset, encode, list(numbers), batch=BATCH, resamples=0, memory=budget,
                                    spill=name != "evaluate groups", progress=False)
        distances = {s: {kind: found.distances(s, kind) for kind in found.kinds} for s in found.stages}
        print(found.holding["text"], file=sys.stderr)
    scores = {stage: accuracies(dataset, d) for stage, d in distances.items()}
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    checks = {stage: {kind: float(values.sum()) for kind, values in d.items()} for stage, d in distances.items()}
    print(json.dumps({"way": name, "seconds": seconds, "peak_mb": peak * 1024 / 1e6, "images": images, "pairs": len(pairs),
                      "trials": len(dataset), "scores": scores, "sums": checks}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--things", required=True)
    parser.add_argument("--stages", type=int, default=14)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--keep", action="store_true", help="also NumPy with all stages kept")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        return way(arguments.way, arguments.things, arguments.stages, arguments.limit)
    ways = ["score", "score numpy", "evaluate", "evaluate spilled", "evaluate groups", "evaluate numpy"]
    ways += ["evaluate numpy kept"] if arguments.keep else []
    found = {}
    for name in ways:
        command = [sys.executable, __file__, "--things", arguments.things, "--stages", str(arguments.stages), "--way", name]
        command += ["--limit", str(arguments.limit)] if arguments.limit else []
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
        if done.returncode:
            print(f"{name}: failed\n{done.stderr[-2000:]}")
            continue
        result = found[name] = json.loads(done.stdout)
        if len(found) == 1:
            print("{trials} trials, {pairs} pairs, {images} images".format(**result))
        print(f"{name:22} {result['seconds']:8.1f} s {result['peak_mb']:9.0f} MB   {done.stderr.strip()}")
    for group in ("score", "evaluate"):
        same = [result for name, result in found.items() if name.startswith(group)]
        for result in same[1:]:
            worst = max(abs(result["sums"][s][k] / same[0]["sums"][s][k] - 1) for s in same[0]["sums"] for k in same[0]["sums"][s])
            answers = max(abs(result["scores"][s][k] - same[0]["scores"][s][k]) for s in same[0]["scores"] for k in same[0]["scores"][s])
            print(f"{result['way']}: sums of distances within {worst:.1e} of {same[0]['way']}'s, accuracies within {answers:.5f}")


if __name__ == "__main__":
    main()
