"""Data sets written as folders of one's own, and triplets in arrays."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
FEATURES = {"layer": np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)}
TRIALS = {
    "oddoneout": {"images": [[0, 1, 2], [3, 4, 5], [2, 1, 0]], "odd": [2, 0, 1]},
    "twoafc": {
        "reference": [0, 1, 2], "left": [3, 4, 5], "right": [1, 2, 3],
        "left_votes": [3, 0, 1.5], "right_votes": [1, 2, 1.5],
    },
    "pairs": {
        "reference": [0, 1, 2], "distorted": [3, 4, 5], "score": [0.1, -2, 1e-7],
        "std": [0.5, np.nan, 1],
    },
    "samedifferent": {
        "first": [0, 1, 2], "second": [3, 4, 5],
        "different_votes": [3, 0, 1.5], "same_votes": [1, 2, 1.5],
    },
    "quadruplets": {
        "a_1": [0, 1, 2], "a_2": [3, 4, 5], "b_1": [0, 2, 1], "b_2": [4, 5, 3],
        "a_votes": [3, 0, 1.5], "b_votes": [1, 2, 1.5],
    },
}  # fmt: skip


def _same(read, dataset):
    assert (read.name, read.level, read.images) == (dataset.name, dataset.level, dataset.images)
    assert list(read.trials) == list(dataset.trials)
    for name, column in dataset.trials.items():
        np.testing.assert_array_equal(read.trials[name], column)
    assert {name: list(v) for name, v in read.labels.items()} == {
        name: list(v) for name, v in dataset.labels.items()
    }
    rows = [int(image) for image in dataset.images]
    features = {"layer": FEATURES["layer"][rows]}
    scores = [
        alignscope.score(d, features, resamples=100, cluster="observer").scores.to_pandas()
        for d in (read, dataset)
    ]
    assert scores[0].equals(scores[1])


@pytest.mark.parametrize("paradigm", TRIALS)
@pytest.mark.parametrize("copy", [False, True])
def test_what_is_saved_is_read_as_it_was(paradigm, copy, tmp_path):
    labels = {"observer": ["ann", "bob", "ann"], "group": ["x", "x", "y"], "any label": [1, 2, 3]}
    dataset = alignscope.Dataset.from_arrays(
        TRIALS[paradigm], PICTURES, labels=labels, name="mine", level="none", cache=tmp_path
    )
    saved = dataset.save(tmp_path / "saved", copy=copy)
    assert saved.path == tmp_path / "saved"
    _same(saved, dataset)
    assert saved.files[0].is_symlink() is not copy
    part = dataset[1:]
    _same(part.save(tmp_path / "part"), part)
    without = alignscope.Dataset.from_arrays(TRIALS[paradigm], images=False, cache=tmp_path)
    saved = without.save(tmp_path / "without")
    assert not saved.has_images and saved.images == without.images


@pytest.mark.parametrize("paradigm", TRIALS)
def test_response_times_are_saved(paradigm, tmp_path):
    trials = {**TRIALS[paradigm], "response_time": [812.5, np.nan, 1e-7]}
    dataset = alignscope.Dataset.from_arrays(trials, images=False, cache=tmp_path)
    table = dataset.save(tmp_path / "saved").path / f"{paradigm}.csv"
    header, *rows = table.read_text().splitlines()
    at = header.split(",").index("response_time")
    assert [row.split(",")[at] for row in rows] == ["812.5", "", "0.0000001"]
    trials["response_time"] = [1, 2, 0]
    with pytest.raises(alignscope.DatasetError, match="`response_time` is `0.*a number above 0"):
        alignscope.Dataset.from_arrays(trials, images=False, cache=tmp_path)


def test_what_is_there_is_not_written_over(tmp_path):
    dataset = alignscope.Dataset.from_arrays(TRIALS["pairs"], PICTURES, cache=tmp_path / "cache")
    dataset.save(tmp_path / "saved")
    with pytest.raises(alignscope.DatasetError, match="no empty folder.*`out`|no empty folder"):
        dataset.save(tmp_path / "saved")


def test_triplets_of_numpy_are_read_with_the_odd_one_where_it_stands(tmp_path):
    triplets = np.array([[0, 1, 2], [2, 1, 3]])
    (tmp_path / "images.txt").write_text("a.png\nb.png\nc.png\nd.png\n")
    for save, name in [(np.save, "triplets.npy"), (np.savez_compressed, "triplets.npz")]:
        for dtype in ["int64", "uint16", "float32"]:
            if save is np.save:
                np.save(tmp_path / name, triplets.astype(dtype))
            else:
                np.savez_compressed(tmp_path / name, triplets=triplets.astype(dtype))
            dataset = alignscope.load_dataset("oddoneout", tmp_path / name, images=False)
            np.testing.assert_array_equal(dataset.trials["images"], triplets)
            assert dataset.trials["odd"].tolist() == [2, 2]
    first = alignscope.load_dataset("oddoneout", tmp_path, images=False, odd="first")
    assert first.trials["odd"].tolist() == [0, 0]
    with pytest.raises(alignscope.InvalidValueError, match="middle"):
        alignscope.load_dataset("oddoneout", tmp_path, images=False, odd="middle")
    np.save(tmp_path / "triplets.npy", np.asfortranarray(triplets))
    with pytest.raises(alignscope.DatasetError, match="ascontiguousarray"):
        alignscope.load_dataset("oddoneout", tmp_path / "triplets.npy", images=False)
    named = np.array([["a.png", "b.png", "c.png"]])
    for names in [named, named.astype("S")]:
        np.save(tmp_path / "triplets.npy", names)
        dataset = alignscope.load_dataset("oddoneout", tmp_path / "triplets.npy", images=False)
        assert dataset.images == ["a.png", "b.png", "c.png"]
    np.save(tmp_path / "triplets.npy", named.astype(object), allow_pickle=True)
    with pytest.raises(alignscope.DatasetError, match="Python's objects"):
        alignscope.load_dataset("oddoneout", tmp_path / "triplets.npy", images=False)


def test_an_odd_one_that_is_chosen_is_in_the_manifest_of_a_run(tmp_path):
    dataset = alignscope.Dataset.from_arrays(TRIALS["oddoneout"], PICTURES, cache=tmp_path)
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "triplets.npy", np.array([[2, 0, 1], [3, 4, 5]]))
    (folder / "images.txt").write_text("".join(f"{name}\n" for name in range(6)))
    for name, file in zip(dataset.images, dataset.files):
        (folder / f"{name}.png").write_bytes(file.read_bytes())
    first = alignscope.load_dataset("oddoneout", folder, odd="first", name="mine")
    run = alignscope.run("psnr", first, tmp_path / "run", resamples=0, progress=False)
    again = alignscope.run(
        tmp_path / "run" / "manifest.json", out=tmp_path / "again", progress=False
    )
    assert run.scores.to_pandas().equals(again.scores.to_pandas())
    assert '"odd": "first"' in (tmp_path / "run" / "manifest.json").read_text()
