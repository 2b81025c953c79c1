"""Types of choices are the words that the program takes."""

from __future__ import annotations

from typing import get_args

import pytest

from alignscope import _alignscope, _choices


@pytest.mark.parametrize(
    ("kind", "choice", "more"),
    [
        ("DistanceKind", "distance", ()),
        ("AnyDistance", "distance", ("own",)),
        ("TokenChoice", "tokens", ()),
        ("ProjectionForm", "projection", ()),
        ("Precision", "precision", ()),
        ("Backend", "backend", ()),
        ("Ties", "ties", ()),
        ("Cluster", "cluster", ()),
        ("Level", "level", ()),
        ("TableName", "table", ()),
        ("MainMeasure", "main measure", ()),
    ],
)
def test_types_are_the_words_that_are_taken(kind, choice, more):
    words = _alignscope.choices()[choice]
    assert get_args(getattr(_choices, kind)) == (*words, *more)


def test_every_type_is_held_to_the_program():
    tested = {mark for mark in test_types_are_the_words_that_are_taken.pytestmark[0].args[1]}
    choices = {name: value for name, value in vars(_choices).items() if name != "Literal"}
    named = {name for name, value in choices.items() if get_args(value)}
    assert named == {kind for kind, _, _ in tested}


def test_distances_that_are_listed_are_those_there_are():
    assert list(_choices.DISTANCES) == _alignscope.choices()["distance"]
    assert set(_choices.STUDY_DISTANCES) < set(_choices.DISTANCES)
