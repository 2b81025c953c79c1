"""What modules may give: one rule for each form of output."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import alignscope
from torch_nets import RECIPE, Net, Output, Twice, encoded, net, nn, pixels, tokens, torch

pytestmark = pytest.mark.usefixtures("one_thread")


FORMS = {
    "a vector": (lambda x: x.mean((2, 3)), (6,)),
    "a number": (lambda x: x.mean((1, 2, 3)), (1,)),
    "tokens": (tokens, (16, 6)),
    "a map": (lambda x: x, (4, 4, 6)),
    "channels last": (lambda x: x.permute(0, 2, 3, 1), (4, 4, 6)),
    "tokens before images": (lambda x: tokens(x).transpose(0, 1), (16, 6)),
    "a tuple": (lambda x: (tokens(x), x), (16, 6)),
    "a list that begins with None": (lambda x: [None, tokens(x)], (16, 6)),
    "a dict of one": (lambda x: {"x": tokens(x)}, (16, 6)),
    "a dict with last_hidden_state": (lambda x: {"p": x, "last_hidden_state": tokens(x)}, (16, 6)),
    "a dataclass": (lambda x: Output(x, tokens(x)), (16, 6)),
    "a dataclass of one": (lambda x: Output(tokens(x)), (16, 6)),
    "an ordered dict": (lambda x: OrderedDict(y=None, last_hidden_state=tokens(x)), (16, 6)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_output_gives_the_same_tokens(form):
    make, shape = FORMS[form]
    found = encoded(net(make))["part"]
    assert found.dtype == np.float32 and found.shape == (5, *shape)
    torch.manual_seed(0)
    with torch.no_grad():
        maps = Net(tokens).eval()(pixels(5))
    if len(shape) > 1:
        assert np.array_equal(found.reshape(5, 16, 6), maps.numpy())


@pytest.mark.parametrize(
    ("key", "form"),
    [("b", lambda x: {"a": x, "b": tokens(x)}), ("1", lambda x: (x, tokens(x))),
     ("logits", lambda x: Output(tokens(x), x))],
)
def test_one_tensor_of_several_is_named_by_its_key(key, form):
    assert encoded(net(form, f"part:{key}"))[f"part:{key}"].shape == (5, 16, 6)


def test_stages_have_the_names_that_they_are_given():
    model = net(tokens, {"embedding": "part@input", "block 1": "part", "output": ""})
    found = encoded(model)
    assert model.stages == ["embedding", "block 1", "output"]
    assert np.array_equal(found["embedding"].reshape(5, 16, 6), found["block 1"])
    assert np.array_equal(found["output"], found["block 1"])


def test_a_layer_that_works_in_place_leaves_the_stage_before_it_alone():
    sequence = nn.Sequential(nn.Conv2d(3, 6, 2, stride=2), nn.ReLU(inplace=True)).eval()
    model = alignscope.torch.module(sequence, ["0", "1"], preprocess=RECIPE)
    found = encoded(model)
    assert found["0"].min() < 0
    assert np.array_equal(np.maximum(found["0"], 0), found["1"])


def test_a_module_that_runs_twice_is_taken_by_its_call():
    model = alignscope.torch.module(
        Twice().eval(), {"first": "act#1", "second": "act#2"}, preprocess=RECIPE
    )
    found = encoded(model)
    assert np.allclose(np.tanh(2 * found["first"]), found["second"], atol=1e-6)


@pytest.mark.parametrize(
    ("form", "layout", "order"),
    [
        (lambda x: x[:, :4], "NCHW", (0, 2, 3, 1)),
        (lambda x: x[:, :4].permute(0, 2, 3, 1), "NHWC", (0, 1, 2, 3)),
        (lambda x: x.flatten(2), "NCL", (0, 2, 1)),
        (lambda x: tokens(x).transpose(0, 1), "LNC", (1, 0, 2)),
    ],
)
def test_a_layout_says_what_axes_are(form, layout, order):
    for given in (layout, [layout], {"part": layout}):
        model = net(form, layout=given)
        found = encoded(model)["part"]
        with torch.no_grad():
            expected = model._runner._model(pixels(5)).permute(order)
        assert np.array_equal(found, expected.numpy())
