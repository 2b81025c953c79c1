"""Transforms of the user's own, here and in processes."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope
from torch_nets import Net, encoded, tokens, torch

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
