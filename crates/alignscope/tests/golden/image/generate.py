"""Small images of every kind, and their pixels as Pillow's `convert("RGB")` gives them.

    pip install pillow numpy safetensors simplejpeg tifffile
    python generate.py [FOLDER_OF_JPEGS …]

Writes the images into `files/`, `expected.safetensors` with one [height, width, 3] uint8 tensor a
file, and `versions.json`. `jpeg_colours.csv` has the SHA-256 of Pillow's pixels of JPEGs that differ
in their markers only; the test puts these in as `with_markers` does. `refused/` has what Pillow may
read and alignscope does not. With folders of photographs it also writes `photographs.csv`: the SHA-256
of Pillow's pixels of every tenth of their JPEGs, by path below the folder's parent.
"""

import hashlib
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
import simplejpeg
import tifffile
from PIL import Image, features
from safetensors.numpy import save_file

HERE = Path(__file__).parent
FILES = HERE / "files"
REFUSED = HERE / "refused"
for folder in [FILES, REFUSED]:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
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


# Further PNGs: transparent 16-bit grey, interlaced, animated with and without a picture of its own.
png16("grey16_transparent.png", small, 0)
whole = (FILES / "grey16_transparent.png").read_bytes()
trns = b"tRNS" + small[3, 4].astype(">u2").tobytes()
at = whole.index(b"IDAT") - 4
(FILES / "grey16_transparent.png").write_bytes(
    whole[:at] + struct.pack(">I", 2) + trns + struct.pack(">I", zlib.crc32(trns)) + whole[at:])


