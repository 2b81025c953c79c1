"""Models and data sets as a run takes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

from . import _arguments as check
from ._dataset import Dataset
from ._distances import Distances
from ._errors import InvalidTypeError, InvalidValueError
from ._load import load_dataset
from ._models import Features, Function, Own

#: A model of one's own.
OwnModel = Union[Features, Function, Distances]
#: A model of a run: an id of the hub, a folder, `random:ID`, a baseline, `pixels`, or one's own.
Model = Union[str, "os.PathLike[str]", OwnModel]
#: Models of a run, one or several, or by the names that results give them.
Models = Union[Model, Sequence[Model], Mapping[str, Union[str, "os.PathLike[str]"]]]
#: Data sets of a run, or folders by their formats.
Datasets = Union[Dataset, Sequence[Dataset], Mapping[str, Union[str, "os.PathLike[str]"]]]

#: The classes of models of one's own.
OWN = (Features, Function, Distances)


def folders(data: Mapping[str, str | os.PathLike[str]] | None) -> dict[str, str]:
    """Where data sets lie, by their names."""
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise check.wrong_type("data", data, "a mapping of data sets to folders")
    return {
        check.text("data", name): check.path(f"data[{name!r}]", path) for name, path in data.items()
    }


def own_models(given: OwnModel | Sequence[OwnModel]) -> list[Own]:
    """Models of one's own."""
    listed: Any = [given] if isinstance(given, OWN) else given
    expected = "Features, a Function, Distances, or a list of them"
    if isinstance(listed, (str, bytes, Mapping)) or not isinstance(listed, Iterable):
        raise check.wrong_type("own", given, expected)
    found = []
    for number, model in enumerate(listed):
        if not isinstance(model, OWN):
            raise check.wrong_type(f"own[{number}]", model, expected)
        found.append(model._own)
    return found


def check_data_sets(models: Iterable[Own], datasets: Iterable[Dataset]) -> None:
    """That distances which are given by data sets are for data sets that are measured.

    Raises
    ------
    InvalidValueError
        Some are for another.
    """
    names = [dataset.name for dataset in datasets]
    for model in models:
        for name, _ in model["distances"] or ():
            if name is not None and name not in names:
                raise InvalidValueError(
                    f"values of {model['name']} has the data set `{name}`, expected those of the "
                    f"run: {', '.join(f'`{known}`' for known in names)}"
                )


def named_models(
    given: Models,
) -> tuple[list[tuple[str | None, str | None]], list[Own]]:
    """The models with the names that they are given, and those that are one's own by their
    names."""
    if isinstance(given, Mapping):
        expected = "the name or folder of a model (str or os.PathLike)"
        return [
            (check.text("models", name), check.path(f"models[{name!r}]", model, expected))
            for name, model in given.items()
        ], []
    expected = (
        "the name or folder of a model (str or os.PathLike), Features, a Function, Distances, or a "
        "list of them"
    )
    listed: Any = [given] if isinstance(given, (str, os.PathLike, *OWN)) else given
    _check_no_module("models", given)
    if isinstance(listed, (bytes, Mapping)) or not isinstance(listed, Iterable):
        raise check.wrong_type("models", given, expected)
    models: list[tuple[str | None, str | None]] = []
    own: list[Own] = []
    for number, model in enumerate(listed):
        if isinstance(model, OWN):
            models.append((model.name, None))
            own.append(model._own)
            continue
        _check_no_module(f"models[{number}]", model)
        if not isinstance(model, (str, os.PathLike)):
            raise check.wrong_type(f"models[{number}]", model, expected)
        text = check.path(f"models[{number}]", model, expected)
        models.append((None, os.path.expanduser(text)))
    return models, own


def _check_no_module(name: str, given: object) -> None:
    """That a model is no bare module of torch, of which neither stages nor preprocessing are
    known."""
    if hasattr(given, "named_modules"):
        raise InvalidTypeError(
            f"{name} is a {type(given).__name__}, a module of torch, expected what "
            "`alignscope.torch.module(model, stages, preprocess=…)` or a `from_…` function makes "
            "of it"
        )


def opened(given: Datasets) -> list[Dataset]:
    """The data sets, read."""
    if isinstance(given, Dataset):
        return [given]
    if isinstance(given, Mapping):
        return [
            load_dataset(format, check.path(f"datasets[{format!r}]", path))
            for format, path in given.items()
        ]
    expected = "data sets of load_dataset, or a mapping of formats to folders"
    if isinstance(given, (str, bytes, os.PathLike)) or not isinstance(given, Iterable):
        raise check.wrong_type("datasets", given, expected)
    found = list(given)
    for number, dataset in enumerate(found):
        if not isinstance(dataset, Dataset):
            raise check.wrong_type(f"datasets[{number}]", dataset, expected)
    return found
