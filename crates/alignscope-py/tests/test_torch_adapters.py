"""Stages of the libraries' models are what the libraries hand out, as golden files hold it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import alignscope
from alignscope.torch import Recipe, from_open_clip, from_timm, from_torchvision, from_transformers
from conftest import GOLDEN, tensors

torch = pytest.importorskip("torch")
nn = torch.nn
FAMILIES = GOLDEN / "families"

#: Golden checkpoints of transformers, with the tokens before their patches.
TRANSFORMERS = {
    "../clip/base": 1, "../clip/odd": 1, "metaclip_2": 1, "metaclip_2_vision": 1, "chinese_clip": 1,
    "siglip": 0, "siglip_so400m": 0, "dinov2": 1, "dinov2_swiglu": 1, "dinov2_registers": 5,
    "dinov3": 5, "dinov3_gated": 2, "vit": 1, "vit_class": 1, "deit": 2, "deit_teacher": 2,
    "vit_mae": 1, "ijepa": 0, "beit": 1, "beit_shared": 1, "aimv2": 0, "aimv2_headless": 0,
    "aimv2_lit": 0, "resnet": None, "resnet_basic": None, "convnext": None,
}  # fmt: skip
TIMM = {
    "timm_vit": 1, "timm_avg": 1, "timm_gap": 0, "timm_deit_distilled": 2, "timm_dinov2_reg4": 5,
    "timm_siglip": 0, "timm_clip": 1, "timm_eva02": 1, "timm_dinov3": 5, "timm_pe_core": 1,
    "timm_resnet50": None, "timm_convnext": None,
}  # fmt: skip
OPEN_CLIP = {"open_clip": 1, "open_clip_quick": 1, "open_clip_resnet": None}

#: The sides of images whose numbers are a formula.
FORMULA = {"resnet": 32, "resnet_basic": 45, "convnext": 37, "timm_resnet50": 24,
           "timm_convnext": 37, "open_clip_resnet": 64}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def pixels(name, expected):
    """The images that golden stages were made of."""
    if "pixel_values" in expected:
        return torch.from_numpy(expected["pixel_values"].copy())
    size = FORMULA[name]
    count = torch.arange(2 * 3 * size * size, dtype=torch.int64)
    return ((count * 7919 % 255 - 127).float() / 64).reshape(2, 3, size, size)


def as_tokens(tensor):
    """A map [images, height, width, channels] as tokens."""
    return (tensor.flatten(1, 2) if tensor.dim() == 4 else tensor).numpy()


def compare(model, name):
    """Every stage within 1e-6 of its largest magnitude of the golden ones, which are of the same
    library: what sums in another order differs in the last bit."""
    expected = tensors(FAMILIES / name / "expected.safetensors")
    found = model.activations(pixels(name, expected))
    hidden = sum(key.startswith("hidden_states.") for key in expected)
    blocks = [f"block {i}" for i in range(1, hidden)]
    last = model.stages[-1]
    assert model.stages == ["embedding", *blocks, last]
    keys = [*(f"hidden_states.{i}" for i in range(hidden)),
            {"projection": "image_embeds", "output": "output"}[last]]
    for stage, key in zip(model.stages, keys):
        got, wanted = as_tokens(found[stage]), expected[key]
        assert got.shape == wanted.shape, stage
        assert np.abs(got - wanted).max() <= 1e-6 * np.abs(wanted).max(), stage


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers(name):
    pytest.importorskip("transformers")
    model = from_transformers(FAMILIES / name)
    assert model._own["prefix"] == TRANSFORMERS[name]
    compare(model, name)
    expected = tensors(FAMILIES / name / "expected.safetensors")
    assert ("image_embeds" in expected or "siglip" in name) == (model.stages[-1] == "projection")


def test_transformers_shows_no_bar_of_its_own(capfd):
    logging = pytest.importorskip("transformers").utils.logging
    hub = pytest.importorskip("huggingface_hub.utils")
    before = logging.is_progress_bar_enabled(), hub.are_progress_bars_disabled()
    from_transformers(FAMILIES / "vit")
    assert "Loading weights" not in capfd.readouterr().err
    assert (logging.is_progress_bar_enabled(), hub.are_progress_bars_disabled()) == before
    try:
        logging.disable_progress_bar()
        from_transformers(FAMILIES / "vit")
        assert not logging.is_progress_bar_enabled() and hub.are_progress_bars_disabled()
    finally:
        logging.enable_progress_bar()


@pytest.mark.parametrize("name", TIMM)
def test_timm(name):
    pytest.importorskip("timm")
    model = from_timm(f"local-dir:{FAMILIES / name}")
    assert model._own["prefix"] == TIMM[name]
    compare(model, name)


@pytest.mark.parametrize("name", OPEN_CLIP)
def test_open_clip(name):
    pytest.importorskip("open_clip")
    model = from_open_clip(f"local-dir:{FAMILIES / name}")
    assert model.name == name and model._own["prefix"] == OPEN_CLIP[name]
    assert model.stages[-1] == "projection"
    compare(model, name)


def test_open_clips_tower_of_timm():
    """Stages are the trunk's, and the projection is that of open_clip."""
    open_clip = pytest.importorskip("open_clip")
    timm_model = pytest.importorskip("open_clip.timm_model")
    timm = pytest.importorskip("timm")
    trunk = timm.models.VisionTransformer(
        img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2, num_classes=0, reg_tokens=2
    )
    trunk.default_cfg = {"pool_size": None}
    before, timm_model.timm = timm_model.timm, SimpleNamespace(create_model=lambda *_, **__: trunk)
    try:
        tower = timm_model.TimmModel("x", embed_dim=9, image_size=16, pool="", proj="linear").eval()
    finally:
        timm_model.timm = before
    tower.preprocess_cfg = {"size": 16, "mode": "RGB"} | {
        key: value for key, value in vars(open_clip.transform.PreprocessCfg()).items()
        if key not in ("size", "mode")
    }
    model = from_open_clip(tower)
    images = torch.randn(2, 3, 16, 16)
    found = model.activations(images)
    assert model.stages == ["embedding", "block 1", "block 2", "projection"]
    assert model._own["prefix"] == 3
    with torch.no_grad():
        assert torch.equal(found["projection"], tower(images))
        _, blocks = trunk.forward_intermediates(
            images, output_fmt="NLC", return_prefix_tokens=True, norm=False
        )
        for i, (patches, prefix) in enumerate(blocks, 1):
            assert torch.equal(found[f"block {i}"], torch.cat([prefix, patches], 1))


