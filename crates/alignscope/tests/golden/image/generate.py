"""Small images of every kind, and their pixels as Pillow's `convert("RGB")` gives them.

    python generate.py [FOLDER_OF_JPEGS …]

Writes the images into `files/`, `expected.safetensors` with one [height, width, 3] uint8 tensor a
file, and `versions.json`. With folders of photographs it also writes `photographs.csv`: the SHA-256
of Pillow's pixels of every tenth of their JPEGs, by path below the folder's parent.
"""

import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features
from safetensors.numpy import save_file

HERE = Path(__file__).parent
FILES = HERE / "files"
FILES.mkdir(exist_ok=True)
for old in FILES.iterdir():
    old.unlink()
rng = np.random.default_rng(0)


def scene(height, width, channels=3):
    """Smooth colours with edges and a little noise: what JPEG and WebP are made for."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [127 + 120 * np.sin(5 * x * (c + 1) + 3 * y + c) for c in range(channels)]
    out = np.stack(planes, -1) + rng.normal(0, 6, (height, width, channels))
    out[height // 3: height // 2, width // 4: width // 2] = [20, 230, 90, 140][:channels]
    return np.clip(out, 0, 255).astype(np.uint8)


def png16(name, array, color_type):
    """A 16-bit PNG, which Pillow reads but does not write in colour."""
    height, width = array.shape[:2]
    raw = b"".join(b"\0" + array[y].astype(">u2").tobytes() for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    (FILES / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


rgb = Image.fromarray(scene(23, 17))
rgba = Image.fromarray(scene(23, 17, 4), "RGBA")
grey = rgb.convert("L")
palette = rgb.quantize(13)

rgb.save(FILES / "rgb.png")
rgba.save(FILES / "rgba.png")
grey.save(FILES / "grey.png")
grey.convert("1").save(FILES / "bilevel.png")
Image.fromarray((np.asarray(grey) // 64 * 85).astype(np.uint8)).quantize(4).save(FILES / "palette_2bit.png", bits=2)
palette.save(FILES / "palette.png")
palette.save(FILES / "palette_transparent.png", transparency=3)
rgba.convert("LA").save(FILES / "grey_alpha.png")
rgb.save(FILES / "rgb_transparent.png", transparency=(20, 230, 90))
wide = (scene(23, 17).astype(np.uint16) * 257 + rng.integers(0, 200, (23, 17, 3)))
small = rng.integers(0, 600, (23, 17)).astype(np.uint16)
Image.fromarray(small).save(FILES / "grey16.png")
png16("rgb16.png", np.minimum(wide, 65535), 2)
png16("rgba16.png", np.concatenate([np.minimum(wide, 65535), wide[..., :1]], -1), 6)
png16("grey_alpha16.png", np.minimum(wide[..., :2], 65535), 4)
Image.fromarray(scene(1, 1)).save(FILES / "one_pixel.png")

photo = Image.fromarray(scene(37, 51))
for name, options in {
    "444": {"subsampling": 0}, "422": {"subsampling": 1}, "420": {"subsampling": 2},
    "420_low": {"subsampling": 2, "quality": 20}, "progressive": {"progressive": True, "subsampling": 2},
    "411": {"subsampling": "4:1:1"},
}.items():
    photo.save(FILES / f"{name}.jpg", **({"quality": 85} | options))
photo.convert("L").save(FILES / "grey.jpg", quality=85)
photo.convert("CMYK").save(FILES / "cmyk.jpg", quality=85)
exif = Image.Exif()
exif[0x0112] = 6
photo.save(FILES / "rotated_by_exif.jpg", quality=85, exif=exif)
Image.fromarray(scene(16, 16)).save(FILES / "whole_blocks.jpg", quality=95)

rgb.save(FILES / "rgb.bmp")
grey.save(FILES / "grey.bmp")
palette.save(FILES / "palette.bmp")
grey.convert("1").save(FILES / "bilevel.bmp")
rgba.save(FILES / "rgba.bmp")

photo.save(FILES / "lossless.webp", lossless=True)
photo.save(FILES / "lossy.webp", quality=80)
Image.fromarray(scene(37, 51, 4), "RGBA").save(FILES / "lossy_alpha.webp", quality=60)

for compression in [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"]:
    rgb.save(FILES / f"rgb_{compression or 'raw'}.tif", compression=compression)
grey.save(FILES / "grey.tif")
rgba.save(FILES / "rgba.tif")
Image.fromarray(small).save(FILES / "grey16.tif")

expected = {}
for path in sorted(FILES.iterdir()):
    expected[path.name] = np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB")))
save_file(expected, HERE / "expected.safetensors")
(HERE / "expected.safetensors").chmod(0o644)
(HERE / "versions.json").write_text(json.dumps({
    "pillow": PIL.__version__, "numpy": np.__version__,
    "libjpeg_turbo": features.version("libjpeg_turbo"), "webp": features.version("webp"),
    "libtiff": features.version("libtiff")}, indent=1) + "\n")

if len(sys.argv) > 1:
    lines = ["path,sha256\n"]
    for folder in map(Path, sys.argv[1:]):
        for path in sorted(folder.rglob("*.jpg"))[::10]:
            pixels = Image.open(path).convert("RGB").tobytes()
            name = path.relative_to(folder.parent).as_posix()
            lines.append(f"{name},{hashlib.sha256(pixels).hexdigest()}\n")
    (HERE / "photographs.csv").write_text("".join(lines))
