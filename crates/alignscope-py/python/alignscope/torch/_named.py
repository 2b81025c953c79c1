"""Models by their names in a text: those of the command line and of experiments."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .._errors import AlignscopeError, InvalidValueError, MemoryBudgetError, ModelError
from ._library import need
from ._model import TorchModel
from ._open_clip import from_open_clip
from ._timm import from_timm
from ._torchvision import from_torchvision
from ._transformers import from_transformers, untrained as untrained_transformers


def named(
    library: str, name: str, seed: int | None, options: Mapping[str, Any]
) -> TorchModel:
    """The model that a text such as `timm:resnet50.a1_in1k` names.

    Parameters
    ----------
    library : str
        `timm`, `transformers`, `open_clip` or `torchvision`: what stands before the first colon.
    name : str
        What stands behind it, as the library takes it. `open_clip` has its weights behind the first
        `/`, but for `hf-hub:` and `local-dir:`; `torchvision` has them there too, and `DEFAULT` if
        there are none.
    seed : int, optional
        Of the weights of an untrained control; None for trained weights.
    options : mapping
        What is chosen of `device`, `dtype`, `tf32`, `compile` and `batch`.

    Returns
    -------
    TorchModel
        The model.

    Raises
    ------
    MissingPackageError
        torch or the library is not installed.
    InvalidValueError
        It cannot run as it is asked for: there is no such device here.
    ModelError
        The library has no such model, or cannot open it.
    """
    what = f"the model {library}:{name}"
    need("torch", what)
    need(library, what)
    of_library = _LIBRARIES[library]
    with _told(library, name):
        if seed is None:
            model = of_library.trained(name, dict(options))
        else:
            with _drawn(seed):
                model = of_library.untrained(name, dict(options))
    model.begin()
    return model


@contextmanager
def _told(library: str, name: str) -> Iterator[None]:
    """What a library raises, as an error that names the model and says what would do."""
    try:
        yield
    except (AlignscopeError, MemoryError):
        raise
    except Exception as error:
        from ._device import is_out_of_memory

        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise MemoryBudgetError(
                f"the weights of {library}:{name} do not fit the memory of the device beside what "
                'is there, expected room for them; take dtype="bfloat16", fewer models in a run, '
                "or a device with more memory"
            ) from error
        found = str(error).strip().rstrip(".") or type(error).__name__
        raise ModelError(
            f"{library} cannot open `{name}`: {found}; expected {_expected(library, name)}"
        ) from error


@contextmanager
def _drawn(seed: int) -> Iterator[None]:
    """Random numbers of torch from a seed, and afterwards as they were: those of the CPU, where
    all weights are drawn. The generators of other devices are left alone."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        yield


def _expected(library: str, name: str) -> str:
    """What the library takes, with the names that are nearest."""
    known = _LIBRARIES[library]
    near = difflib.get_close_matches(name.partition("/")[0], known.listed(), n=3)
    meant = f" (near: {', '.join(f'`{word}`' for word in near)})" if near else ""
    return known.form + meant


def _split(name: str) -> tuple[str, str | None]:
    """The name of a model, and of its weights behind the first `/`."""
    model, slash, weights = name.partition("/")
    return model, weights if slash else None


def _timm(name: str, options: dict[str, Any]) -> TorchModel:
    return from_timm(name, **options)


def _timm_untrained(name: str, options: dict[str, Any]) -> TorchModel:
    return from_timm(name, pretrained=False, **options)


def _transformers(name: str, options: dict[str, Any]) -> TorchModel:
    return from_transformers(name, **options)


def _transformers_untrained(name: str, options: dict[str, Any]) -> TorchModel:
    return from_transformers(untrained_transformers(name), **options)


def _open_clip_parts(name: str) -> tuple[str, str | None]:
    whole = name.startswith(("hf-hub:", "local-dir:"))
    return (name, None) if whole else _split(name)


def _open_clip_tags(model: str) -> list[str]:
    """The weights that open_clip knows for a model."""
    return [tag for name, tag in need("open_clip", model).list_pretrained() if name == model]


def _open_clip(name: str, options: dict[str, Any]) -> TorchModel:
    model, weights = _open_clip_parts(name)
    if weights is None and ":" not in name:
        tags = _open_clip_tags(name)
        near = f", such as `open_clip:{name}/{tags[0]}` (or {_some(tags[1:])})" if tags else ""
        raise InvalidValueError(
            f"open_clip:{name} says nothing of its weights, expected `open_clip:NAME/PRETRAINED`"
            f"{near}; its untrained control is `random:open_clip:{name}`"
        )
    return from_open_clip(model, weights, **options)


def _open_clip_untrained(name: str, options: dict[str, Any]) -> TorchModel:
    """Its images are prepared as those of the trained model."""
    open_clip = need("open_clip", name)
    model, weights = _open_clip_parts(name)
    images = open_clip.pretrained.get_pretrained_cfg(model, weights) if weights else None
    tags = _open_clip_tags(model)
    if weights and tags and not images and not os.path.isfile(weights):
        raise InvalidValueError(
            f"{model} of open_clip has no weights `{weights}`, expected {_some(tags)}"
        )
    made = open_clip.create_model(
        model, load_weights=False, pretrained_text=False, force_preprocess_cfg=images
    )
    return from_open_clip(made.eval(), **options)


def _torchvision(name: str, options: dict[str, Any]) -> TorchModel:
    model, weights = _split(name)
    return from_torchvision(model, weights or "DEFAULT", **options)


def _torchvision_untrained(name: str, options: dict[str, Any]) -> TorchModel:
    """Its images are prepared as those of the trained model."""
    models = need("torchvision", name).models
    model, weights = _split(name)
    found = models.get_model_weights(model)[weights or "DEFAULT"]
    return from_torchvision(models.get_model(model, weights=None).eval(), found, **options)


def _some(words: list[str]) -> str:
    more = f" and {len(words) - 6} more" if len(words) > 6 else ""
    return ", ".join(f"`{word}`" for word in words[:6]) + more


@dataclass(frozen=True)
class _Library:
    """How the models of a library are named and opened.

    Parameters
    ----------
    trained, untrained : callable
        The model of a name, with options.
    form : str
        What a name may be.
    listed : callable
        The names that it knows; none where only the hub knows them.
    """

    trained: Callable[[str, dict[str, Any]], TorchModel]
    untrained: Callable[[str, dict[str, Any]], TorchModel]
    form: str
    listed: Callable[[], Sequence[str]]


_LIBRARIES = {
    "timm": _Library(
        _timm,
        _timm_untrained,
        "a name of `timm.list_models()`, `hf-hub:OWNER/NAME` or `local-dir:FOLDER`",
        lambda: need("timm", "a list").list_models(pretrained=True),
    ),
    "transformers": _Library(
        _transformers,
        _transformers_untrained,
        "an id of the hub, `OWNER/NAME`, or a folder",
        lambda: (),
    ),
    "open_clip": _Library(
        _open_clip,
        _open_clip_untrained,
        "`NAME/PRETRAINED` of `open_clip.list_pretrained()`, `hf-hub:OWNER/NAME` or "
        "`local-dir:FOLDER`",
        lambda: need("open_clip", "a list").list_models(),
    ),
    "torchvision": _Library(
        _torchvision,
        _torchvision_untrained,
        "`NAME[/WEIGHTS]` of `torchvision.models.list_models()`",
        lambda: need("torchvision", "a list").models.list_models(),
    ),
}