def torchvision_model(name, **sizes):
    models = pytest.importorskip("torchvision").models
    return getattr(models, name)(**sizes).eval()


def activations_of(module, size=64, name=None):
    model = from_torchvision(module, preprocess=Recipe(exact=(size, size)))
    images = torch.randn(2, 3, size, size)
    return model, images, model.activations(images)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


@pytest.mark.parametrize(("name", "blocks"), [("alexnet", 5), ("vgg11", 8), ("vgg11_bn", 8)])
@torch.no_grad()
def test_torchvisions_plain_networks(name, blocks):
    module = torchvision_model(name)
    model, images, found = activations_of(module)
    assert model.stages == [*(f"block {i}" for i in range(1, blocks + 1)), "output"]
    x, maps = images, []
    for part in module.features:
        x = part(x)
        if isinstance(part, nn.ReLU):
            maps.append(x.clone())
    for i, expected in enumerate(maps, 1):
        assert torch.equal(found[f"block {i}"], channels_last(expected))
    assert torch.equal(found["output"], x.mean((2, 3)))


@torch.no_grad()
def test_torchvisions_resnet():
    module = torchvision_model("resnet18")
    model, images, found = activations_of(module)
    assert model.stages == ["embedding", *(f"block {i}" for i in range(1, 9)), "output"]
    assert found["embedding"].shape == (2, 16, 16, 64)
    assert torch.equal(module.fc(found["output"]), module(images))
    last = channels_last(nn.Sequential(*list(module.children())[:-2])(images))
    assert torch.equal(found["block 8"], last)


@torch.no_grad()
def test_torchvisions_convnext():
    module = torchvision_model("convnext_tiny")
    model, images, found = activations_of(module)
    assert model.stages == ["embedding", *(f"block {i}" for i in range(1, 19)), "output"]
    assert torch.equal(found["embedding"], channels_last(module.features[0](images)))
    assert torch.equal(found["block 18"], channels_last(module.features(images)))
    assert torch.equal(module.classifier[2](found["output"]), module(images))


