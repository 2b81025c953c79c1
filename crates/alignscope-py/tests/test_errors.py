"""What is said to wrong input, and of which kind it is."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

import alignscope
from conftest import GOLDEN

MODEL = str(GOLDEN / "clip/base")


@pytest.fixture()
def dataset(rated):
    return alignscope.load_dataset("pairs", rated)


def test_missing_files_are_file_not_found(tmp_path, dataset):
    for call in [
        lambda: alignscope.load_dataset("nights", tmp_path / "none"),
        lambda: alignscope.Encoder(MODEL, progress=False).activations(tmp_path / "none.png"),
        lambda: alignscope.score(dataset, tmp_path / "none"),
        lambda: alignscope.results(tmp_path / "none"),
    ]:
        with pytest.raises(FileNotFoundError, match="none") as error:
            call()
        assert isinstance(error.value, alignscope.AlignscopeError)


def test_words_are_value_errors_with_what_would_do(dataset):
    words = "unknown data set `night` .did you mean `nights`.., expected one of"
    with pytest.raises(ValueError, match=words):
        alignscope.load_dataset("night", ".")
    array = np.zeros((40, 2), np.float32)
    for option, message in [
        ({"distances": "l2"}, "unknown distance `l2`"),
        ({"tokens": "cls"}, "unknown choice of tokens `cls`"),
        ({"ties": "maybe"}, "`maybe`"),
        ({"cluster": "person"}, "unknown cluster `person`"),
        ({"resamples": 5}, "resamples is 5"),
        ({"threads": 0}, "threads is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            alignscope.score(dataset, {"x": array}, **option)


def test_wrong_arrays_say_what_was_expected(dataset):
    with pytest.raises(TypeError, match=r"features\['x'\] is of complex64, expected float32"):
        alignscope.score(dataset, {"x": np.zeros((40, 2), np.complex64)})
    with pytest.raises(ValueError, match=r"at x: the shape is \[\], expected \[images\], "):
        alignscope.score(dataset, {"x": np.zeros(())})
    with pytest.raises(ValueError, match="expected 40 images, as there are images of the data set"):
        alignscope.score(dataset, {"x": np.zeros((39, 2))})
    with pytest.raises(TypeError, match="features is a ndarray, expected a mapping"):
        alignscope.score(dataset, np.zeros((40, 2)))
    with pytest.raises(TypeError, match="dataset is 'pairs', a str"):
        alignscope.score("pairs", {"x": np.zeros((40, 2))})
    bad = np.zeros((40, 2, 3), np.float32)
    bad[7, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"NaN for the image .*token 1, channel 2"):
        alignscope.score(dataset, {"x": bad})
    with pytest.raises(ValueError, match="features has no stages"):
        alignscope.score(dataset, {})
    with pytest.raises(ValueError, match="`image`"):
        alignscope.score(dataset, {"image": np.zeros((40, 2))})


def test_wrong_names_of_rows(dataset):
    array = np.zeros((40, 2))
    names = [f"x{name}" for name in dataset.images]
    with pytest.raises(ValueError, match="40 of the 40 images of the data set are in no row"):
        alignscope.score(dataset, {"x": array}, file_names=names)
    twice = [f"a/{dataset.images[0]}", *dataset.images[1:], f"b/{dataset.images[0]}"]
    with pytest.raises(ValueError, match="could be row 0 .* or row 40"):
        alignscope.score(dataset, {"x": np.zeros((41, 2))}, file_names=twice)


def test_wrong_images(tmp_path):
    encoder = alignscope.Encoder(MODEL, progress=False)
    with pytest.raises(TypeError, match="image 0 is of int64, expected uint8"):
        encoder.activations(np.zeros((4, 4, 3), np.int64))
    with pytest.raises(ValueError, match=r"image 0 has the shape \(4, 4, 4\)"):
        encoder.activations(np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(TypeError, match="image 1 is a int"):
        encoder.activations([np.zeros((4, 4, 3), np.uint8), 3])
    with pytest.raises(ValueError, match="no stage `block 9`"):
        encoder.activations(np.zeros((4, 4, 3), np.uint8), "block 9")
    with pytest.raises(ValueError, match="preprocessed image"):
        encoder.activations(np.zeros((1, 3, 5, 5), np.float32))
    path = tmp_path / "text.png"
    path.write_text("no image")
    with pytest.raises(alignscope.ImageError, match="not a PNG"):
        encoder.activations(path)
    with pytest.raises(ValueError, match="`pixels` has no activations"):
        alignscope.Encoder("pixels", progress=False)


def test_what_a_function_raises_comes_out_as_it_is(dataset):
    class Mine(Exception):
        pass

    def encode(images, stages):
        raise Mine("here")

    with pytest.raises(Mine, match="here"):
        alignscope.evaluate(dataset, encode, "x", progress=False)


def test_what_a_function_gives_wrongly_is_said(dataset):
    def evaluate(encode, stages="x", **options):
        return alignscope.evaluate(dataset, encode, stages, progress=False, **options)

    with pytest.raises(ValueError, match="encode gives no `x`, expected x; it gives y"):
        evaluate(lambda images, stages: {"y": np.zeros((len(images), 2))})
    with pytest.raises(TypeError, match="encode returns a NoneType"):
        evaluate(lambda images, stages: None)
    with pytest.raises(ValueError, match="returns 1 arrays, expected 2: x, z"):
        evaluate(lambda images, stages: [np.zeros((len(images), 2))], ["x", "z"])
    words = "gives 3 images of 1 tokens × 2 channels at x, expected 1 "
    with pytest.raises(ValueError, match=words):
        evaluate(lambda images, stages: {"x": np.zeros((3, 2))})
    sizes = iter([2, 3, 4])
    words = "3 channels at x, expected 30 images of 1 tokens × 2 channels"
    with pytest.raises(ValueError, match=words):
        evaluate(lambda images, stages: {"x": np.zeros((len(images), next(sizes)))}, batch=30)
    with pytest.raises(TypeError, match="preprocess is 3, an int"):
        evaluate(lambda images, stages: None, preprocess=3)
    with pytest.raises(ValueError, match="batch is 0"):
        evaluate(lambda images, stages: None, batch=0)


def test_a_folder_that_is_not_empty_is_left_alone(dataset, rated):
    with pytest.raises(alignscope.ResultsError, match="not empty"):
        alignscope.Experiment("pixels", dataset).run(rated, progress=False)


def test_ctrl_c_stops_the_work_and_leaves_no_results(dataset, tmp_path):
    def encode(images, stages):
        time.sleep(0.05)
        return {"x": np.ones((len(images), 2))}

    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        alignscope.evaluate(dataset, encode, "x", batch=1, out=tmp_path / "out", progress=False)
    assert time.monotonic() - begun < 2
    assert not (tmp_path / "out/scores.csv").exists()


def test_ctrl_c_stops_an_experiment(tmp_path):
    sets = alignscope.demo(tmp_path / "demo")
    experiment = alignscope.Experiment("random:openai/clip-vit-base-patch16", sets["pairs"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        experiment.run(tmp_path / "out", progress=False)
    assert time.monotonic() - begun < 13
    assert not (tmp_path / "out/scores.csv").exists()


def test_other_threads_run_while_it_works(dataset):
    """The GIL is released: a thread that counts goes on."""
    counted = 0
    done = threading.Event()

    def count():
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    features = {"x": np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)}
    before = counted
    found = alignscope.score(dataset, features, resamples=20_000)
    during = counted - before
    done.set()
    thread.join()
    assert during >= found.seconds * 100, (during, found.seconds)


def test_progress_is_told_to_any_object(dataset):
    told = []

    class Mine:
        def begin(self, task, steps):
            told.append(("begin", steps))

        def update(self, done):
            told.append(("update", done))

        def end(self):
            told.append(("end",))

        def note(self, message):
            told.append(("note", message))

    alignscope.score(dataset, {"x": np.ones((40, 2))}, progress=Mine())
    kinds = {event[0] for event in told}
    assert {"begin", "end", "note"} <= kinds
    assert any("30 trials" in event[1] for event in told if event[0] == "note")
