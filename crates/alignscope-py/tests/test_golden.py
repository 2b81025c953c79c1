"""The golden files of the library's own tests, through Python."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope
from conftest import GOLDEN, tensors, write_images, write_pairs


def cases() -> list[str]:
    names = tensors(GOLDEN / "distance/cases.safetensors")
    return sorted({name.split("/")[0] for name in names})


@pytest.mark.parametrize("case", cases())
def test_distances_and_scales_are_those_of_numpy(case, tmp_path):
    golden = tensors(GOLDEN / "distance/cases.safetensors")
    get = lambda key: golden[f"{case}/{key}"]
    names = write_images(tmp_path, len(get("activations")), size=8)
    pairs, uses = get("pairs"), get("uses")
    rows = [(names[a], names[b], 1.0) for (a, b), n in zip(pairs, uses) for _ in range(n)]
    write_pairs(tmp_path, rows)
    dataset = alignscope.load_dataset("pairs", tmp_path)
    found = alignscope.score(
        dataset, {"layer": get("activations")}, file_names=names, resamples=0
    )
    assert dataset.pair_uses.tolist() == uses.tolist()
    # Kept in f32: half a unit in the last place is 6e-8.
    np.testing.assert_allclose(found.scale("layer"), get("scale"), rtol=6e-8, atol=0)
    for kind in ("euclidean", "normalized-euclidean"):
        np.testing.assert_allclose(found.distances("layer", kind), get(kind), rtol=6e-8, atol=0)
    # From f64 sums throughout; absolute, since it is a difference from 1.
    np.testing.assert_allclose(found.distances("layer", "cosine"), get("cosine"), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["clip/base", "clip/odd", "families/siglip", "families/chinese_clip"])
def test_activations_are_those_of_transformers(name):
    golden = tensors(GOLDEN / name / "expected.safetensors")
    encoder = alignscope.Encoder(GOLDEN / name, progress=False)
    if "pixel_values" not in golden:
        pytest.skip("pixel values of this case are made by a formula")
    found = encoder.activations(golden["pixel_values"])
    assert list(found) == encoder.stages
    for i, stage in enumerate(encoder.stages[:-1]):
        expected = golden[f"hidden_states.{i}"]
        assert found[stage].shape == expected.shape
        assert np.abs(found[stage] - expected).max() <= 1e-4 * np.abs(expected).max()
    expected = golden["image_embeds"]
    assert found["projection"].shape == expected.shape
    assert np.abs(found["projection"] - expected).max() <= 1e-4 * np.abs(expected).max()


def pattern(width: int, height: int) -> np.ndarray:
    """The formula of golden/preprocess/generate.py."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    value = x * 5 + y * 3 + c * 40 + (x * y * (c + 1)) % 61 * 3 + (x // 7 + y // 5) % 2 * 90
    return (value % 256).astype(np.uint8)


def test_a_recipe_gives_the_same_from_files_arrays_and_pillow(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = pattern(61, 47)
    path = tmp_path / "pattern.png"
    image.fromarray(pixels).save(path)
    encoder = alignscope.Encoder(GOLDEN / "clip/base", progress=False)
    found = encoder.preprocess([path, pixels, image.open(path), pixels[::-1][::-1]])
    assert found.shape == (4, 3, encoder.image_size, encoder.image_size)
    assert found.dtype == np.float32
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
