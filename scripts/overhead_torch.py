"""What a run of a torch model takes beside its bare forward pass, and beside keeping all features.

    python scripts/overhead_torch.py --things DIR [--trials 120] [--rounds 3] [--thingsvision]
        [--models ViT-B/16 ResNet-50]

Every way is a process of its own, from the same JPEG files and random weights of timm, in turn:

- `bare`         the forward pass alone, of images that are prepared beforehand: the measure
- `alignscope`   a run from JPEG to scores of every stage and the study's three distances
- `kept`         Pillow, hooks, all activations kept, and then the same distances by NumPy
- `thingsvision` as `kept`, by thingsvision's extractor (--thingsvision; needs `pip install
                 thingsvision` with what it imports)

Prints the median of seconds and its range over the rounds, the same of the work of all cores (which
other work on the machine changes less), both over those of `bare`, and the peak of memory beyond
what the process had with the model loaded. Sums of distances of the ways are held to each other:
within 1e-4. Needs torch, timm, pillow and numpy.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

import alignscope

NAMES = {"ViT-B/16": "vit_base_patch16_224", "ResNet-50": "resnet50"}
BATCH = 32
KINDS = ("euclidean", "normalized-euclidean", "cosine")


def model_of(name):
    torch.manual_seed(0)
    return timm.create_model(NAMES[name], pretrained=False).eval()


def dataset_of(arguments):
    return alignscope.load_dataset(
        "things", arguments.things, skip_missing=True, limit=arguments.trials
    )


class Work:
    """Seconds of a piece of work, those of all cores, and the most memory of the process beyond
    what it has at the beginning, looked at a hundred times a second."""

    def __enter__(self):
        self.before = self.most = resident()
        self.begun, self.cpu_begun = time.perf_counter(), time.process_time()
        self.is_done = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self):
        while not self.is_done.wait(0.01):
            self.most = max(self.most, resident())

    def __exit__(self, *_):
        seconds = time.perf_counter() - self.begun
        cpu_seconds = time.process_time() - self.cpu_begun
        self.is_done.set()
        self.thread.join()
        megabytes = (self.most - self.before) / 1e6
        self.told = {"seconds": seconds, "cpu_seconds": cpu_seconds, "megabytes": megabytes}


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


class Images(torch.utils.data.Dataset):
    """The images of a data set, prepared by timm's own transform."""

    def __init__(self, files, model):
        self.files = files
        config = timm.data.resolve_model_data_config(model)
        self.transform = timm.data.create_transform(**config, is_training=False)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return self.transform(Image.open(self.files[i]).convert("RGB"))


def batches_of(dataset, model):
    return torch.utils.data.DataLoader(Images(dataset.files, model), BATCH)


def bare(dataset, model):
    """The forward passes alone."""
    batches = list(batches_of(dataset, model))
    adapted = alignscope.torch.from_timm(model)
    forward = adapted._runner._tower.forward
    with torch.no_grad():
        forward(model, batches[0][:2])
        with Work() as work:
            for batch in batches:
                forward(model, batch)
    return work.told, None


def ours(dataset, model):
    with tempfile.TemporaryDirectory() as place:
        with Work() as work:
            adapted = alignscope.torch.from_timm(model, name="model")
            run = alignscope.run(
                adapted, dataset, f"{place}/run", resamples=RESAMPLES, cache=False, progress=False,
                pixels=False,
            )  # fmt: skip
        table = alignscope.results(run.path, "distances")
        sums = {
            f"{stage} {kind}": float(
                table["value"][(table["stage"] == stage) & (table["distance"] == kind)].sum()
            )
            for stage in adapted.stages for kind in KINDS
        }
    return work.told, sums


def taps_of(model):
    return alignscope.torch._timm.taps(model, None)


def kept(dataset, model):
    """As one does it by hand."""
    found, hooks = {}, []
    parts = dict(model.named_modules())

    def keep(name, tensor):
        found.setdefault(name, []).append(tensor.clone().numpy())

    with Work() as work:
        for tap in taps_of(model):
            part, name = parts[tap.module], tap.stage
            if tap.side == "input":
                hook = part.register_forward_pre_hook(lambda m, i, n=name: keep(n, i[0]))
            else:
                hook = part.register_forward_hook(lambda m, i, o, n=name: keep(n, o))
            hooks.append(hook)
        with torch.no_grad():
            for batch in batches_of(dataset, model):
                out = model.forward_head(model.forward_features(batch), pre_logits=True)
                keep("output", out)
        sums = summed(dataset, {name: np.concatenate(parts) for name, parts in found.items()})
    return work.told, sums


