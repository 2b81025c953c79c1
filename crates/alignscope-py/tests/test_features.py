"""Features of any number of axes and any type of numbers, kept and gone on with."""

from __future__ import annotations

import json

import numpy as np
import pytest

import alignscope
from alignscope import InvalidTypeError, InvalidValueError

NO_PIXELS = {"distances": "euclidean", "resamples": 100, "progress": False, "pixels": False}


@pytest.fixture()
def dataset(rated):
    return alignscope.load_dataset("pairs", rated)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def distances(dataset, array, **options):
    kinds = ["euclidean", "normalized-euclidean"]
    measured = alignscope.score(dataset, {"x": array}, distances=kinds, resamples=0, **options)
    return np.stack([measured.distances("x", kind) for kind in kinds])


def test_one_number_an_image_is_one_channel(dataset):
    numbers = random(40)
    found = distances(dataset, numbers)
    np.testing.assert_array_equal(found, distances(dataset, numbers[:, None]))
    a, b = dataset.pairs.T
    np.testing.assert_allclose(found[0], np.abs(numbers[a].astype(float) - numbers[b]), rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 1, 3, 4)])
def test_maps_of_five_axes_and_more_are_tokens(dataset, shape):
    maps = random(40, *shape, 6)
    tokens = maps.reshape(40, -1, 6)
    expected = distances(dataset, tokens)
    np.testing.assert_array_equal(distances(dataset, maps, layout="N...C"), expected)
    # [n, ..., c] -> [n, c, ...]
    first = np.moveaxis(maps, -1, 1)
    np.testing.assert_array_equal(distances(dataset, first, layout="NC..."), expected)
    mean = distances(dataset, maps, layout="N...C", tokens="mean")
    np.testing.assert_allclose(mean, distances(dataset, tokens.mean(1)), rtol=1e-4)
    with pytest.raises(InvalidValueError, match="the class token was asked for, but a fea"):
        distances(dataset, maps, layout="N...C", tokens="class")


def test_five_axes_must_be_said(dataset):
    words = r"of 5 axes that may be in more than one order; if its axes are \[images, channels, "
    with pytest.raises(InvalidValueError, match=words + r"…\], say so with `layout=\"NC...\"`"):
        distances(dataset, random(40, 2, 3, 4, 5))
    with pytest.raises(InvalidValueError, match="no use here: no stage has 5 or more axes"):
        distances(dataset, random(40, 2), layout="N...C")
    both = alignscope.Features({"a": random(40, 3, 2, 2), "b": random(40, 2, 2, 2, 3)},
                               layout=["NCHW", "N...C"])
    assert repr(both) == "Features(name='features')"


def test_files_of_any_number_of_axes(dataset, tmp_path):
    maps = random(40, 2, 3, 4, 6)
    np.save(tmp_path / "features.npy", maps)
    (tmp_path / "file_names.txt").write_text("".join(f"{name}\n" for name in dataset.images))
    options = {"distances": "euclidean", "resamples": 0}
    measured = alignscope.score(dataset, tmp_path, layout="N...C", **options)
    expected = distances(dataset, maps, layout="N...C")[0]
    np.testing.assert_array_equal(measured.distances(measured.stages[0], "euclidean"), expected)


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64"])
def test_whole_numbers_are_converted_if_float32_has_them(dataset, kind):
    numbers = (np.abs(random(40, 5)) * 40).astype(kind)
    found = distances(dataset, numbers)
    np.testing.assert_array_equal(found, distances(dataset, numbers.astype(np.float32)))
    if np.dtype(kind).itemsize >= 4:
        numbers[3, 2] = 2**24 + 1
        with pytest.raises(InvalidValueError, match=r"has the value 16777217, which float32"):
            distances(dataset, numbers)


