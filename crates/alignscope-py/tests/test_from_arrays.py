"""Data sets of trials in memory: arrays and data frames."""

from __future__ import annotations

import json

import numpy as np
import pytest

import alignscope
from alignscope import Dataset, DatasetError, InvalidTypeError, InvalidValueError


def features(dataset: Dataset) -> dict[str, np.ndarray]:
    """Features of a data set that depend on its images' names alone."""
    rows = [np.frombuffer(name.encode().ljust(24, b"\0")[:24], np.uint8) for name in dataset.images]
    return {"layer": np.stack(rows).astype(np.float32)}


def scores(dataset: Dataset, **options: object) -> object:
    options = {"distances": ["euclidean", "cosine"], "resamples": 100, **options}
    return alignscope.score(dataset, features(dataset), **options).scores.to_pandas()


def equal_but_release(a: object, b: object) -> None:
    """Two tables of scores are the same, but for what the data set was recognised as."""
    columns = [c for c in a.columns if c not in ("release", "level")]
    assert a[columns].equals(b[columns])


def again(dataset: Dataset) -> Dataset:
    """The same trials and images, out of memory."""
    return Dataset.from_arrays(
        dataset.trials, dataset, labels=dataset.labels, name=dataset.name, level=dataset.level
    )


def test_each_paradigm_is_the_same_out_of_memory(tmp_path):
    for dataset in alignscope.demo(tmp_path / "demo").values():
        copy = again(dataset)
        assert copy.images == dataset.images and copy.trials.keys() == dataset.trials.keys()
        for name, column in dataset.trials.items():
            np.testing.assert_array_equal(column, copy.trials[name])
        np.testing.assert_array_equal(dataset.pairs, copy.pairs)
        a, b = scores(dataset), scores(copy)
        equal_but_release(a.drop(columns="simulated"), b.drop(columns="simulated"))


def test_real_trials_with_labels_have_the_same_scores_and_subsets(things, materials):
    for format, folder in [("things", things), ("nights", materials)]:
        dataset = alignscope.load_dataset(format, folder, skip_missing=True, limit=2000)
        copy = again(dataset)
        assert {k: list(v) for k, v in copy.labels.items()} == {
            k: list(v) for k, v in dataset.labels.items()
        }
        equal_but_release(scores(dataset), scores(copy))
    by = {"cluster": "observer"}
    dataset = alignscope.load_dataset("things", things, skip_missing=True, limit=2000)
    equal_but_release(scores(dataset, **by), scores(again(dataset), **by))


def test_images_keep_the_order_in_which_they_are_given(rated):
    from_file = alignscope.load_dataset("pairs", rated)
    order = sorted(from_file.images, reverse=True)
    number = {name: i for i, name in enumerate(order)}
    trials = dict(from_file.trials)
    for role in ("reference", "distorted"):
        trials[role] = np.array([number[from_file.images[i]] for i in trials[role]])
    dataset = Dataset.from_arrays(trials, order, folder=rated)
    assert dataset.images == order
    one, two = scores(from_file), scores(dataset)
    assert np.array_equal(one["value"], two["value"])
    # An image that no trial shows is not in it; the others keep their order.
    dataset = Dataset.from_arrays({k: v[:5] for k, v in trials.items()}, order, folder=rated)
    assert dataset.images == [n for n in order if n in set(dataset.images)] != []


def test_labels_make_clusters_and_subsets():
    rng = np.random.default_rng(0)
    trials = {"images": [rng.choice(8, 3, replace=False) for _ in range(40)], "odd": [0, 1] * 20}
    labels = {"observer": [f"p{i % 4}" for i in range(40)], "block": np.repeat([1, 2], 20)}
    dataset = Dataset.from_arrays(trials, images=False, labels=labels, name="mine")
    assert list(dataset.labels["block"]) == ["1"] * 20 + ["2"] * 20
    table = scores(dataset, cluster="observer")
    assert {"all", "block 1", "block 2"} == set(table["subset"])
    with pytest.raises(DatasetError, match="`subject` or `observer`"):
        scores(Dataset.from_arrays(trials, images=False), cluster="observer")


def test_votes_may_be_shares():
    trials = {"reference": [0, 0], "left": [1, 2], "right": [2, 1], "right_vote": [0.25, 1.0]}
    dataset = Dataset.from_arrays(trials, images=False)
    assert dataset.name == "twoafc" and dataset.level == "middle"
    np.testing.assert_array_equal(dataset.trials["left_votes"], [0.75, 0.0])


