"""Torch models that are not today what they were when they were made, and what cannot be
measured."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import alignscope
from alignscope.torch import Recipe, module

torch = pytest.importorskip("torch")
nn = torch.nn
RECIPE = Recipe(shortest=32, crop=(32, 32))


def net(*more):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), *more).eval()


def scores(model, data, out, **options):
    options = {"pixels": False, "resamples": 0, "progress": False} | options
    return list(alignscope.run(model, {"pairs": data}, out, **options).scores["value"])


def test_weights_that_change_between_runs_are_measured_anew(rated, tmp_path):
    layers = net(nn.ReLU())
    model = module(layers, ["1"], preprocess=RECIPE, name="net")
    first, version = scores(model, rated, tmp_path / "1"), model.version
    nn.init.normal_(layers[0].weight)
    second = scores(model, rated, tmp_path / "2")
    assert first != second and model.version != version
    again = module(copy.deepcopy(layers), ["1"], preprocess=RECIPE, name="net")
    assert scores(again, rated, tmp_path / "3", cache=False) == second


def test_training_mode_is_refused_at_every_run_and_nothing_is_changed(rated, tmp_path):
    layers = net(nn.BatchNorm2d(6), nn.Dropout(0.5))
    model = module(layers, ["1", "2"], preprocess=RECIPE, name="net")
    layers.train()
    before = layers[1].running_mean.clone()
    with pytest.raises(ValueError, match="in training mode"):
        scores(model, rated, tmp_path / "run")
    assert torch.equal(layers[1].running_mean, before)


class Shifted(nn.Module):
    """Activations whose mean is far from 0."""

    def __init__(self):
        super().__init__()
        self.layer = net()

    def forward(self, images):
        return self.layer(images) * 1e-2 + 10


def test_correlations_of_activations_far_from_0_are_those_of_the_host(rated):
    dataset = alignscope.load_dataset("pairs", rated)
    found = [
        alignscope.evaluate(
            dataset,
            module(Shifted().eval(), {"o": ""}, preprocess=RECIPE, name="net", reduce=where),
            distances="correlation", resamples=0, progress=False,
        ).distances("o", "correlation")
        for where in ("host", "device")
    ]
    assert found[1] == pytest.approx(found[0], rel=1e-3)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (lambda x: torch.complex(x, x), r"stage `o`.* gives complex numbers, torch\.complex64"),
        (lambda x: x.to_sparse(), r"stage `o`.* is torch\.sparse_coo, expected a dense one"),
    ],
)
def test_numbers_that_are_not_plain_are_refused(rated, tmp_path, form, told):
    class Form(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = net()

        def forward(self, images):
            return form(self.layer(images))

    model = module(Form().eval(), {"o": ""}, preprocess=RECIPE, name="net")
    with pytest.raises(TypeError, match=told):
        scores(model, rated, tmp_path / "run")


def test_a_bare_module_is_told_what_to_make_of_it(rated, tmp_path):
    for given in (net(), [net()]):
        with pytest.raises(TypeError, match=r"alignscope\.torch\.module\(model, stages"):
            scores(given, rated, tmp_path / "run")


def brightness(image):
    return torch.from_numpy(np.asarray(image.resize((32, 32)), np.float32).transpose(2, 0, 1) / 255)


def test_a_model_with_a_transform_pickles(rated, tmp_path):
    model = module(net(), ["0"], preprocess=brightness, name="net")
    again = pickle.loads(pickle.dumps(model))
    assert scores(again, rated, tmp_path / "1") == scores(model, rated, tmp_path / "2", cache=False)


def test_a_model_as_it_is_is_evaluated_and_nothing_is_said_twice(rated):
    dataset = alignscope.load_dataset("pairs", rated)
    model = module(net(), ["0"], preprocess=RECIPE, name="net")
    found = alignscope.evaluate(dataset, model, resamples=0, progress=False)
    assert set(found.scores["model"]) == {"net"}
    with pytest.raises(ValueError, match="stages is given for TorchModel"):
        alignscope.evaluate(dataset, model, "0", resamples=0, progress=False)
