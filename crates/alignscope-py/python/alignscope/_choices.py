"""The words that choices take, as types; `tests/test_choices.py` holds them to those of the
program."""

from __future__ import annotations

from typing import Literal

#: Kinds of distance that are made of activations.
DistanceKind = Literal["euclidean", "normalized-euclidean", "cosine", "correlation", "dot"]
#: The same, and what a metric, or whoever gives distances, calls a distance.
AnyDistance = Literal[
    "euclidean", "normalized-euclidean", "cosine", "correlation", "dot", "own"
]
#: Which tokens are compared.
TokenChoice = Literal["all", "class", "registers", "patches", "mean"]
#: The form of an encoder's projection.
ProjectionForm = Literal["raw", "unit"]
#: The arithmetic of layers' products.
Precision = Literal["auto", "f32", "bf16x6", "bf16x3", "bf16"]
#: What runs encoders that are named by an id or a folder.
Backend = Literal["own", "torch"]
#: What a tie between a model's distances counts.
Ties = Literal["miss", "half"]
#: What intervals resample as a whole.
Cluster = Literal["default", "observer", "image", "none"]
#: Levels of abstraction of data sets.
Level = Literal["low", "middle", "high", "none"]
#: Tables of a run.
TableName = Literal[
    "scores",
    "distances",
    "trials",
    "judgements",
    "scale",
    "ceilings",
    "findings",
    "comparisons",
    "energy",
]
#: Measures by which models are compared and drawn: each kind of trial has one.
MainMeasure = Literal["spearman", "accuracy", "average-precision"]

#: The kinds of distance.
DISTANCES: tuple[DistanceKind, ...] = (
    "euclidean",
    "normalized-euclidean",
    "cosine",
    "correlation",
    "dot",
)
#: Those of the study: the default.
STUDY_DISTANCES: tuple[DistanceKind, ...] = ("euclidean", "normalized-euclidean", "cosine")
