"""Transforms of the user's own, here and in processes."""

from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest

import alignscope
from alignscope.torch._process import Crew
from torch_nets import RECIPE, Net, encoded, tokens, torch

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_transform_that_gives_arrays_or_a_processors_output_is_taken():
    def array(image):
        return np.asarray(image, np.float32).transpose(2, 0, 1) / 255

    module = Net(tokens).eval()
    expected = None
    for transform in (
        array,
        lambda image: torch.from_numpy(array(image)),
        lambda image: {"pixel_values": array(image)[None]},
    ):
        model = alignscope.torch.module(module, "part", preprocess=transform)
        found = encoded(model)["part"]
        expected = found if expected is None else expected
        assert np.array_equal(found, expected)


def test_images_of_other_sizes_are_told():
    model = alignscope.torch.module(
        Net(tokens).eval(), "part",
        preprocess=lambda image: torch.ones(3, image.height, image.width),
    )
    model._own["encode"]([np.zeros((8, 8, 3), np.uint8)], ["part"])
    with pytest.raises(ValueError, match=r"different shapes \(\[3, 8, 8\] and \[3, 8, 10\]\)"):
        model._own["encode"](
            [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 10, 3), np.uint8)], ["part"]
        )
    with pytest.raises(ValueError, match=r"`part`.*is \[1, 20, 6\], expected \[1, 16, 6\]"):
        model._own["encode"]([np.zeros((8, 10, 3), np.uint8)], ["part"])


def slow(image):
    """A transform that other processes find by its name."""
    array = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
    if array.min() == array.max() == 1:
        raise OSError("a white image")
    return array


def strange(image):
    return "text"


class Killed:
    def __init__(self):
        self.mother = os.getpid()

    def __call__(self, image):
        if os.getpid() != self.mother:
            os.kill(os.getpid(), signal.SIGKILL)
        return slow(image)


def with_workers(transform, **options):
    return alignscope.torch.module(
        Net(tokens).eval(), "part", preprocess=transform, workers=2, batch=4, **options
    )


def test_processes_prepare_images_in_their_order():
    model = with_workers(slow)
    # Batches that are ready while the model runs on others.
    assert model._own["batch"] == 16
    torch.manual_seed(0)
    expected = alignscope.torch.module(model._runner._model, "part", preprocess=slow)
    for count in (16, 3):
        found = encoded(model, count)["part"]
        assert np.allclose(found, encoded(expected, count)["part"], rtol=0, atol=1e-6)
    assert len(multiprocessing.active_children()) == 2
    model._own["end"]()
    assert not multiprocessing.active_children()
    assert model.version == expected.version is not None


def test_an_error_of_a_transform_names_the_image():
    white, black = np.full((9, 8, 3), 255, np.uint8), np.zeros((9, 8, 3), np.uint8)
    words = r"fails for image 6 of a batch \(8 × 9 pixels\): OSError: a white image"
    for workers in (0, 2):
        model = alignscope.torch.module(
            Net(tokens).eval(), "part", preprocess=slow, workers=workers
        )
        with pytest.raises(ValueError, match=words):
            model._own["encode"]([black] * 5 + [white], ["part"])
        assert not multiprocessing.active_children()


def test_a_process_of_a_transform_that_is_killed_is_an_error():
    model = with_workers(Killed(), version="1")
    with pytest.raises(alignscope.ModelError, match="process . of preprocess was killed by"):
        encoded(model)
    assert not multiprocessing.active_children()


def test_a_transform_that_pickle_does_not_take_is_told():
    with pytest.raises(ValueError, match="preprocess cannot be sent.*not a lambda.*workers=0"):
        with_workers(lambda image: slow(image))


def test_what_a_transform_gives_in_a_process_is_checked():
    with pytest.raises(TypeError, match="preprocess returns a str"):
        encoded(with_workers(strange))


def test_a_recipe_needs_no_processes():
    model = with_workers(RECIPE)
    assert model._own["batch"] == 4
    encoded(model)
    assert not multiprocessing.active_children()


def test_processes_read_ahead_within_bounds():
    """No more images are in work than are asked for ahead."""
    asked = []

    def requests():
        for number in range(40):
            asked.append(number)
            yield number

    crew = Crew(["a process", "another"], _doubled, lambda: [(), ()])
    found = crew.stream(requests(), 6)
    assert [next(found) for _ in range(3)] == [0, 2, 4]
    assert len(asked) <= 3 + 6
    assert list(found) == [2 * i for i in range(3, 40)]
    # Whoever stops early leaves no process with answers that nobody takes.
    for _ in crew.stream(requests(), 6):
        break
    assert not multiprocessing.active_children()
    assert list(crew.stream([1, 2], 6)) == [2, 4]
    crew.end()


def _doubled():
    return lambda number: 2 * number
