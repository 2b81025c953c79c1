"""Several runs compared, and put together: as one run of all models is."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import alignscope

MODELS = ("ssim", "psnr", "ssim-rgb")


def table(path, name):
    return (path / name).read_text(encoding="utf-8").splitlines()


@pytest.fixture()
def dataset(rated):
    return alignscope.load_dataset("pairs", rated)


@pytest.fixture()
def features():
    rng = np.random.default_rng(0)
    return [
        alignscope.Features({stage: rng.normal(size=(40, 3)) for stage in "xy"}, name=name)
        for name in ("one", "two")
    ]


@pytest.fixture()
def runs(dataset, features, tmp_path):
    """Two runs, and one of all their models."""
    first, second = [*features[:1], "ssim"], [features[1], "psnr"]
    run = lambda models, name: alignscope.run(  # noqa: E731
        models, dataset, tmp_path / name, resamples=200, progress=False
    )
    return run(first, "first"), run(second, "second"), run([*first, *second], "whole")


def test_runs_compared_together_are_one_run_compared(runs):
    first, second, whole = runs
    found = alignscope.compare([first, second.path])
    expected = whole.comparisons
    assert len(found) == len(expected) == 48
    for column in expected.columns:
        np.testing.assert_array_equal(found[column], expected[column], column)
    # Holm's correction is over all of them: more pairs than in either run alone.
    alone = alignscope.compare(first)
    pair = {"model_a": "one", "model_b": "ssim", "distance_a": "cosine"}
    assert found.where(**pair)["p"][0] == alone.where(**pair)["p"][0]
    assert found.where(**pair)["p_holm"][0] >= alone.where(**pair)["p_holm"][0]
    assert set(found.where(**pair)["p_holm"]) != set(alone.where(**pair)["p_holm"])


def test_sides_are_those_of_the_command(runs, tmp_path):
    first, second, whole = runs
    for arguments, options in [
        (
            ["--model-a", "one", "--stage-a", "x", "--stage-b", "y"],
            {"models": "one", "stages": ("x", "y")},
        ),
        (["--model-a", "one", "--model-b", "two"], {"models": ("one", "two")}),
        (["--distance-a", "cosine", "--dataset", "pairs", "--resamples", "100", "--seed", "3"],
         {"distances": "cosine", "dataset": "pairs", "resamples": 100, "seed": 3}),
    ]:  # fmt: skip
        out = tmp_path / "pairs.csv"
        program = [sys.executable, "-m", "alignscope", "compare", str(whole.path), *arguments]
        subprocess.run([*program, "--csv", str(out), "--quiet"], check=True, capture_output=True)
        found = alignscope.compare(whole, **options)
        head, *lines = table(tmp_path, "pairs.csv")
        assert head.split(",") == found.columns and len(lines) == len(found) > 0
        numbers = [float(line.split(",")[head.split(",").index("difference")]) for line in lines]
        np.testing.assert_array_equal(found["difference"], numbers)
    across = alignscope.compare([first, second], models=("one", "two"), distances="cosine")
    assert across["measure"].tolist() == ["spearman", "bits"]
    assert set(across["distance_b"]) == {"cosine"}


def test_models_of_one_name_are_told_apart_by_their_runs(dataset, tmp_path):
    rng = np.random.default_rng(0)
    run = lambda name: alignscope.run(  # noqa: E731
        alignscope.Features({"x": rng.normal(size=(40, 3))}, name="mine"),
        dataset, tmp_path / name, distances="cosine", resamples=100, progress=False,
    )  # fmt: skip
    before, after = run("before"), run("after")
    words = "the model `mine` has other scores on pairs in one of"
    with pytest.raises(ValueError, match=words) as error:
        alignscope.compare([before, after])
    assert 'name the runs, as in `{"before": run, "after": other}`' in str(error.value)
    found = alignscope.compare({"before": before, "after": after})
    models = [*found["model_a"], *found["model_b"]]
    assert set(models) == {"mine (before)", "mine (after)", "pixels"}
    with pytest.raises(ValueError, match=r"are made otherwise[^\n]*\n  features at x of mine"):
        alignscope.combine([before, after], tmp_path / "both", progress=False)
    assert not (tmp_path / "both").exists()


def test_a_combined_run_is_the_run_of_all_models(runs, tmp_path):
    first, second, whole = runs
    both = alignscope.combine([first, second], tmp_path / "both", progress=False)
    for name in ("scores.csv", "comparisons.csv", "ceilings.csv", "energy.csv"):
        assert table(both.path, name) == table(whole.path, name), name
    assert sorted(table(both.path, "findings.csv")) == sorted(table(whole.path, "findings.csv"))
    for name in ("distances", "trials", "scale"):
        found, expected = both.table(name), whole.table(name)
        for column in expected.columns:
            np.testing.assert_array_equal(found[column], expected[column], (name, column))
    # Models have the colours of one run of all.
    assert table(both.path, "alignment.csv") == table(whole.path, "alignment.csv")
    told, expected = (
        json.loads((run.path / "manifest.json").read_text(encoding="utf-8"))
        for run in (both, whole)
    )
    assert [run["run"] for run in told["combined"]] == [str(first.path), str(second.path)]
    for key in ("inputs", "choices", "figures", "figure_files", "models", "datasets", "distances",
                "tokens", "device", "reproducible", "simulated"):  # fmt: skip
        assert told[key] == expected[key], key
    ignored = {"figures", "memory_bytes"}
    asked, of_whole = (
        {key: value for key, value in of["experiment"].items() if key not in ignored}
        for of in (told, expected)
    )
    assert asked == of_whole
    verified = subprocess.run(
        [sys.executable, "-m", "alignscope", "verify", str(both.path)],
        capture_output=True,
        text=True,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_combined_run_is_one_to_work_with(runs, features, dataset, tmp_path):
    first, second, whole = runs
    both = alignscope.combine([first, second], tmp_path / "both", title="Both", progress=False)
    assert "Both" in both.report.read_text(encoding="utf-8")
    again = alignscope.run(
        both.path / "manifest.json", out=tmp_path / "again", own=features, progress=False
    )
    np.testing.assert_array_equal(again.scores["value"], whole.scores["value"])
    third = alignscope.run(
        "ssim-rgb", dataset, tmp_path / "third", resamples=200, progress=False
    )
    all_of_them = alignscope.combine([both, third], tmp_path / "all", progress=False)
    assert set(all_of_them.scores["model"]) == {"pixels", "one", "two", *MODELS}


def test_runs_that_cannot_be_one_are_refused(runs, dataset, triplets, tmp_path):
    first, second, _ = runs
    out = tmp_path / "out"
    other = lambda name, of=dataset, **options: alignscope.run(  # noqa: E731
        "ssim-rgb", of, tmp_path / name, progress=False, **options
    )
    seed = other("seed", resamples=200, seed=1)
    ties = other("ties", resamples=200, ties="half")
    part = other("part", alignscope.load_dataset("pairs", dataset.path, limit=20), resamples=200)
    elsewhere = other("elsewhere", alignscope.load_dataset("oddoneout", triplets), resamples=200)
    for runs_, message in [
        ([first], "there are 1 runs to combine, expected two or more"),
        ([first, seed], "resamples: 200, seed 0, now 200, seed 1"),
        ([first, ties], "ties: miss, now half"),
        ([first, part], "trials of pairs"),
        ([first, elsewhere], "data sets: pairs, now oddoneout"),
    ]:
        with pytest.raises(ValueError, match=message):
            alignscope.combine(runs_, out, progress=False)
        assert not out.exists()
    with pytest.raises(ValueError, match="is one of the runs that are read"):
        alignscope.combine([first, second], first.path, overwrite=True, progress=False)
    assert len(first.scores)
    with pytest.raises(ValueError, match="are not of the same trials of pairs"):
        alignscope.compare([first, part])
    with pytest.raises(ValueError, match="counts ties by the rule `miss`"):
        alignscope.compare([first, ties])
    with pytest.raises(ValueError, match="no run has scores on tid; they have pairs"):
        alignscope.compare([first, second], dataset="tid")
    with pytest.raises(ValueError, match="has no model `clip` on pairs; it has `pixels`, `one`"):
        alignscope.compare(first, models="clip")
    with pytest.raises(ValueError, match="runs are 3, expected one or two"):
        alignscope.compare([first, second, part], models="one")
    with pytest.raises(ValueError, match="runs is empty"):
        alignscope.compare([])
    with pytest.raises(TypeError, match=r"runs\[1\] is 3, an int, expected a run"):
        alignscope.compare([first, 3])
    with pytest.raises(TypeError, match="stages is 3, an int, expected a text"):
        alignscope.compare(first, stages=3)
    with pytest.raises(FileNotFoundError, match="holds no finished run"):
        alignscope.compare([first, tmp_path / "nothing"])
    with pytest.raises(alignscope.ResultsError, match="holds no finished run"):
        alignscope.combine([first, tmp_path / "nothing"], out, progress=False)


def test_a_table_that_was_changed_is_told(runs, tmp_path):
    first, second, _ = runs
    scores = first.path / "scores.csv"
    scores.write_text(scores.read_text().replace("0.", "0.1", 1))
    with pytest.raises(alignscope.ResultsError, match="scores.csv is not as this very run left it"):
        alignscope.combine([first, second], tmp_path / "both", progress=False)
    distances = second.path / "distances.parquet"
    kept = distances.read_bytes()
    distances.write_bytes(kept[:-1])
    with pytest.warns(UserWarning, match="distances.parquet is not as the run left it"):
        with pytest.raises(alignscope.AlignscopeError):
            alignscope.compare(second)


def test_overwrite_replaces_a_run_and_nothing_else(dataset, tmp_path):
    run = lambda model, **options: alignscope.run(  # noqa: E731
        model, dataset, tmp_path / "run", resamples=0, progress=False, **options
    )
    run("ssim")
    note = tmp_path / "run" / "notes.txt"
    note.write_text("mine")
    with pytest.raises(alignscope.ResultsError, match="overwrite=True"):
        run("psnr")
    assert set(run("psnr", overwrite=True).scores["model"]) == {"pixels", "psnr"}
    assert note.read_text() == "mine"
    features = {"x": np.ones((40, 2))}
    with pytest.raises(alignscope.ResultsError, match="replace that run with `overwrite=True`"):
        alignscope.score(dataset, features, out=tmp_path / "run", resamples=0)
    found = alignscope.score(
        dataset, features, out=tmp_path / "run", resamples=0, overwrite=True
    )
    assert set(found.run.scores["model"]) == {"features"}
    assert note.read_text() == "mine"
    both = alignscope.combine(
        [run_of(dataset, tmp_path, "ssim"), run_of(dataset, tmp_path, "psnr")],
        tmp_path / "run", overwrite=True, progress=False,
    )  # fmt: skip
    assert set(both.scores["model"]) == {"pixels", "ssim", "psnr"}
    # What is no run is never touched.
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "beach.jpg").write_text("mine")
    for call in (
        lambda: alignscope.run("ssim", dataset, folder, overwrite=True, progress=False),
        lambda: alignscope.score(dataset, features, out=folder, overwrite=True),
        lambda: alignscope.combine([both, both], folder, overwrite=True, progress=False),
    ):
        with pytest.raises(alignscope.ResultsError, match="is not empty"):
            call()
        assert [path.name for path in folder.iterdir()] == ["beach.jpg"]


def run_of(dataset, place, model):
    return alignscope.run(model, dataset, place / f"of {model}", resamples=0, progress=False)
