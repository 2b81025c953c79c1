"""Versions tell torch models apart, and only them."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
import threading
import types
from types import SimpleNamespace

import numpy as np
import pytest

import alignscope
from alignscope.torch import Recipe
from torch_nets import RECIPE, SIZE, Net, nn, tokens, torch

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


def module_with(**attributes):
    """A change of a module: attributes that are no parameters, buffers or parts."""

    def change(module):
        vars(module.part).update(attributes)

    return change


def times(factor):
    def multiplied(x):
        return x * factor

    return multiplied


def keyword(factor):
    def multiplied(x, *, by=factor):
        return x * by

    return multiplied


def shifted(factor):
    return lambda x, by=factor: x + by


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, weight):
        return weight * self.factor


def scaled(factor):
    def change(module):
        torch.nn.utils.parametrize.register_parametrization(module.stem, "weight", Scaled(factor))
        module.eval()

    return change


def hooked(hook):
    return lambda module: module.part.register_forward_hook(lambda *given: hook(given[2]))


def hooked_before(hook):
    return lambda module: module.part.register_forward_pre_hook(lambda *given: hook(given[1][0]))


class Unlike:
    """Objects that say the same of themselves."""

    def __init__(self, factor):
        self.factor = factor

    def __repr__(self):
        return "Unlike()"

    def __call__(self, x):
        return x * self.factor


def class_with(factor):
    return type("Held", (), {"factor": factor})


@pytest.mark.parametrize(
    "changed",
    [
        lambda n: module_with(scale=torch.tensor(float(n))),
        lambda n: module_with(scale=np.float32(n)),
        lambda n: module_with(scales=np.full(3, n)),
        lambda n: module_with(scales=[{"of": torch.full((2,), n)}]),
        lambda n: module_with(config=SimpleNamespace(scale=n)),
        lambda n: module_with(_scale=float(n)),
        lambda n: module_with(training_steps=n),
        lambda n: module_with(config={"training": n}),
        lambda n: module_with(form=times(n)),
        lambda n: module_with(form=keyword(n)),
        lambda n: module_with(form=shifted(n)),
        lambda n: module_with(form=Unlike(n).__call__),
        lambda n: module_with(form=functools.partial(times, n)),
        lambda n: module_with(form=[lambda x: x * 1, lambda x: x * 2][n - 1]),
        lambda n: module_with(beside=[Scaled(n)]),
        lambda n: module_with(kind=class_with(n)),
        lambda n: module_with(form=functools.lru_cache(times(n))),
        lambda n: module_with(dtype=[torch.float16, torch.bfloat16][n - 1]),
        lambda n: module_with(mode=[np.sin, np.cos][n - 1]),
        lambda n: module_with(order=[True, 1][n - 1]),
        lambda n: scaled(float(n)),
        lambda n: hooked(times(n)),
        lambda n: hooked_before(times(n)),
    ],
)
def test_a_version_tells_what_a_module_holds(changed):
    first, again, other = (version(changed(n)) for n in (1, 1, 2))
    assert first == again is not None
    assert first != other


def test_a_part_that_stands_twice_is_told():
    def of(*parts):
        chain = nn.Sequential(nn.Conv2d(3, 3, 1), *parts).eval()
        with torch.no_grad():
            chain[0].weight.fill_(1.0)
            chain[0].bias.fill_(1.0)
        return alignscope.torch.module(chain, "0", preprocess=RECIPE).version

    act = nn.Tanh()
    assert of(act, nn.ReLU(), act) != of(act, nn.ReLU())


def made(text, name="transform", **more):
    """What a text of Python defines, as a module of the user's own."""
    space = {"__name__": "of_the_user", "torch": torch, "np": np, **more}
    exec(text, space)
    return space[name]


def helper(factor):
    return made("def helper(x):\n    return x * %d" % factor, "helper")


def own_module(factor):
    found = types.ModuleType("of_the_user")
    found.factor = factor
    return found


BY_GLOBAL = "def transform(image):\n    return torch.ones(3, 8, 8) * {}"


