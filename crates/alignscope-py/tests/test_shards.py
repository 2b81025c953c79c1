"""Runs in shards: in this process, by submitit and by Ray, with the results of one machine."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

import alignscope
from alignscope import InvalidTypeError, InvalidValueError, MissingPackageError
from conftest import GOLDEN

MODEL = GOLDEN / "clip/base"
TABLES = [
    "scores.csv",
    "findings.csv",
    "comparisons.csv",
    "ceilings.csv",
    "energy.csv",
    "distances.parquet",
]


@pytest.fixture()
def experiment(rated):
    models = {"base": str(MODEL), "siglip": str(GOLDEN / "families/siglip")}
    dataset = alignscope.load_dataset("pairs", rated)
    return alignscope.Experiment(models, dataset, resamples=100, precision="f32")


@pytest.fixture()
def alone(experiment, tmp_path):
    """The run of one machine."""
    return experiment.run(tmp_path / "alone", cache=str(tmp_path / "its own"), progress=False)


def are_equal(one, other):
    for name in TABLES:
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes(), name


def test_shards_have_all_of_a_run_between_them(experiment, alone, tmp_path):
    cache = tmp_path / "shared"
    parts = [
        experiment.run_shard(f"{i}/3", cache=cache, progress=False) for i in (2, 3, 1)
    ]
    rows = [row for part in parts for row in zip(part["model"], part["pairs"], strict=True)]
    assert sum(pairs for model, pairs in rows if model == "base") == 30
    again = experiment.run_shard("2/3", cache=cache, progress=False)
    assert sum(again["encoded"]) == 0
    assert again["images"].tolist() == parts[0]["images"].tolist()
    are_equal(experiment.run(tmp_path / "out", cache=cache, progress=False), alone)


def test_run_takes_a_shard(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    options = {"cache": tmp_path / "shared", "progress": False}
    table = alignscope.run("ssim", dataset, shard="1/1", **options)
    assert table["model"].tolist() == ["pixels", "ssim"]
    assert table["pairs"].tolist() == [30, 30]
    with pytest.raises(InvalidValueError, match="discards nothing"):
        alignscope.run("ssim", dataset, shard="1/1", fresh=True, **options)


@pytest.mark.parametrize(
    ("shard", "message"),
    [
        ("0/3", "no shard 0 of 3"),
        ("4/3", "no shard 4 of 3"),
        ("1", "expected I/N"),
        ("1/0", "0 shards cannot be"),
    ],
)
def test_shards_that_cannot_be(experiment, shard, message):
    with pytest.raises(InvalidValueError, match=message):
        experiment.run_shard(shard, progress=False)


def test_a_shard_needs_a_cache_and_models_that_are_kept(experiment, rated, tmp_path):
    with pytest.raises(InvalidValueError, match="no cache.*leave out `cache=False`"):
        experiment.run_shard("1/2", cache=False, progress=False)
    mean = alignscope.Function(
        lambda images, stages: {"mean": np.stack([i.mean((0, 1)) for i in images])},
        ["mean"],
        name="colour",
    )
    own = alignscope.Experiment(mean, alignscope.load_dataset("pairs", rated))
    with pytest.raises(InvalidValueError, match="colour cannot be measured in shards.*version"):
        own.run_shard("1/2", cache=tmp_path / "shared", progress=False)


def test_a_plan_knows_cells_shards_and_what_is_kept(experiment, tmp_path):
    cache = tmp_path / "shared"
    plan = experiment.plan(cache=cache, progress=False)
    assert plan.cells["model"].tolist() == ["pixels", "base", "siglip"]
    assert plan.cells["pairs"].tolist() == [30] * 3
    assert plan.memory_bytes == max(plan.cells["memory_bytes"])
    assert plan.cache_bytes == sum(plan.cells["cache_bytes"]) > 0
    assert plan.seconds > plan.opening_s > 0 and plan.assembling_s is None
    shards = experiment.plan(shards=3, cache=cache, progress=False)
    assert len(shards.shards) == 3 and shards.assembling_s > 0
    assert sum(shards.cells["pairs"]) == 90
    assert sum(shard["cache_bytes"] for shard in shards.shards) >= plan.cache_bytes
    experiment.run_shard("1/1", cache=cache, progress=False)
    done = experiment.plan(cache=cache, progress=False)
    assert sum(done.cells["pairs"]) == 0 and done.cache_bytes == 0


def test_speeds_of_a_plan(experiment):
    plan = experiment.plan(speeds={"base": 4.0}, factor=2.0, cache=False, progress=False)
    assert plan.cells.where(model="base")["image_s"].tolist() == [0.125]
    for options, message in [
        ({"speeds": {"none": 1.0}}, "`none`, which is not run"),
        ({"speeds": {"base": 0.0}}, "the speed 0 of base cannot be"),
        ({"factor": float("nan")}, "the speed NaN cannot be"),
        ({"shards": 0}, "shards is 0"),
    ]:
        with pytest.raises(InvalidValueError, match=message):
            experiment.plan(cache=False, progress=False, **options)


def test_what_is_no_experiment_is_refused_by_all_ways(tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(InvalidTypeError, match="expected an Experiment"):
        alignscope.slurm.submit(3, shards=2, out=tmp_path / "out", cluster="local")


def test_without_submitit_or_ray_the_error_says_what_to_install(experiment, monkeypatch, tmp_path):
    import sys

    for name in ("submitit", "ray"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError, match="pip install submitit"):
        alignscope.slurm.submit(experiment, shards=2, out=tmp_path / "out")
    with pytest.raises(MissingPackageError, match="pip install ray"):
        alignscope.ray.run(experiment, tmp_path / "out")


def test_submitit_runs_the_shards_and_then_assembles(experiment, alone, tmp_path):
    pytest.importorskip("submitit")
    jobs = alignscope.slurm.submit(
        experiment,
        shards=3,
        out=tmp_path / "by jobs",
        cache=tmp_path / "shared",
        cluster="local",
        parameters={"timeout_min": 10},
    )
    run = jobs.result()
    assert [job.result()["shard"] for job in jobs.shards] == ["1/3", "2/3", "3/3"]
    are_equal(run, alone)


def test_a_shard_of_submitit_is_put_back_as_it_was(experiment):
    pytest.importorskip("submitit")
    from alignscope.slurm import _Shard

    shard = _Shard(experiment, {"cache": "somewhere"})
    again = shard.checkpoint("2/3")
    assert again.function is shard and again.args == ("2/3",)


@pytest.fixture(scope="module")
def cluster():
    """A Ray of this machine with two workers."""
    ray = pytest.importorskip("ray")
    # Workers import what is pickled of this file by its name.
    workers = {"env_vars": {"PYTHONPATH": os.path.dirname(__file__)}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=workers)
    yield ray
    ray.shutdown()


def test_ray_runs_the_shards_and_assembles(cluster, experiment, alone, tmp_path):
    run = alignscope.ray.run(
        experiment, tmp_path / "by ray", cache=tmp_path / "shared", progress=False
    )
    are_equal(run, alone)


def test_a_worker_of_ray_that_is_killed_is_replaced(cluster, experiment, alone, tmp_path):
    killed = tmp_path / "killed"
    slow = alignscope.Function(
        _Dying(str(killed)), ["mean"], name="dying", version="1"
    )
    dataset = experiment_dataset(tmp_path)
    asked = alignscope.Experiment(slow, dataset, resamples=100, pixels=False)
    run = alignscope.ray.run(
        asked, tmp_path / "by ray", shards=2, cache=tmp_path / "shared", progress=False
    )
    assert killed.exists(), "a worker was killed"
    here = asked.run(tmp_path / "here", cache=tmp_path / "here too", progress=False)
    are_equal(run, here)


def test_an_error_of_a_shard_comes_out_as_it_was(cluster, tmp_path, rated):
    dataset = alignscope.load_dataset("pairs", rated)
    asked = alignscope.Experiment("ssim", dataset)
    (rated / "00.png").write_bytes(b"no image")
    with pytest.raises(alignscope.AlignscopeError, match="00.png"):
        alignscope.ray.run(asked, tmp_path / "out", cache=tmp_path / "shared", progress=False)


def test_a_task_that_no_node_has_room_for_is_refused(cluster, experiment, tmp_path):
    with pytest.raises(InvalidValueError, match="no node of the Ray cluster has 64 CPU"):
        alignscope.ray.run(experiment, tmp_path / "out", num_cpus=64, progress=False)


class _Dying:
    """Encodes by the mean colour; the first process that does it kills itself in its middle."""

    def __init__(self, killed: str) -> None:
        self.killed = killed

    def __call__(self, images, stages):
        means = np.stack([i.mean((0, 1)) for i in images]).astype(np.float32)
        if len(images) == 1:
            # It is looked at before the shard begins.
            return {"mean": means}
        try:
            os.close(os.open(self.killed, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return {"mean": means}
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)


def experiment_dataset(tmp_path):
    from conftest import write_images, write_pairs

    folder = tmp_path / "of dying"
    folder.mkdir()
    names = write_images(folder, 40)
    rng = np.random.default_rng(1)
    pairs = [(names[4 * r], names[4 * r + d]) for r in range(10) for d in (1, 2, 3)]
    write_pairs(folder, [(*pair, float(rng.normal())) for pair in pairs])
    return alignscope.load_dataset("pairs", folder)
