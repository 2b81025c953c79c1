"""What wrong uses are told, as docs/torch.md says it."""

from __future__ import annotations

import re

import numpy as np
import pytest

import alignscope
from alignscope.torch import Recipe
from conftest import ROOT
from torch_nets import RECIPE, Net, Twice, encoded, net, nn, tokens, torch

pytestmark = pytest.mark.usefixtures("one_thread")


def _training():
    return alignscope.torch.module(Net(tokens), "part", preprocess=RECIPE)


def _dropout_in_training():
    module = Net(tokens).eval()
    module.part.train()
    return alignscope.torch.module(module, "part", preprocess=RECIPE)


def _meta():
    with torch.device("meta"):
        return alignscope.torch.module(Net(tokens).eval(), "part", preprocess=RECIPE)


def _script():
    module = torch.jit.trace(nn.Sequential(nn.Conv2d(3, 6, 2)).eval(), torch.zeros(1, 3, 8, 8))
    return alignscope.torch.module(module, "0", preprocess=RECIPE)


def _replicas_within():
    module = nn.Sequential(nn.DataParallel(nn.Conv2d(3, 6, 2)), nn.ReLU()).eval()
    return alignscope.torch.module(module, "1", preprocess=RECIPE)


def _two_formats():
    module = nn.Sequential(nn.Conv2d(3, 6, 2), nn.Conv2d(6, 6, 2).bfloat16()).eval()
    return alignscope.torch.module(module, "1", preprocess=RECIPE)


MADE = {
    "a wrong stage": (lambda: net(tokens, "parts"), ["no module `parts`", "`part`"]),
    "no stage": (lambda: net(tokens, []), ["stages is empty"]),
    "a stage twice": (lambda: net(tokens, ["part", "part"]), ["`part` is named twice"]),
    "a stage of no text": (lambda: net(tokens, [3]), ["[0] is 3"]),
    "a class": (lambda: alignscope.torch.module(nn.ReLU, "x"), ["the class ReLU", "call it"]),
    "no module": (lambda: alignscope.torch.module(len, "x"), ["expected a torch.nn.Module"]),
    "training": (_training, ["model is in training mode", "`.eval()`"]),
    "training of a part": (_dropout_in_training, ["`part` of model is in training mode"]),
    "meta": (_meta, ["`stem.weight` of the model is on the device meta", "load them"]),
    "TorchScript": (_script, ["TorchScript", "take no hooks"]),
    "replicas within": (_replicas_within, ["`0` of model is a DataParallel"]),
    "two formats": (_two_formats, ["`1.weight` of the model is of torch.bfloat16", "`dtype=`"]),
    "no device": (lambda: net(tokens, device="cuda:99"), ["device is cuda:99", "`cpu`"]),
    "no such device": (lambda: net(tokens, device="gpu"), ["device is 'gpu'", "`cuda:1`"]),
    "no such dtype": (lambda: net(tokens, dtype="int8"), ["dtype is 'int8'", "bfloat16"]),
    "no such option": (lambda: net(tokens, prefx=1), ["prefx is no option", "prefix"]),
    "no such layout": (lambda: net(tokens, layout="CHW"), ["layout is 'CHW'", "NCHW"]),
    "a layout of no stage": (lambda: net(tokens, layout={"x": "NLC"}), ["layout is given for `x`"]),
    "no preprocess": (
        lambda: alignscope.torch.module(Net(tokens).eval(), "part"), ["preprocess is not given"]
    ),
    "a wrong preprocess": (lambda: net(tokens, preprocess=3), ["preprocess is 3, an int"]),
}


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2).repeat(1, 1, 2)
        return self.attention(x, x, x)[0]


