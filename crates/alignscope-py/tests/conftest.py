"""What tests share: golden files, real data where it is there, and small data sets."""

from __future__ import annotations

import csv
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "crates/alignscope/tests/golden"
#: Real images and judgements, which only some machines have.
SHARED = ROOT / "../shared/data"


def tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    types = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I64": "<i8"}
    found = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        numbers = np.frombuffer(data[8 + size + start : 8 + size + end], types[entry["dtype"]])
        found[name] = numbers.reshape(entry["shape"])
    return found


def write_png(path: Path, pixels: np.ndarray) -> None:
    """An array [height, width, 3] of uint8 as a PNG file."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_images(folder: Path, count: int, size: int = 40) -> list[str]:
    """Images 00.png, 01.png, … of noise."""
    rng = np.random.default_rng(0)
    names = [f"{i:02d}.png" for i in range(count)]
    for name in names:
        write_png(folder / name, rng.integers(0, 256, (size, size + 3, 3)).astype(np.uint8))
    return names


def write_pairs(folder: Path, rows: list[tuple[str, str, float]]) -> None:
    with (folder / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reference", "distorted", "score"])
        writer.writerows(rows)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """What runs keep is not the user's own."""
    monkeypatch.setenv("ALIGNSCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture()
def rated(tmp_path: Path) -> Path:
    """Ten references with three distorted images each: 40 images, 30 rated pairs."""
    folder = tmp_path / "rated"
    folder.mkdir()
    names = write_images(folder, 40)
    rng = np.random.default_rng(1)
    pairs = [(names[4 * r], names[4 * r + d]) for r in range(10) for d in (1, 2, 3)]
    write_pairs(folder, [(*pair, float(rng.normal())) for pair in pairs])
    return folder


@pytest.fixture()
def triplets(tmp_path: Path) -> Path:
    """Twelve images that are all connected by 60 odd-one-out triplets."""
    folder = tmp_path / "triplets"
    folder.mkdir()
    names = write_images(folder, 12)
    rng = np.random.default_rng(2)
    with (folder / "oddoneout.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_1", "image_2", "image_3", "odd"])
        for _ in range(60):
            three = rng.choice(12, 3, replace=False)
            writer.writerow([*(names[i] for i in three), rng.integers(1, 4)])
    return folder


@pytest.fixture()
def things() -> Path:
    folder = SHARED / "things"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture()
def materials() -> Path:
    folder = SHARED / "materials"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture()
def one_thread():
    """The same sums in every test of torch, from the same seed."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)