@torch.no_grad()
def test_torchvisions_vision_transformer():
    vit = pytest.importorskip("torchvision").models.VisionTransformer
    module = vit(image_size=32, patch_size=16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    module.eval()
    model, images, found = activations_of(module, 32)
    assert model.stages == ["embedding", "block 1", "block 2", "output"]
    assert model._own["prefix"] == 1
    assert found["embedding"].shape == (2, 5, 16)
    assert torch.equal(module.heads(found["output"]), module(images))
    assert torch.equal(module.encoder.ln(found["block 2"])[:, 0], found["output"])


def test_a_module_of_transformers_gives_what_its_checkpoint_does():
    """Of a model with texts only the image tower is measured; a classifier is left out."""
    transformers = pytest.importorskip("transformers")
    for name, cls in (
        ("../clip/base", "CLIPModel"), ("chinese_clip", "ChineseCLIPModel"),
        ("vit_class", "ViTForImageClassification"), ("resnet", "ResNetForImageClassification"),
        ("aimv2_lit", "Aimv2Model"),
    ):
        module = getattr(transformers, cls).from_pretrained(FAMILIES / name).eval()
        model = from_transformers(module)
        compare(model, name)
        names = [key for key, _ in model._runner._model.named_parameters()]
        assert names and not any("text" in key or "classifier" in key for key in names)


def test_a_model_of_no_known_family_has_the_stages_of_its_one_list():
    pytest.importorskip("timm")
    swin = from_timm("swin_tiny_patch4_window7_224", pretrained=False)
    assert swin.stages == ["embedding", *(f"block {i}" for i in range(1, 5)), "output"]
    assert swin.name == "swin_tiny_patch4_window7_224.untrained"
    with pytest.raises(alignscope.ModelError, match=r"in 2 lists: `blocks` \(24\), .*torch.module"):
        from_timm("cait_xxs24_224", pretrained=False)


def test_missing_weights_are_an_error(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                    intermediate_size=16, image_size=16, patch_size=8)
    module = transformers.ViTModel(config)
    state = {key: value for key, value in module.state_dict().items() if "layernorm" not in key}
    module.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(alignscope.ModelError, match="no weights for .* tensors of ViTModel"):
        from_transformers(tmp_path)


def test_models_that_would_be_random_are_refused():
    pytest.importorskip("open_clip")
    with pytest.raises(ValueError, match="pretrained is not given for ViT-B-32.*openai"):
        from_open_clip("ViT-B-32")
    pytest.importorskip("torchvision")
    with pytest.raises(ValueError, match="weights is None for resnet18"):
        from_torchvision("resnet18", None)


def test_other_families_are_told_of_module():
    torchvision = pytest.importorskip("torchvision")
    with pytest.raises(alignscope.ModelError, match="MNASNet is of no family.*torch.module"):
        from_torchvision(torchvision.models.mnasnet0_5().eval(), preprocess=Recipe(exact=(32, 32)))
    pytest.importorskip("transformers")
    with pytest.raises(alignscope.ModelError, match="Linear has no `config`"):
        from_transformers(nn.Linear(2, 2).eval())
    pytest.importorskip("open_clip")
    with pytest.raises(alignscope.ModelError, match="the image tower is a Linear"):
        from_open_clip(nn.Linear(2, 2).eval())


def test_a_tower_that_takes_more_than_images_is_told():
    transformers = pytest.importorskip("transformers")
    with pytest.raises(alignscope.ModelError, match="`spatial_shapes` beside images"):
        from_transformers(FAMILIES / "siglip2")
    assert transformers


def test_examples_run():
    """The examples of the docstrings."""
    import doctest
    import importlib

    for library in ("timm", "transformers", "open_clip", "torchvision"):
        pytest.importorskip(library)
    for name in ("_module", "_recipe", "_timm", "_transformers", "_open_clip", "_torchvision"):
        found = doctest.testmod(importlib.import_module(f"alignscope.torch.{name}"))
        assert found.attempted and not found.failed, name
