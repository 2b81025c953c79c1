"""Results in the forms that people expect: rows by value, labelled matrices, curves, a page."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import alignscope
from conftest import GOLDEN


@pytest.fixture()
def run(rated, triplets, tmp_path):
    datasets = [
        alignscope.load_dataset("pairs", rated), alignscope.load_dataset("oddoneout", triplets)
    ]  # fmt: skip
    return alignscope.run(
        [str(GOLDEN / "clip/base"), "psnr"], datasets, tmp_path / "run", resamples=100,
        distances=["cosine", "euclidean"], progress=False,
    )  # fmt: skip


def test_rows_by_value(run):
    scores = run.scores
    found = scores.where(model="base", distance=["cosine", "dot"][:1], dataset="pairs")
    keep = (scores["model"] == "base") & (scores["distance"] == "cosine")
    keep &= scores["dataset"] == "pairs"
    assert len(found) == keep.sum() > 0 and found.columns == scores.columns
    for column in scores.columns:
        np.testing.assert_array_equal(found[column], scores[column][keep])
    assert len(scores.where()) == len(scores)
    assert len(scores.where(release=None)) == len(scores)
    several = run.table("distances").where(model=("base", "psnr"), dataset=np.str_("pairs"))
    assert set(several["model"]) == {"base", "psnr"} and set(several["dataset"]) == {"pairs"}
    pyarrow = pytest.importorskip("pyarrow")
    assert pyarrow.table(found).num_rows == len(found)
    assert pytest.importorskip("polars").DataFrame(found).height == len(found)


def test_a_value_that_no_row_has_is_told_with_those_there_are(run):
    words = "no row has the model 'bass'; there are 'pixels', 'base', 'psnr'"
    with pytest.raises(ValueError, match=words):
        run.scores.where(model="bass")
    with pytest.raises(
        ValueError, match="no row of model 'psnr' has the stage 'block 1'; there are 'output'$"
    ):
        run.scores.where(model="psnr", stage="block 1")
    with pytest.raises(ValueError, match="no row has the n '30'; there are 30, 60"):
        run.scores.where(n="30")
    assert len(run.scores.where(n=30, simulated=False)) > 0
    words = "no column `modell`; there are `dataset`"
    with pytest.raises(alignscope.MissingColumnError, match=words):
        run.scores.where(modell="psnr")


def test_a_package_that_is_missing_is_named(run, monkeypatch):
    for package, call in [
        ("pandas", run.scores.to_pandas), ("polars", run.scores.to_polars),
        ("pyarrow", run.scores.to_arrow), ("matplotlib", lambda: run.plot("pairs")),
        ("pandas", run.rdm("psnr", dataset="pairs").to_pandas),
    ]:  # fmt: skip
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
        with pytest.raises(alignscope.MissingPackageError, match=f"pip install {package}"):
            call()


def test_a_matrix_has_the_distances_of_the_run(run, rated):
    dataset = alignscope.load_dataset("pairs", rated)
    table = run.table("distances").where(
        dataset="pairs", model="base", stage="block 1", distance="cosine"
    )
    rdm = run.rdm("base", "block 1", "cosine", "pairs")
    assert rdm.images == dataset.images and len(rdm) == 40
    assert rdm.values.shape == (40, 40) and (rdm.values.diagonal() == 0).all()
    np.testing.assert_array_equal(rdm.values, rdm.values.T)
    assert np.isfinite(rdm.values).sum() == 40 + 2 * len(dataset.pairs)
    first, second = dataset.pairs.T
    np.testing.assert_array_equal(rdm.values[first, second], table["value"])
    for a, b, value in zip(table["image_a"], table["image_b"], table["value"], strict=True):
        assert rdm[a, b] == rdm[b, a] == value
    assert (np.asarray(rdm) == rdm.values)[first, second].all()
    frame = rdm.to_pandas() if pytest.importorskip("pandas") else None
    assert list(frame.index) == list(frame.columns) == dataset.images
    assert (rdm.model, rdm.stage) == ("base", "block 1")
    assert (rdm.distance, rdm.dataset) == ("cosine", "pairs")
    # By default the last stage, and what is the only one.
    assert run.rdm("psnr", dataset="pairs").stage == "output"
    assert run.rdm("base", distance="cosine", dataset="oddoneout").stage == "projection"
    found = alignscope.score_distances(dataset, rdm.values, distance="cosine")
    np.testing.assert_array_equal(found.rdm("output", "cosine").values, rdm.values)
    # A copy is the user's own.
    np.asarray(rdm)[0, 0] = 5
    assert rdm.values[0, 0] == 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "several data sets, name one of `pairs`, `oddoneout`"),
        ({"dataset": "tid"}, "no run has scores on tid; they have pairs, oddoneout"),
        ({"dataset": "pairs"}, "pairs has several models, name one of `pixels`, `base`, `psnr`"),
        (
            {"dataset": "pairs", "model": "x"},
            "no model `x` on pairs; it has `pixels`, `base`, `psnr`",
        ),
        (
            {"dataset": "pairs", "model": "base"},
            "several distances, name one of `cosine`, `euclidean`",
        ),
        (
            {"dataset": "pairs", "model": "base", "distance": "dot"},
            "no distance `dot` on pairs; it has",
        ),
        ({"dataset": "pairs", "model": "base", "distance": "l1"}, "unknown distance `l1`"),
        ({"dataset": "pairs", "model": "base", "stage": "block 9"}, "no stage `block 9` on pairs"),
    ],
)
def test_a_matrix_that_is_not_there_is_told_with_what_is(run, asked, message):
    with pytest.raises(ValueError, match=message):
        run.rdm(**asked)


def test_curves_are_those_of_the_figure(run):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    ax = run.plot("pairs", distance="cosine")
    lines = {line.get_label(): line for line in ax.lines}
    rows = run.scores.where(
        dataset="pairs", model="base", distance="cosine", measure="spearman", subset="all"
    )
    np.testing.assert_array_equal(lines["base"].get_xdata(), rows["depth_percent"])
    np.testing.assert_array_equal(lines["base"].get_ydata(), rows["value"])
    metric = run.scores.where(dataset="pairs", model="psnr", measure="spearman", subset="all")
    assert set(lines["psnr"].get_ydata()) == {metric["value"][0]}
    assert lines["pixels"].get_xdata().tolist() == [0]
    # The colours are those of the figure.
    figure = (run.path / "alignment.svg").read_text(encoding="utf-8")
    for model in ("base", "psnr", "pixels"):
        assert matplotlib.colors.to_hex(lines[model].get_color()) in figure, model
    assert (ax.get_title(), ax.get_ylabel()) == ("pairs", "spearman (cosine)")
    assert run.plot("pairs", models="psnr", ax=ax, intervals=False) is ax
    one = run.plot("oddoneout", models=["base"])
    assert {line.get_label() for line in one.lines} >= {"base"}
    assert "accuracy (cosine)" == one.get_ylabel()
    for asked, message in [
        ({}, "dataset is not given, expected one of 'pairs', 'oddoneout'"),
        ({"dataset": "tid"}, "no dataset 'tid', expected one of"),
        (
            {"dataset": "pairs", "distance": "dot"},
            "no distance 'dot', expected one of 'cosine', 'euclidean'",
        ),
        (
            {"dataset": "pairs", "models": "bass"},
            "no model 'bass', expected one of 'pixels', 'base'",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            run.plot(**asked)
    matplotlib.pyplot.close("all")


def test_the_page_is_shown(run, capsys, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    run.show()
    assert capsys.readouterr().out == f"{run.report}\n" and not opened
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    run.show()
    assert opened == [run.report.resolve().as_uri()]
    shown = []
    parts = type(sys)("IPython.display")
    parts.HTML, parts.display = str, shown.append
    monkeypatch.setitem(sys.modules, "IPython", type(sys)("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    monkeypatch.setattr("alignscope._finished._in_notebook", lambda: True)
    run.show(height=300)
    assert shown[0].startswith("<iframe srcdoc=") and "height: 300px" in shown[0]
    assert "<html" not in shown[0] and "&lt;html" in shown[0]
    with pytest.raises(FileNotFoundError, match="alignscope report"):
        alignscope.Run(tmp_path / "nothing").show()


def test_controls_stand_beside_their_models(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    model = str(GOLDEN / "clip/base")
    run = alignscope.run(
        [f"mine={model}", "psnr"], dataset, tmp_path / "run", control=True, resamples=0,
        progress=False,
    )
    models = list(dict.fromkeys(run.scores["model"]))
    assert models == ["pixels", "mine", "mine (untrained)", "psnr"]
    plain = alignscope.run(
        [f"random:{model}"], dataset, tmp_path / "random", control=True, resamples=0, progress=False
    )
    assert len(set(plain.scores["model"])) == 2  # pixels, and a control that has no control
    of_control = run.scores.where(model="mine (untrained)")["value"]
    other = [name for name in set(plain.scores["model"]) if name != "pixels"]
    np.testing.assert_array_equal(of_control, plain.scores.where(model=other)["value"])
    named = alignscope.Experiment([model, f"random:{model}"], dataset, control=True)
    assert repr(named).count("random:") == 1
