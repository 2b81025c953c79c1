"""Trials as arrays."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope


def test_rated_pairs(rated):
    dataset = alignscope.load_dataset("pairs", rated)
    assert (len(dataset), dataset.name, dataset.level) == (30, "pairs", "low")
    trials = dataset.trials
    assert trials["reference"].dtype == np.uint32 and trials["score"].dtype == np.float64
    assert np.isnan(trials["std"]).all()
    np.testing.assert_array_equal(dataset.pairs[:, 0], trials["reference"])
    assert dataset.pairs_of_trials.shape == (30, 1)
    assert dataset.images[0] == "00.png" and dataset.files[0] == rated / "00.png"
    assert "30 trials" in repr(dataset)


def test_scores_of_which_lower_is_better_are_turned(rated):
    scores = alignscope.load_dataset("pairs", rated).trials["score"]
    turned = alignscope.load_dataset("pairs", rated, lower_is_better=True)
    np.testing.assert_array_equal(turned.trials["score"], -scores)
    assert any("scores are turned" in note for note in turned.notes)
    with pytest.raises(alignscope.DatasetError, match="leave out `lower_is_better`"):
        alignscope.load_dataset("twoafc", rated, lower_is_better=False)


def test_triplets(triplets):
    dataset = alignscope.load_dataset("oddoneout", triplets, limit=50)
    assert dataset.trials["images"].shape == (50, 3) and dataset.trials["odd"].max() <= 2
    assert dataset.pairs_of_trials.shape == (50, 3)
    first = dataset.pairs[dataset.pairs_of_trials[:, 0]]
    assert all(set(a) == set(b) for a, b in zip(first, dataset.trials["images"][:, :2]))
    assert dataset.pair_uses.sum() == 150


def test_things_is_counted_as_a_plain_program_does(things):
    dataset = alignscope.load_dataset("things", things, skip_missing=True)
    assert len(dataset) == 18_985 and dataset.level == "high"
    assert (dataset.trials["odd"] == 2).all()
    assert len(dataset.labels["subject"]) == 18_985


def test_materials_has_votes(materials):
    dataset = alignscope.load_dataset("nights", materials)
    trials = dataset.trials
    assert ((trials["left_votes"] > 0) | (trials["right_votes"] > 0)).all()
    # In the layout of NIGHTS, but not NIGHTS.
    assert dataset.name == "nights-like" and dataset.level == "middle"


def test_the_demo_draws_three_levels(tmp_path):
    sets = alignscope.demo(tmp_path / "demo")
    assert [dataset.level for dataset in sets.values()] == ["low", "middle", "high"]
    features = {"x": np.random.default_rng(0).normal(size=(len(sets["pairs"].images), 3))}
    assert alignscope.score(sets["pairs"], features, resamples=0).scores["simulated"].all()
