"""Runs, features and functions give the same."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest

import alignscope
from conftest import GOLDEN

MODEL = str(GOLDEN / "clip/base")
#: What results call it.
NAME = "base"


def rows(path, model):
    with open(path / "scores.csv", newline="") as file:
        return [row | {"model": ""} for row in csv.DictReader(file) if row["model"] == model]


def distances(path, model):
    table = alignscope.results(path, "distances")
    keep = table["model"] == model
    keys = ("dataset", "stage", "distance", "image_a", "image_b", "value")
    return [column[keep].tolist() for column in (table[key] for key in keys)]


def program(*words):
    command = [sys.executable, "-m", "alignscope", *map(str, words), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture()
def run(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    return alignscope.Experiment(MODEL, dataset).run(tmp_path / "run", progress=False)


def test_a_run_fills_its_folder(run):
    assert {"pixels", NAME} == set(run.scores["model"])
    for name in ("report.html", "manifest.json", "alignment.svg", "alignment.png"):
        assert (run.path / name).is_file()
    for table in ("ceilings", "findings", "comparisons", "distances", "trials", "scale"):
        assert len(run.table(table)) >= 0


def test_a_run_goes_on_and_leaves_out_what_cannot_be_read(run, rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    experiment = alignscope.Experiment(MODEL, dataset)
    before = (run.path / "scores.csv").stat().st_mtime_ns
    assert experiment.run(run.path, progress=False).path == run.path
    assert (run.path / "scores.csv").stat().st_mtime_ns == before
    (rated / "01.png").write_bytes((rated / "01.png").read_bytes()[:-30])
    with pytest.raises(alignscope.ImageError, match="01.png"):
        experiment.run(tmp_path / "other", cache=False, progress=False)
    left = experiment.run(tmp_path / "third", cache=False, keep_going=True, progress=False)
    assert [bad[:2] for bad in left.bad_images] == [("pairs", "01.png")]
    assert set(left.scores["n"][left.scores["measure"] == "spearman"]) == {29}


def test_features_of_the_program_score_exactly_as_its_run(run, rated, tmp_path):
    features = tmp_path / "features"
    program("activations", "--model", MODEL, "--images", rated, "--out", features)
    dataset = alignscope.load_dataset("pairs", rated)
    found = alignscope.score(dataset, features, model="m", out=tmp_path / "scored", pixels=True)
    assert rows(found.run.path, "m") == rows(run.path, NAME)
    assert rows(found.run.path, "pixels") == rows(run.path, "pixels")
    assert distances(found.run.path, "m") == distances(run.path, NAME)
    for name in ("report.html", "manifest.json", "alignment.svg", "findings.csv"):
        assert (found.run.path / name).is_file()

    # The program does the same.
    out = tmp_path / "by-program"
    words = ["--features", features, "--name", "m", "--dataset", "pairs", "--data", rated]
    program("score", *words, "--out", out)
    assert (out / "scores.csv").read_bytes() == (found.run.path / "scores.csv").read_bytes()
    assert (out / "distances.parquet").read_bytes() == (
        found.run.path / "distances.parquet"
    ).read_bytes()

    # And so do the same features as arrays, in memory alone.
    encoder = alignscope.Encoder(MODEL, progress=False)
    arrays = encoder.activations(sorted(rated.glob("*.png")))
    for stage in arrays:
        written = np.load(features / stage.replace("block ", "block-0") / "features.npy")
        np.testing.assert_array_equal(written, arrays[stage])
    by_arrays = alignscope.score(dataset, arrays, file_names=sorted(rated.glob("*.png")))
    for kind in alignscope.STUDY_DISTANCES:
        for stage in arrays:
            np.testing.assert_array_equal(
                by_arrays.distances(stage, kind), found.distances(stage, kind)
            )
    assert by_arrays.scores["value"].tolist() == found.scores["value"][-len(by_arrays.scores) :].tolist()


@pytest.mark.parametrize("tokens", ["all", "class", "patches", "mean"])
def test_a_function_scores_exactly_as_the_run_of_its_model(tokens, rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    run = alignscope.Experiment(MODEL, dataset, tokens=tokens, resamples=0).run(
        tmp_path / "run", progress=False
    )
    encoder = alignscope.Encoder(MODEL, progress=False)
    asked = []

    def encode(images, stages):
        asked.append(len(images))
        return encoder.activations(images, stages)

    found = alignscope.evaluate(
        dataset, encode, encoder.stages, preprocess=MODEL, batch=7, tokens=tokens, resamples=0,
        model="m", out=tmp_path / "own", pixels=True, progress=False,
    )
    assert asked[0] == 1 and sum(asked) == 41 and max(asked) == 7
    assert rows(found.run.path, "m") == rows(run.path, NAME)
    assert distances(found.run.path, "m") == distances(run.path, NAME)
    assert found.holding["place"] == "memory" and found.holding["calls"] == len(asked)


def test_preprocessing_by_a_function_is_the_same(rated):
    dataset = alignscope.load_dataset("pairs", rated)
    encoder = alignscope.Encoder(MODEL, progress=False)
    how = {"batch": 16, "resamples": 0, "progress": False}
    by_recipe = alignscope.evaluate(
        dataset, encoder.activations, encoder.stages, preprocess=MODEL, **how
    )
    by_function = alignscope.evaluate(
        dataset, encoder.activations, encoder.stages,
        preprocess=lambda pixels: encoder.preprocess(pixels)[0], **how,
    )
    by_pixels = alignscope.evaluate(dataset, encoder.activations, encoder.stages, **how)
    for stage in encoder.stages:
        for kind in alignscope.STUDY_DISTANCES:
            expected = by_recipe.distances(stage, kind)
            np.testing.assert_array_equal(by_function.distances(stage, kind), expected)
            np.testing.assert_array_equal(by_pixels.distances(stage, kind), expected)


#: Tokens and channels of a function's stages that are large beside the least memory budget.
SHAPES = {"a": (40, 5000), "b": (40, 5000), "c": (7, 100)}


def large(images, stages):
    """Activations that depend on an image's own pixels."""
    seeds = [int(image.sum()) for image in images]

    def of(stage, seed):
        rng = np.random.default_rng([seed, ord(stage)])
        return rng.normal(size=SHAPES[stage]).astype(np.float32)

    return [np.stack([of(stage, seed) for seed in seeds]) for stage in stages]