@pytest.mark.parametrize(("shape", "layout"), [((), None), ((2, 3, 4, 5), "N...C")])
def test_functions_give_as_many_axes(dataset, shape, layout):
    image = pytest.importorskip("PIL.Image")

    def encode(images, stages):
        size = int(np.prod(shape))
        rows = [np.asarray(i).reshape(-1)[:size].reshape(shape) for i in images]
        return {name: np.stack(rows) for name in stages}

    options = {"distances": "euclidean", "resamples": 0, "layout": layout}
    found = alignscope.evaluate(dataset, encode, ["a", "b"], progress=False, **options)
    arrays = encode([image.open(path) for path in dataset.files], ["a", "b"])
    expected = alignscope.score(dataset, arrays, **options)
    for name in arrays:
        np.testing.assert_array_equal(found.distances(name, "euclidean"),
                                      expected.distances(name, "euclidean"))


@pytest.mark.parametrize("kind", ["complex64", "O", "U3", "datetime64[s]"])
def test_what_are_no_numbers_are_refused(dataset, kind):
    with pytest.raises(InvalidTypeError, match="expected float32"):
        distances(dataset, np.zeros((40, 3), dtype=kind))


def work(run: alignscope.Run) -> list[tuple[str, str]]:
    """What was computed in a run, and not taken from the cache."""
    times = json.loads((run.path / "manifest.json").read_text())["times"]
    return [(entry["model"], entry["dataset"]) for entry in times["work"]]


def test_what_was_measured_of_features_is_kept_by_their_numbers(dataset, tmp_path):
    arrays = {"x": random(40, 8)}
    model = alignscope.Features(arrays, name="mine")
    first = alignscope.run(model, dataset, tmp_path / "one", **NO_PIXELS)
    assert work(first) == [("mine", "pairs")]
    copy = alignscope.Features({"x": arrays["x"].astype(np.float64)}, name="mine")
    second = alignscope.run(copy, dataset, tmp_path / "two", **NO_PIXELS)
    assert work(second) == []
    assert (first.path / "scores.csv").read_bytes() == (second.path / "scores.csv").read_bytes()
    # One bit more is another model.
    arrays["x"][7, 3] = np.nextafter(arrays["x"][7, 3], 2)
    third = alignscope.run(alignscope.Features(arrays, name="mine"), dataset, tmp_path / "three",
                           **NO_PIXELS)
    assert work(third) == [("mine", "pairs")]


def test_a_run_that_stopped_does_no_features_again(dataset, tmp_path):
    models = [alignscope.Features({"x": random(40, 8 + i)}, name=f"m{i}") for i in range(3)]

    class Stops:
        """Stops the run when the third model begins."""

        def begin(self, task, steps):
            if task.startswith("m2") and "cache" not in task:
                raise KeyboardInterrupt

        def update(self, done): ...
        def end(self): ...
        def note(self, message): ...

    options = {**NO_PIXELS, "progress": Stops()}
    with pytest.raises(KeyboardInterrupt):
        alignscope.run(models, dataset, tmp_path / "run", **options)
    run = alignscope.run(models, dataset, tmp_path / "run", **NO_PIXELS)
    assert work(run) == [("m2", "pairs")]


def test_memory_and_paths_are_taken_as_people_write_them(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    rated = dataset.path
    assert rated.is_relative_to(tmp_path)
    home = f"~/{rated.relative_to(tmp_path)}"
    alignscope.load_dataset("pairs", home)
    np.save(tmp_path / "features.npy", random(40, 4))
    (tmp_path / "file_names.txt").write_text("".join(f"{name}\n" for name in dataset.images))
    measured = alignscope.score(dataset, "~", memory="1GB", resamples=0, out="~/scored")
    assert measured.run is not None and measured.run.path == tmp_path / "scored"
    alignscope.run("ssim", {"pairs": home}, "~/run", memory="1GB", cache="~/kept", pixels=False,
                   resamples=0, progress=False)
    assert (tmp_path / "kept").is_dir()
    assert len(alignscope.results("~/run")) == len(alignscope.Run("~/run").scores)
    repeated = alignscope.Experiment.from_file("~/run/manifest.json", data={"pairs": home},
                                               memory="2GB")
    assert "pairs" in repr(repeated)

    def encode(images, stages):
        return {"x": np.ones((len(images), 2), np.float32)}

    alignscope.evaluate(dataset, encode, "x", memory="1GB", resamples=0, distances="euclidean",
                        out="~/evaluated", progress=False)
    for path in ("~", tmp_path / "none"):
        assert not (rated / str(path)).exists()
