"""What is chosen of an experiment beside its models and data sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Union, cast

from . import _arguments as check
from ._choices import (
    STUDY_DISTANCES,
    Backend,
    Cluster,
    DistanceKind,
    Precision,
    ProjectionForm,
    Ties,
    TokenChoice,
)

#: One kind of distance or several; the study's if it is None.
DistanceKinds = Union[DistanceKind, Sequence[DistanceKind], None]


class Options(TypedDict, total=False):
    """What `Experiment` takes beside models and data sets."""

    distances: DistanceKinds
    tokens: TokenChoice
    projection: ProjectionForm | None
    precision: Precision
    backend: Backend
    device: Any
    dtype: Any
    tf32: bool | None
    compile: bool | None
    batch: int | None
    ties: Ties
    resamples: int
    seed: int
    cluster: Cluster
    pixels: bool
    baseline_size: int | None
    weights: str | os.PathLike[str] | None
    scale_from: str | os.PathLike[str] | None
    transform: str | os.PathLike[str] | None
    title: str | None
    published: bool
    memory: int | str | None


class Choices(TypedDict):
    """What is chosen of an experiment, as the compiled part takes it; None where nothing is."""

    distances: list[str] | None
    tokens: str | None
    projection: str | None
    precision: str | None
    backend: str | None
    device: str | None
    dtype: str | None
    tf32: bool | None
    compile: bool | None
    batch: int | None
    ties: str | None
    resamples: int | None
    seed: int | None
    cluster: str | None
    pixels: bool | None
    baseline_size: int | None
    weights: str | None
    scale_from: str | None
    transform: str | None
    title: str | None
    published: bool | None
    memory: int | None
    simulated: bool | None


def kinds(name: str, value: object) -> list[str]:
    """Kinds of distance; the study's if it is None."""
    return check.words(name, value, STUDY_DISTANCES, "a kind of distance")


#: What each option is held to.
CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "distances": kinds,
    "tokens": check.text,
    "projection": check.optional_text,
    "precision": check.text,
    "backend": check.text,
    "device": check.of_torch,
    "dtype": check.of_torch,
    "tf32": check.optional_yes_or_no,
    "compile": check.optional_yes_or_no,
    "batch": lambda name, value: check.optional_whole(name, value, 1),
    "ties": check.text,
    "resamples": check.whole,
    "seed": check.whole,
    "cluster": check.text,
    "pixels": check.yes_or_no,
    "baseline_size": lambda name, value: check.optional_whole(name, value, 1),
    "weights": check.optional_path,
    "scale_from": check.optional_path,
    "transform": check.optional_path,
    "title": check.optional_text,
    "published": check.yes_or_no,
    "memory": lambda _, value: check.memory(value),
}


def choices(options: Options, simulated: bool | None) -> Choices:
    """What is chosen: the options that are given, checked."""
    found: Any = dict.fromkeys(Choices.__annotations__)
    for name, value in options.items():
        found[name] = CHECKS[name](name, value)
    return cast(Choices, found | {"simulated": simulated})
