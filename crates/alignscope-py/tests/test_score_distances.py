"""Distances that were made elsewhere: scored as a metric of ours is, and refused where they cannot
be meant."""

from __future__ import annotations

import json

import numpy as np
import pytest

import alignscope


@pytest.fixture()
def dataset(triplets):
    return alignscope.load_dataset("oddoneout", triplets)


@pytest.fixture()
def ssim(dataset, tmp_path):
    """A run of a metric, whose distances are then given."""
    return alignscope.run("ssim", dataset, tmp_path / "ssim", pixels=False, progress=False)


def of_model(run, model):
    table = run.scores.where(model=model)
    columns = [name for name in table.columns if name != "model"]
    return {name: table[name].tolist() for name in columns}


def same(a, b):
    for name in a:
        assert repr(a[name]) == repr(b[name]), name


def test_given_distances_of_a_metric_score_exactly_as_the_metric(dataset, ssim):
    values = alignscope.results(ssim.path, "distances")["value"]
    expected = of_model(ssim, "ssim")
    found = alignscope.score_distances(dataset, values, model="mine")
    table = {name: found.scores[name].tolist() for name in found.scores.columns}
    same(expected, {name: table[name] for name in expected})
    np.testing.assert_array_equal(found.distances("output", "own"), values)
    assert (found.stages, found.kinds, found.holding) == (["output"], ["own"], None)
    # As a matrix, in another order, of another type, and from pandas.
    square = ssim.rdm("ssim").values
    order = np.random.default_rng(0).permutation(len(dataset.images))
    shuffled = square[np.ix_(order, order)]
    names = [f"/elsewhere/{dataset.images[i]}" for i in order]
    again = alignscope.score_distances(dataset, shuffled, file_names=names)
    np.testing.assert_array_equal(again.scores["value"], found.scores["value"])
    pandas = pytest.importorskip("pandas")
    framed = alignscope.score_distances(dataset, pandas.DataFrame(square))
    np.testing.assert_array_equal(framed.scores["value"], found.scores["value"])


def test_they_stand_in_one_figure_with_all_others(dataset, ssim, tmp_path):
    values = alignscope.results(ssim.path, "distances")["value"]
    rng = np.random.default_rng(0)
    features = alignscope.Features(
        {"one": rng.normal(size=(12, 4)), "two": rng.normal(size=(12, 4))}, name="features"
    )
    given = alignscope.Distances(values, name="given")
    run = alignscope.run(
        ["ssim", features, given], dataset, tmp_path / "run", distances="cosine", progress=False
    )
    same(of_model(run, "ssim"), of_model(run, "given"))
    pairs = {
        frozenset(pair)
        for pair in zip(run.comparisons["model_a"], run.comparisons["model_b"], strict=True)
    }
    assert {frozenset(("given", other)) for other in ("ssim", "features", "pixels")} <= pairs
    assert "given" in (run.path / "alignment.svg").read_text(encoding="utf-8")
    told = json.loads((run.path / "manifest.json").read_text(encoding="utf-8"))
    model = next(model for model in told["models"] if model["name"] == "given")
    assert model["of_user"] and "the user's model" in told["reproducible"]
    assert any(key.startswith("distances at output of given") for key in told["inputs"])
    # The same run is done; with other numbers it is another.
    assert alignscope.run(
        ["ssim", features, given], dataset, run.path, distances="cosine", progress=False
    ).path == run.path
    other = alignscope.Distances(values + 1, name="given")
    with pytest.raises(alignscope.ResultsError, match="distances at output of given"):
        alignscope.run(
            ["ssim", features, other], dataset, run.path, distances="cosine", progress=False
        )


def test_several_stages_are_a_curve(dataset, tmp_path):
    rng = np.random.default_rng(0)
    stages = {f"layer {i}": rng.random(len(dataset.pairs)) for i in range(3)}
    for kind in ("own", "cosine"):
        model = alignscope.Distances(stages, name="given", distance=kind, depths=[10, 40, 95.5])
        run = alignscope.run(
            model, dataset, tmp_path / kind, distances="cosine", pixels=False, progress=False
        )
        rows = run.scores.where(measure="accuracy", subset="all")
        assert rows["depth_percent"].tolist() == [10, 40, 95.5]
        assert set(rows["distance"]) == {kind}
        found = run.table("findings").where(model="given")
        assert {"peak", "projection"} <= set(found["finding"])
        marks = (run.path / "alignment.csv").read_text(encoding="utf-8").splitlines()
        assert len([line for line in marks[1:] if ",model," in line]) == 3, marks