def of_thingsvision(dataset, model):
    # What thingsvision imports and this does not use may be missing, or be too new for it.
    from unittest.mock import MagicMock

    if not hasattr(np, "AxisError"):
        np.AxisError = np.exceptions.AxisError
    keras = "tensorflow.keras"
    for name in ("tensorflow", keras, f"{keras}.applications", f"{keras}.layers"):
        sys.modules.setdefault(name, MagicMock())
    from thingsvision.core.extraction.torch import PyTorchExtractor

    # An extractor takes what modules give: what enters the first block is what is before it.
    names = {}
    for tap in taps_of(model):
        names["norm_pre" if tap.side == "input" else tap.module] = tap.stage
    last = "fc_norm" if hasattr(model, "fc_norm") else "global_pool"
    with Work() as work:
        extractor = PyTorchExtractor("model", False, "cpu", model=model)
        found = extractor.extract_features(
            batches_of(dataset, model), module_names=[*names, last], output_type="ndarray"
        )
        features = {names.get(module, "output"): array for module, array in found.items()}
        sums = summed(dataset, features)
    return work.told, sums


def summed(dataset, features):
    """The sum of each distance at each stage."""
    found = {}
    for stage, array in features.items():
        for kind, values in zip(KINDS, distances(tokens_of(array), dataset)):
            found[f"{stage} {kind}"] = float(values.sum())
    return found


def tokens_of(array):
    """`[images, tokens, channels]` of maps, tokens or vectors."""
    if array.ndim == 4:
        array = array.reshape(*array.shape[:2], -1).transpose(0, 2, 1)
    return array if array.ndim == 3 else array[:, None]


def distances(a, dataset):
    """The three distances of all pairs, 64 pairs at a time."""
    pairs, uses = dataset.pairs, dataset.pair_uses
    msd, cosine = np.empty((len(pairs), a.shape[2])), np.empty(len(pairs))
    norms = np.array([np.einsum("tc,tc->", x, x, dtype=np.float64) for x in a])
    for start in range(0, len(pairs), 64):
        part = slice(start, start + 64)
        first, second = a[pairs[part, 0]], a[pairs[part, 1]]
        difference = first - second
        msd[part] = np.einsum("ptc,ptc->pc", difference, difference, dtype=np.float64) / a.shape[1]
        dot = np.einsum("ptc,ptc->p", first, second, dtype=np.float64)
        cosine[part] = 1 - dot / np.sqrt(norms[pairs[part, 0]] * norms[pairs[part, 1]])
    scale = np.average(msd, axis=0, weights=uses)
    normalized = np.sqrt(np.divide(msd, scale, out=np.zeros_like(msd), where=scale > 0).mean(1))
    return np.sqrt(msd.mean(1)), normalized, cosine


WAYS = {"bare": bare, "alignscope": ours, "kept": kept, "thingsvision": of_thingsvision}


def way(arguments):
    dataset, model = dataset_of(arguments), model_of(arguments.models[0])
    told, sums = WAYS[arguments.way](dataset, model)
    counts = {"images": len(dataset.images), "pairs": len(dataset.pairs)}
    print(json.dumps(told | counts | {"sums": sums}))


def measured(arguments, name, way):
    command = [
        sys.executable, __file__, "--things", arguments.things, "--trials", str(arguments.trials),
        "--resamples", str(arguments.resamples), "--models", name, "--way", way,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--things", required=True)
    parser.add_argument("--trials", type=int, default=120, help="the first of THINGS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resamples", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=list(NAMES))
    parser.add_argument("--thingsvision", action="store_true")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    global RESAMPLES
    RESAMPLES = arguments.resamples
    if arguments.way:
        return way(arguments)
    ways = [way for way in WAYS if way != "thingsvision" or arguments.thingsvision]
    for name in arguments.models:
        rounds = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for each in ways:
                rounds[each].append(measured(arguments, name, each))
        table(name, rounds)


def table(name, rounds):
    first = next(iter(rounds.values()))[0]
    print(f"\n{name}, {first['images']} images, {first['pairs']} pairs\n")
    print("| | s | least and most | over bare | s of all cores | over bare | peak memory |")
    print("|---|---|---|---|---|---|---|")
    for way, found in rounds.items():
        of = {key: [each[key] for each in found] for key in ("seconds", "cpu_seconds", "megabytes")}
        # Of neighbours in time: the machine changes more between rounds than within.
        over = {
            key: np.median([a / b[key] for a, b in zip(of[key], rounds["bare"])]) - 1 for key in of
        }
        print(
            f"| {way} | {np.median(of['seconds']):.1f} | "
            f"{min(of['seconds']):.1f} to {max(of['seconds']):.1f} | {over['seconds']:+.0%} | "
            f"{np.median(of['cpu_seconds']):.1f} | {over['cpu_seconds']:+.0%} | "
            f"{np.median(of['megabytes']):,.0f} MB |",
            flush=True,
        )
    checked({way: found[0]["sums"] for way, found in rounds.items() if found[0]["sums"]})


def checked(sums):
    expected = sums["alignscope"]
    for way, found in sums.items():
        worst = max(abs(found[key] / value - 1) for key, value in expected.items() if value)
        assert set(found) >= set(expected) and worst < 1e-4, (way, worst)
        print(f"{way}: sums of {len(expected)} curves within {worst:.0e}")


if __name__ == "__main__":
    main()
