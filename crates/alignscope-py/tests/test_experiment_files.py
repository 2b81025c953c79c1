"""Experiments from files: in TOML, and those of runs, which are repeated."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import alignscope
from alignscope import Features
from test_runs import MODEL, distances, rows

#: How runs of these tests are done.
QUIET = {"cache": False, "progress": False}


@pytest.fixture()
def toml(rated):
    """An experiment beside the folder of its data set."""
    path = rated.parent / "experiment.toml"
    path.write_text(
        f'''title = "From a file"
models = ["base={MODEL}", "ssim"]
distances = ["cosine", "euclidean"]
resamples = 200
seed = 7
ties = "half"
precision = "f32"

[[datasets]]
name = "mine"
format = "pairs"
data = "rated"

[[figures]]
name = "alone"
models = ["base"]
distances = ["cosine"]
panels = ["mine"]
'''
    )
    return path


def written(run):
    """What the manifest says of the experiment."""
    return json.loads((run.path / "manifest.json").read_text())["experiment"]


def tables(run):
    """The tables of a run as bytes."""
    names = ("scores", "findings", "comparisons", "ceilings", "energy")
    return {name: (run.path / f"{name}.csv").read_bytes() for name in names}


def by_program(*words):
    command = [sys.executable, "-m", "alignscope", "run", *map(str, words), "--no-cache", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_experiment_in_toml_is_what_the_program_runs(toml, tmp_path):
    run = alignscope.run(str(toml), out=tmp_path / "python", **QUIET)
    assert list(dict.fromkeys(run.scores["model"])) == ["pixels", "base", "ssim"]
    assert set(run.scores["dataset"]) == {"mine"} and set(run.scores["ties"]) == {"half"}
    assert written(run)["seed"] == 7 and (run.path / "alone.svg").is_file()
    by_program(toml, "--out", tmp_path / "program")
    assert tables(alignscope.Run(tmp_path / "program")) == tables(run)
    # The same in two steps, by a path.
    experiment = alignscope.Experiment.from_file(toml)
    assert repr(experiment) == f"Experiment(models=['base={MODEL}', 'ssim'], datasets=['mine'])"
    assert tables(experiment.run(tmp_path / "steps", **QUIET)) == tables(run)


def test_the_manifest_of_a_run_repeats_it_to_the_same_bytes(toml, tmp_path):
    first = alignscope.run(toml, out=tmp_path / "first", **QUIET)
    again = alignscope.run(first.path / "manifest.json", out=tmp_path / "again", **QUIET)
    assert tables(again) == tables(first) and written(again) == written(first)
    assert distances(again.path, "base") == distances(first.path, "base")
    assert (again.path / "alone.svg").read_bytes() == (first.path / "alone.svg").read_bytes()
    # Also of a run that Python's own words made.
    dataset = alignscope.load_dataset("pairs", toml.parent / "rated", limit=20)
    options = {"distances": "cosine", "tokens": "class", "resamples": 0, "pixels": False}
    first = alignscope.run(MODEL, dataset, tmp_path / "words", **options, **QUIET)
    again = alignscope.run(first.path / "manifest.json", out=tmp_path / "words-again", **QUIET)
    assert tables(again) == tables(first) and written(again) == written(first)


def test_a_run_of_simulated_answers_says_so_when_it_is_repeated(tmp_path):
    dataset = alignscope.demo(tmp_path / "demo")["pairs"]
    first = alignscope.run("psnr", dataset, tmp_path / "first", resamples=0, **QUIET)
    again = alignscope.run(first.path / "manifest.json", out=tmp_path / "again", **QUIET)
    assert set(again.scores["simulated"]) == {True} and tables(again) == tables(first)


def test_what_is_given_takes_the_place_of_what_the_file_says(toml, rated, tmp_path):
    run = alignscope.run(
        toml, out=tmp_path / "given", models=["psnr", f"other={MODEL}"], distances="correlation",
        resamples=0, ties="miss", title="Given", pixels=False, memory="1GB", **QUIET,
    )
    assert list(dict.fromkeys(run.scores["model"])) == ["psnr", "other"]
    assert set(run.scores["ties"]) == {"miss"} and set(run.scores["distance"]) == {"own", "correlation"}
    found = written(run)
    assert (found["title"], found["memory_bytes"], found["seed"]) == ("Given", 10**9, 7)
    # Figures show what there is now.
    assert found["figures"] == [{"name": "alone", "distances": ["correlation"], "panels": ["mine"]}]
    assert "other" in (run.path / "alone.svg").read_text() and "Given" in (run.path / "alone.svg").read_text()
    by_program(toml, "--distance", "cosine", "--ties", "miss", "--out", tmp_path / "program")
    same = alignscope.run(toml, out=tmp_path / "same", distances="cosine", ties="miss", **QUIET)
    assert tables(alignscope.Run(tmp_path / "program")) == tables(same)

    # Other data sets, and the file's own data set elsewhere.
    few = alignscope.load_dataset("pairs", rated, name="few", limit=12)
    run = alignscope.run(toml, datasets=few, out=tmp_path / "few", models="psnr", **QUIET)
    assert set(run.scores["dataset"]) == {"few"} and "panels" not in written(run)["figures"][0]
    moved = rated.rename(rated.with_name("elsewhere"))
    run = alignscope.run(toml, out=tmp_path / "moved", data={"mine": moved}, models="psnr", **QUIET)
    assert written(run)["datasets"][0]["data"] == str(moved)


def test_models_of_ones_own_are_added_and_given_again(toml, rated, tmp_path):
    encoder = alignscope.Encoder(MODEL, precision="f32", progress=False)
    images = sorted(rated.glob("*.png"))
    mine = Features(encoder.activations(images), name="mine", file_names=images)
    first = alignscope.run(toml, out=tmp_path / "first", own=mine, **QUIET)
    assert rows(first.path, "mine") == rows(first.path, "base")
    manifest = first.path / "manifest.json"
    assert "in-memory:mine" in written(first)["models"]
    again = alignscope.run(manifest, out=tmp_path / "again", own=[mine], **QUIET)
    assert tables(again) == tables(first)
    with pytest.raises(ValueError, match="the model `mine` was not given"):
        alignscope.run(manifest, out=tmp_path / "without", **QUIET)
    assert not (tmp_path / "without").exists()
    run = alignscope.run(manifest, out=tmp_path / "other", models=[mine], pixels=False, **QUIET)
    assert set(run.scores["model"]) == {"mine"}
    untrained = alignscope.Experiment.from_file(manifest, models="ssim", own=mine)
    assert repr(untrained) == "Experiment(models=['ssim'], datasets=['mine'])"


def test_what_is_no_experiment_is_refused_in_words_of_python(toml, tmp_path):
    text = toml.read_text()

    def of(text, **options):
        path = tmp_path / "wrong.toml"
        path.write_text(text)
        return alignscope.run(path, out=tmp_path / "out", **options)

    with pytest.raises(FileNotFoundError, match="cannot read the experiment .*nowhere.toml"):
        alignscope.run("nowhere.toml", out=tmp_path / "out")
    wrong = alignscope.ExperimentFileError
    for call, message in [
        (lambda: of("modles = []\n" + text), "unknown field `modles`"),
        (lambda: of("title = "), "wrong.toml"),
        (lambda: of(text.replace('name = "mine"\nformat = "pairs"', "")), "has no `format`"),
        (lambda: of("title = 'x'"), r"no \[\[datasets\]\]"),
        (lambda: of(text.replace("resamples = 200", "resamples = 7")), "asks for 7 resamples"),
        (lambda: of(text, data={"yours": "x"}), "is named for `yours`.*`mine`"),
    ]:
        with pytest.raises(wrong, match=message) as error:
            call()
        assert isinstance(error.value, ValueError) and "--" not in str(error.value)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(wrong, match="expected the `manifest.json` of a run"):
        alignscope.run(tmp_path / "other.json", out=tmp_path / "out")
    with pytest.raises(ValueError, match="`sideways`"):
        of(text.replace('ties = "half"', 'ties = "sideways"'))
    assert not (tmp_path / "out").exists()


def test_arguments_beside_a_file_are_checked(toml, rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    features = Features({"x": np.ones((40, 2), np.float32)})
    out = tmp_path / "out"
    run, read = alignscope.run, alignscope.Experiment.from_file
    for error, call, message in [
        (TypeError, lambda: read(3), "path is 3, an int, expected a path"),
        (TypeError, lambda: read(toml, tie="half"), "tie is no option of an experiment, expected one of"),
        (TypeError, lambda: read(toml, tokens=3), "tokens is 3, an int, expected a text"),
        (TypeError, lambda: read(toml, models=3), "models is 3, an int, expected the name or folder"),
        (TypeError, lambda: read(toml, datasets="pairs"), "datasets is 'pairs', a str, expected"),
        (TypeError, lambda: read(toml, own="ssim"), "own is 'ssim', a str, expected Features"),
        (TypeError, lambda: read(toml, own=["ssim"]), "own\\[0\\] is 'ssim', a str, expected Features"),
        (TypeError, lambda: read(toml, data="x"), "data is 'x', a str, expected a mapping"),
        (TypeError, lambda: read(toml, data={"mine": 3}), "data\\['mine'\\] is 3, an int, expected a path"),
        (TypeError, lambda: read(toml, untrained=1), "untrained is 1, an int, expected True or False"),
        (ValueError, lambda: read(toml, memory=8), "memory is 8, which is a number of bytes"),
        (ValueError, lambda: read(toml, resamples=7), "resamples is 7, expected 0"),
        (TypeError, lambda: run(toml), "out is None, expected a path"),
        (TypeError, lambda: run(toml, "out"), "datasets is 'out', a str, expected"),
        (TypeError, lambda: run(out=out), "models is None, expected"),
        (TypeError, lambda: run("ssim", out=out), "datasets is None, expected"),
        (ValueError, lambda: run("ssim", dataset, out, own=features), "own goes with an experiment in a file"),
        (ValueError, lambda: run("ssim", dataset, out, untrained=True), "untrained goes with an experiment"),
        (ValueError, lambda: run("ssim", dataset, out, models="psnr"), "models is given twice"),
    ]:
        with pytest.raises(error, match=f"^{message}") as found:
            call()
        assert isinstance(found.value, alignscope.AlignscopeError)