def test_those_of_a_kind_of_ours_are_ours(dataset, tmp_path):
    array = np.random.default_rng(0).normal(size=(12, 4))
    kinds = ("euclidean", "cosine", "correlation", "dot")
    expected = alignscope.score(dataset, {"x": array}, distances=kinds)
    for kind in kinds:
        values = expected.distances("x", kind)
        found = alignscope.score_distances(dataset, {"x": values}, distance=kind)
        rows = expected.scores.where(distance=kind)
        assert found.kinds == [kind]
        np.testing.assert_array_equal(found.scores["value"], rows["value"])
        np.testing.assert_array_equal(found.scores["ci_low"], rows["ci_low"])


def test_several_data_sets_have_their_own(dataset, rated, tmp_path):
    pairs = alignscope.load_dataset("pairs", rated)
    rng = np.random.default_rng(0)
    values = {of.name: {"x": rng.random(len(of.pairs))} for of in (dataset, pairs)}
    model = alignscope.Distances(values, name="given")
    run = alignscope.run(model, [dataset, pairs], tmp_path / "run", pixels=False, progress=False)
    assert set(run.scores["dataset"]) == {"oddoneout", "pairs"}
    alone = alignscope.score_distances(pairs, values["pairs"])
    of_pairs = run.scores.where(dataset="pairs")
    np.testing.assert_array_equal(of_pairs["value"], alone.scores["value"])
    lacking = alignscope.Distances({"pairs": {"x": values["pairs"]["x"]}}, name="given")
    words = "given on oddoneout: there are none for it, but for pairs"
    with pytest.raises(ValueError, match=words):
        alignscope.run(lacking, [dataset, pairs], tmp_path / "other", progress=False)
    other = {"oddoneout": values["oddoneout"], "pairs": {"y": values["pairs"]["x"]}}
    with pytest.raises(ValueError, match="the stages `y`, another data set has `x`"):
        alignscope.run(
            alignscope.Distances(other), [dataset, pairs], tmp_path / "other", progress=False
        )
    assert not (tmp_path / "other").exists()