FRAME = {
    "reference": ["a.png", "a.png", "b.png"],
    "distorted": ["b.png", "c.png", "c.png"],
    "score": [4.0, 2.5, 1.0],
    "std": [0.1, None, 0.2],
    "group": ["x", "y", "x"],
    "session": [1, 1, 2],
    "other": [0, 0, 0],
}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "capsule"])
def test_a_data_frame_has_the_columns_of_a_manifest(library):
    if library == "capsule":
        table = pytest.importorskip("pyarrow").table(FRAME)

        class Capsule:
            def __arrow_c_stream__(self, requested_schema=None):
                return table.__arrow_c_stream__(requested_schema)

        frame = Capsule()
    elif library == "pyarrow":
        frame = pytest.importorskip("pyarrow").table(FRAME)
    else:
        frame = pytest.importorskip(library).DataFrame(FRAME)
    dataset = Dataset.from_dataframe(frame, images=False, labels="session")
    assert dataset.images == ["a.png", "b.png", "c.png"]
    np.testing.assert_array_equal(dataset.trials["score"], [4, 2.5, 1])
    np.testing.assert_array_equal(dataset.trials["std"], [0.1, np.nan, 0.2])
    assert {k: list(v) for k, v in dataset.labels.items()} == {
        "group": ["x", "y", "x"], "session": ["1", "1", "2"]
    }


def test_what_pandas_says_is_missing_is_not_known():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(FRAME).convert_dtypes()
    frame.loc[1, "group"] = pandas.NA
    dataset = Dataset.from_dataframe(frame, images=False)
    np.testing.assert_array_equal(dataset.trials["std"], [0.1, np.nan, 0.2])
    assert list(dataset.labels["group"]) == ["x", "", "x"]
    frame.loc[1, "score"] = pandas.NA
    with pytest.raises(DatasetError, match="row 1: `score` is `(nan|None)`, expected"):
        Dataset.from_dataframe(frame, images=False)


def test_a_table_of_triplets_counts_the_odd_one_from_1():
    pandas = pytest.importorskip("pandas")
    rows = {"image_1": [0, 1], "image_2": [1, 2], "image_3": [2, 3], "odd": [3, 1]}
    frame = pandas.DataFrame(rows)
    dataset = Dataset.from_dataframe(frame, images=False)
    assert dataset.trials["odd"].tolist() == [2, 0]
    with pytest.raises(DatasetError, match="row 1: `odd` is `0`, expected 1, 2 or 3"):
        Dataset.from_dataframe(frame.assign(odd=[3, 0]), images=False)


def test_two_columns_of_one_label_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(FRAME).assign(label_site=["x", "y", "z"], site=["p", "q", "r"])
    dataset = Dataset.from_dataframe(frame, images=False)
    assert list(dataset.labels["site"]) == ["x", "y", "z"]
    words = "columns `site` and `label_site` are both the label `site`"
    with pytest.raises(InvalidValueError, match=words):
        Dataset.from_dataframe(frame, images=False, labels="site")
    with pytest.raises(InvalidValueError, match="are both the label `group`"):
        Dataset.from_dataframe(frame.assign(label_group="x"), images=False)
    # A column that is a label anyway may be named.
    dataset = Dataset.from_dataframe(frame, images=False, labels=["label_site", "group"])
    assert set(dataset.labels) == {"site", "group"}


@pytest.mark.parametrize("name", ["", "  "])
def test_a_label_without_a_name_is_refused(name):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InvalidValueError, match=f"labels has the name `{name}`, expected one th"):
        Dataset.from_arrays(PAIRS, images=False, labels={name: ["x", "y"]})
    frame = pandas.DataFrame(FRAME).assign(**{f"label_{name}": "x"})
    with pytest.raises(InvalidValueError, match=f"labels has the name `{name}`, expected one th"):
        Dataset.from_dataframe(frame, images=False)


PAIRS = {"reference": [0, 0], "distorted": [1, 2], "score": [1.0, 2.0]}
TRIPLETS = {"images": [[0, 1, 2], [1, 2, 3]], "odd": [0, 2]}
VOTES = {"reference": [0], "left": [1], "right": [2], "left_votes": [1], "right_votes": [1]}

