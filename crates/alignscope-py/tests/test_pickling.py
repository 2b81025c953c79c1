"""What pickles: data sets, models, runs and tables, also into a process that is spawned."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
import pytest

from conftest import GOLDEN

import alignscope
from alignscope import DatasetError

MODEL = GOLDEN / "clip/base"


def encode(images: list[np.ndarray], stages: list[str]) -> dict[str, np.ndarray]:
    """The mean colour."""
    return {"mean": np.stack([image.mean((0, 1)) for image in images]).astype(np.float32)}


def prepare(image: np.ndarray) -> np.ndarray:
    return image[:8, :8]


class Counting(alignscope.Reporter):
    def begin(self, task: str, steps: int) -> None: ...
    def update(self, done: int) -> None: ...
    def end(self) -> None: ...
    def note(self, message: str) -> None: ...


def copied(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


def measured(dataset: alignscope.Dataset, arrays: object) -> list[float]:
    scores = alignscope.score(dataset, arrays, distances="euclidean", resamples=100)
    return [float(value) for value in scores.scores["value"]]


def test_data_sets_of_every_kind(rated, monkeypatch, tmp_path):
    monkeypatch.chdir(rated.parent)
    whole = alignscope.load_dataset("pairs", "rated", name="mine", level="high")
    trials = {"images": [[0, 1, 2]], "odd": [0]}
    noise = np.zeros((3, 4, 4, 3), np.uint8)
    sets = [
        whole,
        whole[3:20:2],
        alignscope.load_dataset("pairs", rated, images=False),
        alignscope.Dataset.from_arrays(trials, noise, name="arrays"),
    ]
    whole.simulated = True
    pickled = [pickle.dumps(dataset) for dataset in sets]
    monkeypatch.chdir(tmp_path)
    for dataset, copy in zip(sets, map(pickle.loads, pickled)):
        assert (copy.name, copy.level, copy.images) == (dataset.name, dataset.level, dataset.images)
        assert (copy.simulated, copy.has_images) == (dataset.simulated, dataset.has_images)
        for name, column in dataset.trials.items():
            np.testing.assert_array_equal(column, copy.trials[name])


def test_a_data_set_that_changed_is_told(rated):
    pickled = pickle.dumps(alignscope.load_dataset("pairs", rated))
    path = rated / "pairs.csv"
    path.write_text(path.read_text().replace("\n00.png,01.png,", "\n00.png,01.png,1"))
    with pytest.raises(DatasetError, match="not what it was when it was pickled"):
        pickle.loads(pickled)


def test_models_give_the_same_scores(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    arrays = {"x": np.random.default_rng(0).random((40, 6), np.float32)}
    options = {"distances": "euclidean", "resamples": 100, "progress": False, "pixels": False}
    models = [
        alignscope.Features(arrays, name="arrays"),
        alignscope.Function(encode, "mean", name="function", preprocess=prepare, version="1"),
    ]
    run = alignscope.run(models, dataset, tmp_path / "one", **options)
    copy = alignscope.run(copied(models), copied(dataset), tmp_path / "two", **options)
    assert (run.path / "scores.csv").read_bytes() == (copy.path / "scores.csv").read_bytes()
    assert copied(run).scores["value"].tolist() == run.scores["value"].tolist()


def test_an_experiment_is_made_again(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)[:20]
    arrays = {"x": np.random.default_rng(0).random((len(dataset.images), 6), np.float32)}
    model = alignscope.Features(arrays)
    options = {"distances": "euclidean", "resamples": 100, "pixels": False}
    experiment = alignscope.Experiment(model, dataset, **options)
    run = experiment.run(tmp_path / "one", progress=False)
    copy = copied(experiment).run(tmp_path / "two", progress=False)
    assert (run.path / "scores.csv").read_bytes() == (copy.path / "scores.csv").read_bytes()
    repeated = alignscope.Experiment.from_file(run.path / "manifest.json", own=model, seed=1)
    assert repr(copied(repeated)) == repr(repeated)


def test_tables_keep_their_rows(rated, tmp_path, monkeypatch):
    dataset = alignscope.load_dataset("pairs", rated)
    arrays = {"x": np.random.default_rng(0).random((40, 6), np.float32)}
    table = alignscope.score(dataset, arrays, resamples=0).scores
    copy = copied(table)
    assert copy.to_pandas().equals(table.to_pandas()) and copy.columns == table.columns
    arrow = pytest.importorskip("pyarrow")
    assert arrow.table(copy).equals(arrow.table(table))
    options = {"distances": "euclidean", "resamples": 0, "progress": False, "pixels": False}
    monkeypatch.chdir(tmp_path)
    run = alignscope.run(alignscope.Features(arrays), dataset, "run", **options)
    pickled = pickle.dumps(run.table("distances"))
    monkeypatch.chdir("/")
    copy = pickle.loads(pickled)
    expected = alignscope.results(tmp_path / "run", "distances")
    assert arrow.table(copy).equals(arrow.table(expected))


def test_encoders_and_reporters(rated):
    encoder = alignscope.Encoder(MODEL, precision="f32", threads=1, progress=Counting())
    copy = copied(encoder)
    assert copy.name == encoder.name
    image = rated / "00.png"
    one, two = (e.activations([image], "projection")["projection"] for e in (encoder, copy))
    np.testing.assert_array_equal(one, two)
    assert type(copied(encoder)._arguments[-1]) is Counting


def test_a_process_that_is_spawned_measures_them(rated):
    dataset = alignscope.load_dataset("pairs", rated)[:24]
    arrays = {"x": np.random.default_rng(0).random((len(dataset.images), 6), np.float32)}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(measured, (dataset, arrays)) == measured(dataset, arrays)


def test_joblib_and_ray_pickle_torch_models_too(rated):
    """They use cloudpickle, which takes functions within functions along."""
    cloudpickle = pytest.importorskip("cloudpickle")
    torch = pytest.importorskip("torch")
    from alignscope.torch import Recipe

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 4, stride=4), torch.nn.ReLU()).eval()
    recipe = Recipe(shortest=32, crop=(32, 32))
    model = alignscope.torch.module(net, {"conv": "0", "relu": "1"}, preprocess=recipe)
    copy = pickle.loads(cloudpickle.dumps(model))
    assert copy.version == model.version and copy.stages == model.stages
    batch = torch.rand(2, 3, 32, 32)
    for stage, found in model.activations(batch).items():
        assert torch.equal(found, copy.activations(batch)[stage])
