"""Torch models in a run, beside our own encoders of the same checkpoints."""

from __future__ import annotations

import json

import numpy as np
import pytest

import alignscope
from alignscope.torch import from_open_clip, from_timm, from_transformers, module
from conftest import GOLDEN
from test_runs import distances

torch = pytest.importorskip("torch")
FAMILIES = GOLDEN / "families"

#: A checkpoint of each family, by the library that reads it.
CHECKPOINTS = {
    "transformers": [
        "../clip/base", "metaclip_2", "chinese_clip", "siglip", "dinov2", "dinov2_registers",
        "dinov3", "vit", "vit_class", "deit", "vit_mae", "ijepa", "beit", "aimv2", "resnet",
        "convnext",
    ],
    "timm": [
        "timm_vit", "timm_avg", "timm_deit_distilled", "timm_dinov2_reg4", "timm_siglip",
        "timm_clip", "timm_eva02", "timm_dinov3", "timm_pe_core", "timm_resnet50", "timm_convnext",
    ],
    "open_clip": ["open_clip", "open_clip_quick", "open_clip_resnet"],
}  # fmt: skip
EVERY = [(library, name) for library, names in CHECKPOINTS.items() for name in names]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def adapted(library, name, **options):
    pytest.importorskip(library)
    folder = FAMILIES / name
    if library == "transformers":
        return from_transformers(folder, name="torch", **options)
    make = {"timm": from_timm, "open_clip": from_open_clip}[library]
    return make(f"local-dir:{folder}", name="torch", **options)


def compare(run, first, second, within):
    """The distances of two models at the same stages, within a part of each.

    Of nearly equal vectors 1 − cos has lost its first digits: below 0.02 the part is of that.
    """
    *keys, ours = distances(run.path, first)
    *others, theirs = distances(run.path, second)
    assert keys == others and len(ours) > 0
    ours, theirs = np.array(ours), np.array(theirs)
    least = np.where(np.array(keys[2]) == "cosine", 0.02, 0.0)
    # Class tokens are equal before the first block: their distance is 0 in both.
    worst = np.max(np.abs(theirs - ours) / np.maximum(ours, np.maximum(least, 1e-30)))
    assert worst <= within, worst