@pytest.mark.parametrize(
    "transform",
    [
        lambda n: made(f"def transform(image, *, by={n}):\n    return torch.ones(3, 8, 8) * by"),
        lambda n: made(f"def transform(image, by={n}):\n    return torch.ones(3, 8, 8) * by"),
        lambda n: made(BY_GLOBAL.format("FILL[0]"), FILL=[n]),
        lambda n: made(BY_GLOBAL.format("Held.factor"), Held=class_with(n)),
        lambda n: made(BY_GLOBAL.format("helper(1)"), helper=helper(n)),
        lambda n: made(BY_GLOBAL.format("mine.factor"), mine=own_module(n)),
        lambda n: made(BY_GLOBAL.format("(lambda: Held.factor)()"), Held=class_with(n)),
        lambda n: lambda image: torch.full((3, SIZE, SIZE), n),
        Unlike,
        lambda n: functools.partial(lambda by, image: image, n),
    ],
)
def test_a_version_tells_transforms_apart(transform):
    first, again, other = (version(preprocess=transform(n)) for n in (1, 1, 2))
    assert first == again is not None
    assert first != other


def test_a_version_tells_transforms_of_torchvision_apart():
    of = pytest.importorskip("torchvision.transforms")

    def of_factor(factor, mode="BICUBIC"):
        return of.Compose([
            of.Resize((SIZE, SIZE), of.InterpolationMode[mode]),
            of.ToTensor(),
            of.Lambda(lambda x: x * factor),
        ])

    first, again, other = (version(preprocess=of_factor(n)) for n in (2, 2, 3))
    assert first == again is not None
    assert len({first, other, version(preprocess=of_factor(2, "BILINEAR"))}) == 3


def test_what_cannot_be_told_has_no_version(tmp_path):
    lock, file = threading.Lock(), (tmp_path / "a").open("w")
    with file:
        own_c = np.frompyfunc(lambda x: x, 1, 1)
        for held in (lock, own_c, file, (n for n in ()), np.random.default_rng):
            kept = version(module_with(held=[held]))
            assert (kept is None) == (held is not np.random.default_rng), held
    assert version(preprocess=made(BY_GLOBAL.format("unknown"))) is None
    mine = "def transform(image):\n    import not_installed\n    return not_installed.f(image)"
    assert version(preprocess=made(mine)) is None
    given = made(BY_GLOBAL.format("lock.locked()"), lock=lock)
    assert version(preprocess=given) is None
    assert version(preprocess=given, version="mine") == "mine"


def test_a_file_called_as_a_library_is_the_users_own(tmp_path, monkeypatch):
    versions = set()
    for factor in (1, 2):
        (tmp_path / "this.py").write_text(f"def transform(image):\n    return {factor}\n")
        spec = importlib.util.spec_from_file_location("this", tmp_path / "this.py")
        monkeypatch.setitem(sys.modules, "this", importlib.util.module_from_spec(spec))
        spec.loader.exec_module(sys.modules["this"])
        versions.add(version(preprocess=sys.modules["this"].transform))
        (tmp_path / "this.py").unlink()
    assert len(versions) == 2


def test_a_pass_does_not_change_a_version():
    timm = pytest.importorskip("timm")
    models = [Net(tokens), timm.create_model("test_vit"), timm.create_model("levit_128s")]
    for net, side in zip(models, (SIZE, 160, 224)):
        model = alignscope.torch.module(net.eval(), {"out": ""}, preprocess=RECIPE)
        before = model.version
        model.activations(torch.zeros(1, 3, side, side))
        assert model.version == before is not None


def test_what_a_transform_uses_is_looked_at_when_a_run_begins():
    fill = [1.0]
    transform = made(BY_GLOBAL.format("FILL[0]"), FILL=fill)
    model = alignscope.torch.module(Net(tokens).eval(), "part", preprocess=transform)
    before = model.version
    assert model.version == before
    fill[0] = 2.0
    assert model.version != before


def test_a_model_that_holds_itself_has_a_version():
    def knot(module):
        vars(module.part).update(whole=[module], config=SimpleNamespace())
        module.part.config.model = module.part

    assert version(knot) == version(knot) is not None


def test_a_version_is_the_same_in_another_process():
    code = """
import math, torch, alignscope
from alignscope.torch import Recipe
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 2, stride=2), torch.nn.BatchNorm2d(6)).eval()
net[1].words, net[1].form = {"a", "b", "c", "d"}, lambda x: x in {"a", "b", "c", "d"}
net[1].register_forward_hook(lambda *given: torch.tanh(given[2]) * math.pi)
print(alignscope.torch.module(net, "1", preprocess=Recipe(exact=(8, 8))).version)
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
        check=True).stdout for _ in range(2)
    ]
    assert runs[0] == runs[1] and "sha256" in runs[0]