WRONG = [
    ([], InvalidTypeError, "trials is a list, expected a mapping of arrays"),
    ({}, InvalidValueError, "columns none, expected those of one paradigm: pairs: refer"),
    ({"reference": [0], "score": [1]}, InvalidValueError, "has the columns reference, sc"),
    ({"reference": [0], "distorted": [1]}, DatasetError, "no column `score`; its columns"),
    (PAIRS | {"mos": [1, 2]}, InvalidValueError, "column `mos`.*goes into `labels`"),
    (PAIRS | {"score": [1.0]}, InvalidValueError, "`score` has 1 entries and `refere"),
    (PAIRS | {"score": [1, np.nan]}, DatasetError, "row 1: `score` is `nan`, expected a f"),
    (PAIRS | {"score": ["1", "2"]}, DatasetError, "row 0: `score` is `1`, expected a fin"),
    (PAIRS | {"score": [[1], [2]]}, InvalidValueError, r"shape \(2, 1\), expected one ent"),
    (PAIRS | {"std": [0, -1]}, DatasetError, "row 1: `std` is `-1`, expected a number, 0"),
    (PAIRS | {"trial": [0, 0.5]}, DatasetError, "row 1: `trial` is `0.5`, expected a who"),
    (PAIRS | {"distorted": [1, 0]}, DatasetError, "row 1: the image `0` is compared with"),
    (PAIRS | {"distorted": [1, -2]}, DatasetError, "row 1: `distorted` is `-2`, expected"),
    (PAIRS | {"distorted": ["b", ""]}, DatasetError, "row 1: `distorted` is ``, expected"),
    (PAIRS | {"distorted": [1.5, 2]}, DatasetError, "row 0: `distorted` is `1.5`, expect"),
    (PAIRS | {"distorted": ["../b", "c"]}, InvalidValueError, "`../b`: it is no path be"),
    (PAIRS | {"distorted": ["a/b", "a"]}, InvalidValueError, "another is called `a`"),
    (PAIRS | {"distorted": ["b ", "c"]}, InvalidValueError, "begins or ends with a space"),
    (TRIPLETS | {"images": [[0, 1]]}, InvalidValueError, r"\(1, 2\), expected \(trials, 3"),
    (TRIPLETS | {"odd": [0, 3]}, DatasetError, "row 1: `odd` is `3`, expected 0, 1 or 2"),
    (TRIPLETS | {"odd": [0.0, 1.0]}, InvalidTypeError, "of float64, expected whole num"),
    ({"images": [[0, 1, 2]]}, InvalidValueError, "no `odd`"),
    (VOTES | {"left_votes": [-1]}, DatasetError, "`left_votes` is `-1`, expected a numb"),
    (VOTES | {"left_votes": [0], "right_votes": [0]}, DatasetError, "expected a vote for"),
    ({k: [] for k in PAIRS}, InvalidValueError, "trials is empty"),
]


@pytest.mark.parametrize(("trials", "kind", "words"), WRONG)
def test_what_cannot_be_meant_is_told_by_row_and_column(trials, kind, words):
    with pytest.raises(kind, match=words):
        Dataset.from_arrays(trials, images=False)