FOUND = {
    "no axis of images": (
        lambda: net(lambda x: x.mean(0)), ["`part`", "no one axis is that of images"]
    ),
    "windows among images": (
        lambda: net(lambda x: x.reshape(-1, 6, 2, 2)), ["axis 0 mixes images", "[8, 6, 2, 2]"]
    ),
    "no tensor": (lambda: net(lambda x: None), ["`part`", "gives None"]),
    "a tuple of nothing": (lambda: net(lambda x: ()), ["gives a tuple of nothing"]),
    "several tensors": (
        lambda: net(lambda x: {"a": x, "b": x}), ["several tensors, `a`, `b`", "`MODULE:a`"]
    ),
    "a wrong key": (lambda: net(lambda x: {"a": x}, "part:b"), ["no tensor `b`", "`a`"]),
    "a key of a tensor": (lambda: net(tokens, "part:b"), ["gives one tensor"]),
    "an axis too many": (lambda: net(lambda x: x[:, None]), ["expected at most four axes"]),
    "an unknown map": (
        lambda: net(lambda x: x[:, :4]), ["`part`", "[4, 4, 4]", 'layout="NCHW" or "NHWC"']
    ),
    "another layout": (
        lambda: net(lambda x: tokens(x).transpose(0, 1), layout="NLC"), ["axis 1", "expected LNC"]
    ),
    "a layout of other axes": (
        lambda: net(tokens, layout={"part": "NCHW"}), ["layout is NCHW", "expected 4 axes"]
    ),
    "a module that runs twice": (
        lambda: alignscope.torch.module(Twice().eval(), "act", preprocess=RECIPE),
        ["`act`", "runs 2 times", "`act#1` to `act#2`"],
    ),
    "a call too many": (
        lambda: alignscope.torch.module(Twice().eval(), "act#3", preprocess=RECIPE),
        ["runs 2 times", "from 1 to 2"],
    ),
    "a module that does not run": (
        lambda: alignscope.torch.module(
            nn.Sequential(nn.Conv2d(3, 3, 2), Unused()).eval(), "1.attention.out_proj",
            preprocess=Recipe(exact=(4, 4)),
        ),
        ["`1.attention.out_proj`", "does not run"],
    ),
    "a transform that returns PIL": (
        lambda: net(tokens, preprocess=lambda image: image),
        ["returns a PIL image", "ToTensor()"],
    ),
    "a transform that returns bytes": (
        lambda: net(tokens, preprocess=lambda image: np.asarray(image)),
        ["returns torch.uint8", "rescale"],
    ),
    "a transform with channels last": (
        lambda: net(tokens, preprocess=lambda image: np.ones((8, 8, 3), np.float32)),
        ["[8, 8, 3]", "[3, height, width]"],
    ),
    "a transform that returns text": (
        lambda: net(tokens, preprocess=lambda image: "x"),
        ["returns a str"],
    ),
    "a transform by chance": (
        lambda: net(tokens, preprocess=lambda image: torch.rand(3, 8, 8)),
        ["another result for the same image"],
    ),
}


def _infinite(x):
    # Beyond what float16 holds, for the third image of a batch.
    factor = torch.ones(len(x), 1, 1, 1, dtype=x.dtype)
    factor[2:3] = 6e4
    return tokens(x * 100 * factor)


class Growing(nn.Module):
    """Gives more tokens with every pass."""

    def __init__(self):
        super().__init__()
        self.passes = 0

    def forward(self, x):
        self.passes += 1
        return x.flatten(2).transpose(1, 2)[:, : 2 if self.passes < 3 else 3]


def _growing():
    return alignscope.torch.module(Growing().eval(), {"block 1": ""}, preprocess=RECIPE)


def _elsewhere(x):
    raise RuntimeError(
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu!"
    )


FOUND |= {
    "a shape that changes": (_growing, ["`block 1`", "is [5, 3, 3], expected [5, 2, 3]"]),
    "infinity in half precision": (
        lambda: net(_infinite, {"block 1": "part"}, dtype="float16"),
        ["stage `block 1`", "image 3 of a batch of 5", "bfloat16"],
    ),
    "a tensor on another device": (lambda: net(_elsewhere), ["register_buffer", "cuda:0 and cpu"]),
}
MADE |= {
    "a lambda for processes": (
        lambda: net(tokens, preprocess=lambda image: image, workers=2), ["not a lambda"]
    ),
    "devices of two kinds": (lambda: net(tokens, device=["cpu", None]), ["devices of one kind"]),
}


@pytest.mark.parametrize("use", MADE)
def test_wrong_uses_are_told_when_the_model_is_made(use):
    make, words = MADE[use]
    with pytest.raises(alignscope.AlignscopeError) as error:
        make()
    for word in words:
        assert word in str(error.value), error.value


@pytest.mark.parametrize("use", FOUND)
def test_wrong_uses_are_told_at_the_first_pass(use):
    make, words = FOUND[use]
    model = make()
    with pytest.raises(alignscope.AlignscopeError) as error:
        encoded(model)
    for word in words:
        assert word in str(error.value), error.value


def test_what_bfloat16_holds_is_finite():
    assert np.isfinite(encoded(net(_infinite, dtype="bfloat16"))["part"]).all()


def test_gradients_that_are_on_make_no_graph():
    model = net(tokens)
    assert next(model._runner._model.parameters()).requires_grad
    with torch.enable_grad():
        found = model.activations(torch.rand(2, 3, 8, 8))["part"]
    assert not found.requires_grad and found.grad_fn is None


def told(use):
    """What a wrong use says."""
    make, _ = (MADE | FOUND)[use]
    with pytest.raises(alignscope.AlignscopeError) as error:
        encoded(make())
    text = str(error.value).replace(torch.__version__, "…")
    return re.sub(r"finds \d+ GPUs", "finds no GPUs", text)


def rows_of_the_page():
    page = (ROOT / "docs/torch.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## What wrong uses are told\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ", 1) for line in lines[1:]]


def test_the_page_says_what_is_said():
    rows = rows_of_the_page()
    assert len(rows) >= 20
    for use, words in rows:
        assert words == told(use).replace("|", "\\|"), use
