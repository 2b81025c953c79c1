"""How fast torch models go through a run on a GPU, in one command.

    python scripts/speed_gpu.py --things DIR --kodak DIR [--device cuda] [--dtype bfloat16]
        [--models B/16 L/14-336 g/14] [--images 2048] [--batch 128] [--compile] [--small]

For each model, with random weights of timm at full size:

1. images/s of the bare forward pass, of a batch that lies on the device;
2. images/s of the same with all stages and the differences of pairs, and their part of 1; images
   are prepared beforehand, so that no decoding is among it;
3. images/s of decoding and preparing JPEGs of 224 × 224 alone;
4. seconds of THINGS, and of the stand-in of TID2013's size that `scripts/stand_in_tid.py` makes of
   the Kodak photographs, from JPEG (and BMP) to scores: what `alignscope.run` takes as a whole.

Prints one table in Markdown, and what it ran on. A folder that is not named is left out. `--small`
takes small models and few images, to see that it works: `--device cpu --small`. Needs torch, timm,
pillow and numpy.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

import alignscope
from alignscope.torch import from_timm

MODELS = {
    "B/16": ("vit_base_patch16_clip_224", {}),
    "L/14-336": ("vit_large_patch14_clip_336", {}),
    "g/14": ("vit_giant_patch14_dinov2", {"img_size": 224}),
}
SMALL = {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 2, "patch_size": 16}
ROUNDS = 5


def model_of(name):
    architecture, options = MODELS[name]
    torch.manual_seed(0)
    options = options | (SMALL if GIVEN.small else {})
    model = timm.create_model(architecture, pretrained=False, num_classes=0, **options)
    return model.eval().to(GIVEN.device, getattr(torch, GIVEN.dtype))


def adapted(model, name):
    return from_timm(model, name=name, batch=GIVEN.batch, compile=GIVEN.compile)


def synchronized():
    if torch.device(GIVEN.device).type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def rate(images, work):
    """Images a second: the median of some rounds, after one that does not count."""
    work()
    times = []
    for _ in range(ROUNDS):
        begun = synchronized()
        work()
        times.append(synchronized() - begun)
    return images / float(np.median(times))


def bare_rate(model, forward):
    """Of one batch, again and again."""
    side = model.patch_embed.img_size[0]
    dtype = getattr(torch, GIVEN.dtype)
    batch = torch.randn(GIVEN.batch, 3, side, side, device=GIVEN.device, dtype=dtype)
    repeats = max(1, GIVEN.images // GIVEN.batch)

    def work():
        with torch.no_grad():
            for _ in range(repeats):
                forward(model, batch)

    return rate(repeats * GIVEN.batch, work)


class Ready:
    """Takes the place of a preparation: images are ready by their number."""

    def __init__(self, side):
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(GIVEN.batch, 3, side, side, generator=generator)

    def __call__(self, image):
        # The first pixel says which image it is.
        return self.images[int(image.getpixel((0, 0))[0]) % len(self.images)]


def measured_rate(model, name, place):
    """Of a whole run of images that are next to nothing to decode, less what a run of a few takes:
    passes, all stages, and the differences of each image and its neighbour."""
    ready = Ready(model.patch_embed.img_size[0])
    few, many = 2 * GIVEN.batch, 2 * GIVEN.batch + GIVEN.images
    seconds = [np.inf, np.inf]
    for i, count in enumerate((few, many)):
        dataset = pairs_of(place / f"tiny {count}", count, 8)
        for round_ in range(2):
            made = from_timm(
                model, name=name, batch=GIVEN.batch, compile=GIVEN.compile, preprocess=ready,
                version="speed",
            )  # fmt: skip
            begun = synchronized()
            alignscope.run(made, dataset, place / f"{name} {count} {round_}".replace("/", "-"),
                           resamples=0, cache=False, progress=False, pixels=False)  # fmt: skip
            seconds[i] = min(seconds[i], synchronized() - begun)
    return (many - few) / max(seconds[1] - seconds[0], 1e-9)


def pairs_of(folder, count, side):
    """A data set of rated pairs, each image with its neighbour; noise."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        for i in range(count):
            pixels = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
            pixels[0, 0] = i % 256
            Image.fromarray(pixels).save(folder / f"{i:05}.{'png' if side < 64 else 'jpg'}")
        names = sorted(path.name for path in folder.iterdir())
        with (folder / "pairs.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["reference", "distorted", "score"])
            for i, pair in enumerate(zip(names, names[1:])):
                writer.writerow([*pair, i % 7])
    return alignscope.load_dataset("pairs", folder)


def decoding_rate(made, place):
    """Decoding JPEGs of 224 × 224 and bringing them to the model's size, without the model."""
    count = 64 if GIVEN.small else 2048
    dataset = pairs_of(place / "jpegs", count, 224)
    arrays = []

    def taken(images, stages):
        arrays.append(len(images))
        batch = torch.cat(list(made._preparation.batches(images, GIVEN.batch)))
        return {"x": batch[:, :, 0, 0].numpy()}

    begun = time.perf_counter()
    alignscope.evaluate(
        dataset, taken, "x", batch=GIVEN.batch, resamples=0, progress=False,
        preprocess=made._preparation.named,
    )  # fmt: skip
    return sum(arrays) / (time.perf_counter() - begun)


def whole_seconds(model, name, dataset, place):
    made = adapted(model, name)
    begun = time.perf_counter()
    alignscope.run(made, dataset, place, cache=False, progress=False, pixels=False)
    return time.perf_counter() - begun


def datasets(place):
    """THINGS, and the stand-in of TID2013's size."""
    found = {}
    limit = 10 if GIVEN.small else None
    if GIVEN.things:
        found["THINGS"] = alignscope.load_dataset(
            "things", GIVEN.things, skip_missing=True, limit=limit
        )
    if GIVEN.kodak:
        script = Path(__file__).with_name("stand_in_tid.py")
        more = ["--references", "1"] if GIVEN.small else []
        out = place / "tid"
        command = [sys.executable, script, "--kodak", GIVEN.kodak, "--out", out, *more]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found["TID2013's size"] = alignscope.load_dataset("pairs", out, limit=limit)
    return found


def row(name, sets, place):
    model = model_of(name)
    made = adapted(model, name)
    forward = made._runner._tower.forward
    bare = bare_rate(model, forward)
    all_stages = measured_rate(model, name, place)
    cells = [f"{bare:,.1f}", f"{all_stages:,.1f}", f"{all_stages / bare:.2f}"]
    cells.append(f"{decoding_rate(made, place):,.1f}")
    for dataset_name, dataset in sets.items():
        out = place / f"{name} on {dataset_name}".replace("/", "-")
        cells.append(f"{whole_seconds(model, name, dataset, out):.1f} s")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main():
    with tempfile.TemporaryDirectory() as place:
        sets = datasets(Path(place))
        heads = ["bare, images/s", "all stages and pairs", "part of bare", "decoding, images/s"]
        heads += [f"{name} ({len(each.images):,} images)" for name, each in sets.items()]
        told = "compiled, " if GIVEN.compile else ""
        made = adapted(model_of(GIVEN.models[0]), "model")
        facts = ", ".join(f"{key} {value}" for key, value in made.facts.items())
        print(f"{told}batches of {GIVEN.batch}, {facts}\n")
        print(f"| model | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}", flush=True)
        for name in GIVEN.models:
            row(name, sets, Path(place))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--things", type=Path)
    parser.add_argument("--kodak", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--small", action="store_true", help="to see that it works")
    GIVEN = parser.parse_args()
    if GIVEN.small:
        GIVEN.images, GIVEN.batch = 16, 4
    main()