def test_what_does_not_fit_is_spilled_or_done_in_groups_of_stages(triplets):
    dataset = alignscope.load_dataset("oddoneout", triplets)
    how = {"batch": 2, "resamples": 0, "progress": False}
    expected = alignscope.evaluate(dataset, large, list(SHAPES), **how)
    assert expected.holding["place"] == "memory"
    assert expected.holding["stage_groups"] == [["a", "b", "c"]]
    # Twelve images of 800 kB at a stage are 9.6 MB; a budget in which 12 MB are left.
    with pytest.raises(MemoryError, match="need") as error:
        alignscope.evaluate(dataset, large, list(SHAPES), memory=1_000_000, **how)
    needed = int(str(error.value).split(" MB of memory")[0].split()[-1]) * 1_000_000
    spilled = alignscope.evaluate(dataset, large, list(SHAPES), memory=needed + 6_000_000, **how)
    assert spilled.holding["place"] == "file"
    grouped = alignscope.evaluate(
        dataset, large, list(SHAPES), memory=needed + 10_000_000, spill=False, **how
    )
    assert grouped.holding["stage_groups"] == [["a"], ["b", "c"]]
    assert grouped.holding["place"] == "memory" and "groups of stages" in grouped.holding["text"]
    for found in (spilled, grouped):
        for stage in SHAPES:
            for kind in alignscope.STUDY_DISTANCES:
                np.testing.assert_array_equal(
                    found.distances(stage, kind), expected.distances(stage, kind)
                )
        assert found.scores["value"].tolist() == expected.scores["value"].tolist()
    with pytest.raises(MemoryError, match="spilled"):
        alignscope.evaluate(dataset, large, list(SHAPES), memory=needed + 1_000_000, spill=False, **how)


