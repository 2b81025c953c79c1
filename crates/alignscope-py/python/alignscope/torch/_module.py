"""Any module, by the names of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ._library import need
from ._model import TorchModel
from ._options import Options, settings
from ._tap import spelled
from ._tower import Tower, checked, whole

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Unpack


def module(
    model: nn.Module,
    stages: str | Sequence[str] | Mapping[str, str],
    *,
    layout: str | Sequence[str] | Mapping[str, str] | None = None,
    **options: Unpack[Options],
) -> TorchModel:
    """Any `torch.nn.Module` as a model of a run, by hooks on the modules that are named.

    Parameters
    ----------
    model : torch.nn.Module
        The module, in evaluation mode. `DataParallel`, `DistributedDataParallel` and
        `torch.compile` are taken off. It is not changed.
    stages : str, sequence of str, or mapping of str to str
        The modules that are stages, in order of depth, by their names in `model.named_modules()`;
        or a mapping of stages' names to them. The empty name is the model's own output. `MODULE#2`
        is the second call of a module that runs several times in a pass, `MODULE@input` what a
        module gets, `MODULE:KEY` one tensor of several, by key, field or number.
    layout : str, sequence of str, or mapping of str to str, optional
        What the axes of outputs are: `NCHW` or `NHWC`, `NLC`, `NCL` or `LNC` (tokens before images,
        as in `nn.MultiheadAttention`); a layout for all outputs of as many axes, or a mapping of
        stages to layouts. By default the axis of images is found by trying the model with two and
        three images; of three other axes the two equal ones are height and width; of two others the
        second is that of channels.
    **options
        See `Options`. `preprocess` is needed.

    Returns
    -------
    TorchModel
        For `alignscope.run(models=[...])`.

    Raises
    ------
    MissingPackageError
        torch is not installed.
    InvalidTypeError, InvalidValueError
        An argument cannot be meant; the model is in training mode; it has no module of a name.
    ModelError
        The model's weights lie on several devices, or on none.

    Notes
    -----
    Of a tuple or a list the first tensor is taken; of a mapping or a `ModelOutput`
    `last_hidden_state`, or its only tensor. What cannot be known before the model runs (an output
    without images, a module that runs twice) is told at its first pass, before anything is encoded.

    Examples
    --------
    >>> import torch
    >>> import alignscope.torch
    >>> from alignscope.torch import Recipe
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 4, stride=4), torch.nn.ReLU()).eval()
    >>> recipe = Recipe(shortest=32, crop=(32, 32))
    >>> model = alignscope.torch.module(net, {"block 1": "1"}, preprocess=recipe, name="tiny")
    >>> model.activations(torch.zeros(2, 3, 32, 32))["block 1"].shape
    torch.Size([2, 8, 8, 6])
    """
    need("torch", "module()")
    found = checked(model, "model")
    tower = Tower(found, spelled(stages), whole, type(found).__name__, layout=layout)
    return TorchModel(tower, settings(options))