def interlaced(name, array):
    """An 8-bit PNG by Adam7, which Pillow reads but does not write."""
    height, width = array.shape[:2]
    channels = array.reshape(height, width, -1).shape[2]
    raw = b""
    for x, y, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                         (0, 1, 1, 2)]:
        part = array[y::dy, x::dx]
        if part.size:
            raw += b"".join(b"\0" + row.tobytes() for row in part)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 1)
    (FILES / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


interlaced("interlaced.png", scene(23, 17))
interlaced("interlaced_grey.png", scene(23, 17, 1)[..., 0])
interlaced("interlaced_alpha.png", scene(9, 5, 4))
other = Image.fromarray(scene(23, 17)[::-1].copy())
rgb.save(FILES / "animated.png", save_all=True, append_images=[other])
rgb.save(FILES / "animated_default.png", save_all=True, append_images=[other], default_image=True)
rgb.save(FILES / "animated.webp", save_all=True, append_images=[other], lossless=True)
rgb.save(FILES / "rotated_by_exif.png", exif=exif)
rgb.save(FILES / "rotated_by_exif.webp", exif=exif, lossless=True)

# Further BMPs, written by hand: 16 bits, bit fields, rows from the top, an old header, run lengths.
def bmp(name, bits, data, width=17, height=23, compression=0, masks=b"", palette=b"", old=False):
    if old:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0,
                             len(palette) // 4, 0)
    offset = 14 + len(header) + len(masks) + len(palette)
    (FILES / name).write_bytes(
        b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + masks + palette + data)


colours = np.asarray(rgb)


def rows(values):
    """Rows from the last to the first, filled up to four bytes."""
    out = b""
    for row in values[::-1]:
        data = row.tobytes()
        out += data + b"\0" * (-len(data) % 4)
    return out


high = colours.astype(np.uint16)
bmp("555.bmp", 16, rows((high[..., 0] >> 3 << 10 | high[..., 1] >> 3 << 5 | high[..., 2] >> 3).astype("<u2")))
bmp("565.bmp", 16, rows((high[..., 0] >> 3 << 11 | high[..., 1] >> 2 << 5 | high[..., 2] >> 3).astype("<u2")),
    compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
bmp("fields32.bmp", 32, rows(np.concatenate([colours[..., ::-1], colours[..., :1]], -1)), compression=3,
    masks=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
bmp("from_top.bmp", 24, rows(colours[::-1, :, ::-1]), height=-23)
bmp("old_header.bmp", 24, rows(colours[..., ::-1]), old=True)
table = b"".join(bytes([i * 7 % 256, i * 13 % 256, i * 29 % 256, 0]) for i in range(256))
runs = b""
for y in range(23):
    runs += bytes([5, y, 0, 7]) + bytes(range(y, y + 7)) + b"\0" + bytes([5, 200 + y]) + b"\0\0"
bmp("rle8.bmp", 8, runs + b"\0\1", compression=1, palette=table)
runs = b""
for y in range(23):
    runs += bytes([6, y * 5 % 256, 0, 5]) + bytes([0x12, 0x34, 0x50, 0]) + bytes([6, 0x3C]) + b"\0\0"
bmp("rle4.bmp", 4, runs + b"\0\1", compression=2, palette=table[:64])
bmp("palette_2.bmp", 1, rows(np.packbits(colours[..., 0] > 99, -1)), palette=table[36:44])
bmp("palette_16.bmp", 4, rows(np.zeros((23, 9), np.uint8) + np.arange(23, dtype=np.uint8)[:, None]), palette=table[:64])

# Further TIFFs.
tif = {"photometric": "rgb", "metadata": None, "software": False}
grid = scene(40, 37)
cmyk = np.asarray(photo.convert("CMYK"))
wide_grid = np.minimum(grid.astype(np.uint16) * 257 + rng.integers(0, 200, grid.shape), 65535).astype(np.uint16)
for compression in [None, "zlib"]:
    end = f"{compression or 'raw'}.tif"
    predictor = {"predictor": 2} if compression else {}
    options = {"compression": compression} | tif
    tifffile.imwrite(FILES / f"tiled_{end}", grid, tile=(16, 32), **predictor, **options)
    tifffile.imwrite(FILES / f"planar_{end}", grid.transpose(2, 0, 1), planarconfig="separate", **predictor, **options)
    tifffile.imwrite(FILES / f"strips_{end}", grid, rowsperstrip=7, **predictor, **options)
    tifffile.imwrite(FILES / f"rgb16_{end}", wide_grid, rowsperstrip=16, **predictor, **options)
    tifffile.imwrite(FILES / f"big_endian16_{end}", wide_grid, byteorder=">", **predictor, **options)
    if end.startswith("raw"):
        tifffile.imwrite(REFUSED / "tiled_planar16.tif", wide_grid.transpose(2, 0, 1), planarconfig="separate",
                         tile=(16, 16), **predictor, **options)
    for name, kind in {"unspecified": 0, "associated": 1, "unassociated": 2}.items():
        tifffile.imwrite(FILES / f"alpha_{name}_{end}", scene(23, 17, 4), extrasamples=[kind], **options)
    tifffile.imwrite(FILES / f"alpha_associated16_{end}", np.concatenate([wide_grid, wide_grid[..., 1:2]], -1),
                     extrasamples=[1], **options)
    tifffile.imwrite(FILES / f"alpha_predicted_{end}", scene(23, 17, 4), extrasamples=[2], **predictor, **options)
    grey_options = options | {"photometric": "minisblack"}
    tifffile.imwrite(FILES / f"from_white_{end}", grid[..., 0], **(options | {"photometric": "miniswhite"}))
    tifffile.imwrite(FILES / f"grey_tiled_{end}", grid[..., 0], tile=(16, 16), **predictor, **grey_options)
    tifffile.imwrite(FILES / f"grey_alpha_{end}", grid[..., :2], planarconfig="contig", extrasamples=[2], **grey_options)
    tifffile.imwrite(FILES / f"grey_unspecified_{end}", grid[..., :2], planarconfig="contig", extrasamples=[0], **grey_options)
    tifffile.imwrite(FILES / f"grey16_tall_{end}", np.arange(900, dtype=np.uint16).reshape(30, 30), **predictor, **grey_options)
    tifffile.imwrite(FILES / f"grey16_big_{end}", np.arange(900, dtype=np.uint16).reshape(30, 30), byteorder=">",
                     **predictor, **grey_options)
    tifffile.imwrite(FILES / f"cmyk_{end}", cmyk, **(options | {"photometric": "separated"}), **predictor)
    tifffile.imwrite(FILES / f"cmyk16_{end}", cmyk.astype(np.uint16) * 257, **(options | {"photometric": "separated"}))
    tifffile.imwrite(FILES / f"bigtiff_{end}", grid, bigtiff=True, **options)
    tifffile.imwrite(FILES / f"palette_big_{end}", grid[..., 0], bigtiff=True, colormap=rng.integers(0, 65536, (3, 256)).astype(np.uint16),
                     **(options | {"photometric": "palette"}))
palette.save(FILES / "palette.tif")
palette.save(FILES / "palette_lzw.tif", compression="tiff_lzw")


def tiff_by_hand(path, width, height, data, tags, order="<"):
    """One strip that is not compressed; tags are shorts."""
    entries = {256: [width], 257: [height], 259: [1], 277: [1], 278: [height], 279: [len(data)]} | tags
    entries[273] = [0]
    offset = 8 + 2 + 12 * len(entries) + 4
    body = b""
    directory = b""
    places = {}
    for tag in sorted(entries):
        values = entries[tag]
        packed = struct.pack(f"{order}{len(values)}H", *values)
        if len(packed) > 4:
            places[tag] = offset + len(body)
            body += packed
    start = offset + len(body)
    for tag in sorted(entries):
        values = [start] if tag == 273 else entries[tag]
        packed = struct.pack(f"{order}{len(values)}H", *values)
        field = struct.pack(order + "I", places[tag]) if tag in places else packed.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, 3, len(values)) + field
    magic = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8)
    path.write_bytes(magic + struct.pack(order + "H", len(entries)) + directory + struct.pack(order + "I", 0) + body + data)


index = scene(23, 17, 1)[..., 0]
for bits in [1, 2, 4]:
    levels = index >> (8 - bits)
    shifts = np.arange(8 - bits, -1, -bits)
    padded = np.pad(levels, ((0, 0), (0, -17 % (8 // bits)))).reshape(23, -1, 8 // bits)
    packed = (padded << shifts).sum(-1).astype(np.uint8).tobytes()
    colormap = rng.integers(0, 65536, 3 << bits).tolist()
    tiff_by_hand(FILES / f"palette_{bits}.tif", 17, 23, packed, {258: [bits], 262: [3], 320: colormap})
    tiff_by_hand(FILES / f"palette_{bits}_big.tif", 17, 23, packed, {258: [bits], 262: [3], 320: colormap}, ">")
    for photometric in [0, 1]:
        tiff_by_hand(FILES / f"grey_{bits}_from_{photometric}.tif", 17, 23, packed, {258: [bits], 262: [photometric]})
for compression in ["group4", "tiff_lzw", "packbits", "tiff_adobe_deflate"]:
    grey.convert("1").save(FILES / f"bilevel_{compression}.tif", compression=compression)
grey.convert("1").save(FILES / "bilevel_group4_from_white.tif", compression="group4", tiffinfo={262: 0})
for orientation in range(1, 9):
    rgb.crop((0, 0, 7, 5)).save(FILES / f"orientation_{orientation}.tif", tiffinfo={274: orientation})
rgb.save(FILES / "pages.tif", save_all=True, append_images=[other.resize((5, 9))])
rgba.save(FILES / "rgba_lzw.tif", compression="tiff_lzw")

# What is refused though Pillow reads it, or would not be read as Pillow reads it.
photo.save(REFUSED / "jpeg.tif", compression="jpeg")
grey.save(REFUSED / "jpeg_grey.tif", compression="jpeg")
photo.convert("YCbCr").save(REFUSED / "ycbcr.tif")
grey.convert("F").save(REFUSED / "float.tif")
grey.convert("I").save(REFUSED / "32_bit.tif")
photo.convert("LAB").save(REFUSED / "lab.tif")
tifffile.imwrite(REFUSED / "signed.tif", grid[..., 0].view(np.int8), photometric="minisblack", metadata=None)
tifffile.imwrite(REFUSED / "grey16_from_white.tif", wide_grid[..., 0], photometric="miniswhite", metadata=None)
tifffile.imwrite(REFUSED / "grey_associated.tif", grid[..., :2], planarconfig="contig", extrasamples=[1],
                 photometric="minisblack", metadata=None)
tifffile.imwrite(REFUSED / "five_samples.tif", np.dstack([scene(23, 17, 4), index]), extrasamples=[0, 0], **tif)
tifffile.imwrite(REFUSED / "unspecified_predicted.tif", scene(23, 17, 4), extrasamples=[0], predictor=2,
                 compression="zlib", **tif)
tiff_by_hand(REFUSED / "reversed_bits.tif", 17, 23, index.tobytes(), {258: [8], 262: [1], 266: [2]})
grey.convert("1").save(REFUSED / "group3.tif", compression="group3")
photo.save(REFUSED / "zstd.tif", compression="zstd")
photo.save(REFUSED / "lzma.tif", compression="lzma")


# JPEGs whose colours hang on their markers.
def with_markers(jpeg, adobe, identities):
    """Without JFIF; with Adobe's marker of a transform, or none; with other names of components."""
    out, at = b"\xff\xd8", 2
    if adobe is not None:
        out += b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([adobe])
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2:at + 4], "big")
        segment = bytearray(jpeg[at:at + 2 + length])
        at += 2 + length
        if marker in (0xC0, 0xC2) and identities:
            for component, identity in enumerate(identities):
                segment[10 + 3 * component] = identity
        if marker == 0xDA and identities:
            # Scans of one component and of all, in the order of the frame.
            for i in range(segment[4]):
                segment[5 + 2 * i] = identities[segment[5 + 2 * i] - 1]
        if marker not in (0xE0, 0xEE):
            out += segment
        if marker == 0xDA:
            # Compressed pixels, up to the next marker that is none of restarts.
            end = at
            while jpeg[end] != 0xFF or jpeg[end + 1] == 0 or 0xD0 <= jpeg[end + 1] <= 0xD7:
                end += 1
            out += jpeg[at:end]
            at = end
            if jpeg[at + 1] == 0xD9:
                return out + b"\xff\xd9"


lines = ["file,adobe,identities,sha256\n"]
four = photo.convert("CMYK")
for progressive in [False, True]:
    end = "_progressive.jpg" if progressive else ".jpg"
    for name, subsampling in {"444": 0, "422": 1, "420": 2}.items():
        for picture, kind in [(photo, "rgb"), (four, "cmyk")]:
            picture.save(FILES / f"{kind}_{name}{end}", quality=85, subsampling=subsampling, progressive=progressive)
for name in ["440", "411"]:
    coded = simplejpeg.encode_jpeg(np.asarray(photo), quality=85, colorsubsampling=name)
    (FILES / f"rgb_{name}.jpg").write_bytes(coded)
for path in sorted([*FILES.glob("rgb_4*.jpg"), *FILES.glob("cmyk_4*.jpg")]):
    jpeg = path.read_bytes()
    for adobe in [None, 0, 1, 2]:
        for identities in [b"", b"RGB", b"\0\1\2"] if path.name.startswith("rgb") else [b""]:
            changed = with_markers(jpeg, adobe, identities)
            pixels = Image.open(io.BytesIO(changed)).convert("RGB").tobytes()
            lines.append(f"{path.name},{'' if adobe is None else adobe},{identities.hex()},"
                         f"{hashlib.sha256(pixels).hexdigest()}\n")
(HERE / "jpeg_colours.csv").write_text("".join(lines))

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
