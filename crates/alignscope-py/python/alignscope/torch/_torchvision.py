"""Models of torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._errors import InvalidValueError, ModelError
from ._adapter import adapted
from ._model import TorchModel
from ._options import Options
from ._recipe import Recipe, triple
from ._tap import Tap
from ._tower import Tower, block_taps, checked, children

if TYPE_CHECKING:
    import torch
    from torch import nn
    from typing_extensions import Unpack


def from_torchvision(
    model: str | nn.Module, weights: Any = "DEFAULT", **options: Unpack[Options]
) -> TorchModel:
    """A model of torchvision as a model of a run.

    Stages are as our own encoders have them. AlexNet and VGG: `block i` is convolution i after its
    ReLU, `output` the mean over the positions of the last map after the last max-pooling. ResNet:
    `embedding` after the stem's max-pooling, each residual block, `output` the mean over positions.
    ConvNeXt: `embedding` after the stem, each block, `output` the normed mean. VisionTransformer:
    `embedding` (what enters the first block), each block, `output` the class token after the last
    norm.

    Parameters
    ----------
    model : str or torch.nn.Module
        A name of `torchvision.models.list_models()`, or a model in evaluation mode.
    weights : str or torchvision.models.Weights, default "DEFAULT"
        The weights of a name. With a model that is there already, the weights whose preprocessing
        it takes; `preprocess` may be given instead.
    **options
        See `Options`. By default images are prepared as the weights' transform does it.

    Returns
    -------
    TorchModel
        For `alignscope.run(models=[...])`.

    Raises
    ------
    MissingPackageError
        torch or torchvision is not installed.
    ModelError
        The model is of another family: name its stages with `module`.

    Examples
    --------
    >>> import torchvision
    >>> import alignscope.torch
    >>> from torchvision.models import AlexNet_Weights
    >>> net = torchvision.models.alexnet().eval()  # untrained
    >>> model = alignscope.torch.from_torchvision(net, AlexNet_Weights.DEFAULT)
    >>> model.stages
    ['block 1', 'block 2', 'block 3', 'block 4', 'block 5', 'output']
    """

    def tower(torchvision: Any) -> Tower:
        if isinstance(model, str):
            return _named(torchvision.models, model, weights)
        found = checked(model, "model")
        return tower_of(found, type(found).__name__, _preset(weights))

    return adapted("torchvision", options, tower)


def _named(models: Any, name: str, weights: Any) -> Tower:
    """The model of a name, with trained weights."""
    if weights is None:
        raise InvalidValueError(
            f"weights is None for {name}, whose weights would be random, expected `DEFAULT` "
            "or others of the model; for an untrained model pass the module"
        )
    found = models.get_model_weights(name)[weights] if isinstance(weights, str) else weights
    model = models.get_model(name, weights=found).eval()
    return tower_of(checked(model, "model"), name, _preset(found))


def _preset(weights: Any) -> Any:
    """The transform of weights; None where none are known."""
    return weights.transforms() if hasattr(weights, "transforms") else None


def tower_of(model: nn.Module, name: str, preset: Any) -> Tower:
    """A model of torchvision with its stages.

    Parameters
    ----------
    preset : optional
        The transform of its weights; None where none are known.
    """
    kinds = [
        cls.__name__ for cls in type(model).__mro__ if cls.__module__.startswith("torchvision.")
    ]
    kind = next((kind for kind in kinds if kind in _FAMILIES), None)
    if kind is None:
        raise ModelError(
            f"{type(model).__name__} is of no family of torchvision whose stages are known, "
            f"expected {', '.join(_FAMILIES)}; name its stages with "
            "`alignscope.torch.module(model, stages=[…], preprocess=…)`"
        )
    taps, forward = _FAMILIES[kind]
    return Tower(
        model,
        taps(model),
        forward,
        name=name,
        prefix=1 if kind == "VisionTransformer" else None,
        preprocess=None if preset is None else recipe_of(preset) or preset,
        layout="NCHW",
    )


def _of_relus(model: nn.Module) -> list[Tap]:
    """Each convolution after its ReLU; a norm may lie between."""
    parts = dict(model.get_submodule("features").named_children())
    relus = [f"features.{name}" for name, part in parts.items() if type(part).__name__ == "ReLU"]
    blocks = [Tap(f"block {i}", relu) for i, relu in enumerate(relus, 1)]
    return [*blocks, Tap("output", "", "result")]


def _mean_of_features(model: Any, images: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = model.features(images).mean((2, 3))
    return found


def _of_resnet(model: nn.Module) -> list[Tap]:
    blocks = [block for i in range(1, 5) for block in children(model, f"layer{i}")]
    return block_taps(blocks, "output", embedding="maxpool")


def _resnet(model: Any, images: torch.Tensor) -> torch.Tensor:
    """All but the classifier."""
    found: torch.Tensor = model.maxpool(model.relu(model.bn1(model.conv1(images))))
    for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
        found = layer(found)
    pooled: torch.Tensor = model.avgpool(found)
    return pooled.flatten(1)


def _of_convnext(model: nn.Module) -> list[Tap]:
    """`features` is the stem, and then blocks and what halves the map in turn."""
    stages = children(model, "features")[1::2]
    blocks = [block for stage in stages for block in children(model, stage)]
    return block_taps(blocks, "output", embedding="features.0")


def _convnext(model: Any, images: torch.Tensor) -> torch.Tensor:
    """The classifier's norm belongs to the model."""
    found: torch.Tensor = model.classifier[0](model.avgpool(model.features(images)))
    return found.flatten(1)


def _of_vit(model: nn.Module) -> list[Tap]:
    return block_taps(children(model, "encoder.layers"), "output")


def _vit(model: Any, images: torch.Tensor) -> torch.Tensor:
    """The class token after the last norm."""
    import torch

    patches = model._process_input(images)
    token = model.class_token.expand(len(images), -1, -1)
    found: torch.Tensor = model.encoder(torch.cat([token, patches], dim=1))
    return found[:, 0]


#: The stages and the pass of each family.
_FAMILIES: dict[
    str, tuple[Callable[[nn.Module], list[Tap]], Callable[[Any, torch.Tensor], torch.Tensor]]
] = {
    "AlexNet": (_of_relus, _mean_of_features),
    "VGG": (_of_relus, _mean_of_features),
    "ResNet": (_of_resnet, _resnet),
    "ConvNeXt": (_of_convnext, _convnext),
    "VisionTransformer": (_of_vit, _vit),
}


def recipe_of(preset: Any) -> Recipe | None:
    """The recipe of torchvision's `ImageClassification`; None for a transform of another kind."""
    if type(preset).__name__ != "ImageClassification":
        return None
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    return Recipe(
        shortest=int(resize),
        crop=(int(crop), int(crop)),
        filter=preset.interpolation.value,
        mean=triple(preset.mean),
        std=triple(preset.std),
    )
