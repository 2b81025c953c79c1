"""Versions tell torch models apart, and only them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import alignscope
from alignscope.torch import Recipe
from torch_nets import RECIPE, SIZE, Net, tokens, torch

pytestmark = pytest.mark.usefixtures("one_thread")


def version(change=lambda module: None, **options):
    torch.manual_seed(0)
    module = Net(tokens).eval()
    change(module)
    return alignscope.torch.module(module, "part", **{"preprocess": RECIPE} | options).version


def _epsilon(module):
    module.stem.eps = 1e-5


def _weight(module):
    with torch.no_grad():
        module.stem.weight[0, 0, 0, 0] += 1e-3


def _buffer(module):
    module.register_buffer("shift", torch.ones(1), persistent=False)


@pytest.mark.parametrize("change", [_epsilon, _weight, _buffer])
def test_a_version_tells_models_apart(change):
    assert version() == version()
    assert version(change) != version()


def test_a_version_tells_choices_apart():
    versions = {
        version(),
        version(dtype="bfloat16"),
        version(preprocess=Recipe(exact=(SIZE, SIZE), filter="bilinear")),
        version(layout="NLC"),
        version(tf32=True) + "tf32",
        version(version="mine"),
    }
    assert len(versions) == 6 and "mine" in versions
    assert "Net" in version() and f"torch {torch.__version__}" in version()


FILL = [1.0]


def test_a_transform_without_a_description_has_no_version():
    assert version(preprocess=lambda image: torch.ones(3, SIZE, SIZE)) is not None
    # What a global holds may be another tomorrow.
    assert version(preprocess=lambda image: torch.full((3, SIZE, SIZE), FILL[0])) is None
    side = SIZE
    assert version(preprocess=lambda image: torch.ones(3, side, side)) is None

    class Transform:
        def __call__(self, image):
            return torch.ones(3, SIZE, SIZE)

    assert version(preprocess=Transform()) is None
    assert version(preprocess=Transform(), version="mine") == "mine"


def test_a_version_is_the_same_in_another_process():
    code = """
import torch, alignscope
from alignscope.torch import Recipe
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 2, stride=2), torch.nn.BatchNorm2d(6)).eval()
print(alignscope.torch.module(net, "1", preprocess=Recipe(exact=(8, 8))).version)
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
        check=True).stdout for _ in range(2)
    ]
    assert runs[0] == runs[1] and "sha256" in runs[0]
