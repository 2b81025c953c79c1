"""Models of timm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._adapter import adapted
from ._model import TorchModel
from ._options import Options
from ._recipe import FILTERS, Recipe, triple
from ._tap import Tap
from ._tower import Tower, block_taps, checked, children, longest_blocks, whole

if TYPE_CHECKING:
    import torch
    from torch import nn
    from typing_extensions import Unpack

#: The widths of the projections of CLIP and the Perception Encoder: a head with as many outputs is
#: the projection that it was trained with.
_PROJECTIONS = (512, 640, 768, 896, 1024, 1152, 1280)

#: What timm takes where a configuration says nothing.
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def from_timm(
    model: str | nn.Module, pretrained: bool = True, **options: Unpack[Options]
) -> TorchModel:
    """A model of timm as a model of a run.

    Stages, tokens and preprocessing are as our own encoders have them: `embedding` (what enters the
    first block), `block 1`, …, and `projection` or `output` for `VisionTransformer` and `Eva`;
    `embedding` (the stem), each residual block and `output` for `ResNet` and `ConvNeXt`. Any other
    model whose blocks, or stages of blocks, are in one list has `embedding`, each of them as `block
    i`, and `output`.

    Parameters
    ----------
    model : str or torch.nn.Module
        A name of `timm.list_models()`, `hf-hub:OWNER/NAME` or `local-dir:FOLDER`; or a model of
        timm in evaluation mode.
    pretrained : bool, default True
        Whether a name's trained weights are loaded; otherwise it is an untrained model.
    **options
        See `Options`. By default images are prepared as `timm.data.create_transform` does it.

    Returns
    -------
    TorchModel
        For `alignscope.run(models=[...])`.

    Raises
    ------
    MissingPackageError
        torch or timm is not installed.
    ModelError
        The model's blocks are in several lists: name its stages with `module`.

    Examples
    --------
    >>> import torch
    >>> import alignscope.torch
    >>> model = alignscope.torch.from_timm("test_vit", pretrained=False)
    >>> model.stages[:2], model.stages[-1]
    (['embedding', 'block 1'], 'output')
    """

    def tower(timm: Any) -> Tower:
        if not isinstance(model, str):
            return tower_of(checked(model, "model"), timm, None)
        made = timm.create_model(model, pretrained=pretrained).eval()
        tag = _cfg(made).get("tag") if pretrained else "untrained"
        return tower_of(checked(made, "model"), timm, tag)

    return adapted("timm", options, tower)


def _cfg(model: Any) -> dict[str, Any]:
    """What timm knows of a model's architecture and weights."""
    return dict(getattr(model, "pretrained_cfg", None) or {})


def tower_of(model: nn.Module, timm: Any, tag: str | None) -> Tower:
    """A model of timm with its stages.

    Parameters
    ----------
    tag : str, optional
        Which weights it has, as far as that is known.
    """
    cfg = _cfg(model)
    last, forward = _last(model, cfg)
    name = str(cfg.get("architecture") or type(model).__name__)
    return Tower(
        model,
        taps(model, last),
        forward,
        name=f"{name}.{tag}" if tag else name,
        prefix=getattr(model, "num_prefix_tokens", None),
        preprocess=_preprocess(model, timm) if cfg else None,
        layout="NCHW" if _family(model) else None,
    )


def taps(model: nn.Module, last: str | None) -> list[Tap]:
    """The stages of a model of timm, by its class."""
    kind = _family(model)
    if kind in ("VisionTransformer", "VisionTransformerDistilled", "Eva"):
        return block_taps(children(model, "blocks"), last)
    if kind == "ResNet":
        blocks = [block for i in range(1, 5) for block in children(model, f"layer{i}")]
        return block_taps(blocks, last, embedding="maxpool")
    if kind == "ConvNeXt":
        stages = children(model, "stages")
        blocks = [block for stage in stages for block in children(model, f"{stage}.blocks")]
        return block_taps(blocks, last, embedding="stem")
    return block_taps(longest_blocks(model, "timm"), last)


def _family(model: nn.Module) -> str:
    """The class of a model whose stages are known, also of one that is derived of it."""
    known = ("VisionTransformerDistilled", "VisionTransformer", "Eva", "ResNet", "ConvNeXt")
    names = [cls.__name__ for cls in type(model).__mro__ if cls.__module__.startswith("timm.")]
    return next((name for name in names if name in known), "")


def _last(model: nn.Module, cfg: dict[str, Any]) -> tuple[str, Callable[[Any, torch.Tensor], Any]]:
    """The last stage, and the pass that gives it."""
    if _has_projection(model, cfg):
        return "projection", whole
    return "output", _before_classifier


def _before_classifier(model: Any, images: torch.Tensor) -> Any:
    return model.forward_head(model.forward_features(images), pre_logits=True)


def _has_projection(model: nn.Module, cfg: dict[str, Any]) -> bool:
    """Whether the head is the projection that the model was trained with, not a classifier."""
    outputs = getattr(getattr(model, "head", None), "out_features", None)
    name, tag = str(cfg.get("architecture")), str(cfg.get("tag"))
    is_named = "_clip_" in name or "_pe_core_" in name
    return is_named and outputs in _PROJECTIONS and "_ft_" not in tag


def _preprocess(model: nn.Module, timm: Any) -> Any:
    """timm's configuration as a recipe; else its own transform."""
    config = dict(timm.data.resolve_model_data_config(model))
    size = getattr(getattr(model, "patch_embed", None), "img_size", None)
    if size is not None:
        config["input_size"] = (3, *size)
    return recipe_of(config) or timm.data.create_transform(**config, is_training=False)


def recipe_of(config: Mapping[str, Any]) -> Recipe | None:
    """The recipe of timm's `resolve_model_data_config`, as its `create_transform` makes it; None
    where it asks for what is not done here (`border`, a filter that is not Pillow's)."""
    _, height, width = config["input_size"]
    part, mode = config.get("crop_pct") or 0.875, config.get("crop_mode") or "center"
    before = (math.floor(height / part), math.floor(width / part))
    name = config.get("interpolation") or "bicubic"
    if part > 1 or name not in FILTERS or (mode == "center" and height != width):
        return None
    if mode not in ("center", "squash"):
        return None
    return Recipe(
        shortest=before[0] if mode == "center" else None,
        exact=before if mode == "squash" else None,
        crop=(height, width),
        filter=name,
        mean=triple(config.get("mean") or _IMAGENET_MEAN),
        std=triple(config.get("std") or _IMAGENET_STD),
    )