def test_files_of_features_beyond_the_budget_are_read_in_parts(triplets, tmp_path):
    dataset = alignscope.load_dataset("oddoneout", triplets)
    a = np.random.default_rng(0).normal(size=(12, 40, 5000)).astype(np.float32)
    folder = tmp_path / "features" / "layer1"
    folder.mkdir(parents=True)
    order = np.random.default_rng(1).permutation(12)
    np.save(folder / "features.npy", a[order])
    (folder / "file_names.txt").write_text("".join(f"{dataset.images[i]}\n" for i in order))
    expected = alignscope.score(dataset, {"layer1": a}, resamples=0)
    for memory in (None, 105_000_000):
        found = alignscope.score(dataset, folder.parent, memory=memory, resamples=0)
        assert found.stages == ["layer1"]
        for kind in alignscope.STUDY_DISTANCES:
            np.testing.assert_array_equal(
                found.distances("layer1", kind), expected.distances("layer1", kind)
            )


def test_results_do_not_depend_on_threads(rated):
    dataset = alignscope.load_dataset("pairs", rated)
    encoder = alignscope.Encoder(MODEL, progress=False, threads=1)
    arrays = encoder.activations(dataset.files)
    one, three = (alignscope.score(dataset, arrays, threads=n) for n in (1, 3))
    assert repr(one.scores.to_pandas().to_dict()) == repr(three.scores.to_pandas().to_dict())


def test_stages_of_any_name_have_figures_and_are_read_back(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    rng = np.random.default_rng(0)
    features = {f"layer{i}": rng.normal(size=(40, 5)) for i in (1, 2, 3, 4)}
    found = alignscope.score(dataset, features, model="mine", out=tmp_path / "out", pixels=True)
    depths = dict(zip(found.scores["stage"], found.scores["depth_percent"]))
    assert depths == {"image": 0, "layer1": 25, "layer2": 50, "layer3": 75, "layer4": 100}
    assert "layer4" in (tmp_path / "out/alignment.svg").read_text()
    compared = alignscope.results(tmp_path / "out", "comparisons")
    assert set(compared["stage_a"]) == {"layer4"} and set(compared["model_b"]) == {"pixels"}
    program("report", tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-m", "alignscope", "compare", tmp_path / "out"],
        capture_output=True, text=True,
    )
    assert done.returncode == 0 and "mine / layer4" in done.stdout, done.stderr


def test_a_series_is_one_model_in_many_states(rated, tmp_path):
    weights = (GOLDEN / "clip/base/model.safetensors").read_bytes()
    states = tmp_path / "states"
    states.mkdir()
    for step in (10, 9, 100):
        # Other bytes in the last numbers of the file, which are weights.
        changed = weights[:-4] + np.float32(step / 1000).tobytes()
        (states / f"epoch_{step}.safetensors").write_bytes(changed)
    series = f"series:{states}/epoch_*.safetensors@like={MODEL}"
    dataset = alignscope.load_dataset("pairs", rated)
    run = alignscope.run([series, "psnr"], dataset, tmp_path / "run", progress=False, resamples=100)
    frame = run.scores.to_pandas()
    of_series = frame[frame["series"] == "states"]
    assert list(dict.fromkeys(of_series["step"])) == [9, 10, 100]
    assert set(of_series["model"]) == {f"states@step={step}" for step in (9, 10, 100)}
    assert frame[frame["model"] == "psnr"]["step"].isna().all()
    findings = run.table("findings").to_pandas()
    assert {"training-peak", "training-fall"} <= set(findings["finding"])
    assert (tmp_path / "run" / "training-map.png").is_file()
    with pytest.raises(alignscope.InvalidValueError, match="matches nothing"):
        alignscope.run(f"series:{states}/none_*.pt@like={MODEL}", dataset, tmp_path / "none")
