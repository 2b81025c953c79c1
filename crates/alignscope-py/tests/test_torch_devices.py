"""Torch models on several devices, in other number formats, and compiled."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import alignscope
from test_runs import distances
from torch_nets import RECIPE, encoded, nn, torch

pytestmark = pytest.mark.usefixtures("one_thread")


class Convs(nn.Module):
    """What another process finds by its name. An image of one value alone ends badly: 1 is an
    error, 2 ends the process, 3 takes long."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 6, 2, stride=2)
        self.block = nn.Sequential(nn.Conv2d(6, 6, 1), nn.GELU())

    def forward(self, x):
        for value in x[:, 0, 0, 0].tolist():
            if value == 1:
                raise KeyError("no such thing")
            if value == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            if value == 3:
                time.sleep(60)
        return self.block(self.stem(x))


def made(**options):
    options = {"preprocess": plain} | options
    return alignscope.torch.module(Convs().eval(), ["stem", "block"], **options)


def plain(image):
    """An image of one value in every pixel as it is, others from 0 to 1."""
    values = np.asarray(image, np.float32).transpose(2, 0, 1)
    return values if values.min() == values.max() else values / 256


def of_value(value):
    return np.full((8, 8, 3), value, np.uint8)


def children():
    return multiprocessing.active_children()


def test_several_devices_give_what_one_gives():
    expected = encoded(made(), 7)
    model = made(device=["cpu", "cpu", "cpu"], batch=4)
    assert not children()
    for count in (7, 2, 7):
        found = encoded(model, count)
        assert model.stages == list(found)
        for stage in model.stages:
            assert found[stage].shape == (count, *expected[stage].shape[1:])
            # Sums of other batches in another order.
            assert np.allclose(found[stage], expected[stage][:count], rtol=0, atol=1e-6)
    assert len(children()) == 3
    prepared = torch.rand(2, 3, 8, 8)
    assert torch.allclose(
        model.activations(prepared)["block"], made().activations(prepared)["block"], atol=1e-6
    )
    assert model._own["batch"] == 12 and model.version == made().version
    assert model.facts["device"] == "cpu, cpu, cpu"
    del model
    gc.collect()
    assert not children()


def test_a_run_on_several_devices_has_the_scores_of_one_and_ends_its_processes(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    models = [
        made(preprocess=RECIPE, name="one", batch=8),
        made(preprocess=RECIPE, name="two", device=["cpu", "cpu"], batch=8),
    ]
    run = alignscope.run(
        models, dataset, tmp_path / "run", resamples=0, cache=False, progress=False, pixels=False
    )
    assert not children()
    *keys, one = distances(run.path, "one")
    *others, two = distances(run.path, "two")
    assert keys == others and np.allclose(one, two, rtol=1e-5, atol=0)


def test_an_error_in_a_process_comes_back_with_where_it_was_raised():
    model = made(device=["cpu", "cpu"])
    with pytest.raises(KeyError, match="no such thing") as error:
        model._own["encode"]([of_value(9), of_value(1)], model.stages)
    told = str(error.value.__cause__)
    assert "in the process of cpu" in told and "in forward" in told
    assert not children()
    # The next batch starts anew.
    assert encoded(model)["block"].shape == (5, 4, 4, 6)
    model._own["end"]()


def test_a_killed_process_is_an_error():
    model = made(device=["cpu", "cpu"])
    with pytest.raises(alignscope.ModelError, match="process of cpu was killed by signal 9"):
        model._own["encode"]([of_value(9), of_value(2)], model.stages)
    assert not children()


def test_ctrl_c_ends_the_processes():
    """While a process is at work."""
    model = made(device=["cpu", "cpu"])
    encoded(model)
    busy = children()
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.alarm(2)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model._own["encode"]([of_value(9), of_value(3)], model.stages)
    assert time.monotonic() - begun < 30
    assert not any(process.is_alive() for process in busy)


def test_a_model_that_pickle_does_not_take_is_told():
    class Within(nn.Module):
        def forward(self, x):
            return x

    model = alignscope.torch.module(
        Within().eval(), {"x": ""}, preprocess=RECIPE, device=["cpu", "cpu"]
    )
    with pytest.raises(ValueError, match="Within cannot be sent to the processes.*or one device"):
        encoded(model)


def test_a_script_without_a_guard_is_told(tmp_path):
    """Spawn runs the script once more in the process."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import numpy as np, torch, alignscope
        from alignscope.torch import Recipe, module
        net = torch.nn.Conv2d(3, 6, 2).eval()
        model = module(net, {"x": ""}, preprocess=Recipe(exact=(8, 8)), device=["cpu", "cpu"])
        model._own["encode"]([np.zeros((8, 8, 3), np.uint8)] * 2, ["x"])
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "the process of cpu ended with code 1 before it answered" in done.stderr
    assert '`if __name__ == "__main__":`' in done.stderr


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ([], "device is a list of nothing"),
        (["cpu", "meta"], "device is meta"),
        (["cpu", None], "a list of None, cpu, expected devices of one kind"),
        (["cpu", "gpu"], "device is 'gpu'"),
    ],
)
def test_lists_that_cannot_be_meant_are_told(device, words):
    with pytest.raises(ValueError, match=words):
        made(device=device)


def test_a_list_of_one_device_has_no_process_of_its_own():
    model = made(device=["cpu"])
    encoded(model)
    assert not children()


def test_a_format_that_a_device_does_not_take_is_told(monkeypatch):
    """As MPS says it of bfloat16 before macOS 14."""

    def zeros(*_, dtype, **__):
        if dtype == torch.bfloat16:
            raise TypeError("BFloat16 is not supported on MPS")

    monkeypatch.setattr(torch, "zeros", zeros)
    with pytest.raises(ValueError, match="dtype is bfloat16, which cpu does not take.*float16"):
        made(dtype="bfloat16")
    assert made(dtype="float16")


needs_compiler = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a compiler"
)


@needs_compiler
def test_a_compiled_model_gives_what_it_gives_uncompiled():
    model, expected = made(compile=True, batch=4), encoded(made(), 6)
    # One image, a full batch, and what is left of one.
    for count in (1, 6):
        found = encoded(model, count)
        for stage in model.stages:
            assert found[stage].shape == (count, *expected[stage].shape[1:])
            assert np.allclose(found[stage], expected[stage][:count], rtol=0, atol=1e-6)
    assert "float32, compiled, on cpu" in model.version and model.version != made().version
    assert model.facts["dtype"] == "float32, compiled, on cpu"


@needs_compiler
def test_a_stage_is_compiled_once():
    """Whatever the number of images, and however often it is called."""
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    model = made(compile=True, batch=4)
    encoded(model, 1)
    first = counters["stats"]["unique_graphs"]
    encoded(model, 11)
    assert first == counters["stats"]["unique_graphs"] == 2
    assert not counters["graph_break"]


@needs_compiler
def test_the_users_module_is_not_compiled():
    module = Convs().eval()
    model = alignscope.torch.module(module, ["stem", "block"], preprocess=RECIPE, compile=True)
    encoded(model, 2)
    assert "forward" not in vars(module.stem)
    assert model._runner._model.stem.weight is module.stem.weight
