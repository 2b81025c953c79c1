"""Image towers of open_clip."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._errors import InvalidValueError, ModelError
from . import _timm
from ._adapter import adapted
from ._library import need
from ._model import TorchModel
from ._options import Options
from ._recipe import Recipe, triple
from ._tap import Tap
from ._tower import Tower, block_taps, checked, children, whole

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Unpack


def from_open_clip(
    model: str | nn.Module, pretrained: str | None = None, **options: Unpack[Options]
) -> TorchModel:
    """The image tower of a model of open_clip as a model of a run.

    Stages are as our own encoders have them: `embedding` (what enters the first block), `block 1`,
    …, and `projection`, as it is (not divided by its norm). Towers of `VisionTransformer`, of timm
    (`TimmModel`) and CLIP's ResNets are known.

    Parameters
    ----------
    model : str or torch.nn.Module
        A name of `open_clip.list_models()`, `hf-hub:OWNER/NAME` or `local-dir:FOLDER`; or a model,
        or its `visual`, in evaluation mode.
    pretrained : str, optional
        The weights of a name of `list_models()`, as `open_clip.list_pretrained()` names them, or a
        file.
    **options
        See `Options`. By default images are prepared as open_clip's transform does it.

    Returns
    -------
    TorchModel
        For `alignscope.run(models=[...])`.

    Raises
    ------
    MissingPackageError
        torch or open_clip is not installed.
    InvalidValueError
        A name is given without weights.
    ModelError
        The tower is of another kind: name its stages with `module`.

    Examples
    --------
    >>> import open_clip
    >>> import alignscope.torch
    >>> clip = open_clip.create_model("ViT-S-32-alt").eval()  # untrained
    >>> model = alignscope.torch.from_open_clip(clip)
    >>> model.stages[0], model.stages[-1]
    ('embedding', 'projection')
    """

    def tower(open_clip: Any) -> Tower:
        if isinstance(model, str):
            made = _created(open_clip, model, pretrained)
            return tower_of(checked(made.visual, "model"), _name(model, pretrained))
        visual = checked(getattr(model, "visual", model), "model")
        return tower_of(visual, type(visual).__name__)

    return adapted("open_clip", options, tower)


def _name(model: str, pretrained: str | None) -> str:
    plain = os.path.basename(model.rstrip("/")) if model.startswith("local-dir:") else model
    return f"{plain}.{pretrained}" if pretrained else plain.removeprefix("hf-hub:")


def _created(open_clip: Any, name: str, pretrained: str | None) -> Any:
    """The model of a name, with trained weights."""
    if pretrained is None and ":" not in name:
        known = [tag for model, tag in open_clip.list_pretrained() if model == name]
        raise InvalidValueError(
            f"pretrained is not given for {name}, whose weights would be random, expected "
            f"{', '.join(known[:6]) or 'a file of weights'}; for an untrained model pass "
            "`open_clip.create_model(…).eval()`"
        )
    # Without weights, open_clip would warn and leave them random.
    return open_clip.create_model(name, pretrained=pretrained, require_pretrained=True).eval()


def tower_of(visual: nn.Module, name: str) -> Tower:
    """An image tower of open_clip with its stages."""
    config = getattr(visual, "preprocess_cfg", None)
    return Tower(
        visual,
        _taps(visual),
        whole,
        name=name,
        prefix=_prefix(visual),
        preprocess=_preprocess(config),
        layout="NCHW",
    )


def _taps(visual: nn.Module) -> list[Tap]:
    kind = type(visual).__name__
    if kind == "VisionTransformer":
        return block_taps(children(visual, "transformer.resblocks"), "projection")
    if kind == "TimmModel":
        of_trunk = _timm.taps(visual.get_submodule("trunk"), None)
        within = [Tap(tap.stage, f"trunk.{tap.module}", tap.side) for tap in of_trunk]
        return [*within, Tap("projection", "", "result")]
    if kind == "ModifiedResNet":
        blocks = [block for i in range(1, 5) for block in children(visual, f"layer{i}")]
        return block_taps(blocks, "projection", embedding="avgpool")
    raise ModelError(
        f"the image tower is a {kind}, expected a VisionTransformer, TimmModel or ModifiedResNet "
        "of open_clip; name its stages with `alignscope.torch.module(model.visual, stages=[…], "
        "preprocess=…)`"
    )


def _prefix(visual: Any) -> int | None:
    """The class token; of a tower of timm what it says."""
    if type(visual).__name__ == "VisionTransformer":
        return 1
    return getattr(getattr(visual, "trunk", None), "num_prefix_tokens", None)


def _preprocess(config: Any) -> Any:
    """open_clip's configuration as a recipe; else its own transform."""
    if config is None:
        return None
    recipe = recipe_of(config)
    if recipe is not None:
        return recipe
    transform = need("open_clip.transform", "from_open_clip()")
    return transform.image_transform_v2(transform.PreprocessCfg(**config), is_train=False)


def recipe_of(config: Mapping[str, Any]) -> Recipe | None:
    """The recipe of open_clip's `PreprocessCfg`; None where it asks for what is not done here."""
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else (size[0], size[-1])
    # open_clip takes bicubic where training took either.
    name = {"random": "bicubic"}.get(config["interpolation"], config["interpolation"])
    mode = config["resize_mode"]
    if name not in ("bicubic", "bilinear") or config.get("mode", "RGB") != "RGB":
        return None
    if mode == "squash" or (mode == "shortest" and height == width):
        return Recipe(
            shortest=height if mode == "shortest" else None,
            exact=(height, width) if mode == "squash" else None,
            crop=(height, width) if mode == "shortest" else None,
            filter=name,
            mean=triple(config["mean"]),
            std=triple(config["std"]),
        )
    return None