@pytest.mark.parametrize(("library", "name"), EVERY)
def test_an_adapter_gives_the_distances_of_our_own_encoder(library, name, rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    models = [f"ours={FAMILIES / name}", adapted(library, name)]
    run = alignscope.run(
        models, dataset, tmp_path / "run", precision="f32", resamples=0, cache=False, progress=False,
        pixels=False,
    )
    # Sums of f32 in another order. What the ResNet's attention gives for two images differs by a
    # hundredth of its size, so that the difference has lost two digits.
    compare(run, "ours", "torch", 1e-3 if name == "open_clip_resnet" else 1e-5)


@pytest.mark.parametrize(
    ("library", "name"),
    [("transformers", "dinov2_registers"), ("transformers", "deit"), ("timm", "timm_dinov3")],
)
@pytest.mark.parametrize("tokens", ["patches", "mean", "class"])
def test_an_adapter_knows_the_tokens_before_the_patches(library, name, tokens, rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    models = [f"ours={FAMILIES / name}", adapted(library, name)]
    run = alignscope.run(
        models, dataset, tmp_path / "run", tokens=tokens, precision="f32", resamples=0, cache=False,
        progress=False, pixels=False,
    )
    compare(run, "ours", "torch", 1e-5)


class Counted(torch.nn.Module):
    """How often a pass was made, and of how many images."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 6, 4, stride=4)
        self.seen = []

    def forward(self, x):
        self.seen.append(len(x))
        return self.conv(x)


RECIPE = alignscope.torch.Recipe(exact=(32, 32))


def test_the_cache_holds_for_a_torch_model(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)

    def run(out, change=None, **options):
        net = Counted().eval()
        if change is not None:
            change(net)
        model = module(net, ["conv"], preprocess=RECIPE, name="net", batch=16, **options)
        found = alignscope.run(
            model, dataset, tmp_path / out, resamples=0, cache=tmp_path / "cache", progress=False
        )
        return net.seen, (found.path / "scores.csv").read_bytes(), found

    seen, scores, first = run("1")
    # Two looks at the axes, one image alone, and all images in batches.
    assert seen == [2, 3, 1, 16, 16, 8]
    again, same, _ = run("2")
    assert again == [2, 3, 1] and same == scores

    def shift(net):
        with torch.no_grad():
            net.conv.weight += 0.1

    seen, other, _ = run("3", shift)
    assert seen == [2, 3, 1, 16, 16, 8] and other != scores
    seen, _, half = run("4", dtype="bfloat16")
    manifest = json.dumps(json.loads((half.path / "manifest.json").read_text()))
    assert "bfloat16 on cpu" in manifest and "sha256" in manifest


def test_a_wrong_use_ends_a_run_before_anything_is_encoded(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 4, stride=4), torch.nn.Flatten(0, 1)).eval()
    model = module(net, ["0", "1"], preprocess=RECIPE)
    with pytest.raises(ValueError, match="`1`.*mixes images"):
        alignscope.run(model, dataset, tmp_path / "run", progress=False)
    assert not (tmp_path / "run/scores.csv").exists()


def test_a_recipe_of_the_compiled_part_gives_what_the_recipe_here_does(rated, tmp_path):
    folder = FAMILIES / "vit"
    pytest.importorskip("transformers")
    dataset = alignscope.load_dataset("pairs", rated)
    models = [
        from_transformers(folder, name="here"),
        from_transformers(folder, name="there", preprocess=folder),
    ]
    run = alignscope.run(
        models, dataset, tmp_path / "run", resamples=0, cache=False, progress=False, pixels=False
    )
    compare(run, "here", "there", 1e-6)


def test_maps_channels_last_and_tokens_stand_in_one_run(rated, tmp_path):
    """The same numbers in every form give the same distances."""
    dataset = alignscope.load_dataset("pairs", rated)

    class Form(torch.nn.Module):
        def __init__(self, form):
            super().__init__()
            torch.manual_seed(0)
            self.conv = torch.nn.Conv2d(3, 6, 4, stride=4)
            self.form = form

        def forward(self, x):
            return self.form(self.conv(x))

    forms = {
        "maps": lambda x: x,
        "last": lambda x: x.permute(0, 2, 3, 1),
        "tokens": lambda x: x.flatten(2).transpose(1, 2),
        "second": lambda x: x.flatten(2).permute(2, 0, 1),
    }
    models = [
        module(Form(form).eval(), {"output": ""}, preprocess=RECIPE, name=name)
        for name, form in forms.items()
    ]
    run = alignscope.run(
        models, dataset, tmp_path / "run", resamples=0, cache=False, progress=False, pixels=False
    )
    for name in ("last", "tokens", "second"):
        assert distances(run.path, name) == distances(run.path, "maps")


def small(**options):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 4, stride=4), torch.nn.Tanh()).eval()
    recipe = alignscope.torch.Recipe(exact=(16, 16))
    return module(net, {"a": "0", "b": "1"}, preprocess=recipe, name="small", **options)


def test_depths_of_a_torch_model_are_given_where_it_is_made(rated):
    dataset = alignscope.load_dataset("pairs", rated, limit=4)
    for depths in ([10, 95.5], {"b": 95.5, "a": 10}):
        found = alignscope.evaluate(
            dataset, small(depths=depths), distances="euclidean", resamples=0, progress=False
        )
        assert sorted(set(found.scores["depth_percent"])) == [10, 95.5]
    with pytest.raises(ValueError, match="depths has the stages 'a', expected 'a', 'b'"):
        small(depths={"a": 1})


@pytest.mark.parametrize(
    "given", [{"depths": [1, 2]}, {"batch": 32}, {"spill": True}, {"prefix": 0}, {"stages": "a"}]
)
def test_what_a_torch_model_has_already_is_refused_beside_it(given, rated):
    dataset = alignscope.load_dataset("pairs", rated, limit=4)
    words = f"{next(iter(given))} is given for TorchModel.*which has its own, expected it there"
    with pytest.raises(alignscope.InvalidValueError, match=words):
        alignscope.evaluate(dataset, small(), resamples=0, progress=False, **given)


def test_a_transform_with_another_default_is_measured_anew(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated, limit=4)
    options = {"resamples": 0, "pixels": False, "distances": "euclidean", "progress": False}

    def measured(gain, out, **more):
        def transform(image, *, by=gain):
            array = np.asarray(image, np.float32)[:16, :16].transpose(2, 0, 1) / 255
            return np.sin(array * by)

        net = torch.nn.Conv2d(3, 6, 4, stride=4).eval()
        with torch.no_grad():
            net.weight.copy_(torch.linspace(-1, 1, net.weight.numel()).view_as(net.weight))
            net.bias.zero_()
        model = module(net, {"a": ""}, preprocess=transform, name="m")
        assert model.version is not None
        run = alignscope.run([model], dataset, tmp_path / out, **options, **more)
        return distances(run.path, "m")[-1]

    first, second = measured(1, "one"), measured(9, "nine")
    assert second == measured(9, "fresh", cache=False) != first
