"""Small torch modules, and how they are measured, for tests."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import alignscope
from alignscope._alignscope import prepared
from alignscope.torch import Recipe

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
nn = torch.nn

SIZE = 8
RECIPE = Recipe(exact=(SIZE, SIZE))


def images(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8) for _ in range(count)]


def encoded(model, count=5, seed=0):
    """Each stage's array, as a run would get it."""
    given = images(count, seed)
    if model._own["recipe"] is not None:
        # The compiled part prepares images by a recipe.
        given = np.stack([prepared(model._own["recipe"], image) for image in given])
    arrays = model._own["encode"](given, model.stages)
    return dict(zip(model.stages, arrays))


def pixels(count, seed=0):
    return torch.from_numpy(np.stack([RECIPE.apply(image) for image in images(count, seed)]))


class Net(nn.Module):
    """Whatever `forms` makes of a map [images, 6, 4, 4], handed out by the module `part`."""

    def __init__(self, form):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 2, stride=2)
        self.part = Form(form)

    def forward(self, x):
        return self.part(self.stem(x))


class Form(nn.Module):
    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x):
        return self.form(x)


@dataclasses.dataclass
class Output:
    logits: object
    last_hidden_state: object = None


def tokens(x):
    """[images, 16 tokens, 6 channels]."""
    return x.flatten(2).transpose(1, 2)


def net(form, stages="part", **options):
    torch.manual_seed(0)
    options = {"preprocess": RECIPE} | options
    return alignscope.torch.module(Net(form).eval(), stages, **options)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 2, stride=2)
        self.act = nn.Tanh()

    def forward(self, x):
        return self.act(2 * self.act(self.stem(x)))
