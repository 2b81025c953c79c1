"""Stages of any torch module: one rule for each form of output, and what wrong uses are told."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import OrderedDict

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


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


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


def stem(count=5):
    model = net(lambda x: x, "stem")
    return encoded(model, count)["stem"]


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


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 2, stride=2)
        self.act = nn.Tanh()

    def forward(self, x):
        return self.act(2 * self.act(self.stem(x)))


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


def test_batches_are_halved_when_memory_runs_out():
    asked = []

    def form(x):
        asked.append(len(x))
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return tokens(x)

    model = net(form, batch=20)
    found = encoded(model, 20)["part"]
    assert asked == [2, 3, 20, 10, 5] + [2] * 10
    assert np.array_equal(found, encoded(net(tokens), 20)["part"])
    asked.clear()
    # What is known now holds for later batches.
    encoded(model, 4)
    assert asked == [2, 2]


def test_a_model_that_works_on_its_input_in_place_is_given_it_anew():
    tries = []

    def form(x):
        tries.append(len(x))
        return tokens(x)

    class Scaled(Net):
        def forward(self, x):
            x = super().forward(x.mul_(2))
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return x

    torch.manual_seed(0)
    scaled = alignscope.torch.module(Scaled(form).eval(), "part", preprocess=RECIPE)
    torch.manual_seed(0)
    plain = Net(tokens).eval()
    with torch.no_grad():
        expected = plain(pixels(5) * 2)
    assert np.allclose(encoded(scaled)["part"], expected, atol=1e-6)
    assert tries == [2, 3, 5, 2, 2, 1]


def test_one_image_that_does_not_fit_is_an_error():
    def form(x):
        if len(x) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return tokens(x)

    with pytest.raises(alignscope.MemoryBudgetError, match="one image of Net does not fit"):
        encoded(net(form), 1)


def test_another_error_of_the_model_is_its_own():
    def form(x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        encoded(net(form))


def test_the_users_module_stays_as_it_is():
    module = Net(tokens).eval()
    module.requires_grad_(True)
    model = alignscope.torch.module(module, "part", preprocess=RECIPE, dtype="bfloat16")
    found = encoded(model)["part"]
    assert found.dtype == np.float32
    assert module.stem.weight.dtype == torch.float32
    assert not module.part._forward_hooks and not module.part._forward_pre_hooks
    exact = alignscope.torch.module(module, "part", preprocess=RECIPE)
    assert not np.array_equal(found, encoded(exact)["part"])
    assert np.allclose(found, encoded(exact)["part"], atol=0.02)
    # Gradients still flow after it.
    module(pixels(1)).sum().backward()
    assert module.stem.weight.grad is not None


def test_torchs_own_settings_are_put_back():
    backends = torch.backends
    seen = []

    def form(x):
        seen.append(backends.cuda.matmul.fp32_precision)
        return tokens(x)

    before = [backends.cuda.matmul.fp32_precision, backends.cudnn.conv.fp32_precision]
    encoded(net(form))
    encoded(net(form, tf32=True))
    assert set(seen) == {"ieee", "tf32"}
    assert before == [backends.cuda.matmul.fp32_precision, backends.cudnn.conv.fp32_precision]


def test_the_users_autocast_does_not_reach_the_model():
    expected = encoded(net(tokens))["part"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(encoded(net(tokens))["part"], expected)


def test_what_is_around_a_module_is_taken_off():
    module = Net(tokens).eval()
    expected = encoded(alignscope.torch.module(module, "part", preprocess=RECIPE))["part"]
    around = nn.DataParallel(module).eval()
    found = encoded(alignscope.torch.module(around, "part", preprocess=RECIPE))["part"]
    assert np.array_equal(found, expected)
    compiled = torch.compile(module)
    found = encoded(alignscope.torch.module(compiled, "part", preprocess=RECIPE))["part"]
    assert np.array_equal(found, expected)


# ---- versions ----


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


# ---- wrong uses ----


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


@pytest.mark.parametrize("use", MADE)
def test_wrong_uses_are_told_when_the_model_is_made(use):
    make, words = MADE[use]
    with pytest.raises(alignscope.AlignscopeError) as error:
        make()
    for word in words:
        assert word in str(error.value), error.value


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


@pytest.mark.parametrize("use", FOUND)
def test_wrong_uses_are_told_at_the_first_pass(use):
    make, words = FOUND[use]
    model = make()
    with pytest.raises(alignscope.AlignscopeError) as error:
        encoded(model)
    for word in words:
        assert word in str(error.value), error.value


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


def test_infinity_in_half_precision_names_stage_and_image():
    def form(x):
        # Beyond what float16 holds, for the third image of a batch.
        factor = torch.ones(len(x), 1, 1, 1, dtype=x.dtype)
        factor[2:3] = 6e4
        return tokens(x * 100 * factor)

    model = net(form, {"block 1": "part"}, dtype="float16")
    with pytest.raises(ValueError, match=r"stage `block 1`.*image 3 of a batch of 5.*bfloat16"):
        encoded(model)
    assert np.isfinite(encoded(net(form, dtype="bfloat16"))["part"]).all()
