"""Encoders, metrics, features and functions in one run."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope
from alignscope import Features, Function
from test_runs import MODEL, distances, rows


def own(encoder, images, asked=None, **options):
    """The encoder itself, as arrays and as a function."""

    def encode(batch, stages):
        if asked is not None:
            asked.append(len(batch))
        return encoder.activations(batch, stages)

    arrays = encoder.activations(images)
    return [
        Features(arrays, name="arrays", file_names=images),
        Function(encode, encoder.stages, name="function", preprocess=MODEL, batch=7, **options),
    ]


def test_all_kinds_of_models_stand_in_one_run(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    encoder = alignscope.Encoder(MODEL, progress=False)
    models = [MODEL, "ssim", *own(encoder, sorted(rated.glob("*.png")))]
    run = alignscope.run(
        models, dataset, tmp_path / "run", resamples=200, cache=False, progress=False
    )
    names = list(dict.fromkeys(run.scores["model"]))
    assert names == ["pixels", "base", "ssim", "arrays", "function"]
    for name in ("arrays", "function"):
        assert rows(run.path, name) == rows(run.path, "base")
        assert distances(run.path, name) == distances(run.path, "base")
    compared = run.table("comparisons")
    pairs = set(zip(compared["model_a"], compared["model_b"]))
    among = [("base", "ssim"), ("base", "arrays"), ("ssim", "function"), ("arrays", "function")]
    for pair in among:
        assert pair in pairs or pair[::-1] in pairs, (pair, pairs)
    same = [
        (p, d)
        for a, b, p, d in zip(
            compared["model_a"], compared["model_b"], compared["p"], compared["difference"]
        )
        if {a, b} == {"base", "function"}
    ]
    assert same and all(difference == 0 for _, difference in same)


def test_a_function_with_a_version_is_kept_and_one_without_is_not(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    encoder = alignscope.Encoder(MODEL, progress=False)
    images = sorted(rated.glob("*.png"))

    def run(out, **options):
        asked = []
        notes = []
        models = own(encoder, images, asked, **options)
        found = alignscope.run(
            models, dataset, tmp_path / out, resamples=0, cache=tmp_path / "cache",
            progress=type("Notes", (), {
                "begin": lambda *_: None, "update": lambda *_: None, "end": lambda *_: None,
                "note": lambda _, message: notes.append(message),
            })(),
        )
        return sum(asked), notes, (found.path / "scores.csv").read_bytes()

    once, notes, scores = run("1", version="a")
    assert once == 41 and not any("nothing of it is kept" in note for note in notes)
    # One image alone is always encoded: it tells how large activations are.
    assert run("2", version="a")[::2] == (1, scores)
    assert run("3", version="b")[::2] == (41, scores)
    once, notes, _ = run("4")
    assert once == 41 and any("function: nothing of it is kept" in note for note in notes)
    assert run("5")[0] == 41


def test_the_program_takes_a_folder_of_features_as_a_model(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    encoder = alignscope.Encoder(MODEL, progress=False)
    arrays = encoder.activations(sorted(rated.glob("*.png")))
    names = [path.name for path in sorted(rated.glob("*.png"))]
    for stage, array in arrays.items():
        folder = tmp_path / "mine" / stage
        folder.mkdir(parents=True)
        np.save(folder / "features.npy", array)
        (folder / "file_names.txt").write_text("\n".join(names))
    run = alignscope.run(
        [MODEL, f"features:{tmp_path / 'mine'}", "psnr"], dataset, tmp_path / "run", resamples=0,
        cache=False, progress=False,
    )
    assert rows(run.path, "mine") == rows(run.path, "base")


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([3], "models[0] is 3"),
        (["ssim", object()], "models[1] is"),
        (
            [Features({"x": np.ones((40, 2), np.float32)}, name="a")] * 2,
            "two models would be called `a`",
        ),
        ([Features({"x": np.ones((3, 2), np.float32)}, name="a")], "[3, 2]"),
        ([Features({"x": np.ones((40, 2), np.float32)}, name="ssim")], "ssim"),
        (["features:nowhere"], "names no folder"),
    ],
)
def test_wrong_models_are_refused_before_anything_is_encoded(models, message, rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    with pytest.raises((TypeError, ValueError)) as error:
        alignscope.run(models, dataset, tmp_path / "run", progress=False)
    assert isinstance(error.value, alignscope.AlignscopeError)
    assert message in str(error.value), error.value
    assert not (tmp_path / "run/scores.csv").exists()


def test_features_have_a_name():
    assert Features({"x": np.ones((1, 2), np.float32)}).name == "features"
    with pytest.raises(ValueError, match="name is empty"):
        Features({"x": np.ones((1, 2), np.float32)}, name=" ")


def test_other_features_rows_and_functions_are_never_taken_for_the_same(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    images = [path.name for path in sorted(rated.glob("*.png"))]
    rng = np.random.default_rng(0)
    array = rng.normal(size=(len(images), 7)).astype(np.float32)
    cache = tmp_path / "cache"

    def run(out, model, cache=cache):
        found = alignscope.run(
            model, dataset, tmp_path / out, resamples=0, pixels=False, cache=cache, progress=False
        )
        return found.scores["value"].tolist()

    def features(array, names):
        return Features({"x": array}, name="mine", file_names=names)

    first = run("a", features(array, images))
    assert run("a", features(array, images)) == first
    with pytest.raises(alignscope.AlignscopeError, match="features at x of mine"):
        run("a", features(array + 1, images))
    # The same numbers for other images.
    turned = run("b", features(array, images[::-1]))
    assert turned != first and turned == run("c", features(array, images[::-1]), False)
    assert turned == run("d", features(array[::-1].copy(), images), False)
    with pytest.raises(alignscope.AlignscopeError, match="images of the rows of mine"):
        run("a", features(array, images[::-1]))

    folder = tmp_path / "folder"
    folder.mkdir()
    np.save(folder / "features.npy", array)
    (folder / "file_names.txt").write_text("\n".join(images))
    assert run("e", f"features:{folder}") == first
    np.save(folder / "features.npy", array[::-1].copy())
    with pytest.raises(alignscope.AlignscopeError, match="features in .*features.npy of folder"):
        run("e", f"features:{folder}")
    assert run("f", f"features:{folder}") == turned

    def function(weights, stages=("x",), **options):
        def encode(batch, wanted):
            means = np.stack([image.mean((0, 1)) for image in batch]).astype(np.float32)
            return {stage: means @ weights for stage in wanted}

        return Function(encode, stages, name=options.pop("name", "f"), **options)

    one, two = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    found = run("g", function(one))
    with pytest.raises(alignscope.AlignscopeError, match="version of f: not given"):
        run("g", function(two))
    other = run("h", function(two))
    assert other != found
    # One version for two functions of other names.
    assert run("i", function(one, version="1")) == found
    assert run("j", function(two, version="1", name="g")) == other
    with pytest.raises(alignscope.AlignscopeError, match="stages of f"):
        run("i", function(one, ("x", "y"), version="1"))


def test_ctrl_c_within_a_function_stops_a_run_that_can_go_on(rated, tmp_path):
    calls = []

    def encode(images, stages):
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"colour": np.stack([image.mean((0, 1)) for image in images])}

    def run():
        model = alignscope.Function(encode, "colour", name="mine", version="1", batch=4)
        options = {"progress": False, "resamples": 0}
        return alignscope.run(model, {"pairs": rated}, tmp_path / "run", **options)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert (tmp_path / "run" / "unfinished.json").exists()
    assert (run().path / "scores.csv").exists()
