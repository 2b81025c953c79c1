"""Image towers of transformers."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._errors import ModelError
from ._adapter import adapted
from ._library import need
from ._model import TorchModel
from ._options import Options
from ._tap import Tap
from ._tower import Tower, block_taps, checked, children, longest_blocks

if TYPE_CHECKING:
    import torch
    from torch import nn
    from typing_extensions import Unpack

#: Where towers have their blocks.
_BLOCKS = ("encoder.layers", "encoder.layer", "layers", "model.layer")


def from_transformers(
    model: str | os.PathLike[str] | nn.Module, **options: Unpack[Options]
) -> TorchModel:
    """The image tower of a model of transformers as a model of a run.

    Stages are as our own encoders have them: `embedding` (what enters the first block), `block 1`,
    …, and `projection` or `output`, for CLIP, MetaCLIP 2, Chinese-CLIP, SigLIP, DINOv2 with and
    without registers, DINOv3, ViT, DeiT, MAE, I-JEPA, BEiT, AIMv2, ResNet and ConvNeXt. Any other
    model whose blocks, or stages of blocks, are in one list has `embedding` and each of them as
    `block i`, and no last stage.

    Parameters
    ----------
    model : str, os.PathLike or torch.nn.Module
        An id of the Hugging Face hub, or a folder; or a model in evaluation mode.
    **options
        See `Options`. By default images are prepared as the image processor of the checkpoint says,
        with the numbers of Pillow; a processor that does more than resize, crop, rescale and
        normalise is run as it is.

    Returns
    -------
    TorchModel
        For `alignscope.run(models=[...])`.

    Raises
    ------
    MissingPackageError
        torch or transformers is not installed.
    ModelError
        Weights are missing, which transformers would draw at random; or the model's blocks are in
        several lists: name its stages with `module`.

    Examples
    --------
    >>> import transformers
    >>> import alignscope.torch
    >>> config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2)
    >>> vit = transformers.ViTModel(config).eval()  # untrained
    >>> processor = transformers.ViTImageProcessor()
    >>> alignscope.torch.from_transformers(vit, preprocess=processor).stages
    ['embedding', 'block 1', 'block 2', 'output']
    """

    def tower(transformers: Any) -> Tower:
        name, given = None, model
        if isinstance(given, (str, os.PathLike)):
            place = os.path.expanduser(os.fspath(given))
            name = os.path.basename(os.path.abspath(place)) if os.path.isdir(place) else place
            given = _loaded(transformers, place)
        found = checked(given, "model")
        is_given = options.get("preprocess") is not None
        processor = None if is_given else _processor(transformers, found)
        return tower_of(found, name or type(found).__name__, processor)

    return adapted("transformers", options, tower)


def _loaded(transformers: Any, place: str) -> Any:
    """The model of a checkpoint, in float32, with every weight from its files."""
    import torch

    kind = transformers.AutoConfig.from_pretrained(place).model_type
    cls = getattr(transformers, _CLASSES.get(kind, "AutoModel"))
    more: dict[str, Any] = {}
    for _ in range(2):
        with _quiet(transformers):
            model, told = cls.from_pretrained(
                place, dtype=torch.float32, output_loading_info=True, **more
            )
        missing = sorted([*told["missing_keys"], *(key for key, *_ in told["mismatched_keys"])])
        if not missing:
            return model.eval()
        # A classifier's checkpoint has no pooler, and transformers would draw one at random.
        if not all(name.startswith("pooler.") for name in missing):
            break
        more = {"add_pooling_layer": False}
    raise ModelError(
        f"{place} has no weights for {len(missing)} tensors of {type(model).__name__}, such as "
        f"`{missing[0]}`, which would be random, expected all"
    )


def untrained(place: str) -> Any:
    """The model of a checkpoint's configuration, with weights that transformers draws."""
    transformers = need("transformers", place)
    config = transformers.AutoConfig.from_pretrained(place)
    name = _CLASSES.get(config.model_type)
    if name is None:
        model = transformers.AutoModel.from_config(config)
    else:
        cls = getattr(transformers, name)
        # Of a model of images and texts this is the configuration of its image tower.
        model = cls(cls.config_class.from_pretrained(place))
    # Where the image processor is looked for.
    model.config._name_or_path = place
    return model.eval()


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the report of tensors that are left out (those of texts and classifiers), and
    without a bar of its own."""
    logging = transformers.utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with _without_bar(logging):
            yield
    finally:
        logging.set_verbosity(before)


@contextmanager
def _without_bar(logging: Any) -> Iterator[None]:
    """Without the bar of weights that are loaded; that of a download stays as it is."""
    hub = need("huggingface_hub", "a model of transformers").utils
    had_bar, had_none_of_hub = logging.is_progress_bar_enabled(), hub.are_progress_bars_disabled()

    def as_before_in_hub() -> None:
        hub.disable_progress_bars() if had_none_of_hub else hub.enable_progress_bars()

    logging.disable_progress_bar()
    as_before_in_hub()
    try:
        yield
    finally:
        if had_bar:
            logging.enable_progress_bar()
            as_before_in_hub()


def _processor(transformers: Any, model: Any) -> Any:
    """The image processor of the checkpoint that a model was loaded from; None if there is none."""
    place = getattr(getattr(model, "config", None), "_name_or_path", None)
    if not place:
        return None
    try:
        return transformers.AutoImageProcessor.from_pretrained(place)
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class _Last:
    """The last stage of a family: its name, and how it is made of what the tower gives."""

    stage: str
    of: Callable[[Any, Any], Any]


def _pooled(parts: Any, out: Any) -> Any:
    return out.pooler_output


def _class_token(parts: Any, out: Any) -> Any:
    return out.last_hidden_state[:, 0]


def _pooled_or_class_token(parts: Any, out: Any) -> Any:
    return _class_token(parts, out) if out.pooler_output is None else out.pooler_output


def _pooled_or_mean(parts: Any, out: Any) -> Any:
    return _mean(parts, out) if out.pooler_output is None else out.pooler_output


def _mean(parts: Any, out: Any) -> Any:
    return out.last_hidden_state.mean(1)


def _flat(parts: Any, out: Any) -> Any:
    return out.pooler_output.flatten(1)


def _projected(parts: Any, out: Any) -> Any:
    return parts.visual_projection(out.pooler_output)


@dataclass(frozen=True)
class _Unit:
    """Divided by its L2 norm."""

    of: Callable[[Any, Any], Any]

    def __call__(self, parts: Any, out: Any) -> Any:
        found = self.of(parts, out)
        return found / found.norm(p=2, dim=-1, keepdim=True)


#: The class of each type whose vision tower has a class of its own.
_CLASSES = {
    "clip": "CLIPVisionModelWithProjection",
    "clip_vision_model": "CLIPVisionModelWithProjection",
    "metaclip_2": "MetaClip2VisionModelWithProjection",
    "metaclip_2_vision_model": "MetaClip2VisionModelWithProjection",
    "siglip": "SiglipVisionModel",
    "chinese_clip": "ChineseCLIPModel",
}

#: The last stage of each type; with a projection another one.
_LASTS = {
    "clip_vision_model": _Last("output", _pooled),
    "metaclip_2_vision_model": _Last("output", _pooled),
    "chinese_clip_vision_model": _Last("output", _pooled),
    "siglip_vision_model": _Last("projection", _Unit(_pooled)),
    "dinov2": _Last("output", _pooled),
    "dinov2_with_registers": _Last("output", _pooled),
    "dinov3_vit": _Last("output", _pooled),
    "vit": _Last("output", _pooled_or_class_token),
    "deit": _Last("output", _pooled_or_class_token),
    "vit_mae": _Last("output", _class_token),
    "ijepa": _Last("output", _mean),
    "beit": _Last("output", _pooled_or_class_token),
    "aimv2_vision_model": _Last("output", _pooled_or_mean),
    "resnet": _Last("output", _flat),
    "convnext": _Last("output", _flat),
}
_PROJECTED = {
    "clip_vision_model": _Last("projection", _projected),
    "metaclip_2_vision_model": _Last("projection", _projected),
    "chinese_clip_vision_model": _Last("projection", _Unit(_projected)),
    "aimv2_vision_model": _Last("projection", _Unit(_projected)),
}

#: Tokens before the patches; registers come on top.
_PREFIXES = {"siglip_vision_model": 0, "ijepa": 0, "aimv2_vision_model": 0, "deit": 2}


def tower_of(model: nn.Module, name: str, processor: Any) -> Tower:
    """An image tower of transformers with its stages."""
    whole: Any = model
    tower = _vision(whole)
    kind = str(tower.config.model_type)
    projection = getattr(whole, "visual_projection", None)
    last = _LASTS.get(kind) if projection is None else _PROJECTED.get(kind)
    if last is None:
        _check_input(tower)
    return Tower(
        _parts(tower, projection),
        _taps(tower, kind, last),
        _Pass(_unmasked if kind == "vit_mae" else _plain, last),
        name=name,
        prefix=_prefix(tower.config, kind),
        preprocess=processor,
        layout="NCHW" if kind in ("resnet", "convnext") else None,
    )


def _vision(model: Any) -> Any:
    """The tower in a model of two, or below a classifier."""
    if not hasattr(model, "config"):
        raise ModelError(
            f"{type(model).__name__} has no `config`, expected a model of transformers; for "
            "another module name its stages with "
            "`alignscope.torch.module(model, stages=[…], preprocess=…)`"
        )
    if hasattr(model, "vision_model"):
        return model.vision_model
    if any(hasattr(model, part) for part in ("embeddings", "embedder")):
        return model
    return getattr(model, getattr(model, "base_model_prefix", "") or "none", model)


def _check_input(tower: Any) -> None:
    """That a tower of no known type takes images alone."""
    parameters = list(inspect.signature(tower.forward).parameters.values())[1:]
    more = [
        p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if more:
        raise ModelError(
            f"{type(tower).__name__} of transformers takes `{'`, `'.join(more)}` beside images, "
            "expected a model of images alone; name its stages with "
            "`alignscope.torch.module(model, stages=[…], preprocess=…)`, around it a module that "
            "makes these"
        )


def _parts(tower: nn.Module, projection: nn.Module | None) -> nn.Module:
    """The tower and its projection, without the rest of the model around them."""
    from torch import nn

    parts = nn.Module()
    parts.training = False
    parts.tower = tower
    if projection is not None:
        parts.visual_projection = projection
    return parts


def _taps(tower: nn.Module, kind: str, last: _Last | None) -> list[Tap]:
    stage = None if last is None else last.stage
    if kind in ("resnet", "convnext"):
        stem = "embedder" if kind == "resnet" else "embeddings"
        stages = children(tower, "encoder.stages")
        blocks = [block for path in stages for block in children(tower, f"{path}.layers")]
        return block_taps([f"tower.{block}" for block in blocks], stage, embedding=f"tower.{stem}")
    there = dict(tower.named_modules())
    path = next((path for path in _BLOCKS if path in there), None) if last else None
    found = longest_blocks(tower, "transformers") if path is None else children(tower, path)
    return block_taps([f"tower.{block}" for block in found], stage)


@dataclass(frozen=True)
class _Pass:
    """A pass of a family, and what its last stage is made of."""

    run: Callable[[Any, torch.Tensor], Any]
    last: _Last | None

    def __call__(self, parts: Any, images: torch.Tensor) -> Any:
        out = self.run(parts.tower, images)
        return out if self.last is None else self.last.of(parts, out)


def _plain(tower: Any, images: torch.Tensor) -> Any:
    return tower(pixel_values=images, return_dict=True)


def _unmasked(tower: Any, images: torch.Tensor) -> Any:
    """MAE's encoder with all patches in their order, whatever its configuration masks."""
    import torch

    count = tower.embeddings.patch_embeddings.num_patches
    order = torch.arange(count, device=images.device, dtype=torch.float32).expand(len(images), -1)
    before = tower.config.mask_ratio
    tower.config.mask_ratio = 0.0
    try:
        return tower(pixel_values=images, noise=order, return_dict=True)
    finally:
        tower.config.mask_ratio = before


def _prefix(config: Any, kind: str) -> int | None:
    """Tokens before the patches; None for maps and for types that are not known."""
    if kind in ("resnet", "convnext") or kind not in _LASTS:
        return None
    return _PREFIXES.get(kind, 1) + int(getattr(config, "num_register_tokens", 0) or 0)
