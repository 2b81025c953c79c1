"""Makes a stand-in of TID2013's size from the Kodak photographs, for time and memory alone.

    python scripts/stand_in_tid.py --kodak DIR --out DIR [--references 25]
    alignscope run --model random:openai/clip-vit-base-patch16 --dataset pairs --data DIR --out ...

25 references of 512 x 384 (a centre crop of each of the 24 photographs, and a corner of the first), each with 24
kinds of distortion at 5 levels: 3,000 pairs of `pairs.csv`. The column `score` is a ramp from 5 to 0 over the rows and
means nothing: no correlation with it may be told. Needs numpy and pillow.
"""

import argparse
import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, features

WIDTH, HEIGHT = 512, 384
LEVELS = range(1, 6)


def pixels(image):
    return np.asarray(image, dtype=np.float32)


def image_of(values):
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def again(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def gaussian(image, level, rng):
    return image_of(pixels(image) + rng.normal(0, 4 * level, (HEIGHT, WIDTH, 3)))


def gaussian_red(image, level, rng):
    return image_of(pixels(image) + rng.normal(0, 8 * level, (HEIGHT, WIDTH, 1)) * [1, 0, 0])


def gaussian_grey(image, level, rng):
    return image_of(pixels(image) + rng.normal(0, 4 * level, (HEIGHT, WIDTH, 1)))


def coarse(image, level, rng):
    noise = rng.normal(0, 5 * level, (HEIGHT // 4, WIDTH // 4, 3)).repeat(4, 0).repeat(4, 1)
    return image_of(pixels(image) + noise)


def uniform(image, level, rng):
    return image_of(pixels(image) + rng.uniform(-8 * level, 8 * level, (HEIGHT, WIDTH, 3)))


def impulse(image, level, rng):
    values, hit = pixels(image).copy(), rng.random((HEIGHT, WIDTH)) < 0.01 * level
    values[hit] = rng.choice([0, 255], (int(hit.sum()), 1))
    return image_of(values)


def multiplicative(image, level, rng):
    return image_of(pixels(image) * (1 + rng.normal(0, 0.04 * level, (HEIGHT, WIDTH, 3))))


def dead_lines(image, level, rng):
    values = pixels(image).copy()
    values[rng.choice(HEIGHT, 3 * level, replace=False)] = 0
    return image_of(values)


def blur(image, level, rng):
    return image.filter(ImageFilter.GaussianBlur(0.6 * level))


def box_blur(image, level, rng):
    return image.filter(ImageFilter.BoxBlur(level))


def median(image, level, rng):
    return image.filter(ImageFilter.MedianFilter(2 * level + 1))


def sharpened(image, level, rng):
    return image.filter(ImageFilter.UnsharpMask(2, 60 * level, 0))


def jpeg(image, level, rng):
    return again(image, "JPEG", quality=[60, 35, 20, 10, 4][level - 1])


def jpeg2000(image, level, rng):
    if not features.check("jpg_2000"):
        return again(image, "WEBP", quality=[60, 35, 20, 10, 1][level - 1])
    return again(image, "JPEG2000", quality_mode="rates", quality_layers=[20 * 2 ** (level - 1)])


def jpeg_noise(image, level, rng):
    return gaussian(jpeg(image, level, rng), 1, rng)


def contrast(image, level, rng):
    return ImageEnhance.Contrast(image).enhance(1 - 0.15 * level)


def more_contrast(image, level, rng):
    return ImageEnhance.Contrast(image).enhance(1 + 0.2 * level)


def brightness(image, level, rng):
    return image_of(pixels(image) + 12 * level)


def saturation(image, level, rng):
    return ImageEnhance.Color(image).enhance(1 - 0.2 * level)


def quantised(image, level, rng):
    step = 8 * 2 ** level / 2
    return image_of(np.floor(pixels(image) / step) * step + step / 2)


def gamma(image, level, rng):
    return image_of(255 * (pixels(image) / 255) ** (1 + 0.2 * level))


def coarse_pixels(image, level, rng):
    small = image.resize((WIDTH // (level + 1), HEIGHT // (level + 1)), Image.Resampling.BOX)
    return small.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


def shifted(image, level, rng):
    return image_of(np.roll(pixels(image), 2 * level, axis=1))


def aberration(image, level, rng):
    values = pixels(image).copy()
    values[..., 0] = np.roll(values[..., 0], level, axis=1)
    values[..., 2] = np.roll(values[..., 2], -level, axis=0)
    return image_of(values)


KINDS = [gaussian, gaussian_red, gaussian_grey, coarse, uniform, impulse, multiplicative, dead_lines, blur, box_blur, median,
         sharpened, jpeg, jpeg2000, jpeg_noise, contrast, more_contrast, brightness, saturation, quantised, gamma,
         coarse_pixels, shifted, aberration]


def references(folder):
    photographs = [Image.open(path).convert("RGB") for path in sorted(folder.glob("kodim*.png"))]
    for photograph in photographs:
        left, top = (photograph.width - WIDTH) // 2, (photograph.height - HEIGHT) // 2
        yield photograph.crop((left, top, left + WIDTH, top + HEIGHT))
    yield photographs[0].crop((0, 0, WIDTH, HEIGHT))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kodak", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--references", type=int, default=25)
    arguments = parser.parse_args()
    assert len(KINDS) == 24
    arguments.out.mkdir(parents=True)
    rows = []
    for i, reference in enumerate(list(references(arguments.kodak))[:arguments.references], 1):
        name = f"i{i:02}.bmp"
        reference.save(arguments.out / name)
        for k, kind in enumerate(KINDS, 1):
            for level in LEVELS:
                distorted = f"i{i:02}_{k:02}_{level}.bmp"
                kind(reference, level, np.random.default_rng([i, k, level])).save(arguments.out / distorted)
                rows.append((name, distorted))
    with open(arguments.out / "pairs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reference", "distorted", "score"])
        for row, pair in enumerate(rows):
            writer.writerow([*pair, 5 - 5 * row / len(rows)])
    print(f"{len(rows)} pairs in {arguments.out}; their scores mean nothing")


if __name__ == "__main__":
    main()