def test_images_that_trials_number_or_name_must_be_there(tmp_path):
    with pytest.raises(DatasetError, match="row 1: `distorted` is `2`, expected a number"):
        Dataset.from_arrays(PAIRS, np.zeros((2, 4, 4, 3), np.uint8))
    named = PAIRS | {"reference": ["a", "a"], "distorted": ["b", "c"]}
    with pytest.raises(DatasetError, match="row 1: `distorted` is `c`, expected the name"):
        Dataset.from_arrays(named, dict.fromkeys("ab", np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(FileNotFoundError, match=r"image\[0\] is not there.*folder"):
        Dataset.from_arrays(named, folder=tmp_path)
    with pytest.raises(InvalidValueError, match="trials number images"):
        Dataset.from_arrays(PAIRS)
    with pytest.raises(InvalidValueError, match="loaded without its images"):
        Dataset.from_arrays(PAIRS, Dataset.from_arrays(PAIRS, False))
    with pytest.raises(InvalidValueError, match="paradigm is `triplets`, expected one of"):
        Dataset.from_arrays(PAIRS, False, paradigm="triplets")


def test_a_run_of_arrays_is_recorded_and_repeated(tmp_path, rated):
    dataset = again(alignscope.load_dataset("pairs", rated, name="mine"))
    model = alignscope.Features(features(dataset), name="mine")
    options = {"distances": "euclidean", "resamples": 100, "progress": False}
    run = alignscope.run([model, "ssim"], dataset, tmp_path / "one", **options)
    again_ = alignscope.run(run.path / "manifest.json", out=tmp_path / "two", own=model,
                            progress=False)
    assert (run.path / "scores.csv").read_bytes() == (again_.path / "scores.csv").read_bytes()
    (recorded,) = json.loads((run.path / "manifest.json").read_text())["datasets"]
    assert recorded["name"] == "mine" and recorded["trials"] == 30 and len(recorded["files"]) == 2


def test_some_trials(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    assert dataset[:] is dataset and dataset[[*range(30)]] is dataset
    part = dataset[:12]
    assert (len(part), part.name) == (12, "pairs") and part.images == dataset.images[:16]
    assert "12 of 30 trials are selected" in part.notes
    mask = dataset.trials["score"] > 0
    chosen = dataset[mask]
    np.testing.assert_array_equal(chosen.trials["score"], dataset.trials["score"][mask])
    np.testing.assert_array_equal(chosen.trials["trial"], np.flatnonzero(mask))
    # Positions in any order, also from the end; and a part of a part.
    np.testing.assert_array_equal(dataset[[5, -1, 2]].trials["trial"], [2, 5, 29])
    np.testing.assert_array_equal(chosen[1:3].trials["trial"], np.flatnonzero(mask)[1:3])
    # Scores are those of the trials that are left.
    assert len(chosen.pairs) == mask.sum()
    limited = alignscope.load_dataset("pairs", rated, limit=12)
    assert scores(part)["value"].equals(scores(limited)["value"])


def test_a_selection_is_not_taken_for_the_whole(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    options = {"distances": "euclidean", "resamples": 100, "progress": False, "pixels": True}
    whole = alignscope.run("ssim", dataset, tmp_path / "whole", **options)
    part = alignscope.run("ssim", dataset[::2], tmp_path / "part", **options)
    counts = [set(run.scores.where(measure="spearman")["n"]) for run in (whole, part)]
    assert counts == [{30}, {15}]
    recorded = json.loads((part.path / "manifest.json").read_text())
    assert recorded["datasets"][0]["selected"] == 15
    assert recorded["experiment"]["datasets"][0]["selection"].startswith("0,2,4,")
    assert "15 selected trials" in part.report.read_text()
    # Another selection is another run.
    with pytest.raises(alignscope.ResultsError):
        alignscope.run("ssim", dataset[1::2], tmp_path / "part", **options)
    repeated = alignscope.run(part.path / "manifest.json", out=tmp_path / "again", progress=False)
    assert (part.path / "scores.csv").read_bytes() == (repeated.path / "scores.csv").read_bytes()
    # All trials are the whole, to the byte.
    all_ = alignscope.run("ssim", dataset[:], tmp_path / "all", **options)
    assert (all_.path / "scores.csv").read_bytes() == (whole.path / "scores.csv").read_bytes()


def test_trials_are_selected_by_labels(materials):
    dataset = alignscope.load_dataset("nights", materials)
    name, values = next((n, v) for n, v in dataset.labels.items() if len(set(v)) > 1)
    part = dataset.select(label={name: values[0]})
    assert set(part.labels[name]) == {values[0]} and 0 < len(part) < len(dataset)
    both = dataset.select(slice(0, 50), label={name: [values[0]]})
    assert len(both) == (values[:50] == values[0]).sum()
    with pytest.raises(InvalidValueError, match=f"label\\['{name}'\\] names `nothing`"):
        dataset.select(label={name: "nothing"})
    with pytest.raises(InvalidValueError, match="label names `nolabel`, expected one of"):
        dataset.select(label={"nolabel": 1})


@pytest.mark.parametrize(
    ("trials", "kind", "words"),
    [
        (3, InvalidTypeError, "trials is 3, an int, expected a slice"),
        ("all", InvalidTypeError, "trials is 'all'"),
        ([True, False], InvalidValueError, "mask of 2 entries, expected one for each of 30"),
        ([0, 30], InvalidValueError, "the position 30, expected positions of 30 trials"),
        ([2, -28], InvalidValueError, "the position 2 twice, expected each trial once"),
        ([0.5], InvalidTypeError, "trials is of float64"),
        ([], InvalidValueError, "none of the 30 trials is selected"),
        (slice(40, 50), InvalidValueError, "none of the 30 trials"),
    ],
)
def test_a_selection_that_cannot_be_meant(rated, trials, kind, words):
    with pytest.raises(kind, match=words):
        alignscope.load_dataset("pairs", rated)[trials]
