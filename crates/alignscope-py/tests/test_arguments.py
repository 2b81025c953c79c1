"""Every argument of a type that is not taken is named in the error, with what was expected."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import numpy as np
import pytest

import alignscope
from conftest import GOLDEN

MODEL = str(GOLDEN / "clip/base")

#: Wrong for each kind of argument.
WRONG = {
    "text": [3, True, b"x", ["x"], {"x": 1}],
    "path": [3, True, b"x", ["x"], ""],
    "whole": ["5", 5.0, True, [5], np.float32(5), b"5"],
    "flag": ["yes", 1, 0, None, [True]],
    "switch": ["yes", 1, 0, [True]],
    "words": [3, True, b"x", {"x": 1}, [3], ["x", None]],
    "memory": [8e9, True, [8], "8 parsecs", "", -1, b"8GB"],
    "function": [3, "f", None],
    "progress": [None, "yes", 1, 0, print],
}
#: The kind of each argument; with None where that is taken too.
KINDS = {
    "format": ("text", False), "name": ("text", True), "level": ("text", True),
    "path": ("path", False), "split": ("text", True),
    "min_votes": ("whole", True), "lower_is_better": ("switch", True),
    "things_images": ("text", True), "odd": ("text", True),
    "skip_missing": ("flag", False), "folder": ("path", False), "copy": ("flag", False),
    "allow_outside": ("flag", False), "limit": ("whole", True), "seed": ("whole", False),
    "distance": ("text", False), "distances": ("words", True), "tokens": ("text", False),
    "prefix": ("whole", True), "layout": ("words", True), "ties": ("text", False),
    "resamples": ("whole", False), "cluster": ("text", False), "pixels": ("flag", False),
    "memory": ("memory", True), "out": ("path", True), "threads": ("whole", True),
    "progress": ("progress", False), "batch": ("whole", False), "spill": ("flag", False),
    "stages": ("words", False), "encode": ("function", False), "projection": ("text", True),
    "precision": ("text", False), "baseline_size": ("whole", True), "weights": ("path", True),
    "scale_from": ("path", True), "transform": ("path", True),
    "title": ("text", True), "published": ("flag", False),
    "fresh": ("flag", False), "overwrite": ("flag", False), "control": ("flag", False),
    "keep_going": ("flag", False), "table": ("text", False),
    "stage": ("text", False), "column": ("text", False), "height": ("whole", False),
    "intervals": ("flag", False), "backend": ("text", False),
    "device": ("text", True), "dtype": ("text", True), "tf32": ("switch", True),
    "compile": ("switch", True),
}  # fmt: skip
#: What may be None in some functions alone.
OPTIONAL = {
    "activations": ("stages",),
    "compare": ("resamples", "seed"),
    "evaluate": ("batch", "spill"),
    "rdm": ("stage", "distance"),
    "plot": ("distance",),
}
#: Looked at by themselves below, or where they belong.
OTHERS = {"dataset", "features", "file_names", "model", "models", "datasets", "preprocess", "cache",
          "images", "self", "depths", "values", "runs", "ax"}


class Axes:
    """Takes whatever is drawn."""

    def __getattr__(self, name):
        return lambda *arguments, **options: None


@pytest.fixture()
def calls(rated, tmp_path):
    """A call that works of each function, as its name and a function of keywords."""
    dataset = alignscope.load_dataset("pairs", rated)
    features = {"x": np.ones((40, 2), np.float32)}
    found = alignscope.score(dataset, features, resamples=0)
    encoder = alignscope.Encoder(MODEL, progress=False)
    picture = np.zeros((4, 4, 3), np.uint8)

    def encode(images, stages):
        return [np.ones((len(images), 2), np.float32)]

    def experiment(**options):
        return alignscope.Experiment(**{"models": "pixels", "datasets": dataset, **options})

    def with_defaults(function, **defaults):
        return function, lambda **options: function(**{**defaults, **options})

    quiet = {"progress": False}
    given = np.ones(len(dataset.pairs))
    done = alignscope.run("psnr", dataset, tmp_path / "done", resamples=0, **quiet)
    return [
        with_defaults(alignscope.load_dataset, format="pairs", path=rated),
        with_defaults(dataset.save, folder=tmp_path / "saved"),
        with_defaults(alignscope.demo, path=tmp_path / "demo"),
        with_defaults(alignscope.score, dataset=dataset, features=features),
        with_defaults(
            alignscope.evaluate, dataset=dataset, encode=encode, stages="x", **quiet
        ),
        (alignscope.Experiment.__init__, experiment),
        with_defaults(experiment().run, out=tmp_path / "run", **quiet),
        with_defaults(alignscope.Encoder, model=MODEL, **quiet),
        with_defaults(encoder.activations, images=picture, **quiet),
        with_defaults(alignscope.results, path=tmp_path),
        with_defaults(found.distances, stage="x", distance="cosine"),
        with_defaults(found.trial_distances, stage="x", distance="cosine"),
        with_defaults(found.scale, stage="x"),
        with_defaults(found.scores.__getitem__, column="value"),
        with_defaults(alignscope.score_distances, dataset=dataset, values=given),
        with_defaults(alignscope.combine, runs=[done, done], out=tmp_path / "both", **quiet),
        with_defaults(done.rdm, model="psnr"),
        with_defaults(done.plot, models="psnr", ax=Axes()),
        with_defaults(done.show),
    ]


def test_each_argument_of_a_wrong_type_is_named(calls):
    checked = 0
    for function, call in calls:
        for name in inspect.signature(function).parameters:
            if name in OTHERS:
                continue
            kind, optional = KINDS[name]
            if name in OPTIONAL.get(function.__name__, ()):
                optional = True
            if name == "batch" and function is alignscope.Experiment.__init__:
                optional = True
            if name == "out" and function.__name__ in ("run", "combine"):
                optional = False
            wrong = [value for value in WRONG[kind] if value is not None]
            wrong += [] if optional else [None]
            for value in wrong:
                # A flag is no number, but a memory of text and a path of text may be wrong values.
                with pytest.raises((TypeError, ValueError)) as error:
                    call(**{name: value})
                assert isinstance(error.value, alignscope.AlignscopeError), (name, value, error)
                message = str(error.value)
                assert message.startswith(name), (function.__name__, name, value, message)
                assert "expected" in message, message
                checked += 1
    assert checked > 300


def test_arguments_that_name_models_data_sets_and_features(calls, rated):
    dataset = alignscope.load_dataset("pairs", rated)
    array = np.ones((40, 2), np.float32)
    features = {"x": array}
    score, run = alignscope.score, alignscope.Experiment("pixels", dataset).run
    encode = lambda images, stages: None  # noqa: E731
    for call, message in [
        (lambda: score("pairs", {"x": array}), "dataset is 'pairs', a str, expected a data set"),
        (lambda: score(dataset, array), "features is a ndarray, expected a mapping of stages"),
        (lambda: score(dataset, None), "features is None, expected a mapping"),
        (lambda: score(dataset, {"x": "array"}), "features\\['x'\\] is of <U5, expected float32"),
        (lambda: score(dataset, {"x": [[1.0], [1.0, 2.0]]}), "features\\['x'\\] is a list"),
        (lambda: score(dataset, features, file_names="00.png"), "file_names is '00.png', a str"),
        (lambda: score(dataset, features, file_names=[3]), "file_names\\[0\\] is 3, an int"),
        (lambda: score(dataset, {"x": array}, model=3), "model is 3, an int, expected a text"),
        (lambda: alignscope.Experiment(3, dataset), "models is 3, an int"),
        (lambda: alignscope.Experiment(["pixels", 3], dataset), "models\\[1\\] is 3, an int"),
        (lambda: alignscope.Experiment({"mine": 1}, dataset), "models\\['mine'\\] is 1, an int"),
        (lambda: alignscope.Experiment("pixels", "pairs"), "datasets is 'pairs', a str"),
        (lambda: alignscope.Experiment("pixels", 3), "datasets is 3, an int"),
        (lambda: alignscope.Experiment("pixels", [dataset, 3]), "datasets\\[1\\] is 3, an int"),
        (lambda: alignscope.Experiment("pixels", {"pairs": 3}), "datasets\\['pairs'\\] is 3"),
        (lambda: run(rated / "out", cache=None), "cache is None, expected"),
        (lambda: run(rated / "out", cache=1), "cache is 1, an int, expected"),
        (lambda: alignscope.Encoder(None), "model is None, expected the name or folder"),
        (lambda: alignscope.evaluate(dataset, encode, "x", preprocess=3), "preprocess is 3"),
    ]:
        with pytest.raises(TypeError, match=f"^{message}"):
            call()
    masked = np.ma.masked_array(array, array > 0)
    for call, message in [
        (lambda: score(dataset, {"x": masked}), "features\\['x'\\] has masked entries"),
        (lambda: score(dataset, {"x": array}, model=" "), "model is empty"),
        (lambda: alignscope.evaluate(dataset, encode, "x", model=""), "model is empty"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            call()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"seed": -1}, "seed is -1, expected 0 or more"),
        ({"seed": 2**64}, "seed is 18446744073709551616, expected 18446744073709551615 or less"),
        ({"resamples": -1}, "resamples is -1"),
        ({"threads": 0}, "threads is 0, expected 1 or more"),
        ({"threads": 10**6}, "threads is 1000000, expected 1024 or less"),
        ({"memory": 2**64}, "memory is 18446744073709551616"),
        ({"memory": "lots"}, "memory is 'lots': expected a number with a unit, such as `8GB`"),
        ({"memory": "8"}, "memory is '8': .*did you mean `8GB`"),
        ({"memory": "1KB"}, "memory is '1KB': too little"),
        ({"memory": 8}, "memory is 8, which is a number of bytes; expected at least 1000000"),
    ],
)
def test_numbers_that_cannot_be_meant(rated, option, message):
    dataset = alignscope.load_dataset("pairs", rated)
    with pytest.raises(ValueError, match=message):
        alignscope.score(dataset, {"x": np.ones((40, 2))}, **option)


def test_what_numpy_and_pathlib_give_is_taken(rated, tmp_path):
    dataset = alignscope.load_dataset(np.str_("pairs"), rated, limit=np.int32(20))
    array = np.random.default_rng(0).normal(size=(len(dataset.images), 5, 3))
    plain = alignscope.score(
        dataset, {"x": array}, distances="cosine", tokens="patches", prefix=1, resamples=100,
        seed=3,
        memory=10**9, threads=1, pixels=False,
    )
    other = alignscope.score(
        dataset, {"x": array}, distances=np.array(["cosine"]), tokens=np.str_("patches"),
        prefix=np.uint8(1), resamples=np.int64(100), seed=np.uint64(3), memory="1GB",
        threads=np.int16(1), pixels=np.bool_(False), file_names=[Path(n) for n in dataset.images],
        out=tmp_path / "out",
    )
    for column in plain.scores.columns:
        np.testing.assert_array_equal(plain.scores[column], other.scores[column])
    assert other.run.path == tmp_path / "out"


def test_memory_as_text_is_that_many_bytes(rated):
    dataset = alignscope.load_dataset("pairs", rated)

    def encode(images, stages):
        return [np.ones((len(images), 2, 4), np.float32)]

    for memory, shown in [("1MB", "1 MB"), ("2 MB", "2 MB"), ("2MiB", "3 MB"), (3_000_000, "3 MB")]:
        with pytest.raises(MemoryError, match=f"the budget is {shown}"):
            alignscope.evaluate(dataset, encode, "x", memory=memory, progress=False)


def test_a_tilde_is_the_users_home(rated, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(rated.parent))
    monkeypatch.setenv("USERPROFILE", str(rated.parent))
    dataset = alignscope.load_dataset("pairs", "~/rated")
    assert dataset.path == rated
    found = alignscope.score(
        dataset, {"x": np.ones((40, 2))}, resamples=0, out=Path("~/scored")
    )
    assert found.run.path == rated.parent / "scored"
    assert not os.path.exists("~")
    assert len(alignscope.results("~/scored")) == len(found.scores)