def test_distances_of_a_data_set_that_is_not_measured_are_refused(dataset, tmp_path):
    values = {"x": np.random.default_rng(0).random(len(dataset.pairs))}
    given = {"oddoneout": values, "oddoneuot": values}
    words = "values of mine has the data set `oddoneuot`, expected those of the run: `oddoneout`"
    model = alignscope.Distances(given, name="mine")
    with pytest.raises(alignscope.InvalidValueError, match=words):
        alignscope.run(model, dataset, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    with pytest.raises(alignscope.InvalidValueError, match=words):
        alignscope.score_distances(dataset, given, model="mine")


def test_what_is_no_distance_is_refused(dataset):
    n, pairs = len(dataset.images), len(dataset.pairs)
    good = np.random.default_rng(0).random(pairs)
    square = np.ones((n, n)) - np.eye(n)
    nan, triangle = good.copy(), np.triu(square)
    nan[5] = np.nan
    first, second = (dataset.images[i] for i in dataset.pairs[5])
    for values, error, message in [
        (
            good[:-1],
            ValueError,
            rf"the shape \[{pairs - 1}\], expected \[{pairs}\], a number for each",
        ),
        (
            square[:, :-1],
            ValueError,
            rf"expected \[{pairs}\].*or \[{n}, {n}\], those of its images",
        ),
        (nan, ValueError, rf"the distance of {first} and {second} is NaN \(pair 5\)"),
        (triangle, ValueError, "expected a symmetric matrix"),
        ({}, ValueError, "values is empty"),
        ({"x": [good], "y": {"z": good}}, TypeError, "values has arrays and mappings"),
        (good > 0.5, TypeError, "values is of bool"),
        (good.reshape(1, 1, -1), TypeError, r"has the shape \(1, 1,"),
        ("ssim", TypeError, "values is of <U4"),
        (np.ma.masked_array(good, good > 0.5), ValueError, "values has masked entries"),
        ({"image": good}, ValueError, "a stage called `image`"),
        ({" ": good}, ValueError, "a stage called ` `"),
    ]:
        with pytest.raises(error, match=message):
            alignscope.score_distances(dataset, values)
    with pytest.raises(ValueError, match="expected one of"):
        alignscope.score_distances(dataset, good, distance="manhattan")
    model = alignscope.Distances(good, distance="dot")
    words = "said to be `dot`, expected one of those that are measured"
    with pytest.raises(ValueError, match=words):
        alignscope.run(model, dataset, dataset.path / "never", progress=False)


def test_a_matrix_of_similarities_is_told(dataset):
    n = len(dataset.images)
    random = np.random.default_rng(0).random((n, n))
    similar = np.where(np.eye(n, dtype=bool), 1.0, 0.5 * (random + random.T) / 2)
    with pytest.warns(UserWarning, match="farther from itself than from any other"):
        alignscope.score_distances(dataset, similar)


@pytest.mark.parametrize(
    ("depths", "error", "message"),
    [
        ([10, 20], ValueError, r"depths of mine are \[10.0, 20.0\], expected 3 numbers from 0"),
        ([10, 20, 20], ValueError, "each more than the one before"),
        ([10, 20, 101], ValueError, "from 0 to 100"),
        ([10, 20, float("nan")], ValueError, "from 0 to 100"),
        ({"a": 1, "b": 2}, ValueError, "depths has the stages 'a', 'b', expected 'a', 'b', 'c'"),
        ("abc", TypeError, "depths is 'abc', a str, expected a list of numbers"),
        ([10, 20, "x"], TypeError, r"depths\[2\] is 'x', a str, expected a number"),
    ],
)
def test_depths_that_cannot_be_meant(dataset, depths, error, message):
    values = {name: np.ones(len(dataset.pairs)) for name in "abc"}
    with pytest.raises(error, match=message):
        alignscope.score_distances(dataset, values, depths=depths, model="mine")


def test_depths_of_features_and_functions(dataset):
    array = np.random.default_rng(0).normal(size=(12, 4))
    names = ("a", "b")

    def encode(images, stages):
        return {name: np.ones((len(images), 2), np.float32) for name in stages}

    plain = alignscope.score(dataset, dict.fromkeys(names, array), distances="cosine")
    assert sorted(set(plain.scores["depth_percent"])) == [50, 100]
    at = {"b": 66.5, "a": 0}
    found = alignscope.score(dataset, dict.fromkeys(names, array), distances="cosine", depths=at)
    assert sorted(set(found.scores["depth_percent"])) == [0, 66.5]
    np.testing.assert_array_equal(found.scores["value"], plain.scores["value"])
    found = alignscope.evaluate(
        dataset, encode, names, distances="euclidean", depths=(5, 6), progress=False
    )
    assert sorted(set(found.scores["depth_percent"])) == [5, 6]


def test_stages_are_chosen_on_other_trials_and_on_other_data_sets(dataset, rated, tmp_path):
    pairs = alignscope.load_dataset("pairs", rated)
    rng = np.random.default_rng(3)
    of_stages = lambda of: {f"layer {i}": rng.random(len(of.pairs)) for i in range(4)}  # noqa: E731
    values = {of.name: of_stages(of) for of in (dataset, pairs)}
    model = alignscope.Distances(values, name="given")
    run = alignscope.run(model, [dataset, pairs], tmp_path / "run", pixels=False, progress=False)
    scores = run.scores.to_pandas()
    main = {"oddoneout": "accuracy", "pairs": "spearman"}
    curve = lambda name: scores[  # noqa: E731
        (scores["dataset"] == name) & (scores["measure"] == main[name]) & (scores["subset"] == "all")
    ].set_index("stage")["value"]
    findings = run.table("findings").to_pandas()
    chosen = findings[findings["finding"] == "chosen-stage"].set_index("dataset")
    of_triplets = chosen.loc["oddoneout"]
    assert of_triplets["ci_low"] < of_triplets["value"] < of_triplets["ci_high"]
    # Noise: what is best on a half is no better on the other.
    assert of_triplets["value"] < curve("oddoneout").max()
    assert of_triplets["stage"] in curve("oddoneout").index
    assert "% of halves" in of_triplets["note"]
    assert "fewer than 16 clusters" in chosen.loc["pairs"]["note"]
    assert np.isnan(chosen.loc["pairs"]["value"])
    elsewhere = findings[findings["finding"] == "stage-chosen-on"].set_index("dataset")
    assert dict(elsewhere["chosen_on"]) == {"oddoneout": "pairs", "pairs": "oddoneout"}
    for name, row in elsewhere.iterrows():
        assert row["stage"] == curve(row["chosen_on"]).idxmax()
        assert row["value"] == curve(name)[row["stage"]]
