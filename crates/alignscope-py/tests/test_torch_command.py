"""Torch models by name: on the command line, in experiments, and in Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import alignscope
from alignscope.torch import from_timm
from conftest import GOLDEN
from test_experiment_files import QUIET, tables, written
from test_runs import distances, rows

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
FAMILIES = GOLDEN / "families"

#: An untrained model of timm, which needs no download.
MODEL = "random:timm:test_vit@seed=3"
#: One thread of torch, so that sums have one order.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def command(*words, before=""):
    """The command of the package; `before` is done in Python first."""
    code = f"import sys\n{before}\nfrom alignscope._program import main\nsys.exit(main())"
    start = [sys.executable, "-c", code] if before else [sys.executable, "-m", "alignscope"]
    done = subprocess.run(
        [*start, *map(str, words)], capture_output=True, text=True, env=os.environ | ONE_THREAD
    )
    return done.returncode, done.stderr


def run_by_command(*words):
    code, said = command("run", *words, "--no-cache", "--quiet")
    assert code == 0, said


def on(rated, out):
    return ("--dataset", "pairs", "--data", rated, "--resamples", 0, "--out", out)


def untrained(name):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return from_timm("test_vit", pretrained=False, name=name)


def test_a_named_model_is_the_model_of_the_library(rated, tmp_path):
    run_by_command("--model", f"x={MODEL}", *on(rated, tmp_path / "command"))
    dataset = alignscope.load_dataset("pairs", rated)
    of_python = {"resamples": 0, **QUIET}
    made = alignscope.run([untrained("x")], dataset, tmp_path / "made", **of_python)
    named = alignscope.run([f"x={MODEL}"], dataset, tmp_path / "named", **of_python)
    mapped = alignscope.run({"x": MODEL}, dataset, tmp_path / "mapped", **of_python)
    expected = (made.path / "scores.csv").read_bytes()
    for path in (tmp_path / "command", named.path, mapped.path):
        assert (path / "scores.csv").read_bytes() == expected
    assert distances(tmp_path / "command", "x") == distances(made.path, "x")
    # Another seed is another model, and it is known as a control.
    other = alignscope.run("random:timm:test_vit", dataset, tmp_path / "other", **of_python)
    assert rows(other.path, "random:timm:test_vit") != rows(made.path, "x")
    assert "untrained timm:test_vit" in (other.path / "alignment.svg").read_text()


def test_an_experiment_says_how_torch_models_run_and_is_repeated(rated, tmp_path):
    toml = tmp_path / "experiment.toml"
    toml.write_text(
        f"""models = ["x={MODEL}"]
device = "cpu"
dtype = "bfloat16"
batch = 7
resamples = 0

[[datasets]]
name = "pairs"
data = "rated"
"""
    )
    run_by_command(toml, "--out", tmp_path / "command")
    first = alignscope.Run(tmp_path / "command")
    found = written(first)
    assert found["models"] == [f"x={MODEL}"]
    assert (found["device"], found["dtype"], found["batch"]) == ("cpu", "bfloat16", 7)
    assert "tf32" not in found and "backend" not in found
    manifest = json.loads((first.path / "manifest.json").read_text())
    assert "bfloat16 on cpu" in manifest["inputs"]["version of x"]
    run_by_command(first.path / "manifest.json", "--out", tmp_path / "again")
    python = alignscope.run(first.path / "manifest.json", out=tmp_path / "python", **QUIET)
    for run in (alignscope.Run(tmp_path / "again"), python):
        assert tables(run) == tables(first) and written(run) == found
    # What is given takes the place of what the file says.
    wide = alignscope.run(toml, out=tmp_path / "wide", dtype=torch.float32, batch=8, **QUIET)
    assert (written(wide)["dtype"], written(wide)["batch"]) == ("float32", 8)
    assert tables(wide)["scores"] != tables(first)["scores"]
    run_by_command(toml, "--dtype", "float32", "--batch", 8, "--out", tmp_path / "typed")
    assert tables(alignscope.Run(tmp_path / "typed")) == tables(wide)
    control = alignscope.Experiment.from_file(toml, models=["timm:test_vit"], untrained=True)
    assert repr(control).startswith("Experiment(models=['timm:test_vit']")


@pytest.mark.parametrize(
    ("library", "name"),
    [
        ("transformers", "../clip/base"),
        ("transformers", "dinov2_registers"),
        ("timm", "timm_vit"),
        ("timm", "timm_resnet50"),
        ("open_clip", "open_clip"),
    ],
)
def test_torch_runs_what_our_own_encoders_know(library, name, rated, tmp_path):
    pytest.importorskip(library)
    model = f"x={FAMILIES / name}"
    dataset = alignscope.load_dataset("pairs", rated)
    own = alignscope.run(
        model, dataset, tmp_path / "own", precision="f32", resamples=0, **QUIET
    )
    run_by_command("--model", model, "--backend", "torch", *on(rated, tmp_path / "torch"))
    keys = distances(own.path, "x")[:-1]
    *found, values = distances(tmp_path / "torch", "x")
    assert found == keys and len(values) > 0
    ours = np.array(distances(own.path, "x")[-1])
    # As in test_torch_runs.py: 1 − cos of nearly equal vectors has lost its first digits.
    least = np.where(np.array(keys[2]) == "cosine", 0.02, 1e-30)
    assert np.max(np.abs(np.array(values) - ours) / np.maximum(ours, least)) <= 1e-5
    experiment = written(alignscope.Run(tmp_path / "torch"))
    assert experiment["backend"] == "torch" and "precision" not in experiment
    assert experiment["models"] == [f"x={(FAMILIES / name).resolve()}"] or "../" in name


def test_a_folder_may_be_named_with_its_library(rated, tmp_path):
    pytest.importorskip("transformers")
    dataset = alignscope.load_dataset("pairs", rated)
    models = [f"transformers:{FAMILIES / 'vit'}", str(FAMILIES / "vit")]
    run = alignscope.run(
        models, dataset, tmp_path / "run", precision="f32", resamples=0, pixels=False, **QUIET
    )
    assert list(dict.fromkeys(run.scores["model"])) == ["transformers:vit", "vit"]
    *keys, ours = distances(run.path, "vit")
    *found, theirs = distances(run.path, "transformers:vit")
    assert found == keys and np.allclose(theirs, ours, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("library", "model"),
    [
        ("transformers", f"random:transformers:{FAMILIES / 'vit'}@seed=1"),
        ("transformers", f"random:transformers:{GOLDEN / 'clip/base'}@seed=1"),
        ("open_clip", f"random:open_clip:local-dir:{FAMILIES / 'open_clip'}@seed=1"),
        ("timm", f"random:timm:local-dir:{FAMILIES / 'timm_vit'}@seed=1"),
        ("torchvision", "random:torchvision:alexnet@seed=1"),
    ],
)
def test_controls_of_every_library_are_drawn_from_their_seed(library, model, rated, tmp_path):
    pytest.importorskip(library)
    dataset = alignscope.load_dataset("pairs", rated, limit=4)
    trained = model.removeprefix("random:").removesuffix("@seed=1")

    def scored(model, out):
        options = {"resamples": 0, "pixels": False, **QUIET}
        run = alignscope.run(f"x={model}", dataset, tmp_path / out, **options)
        return distances(run.path, "x")

    first = scored(model, "first")
    assert scored(model, "again") == first
    assert scored(model.replace("@seed=1", "@seed=2"), "other") != first
    if library != "torchvision":
        assert scored(trained, "trained") != first


def test_drawing_a_control_leaves_the_users_generators_alone(monkeypatch):
    from alignscope.torch._named import named

    def touched(*_):
        raise AssertionError("the generator of another device is seeded")

    expected = untrained("other").version
    for device in (torch.cuda, torch.mps, torch.xpu):
        for name in ("manual_seed", "manual_seed_all"):
            monkeypatch.setattr(device, name, touched, raising=False)
    before = torch.get_rng_state()
    assert named("timm", "test_vit", 3, {}).version == expected
    assert torch.equal(torch.get_rng_state(), before)
    # Also where the user's default is a device whose numbers are not seeded.
    with torch.device("meta"):
        assert named("timm", "test_vit", 3, {}).version == expected


def test_without_torch_every_door_says_what_to_install(rated, tmp_path):
    out = tmp_path / "out"
    toml = tmp_path / "e.toml"
    toml.write_text(f'models = ["{MODEL}"]\n[[datasets]]\nname = "pairs"\ndata = "rated"\n')
    folder = FAMILIES / "vit"
    for missing, install in [("torch", "pip install torch timm"), ("timm", "pip install timm")]:
        before = f"sys.modules['{missing}'] = None"
        for words in (["--model", MODEL, *on(rated, out)], [toml, "--out", out]):
            code, said = command("run", *words, before=before)
            assert code == 2 and f"needs {missing}, which is not installed: `{install}`" in said
            assert "cannot open the torch model random:timm:test_vit@seed=3" in said, said
            assert "Traceback" not in said and not out.exists()
    before = "sys.modules['transformers'] = None"
    words = ("run", "--model", folder, "--backend", "torch", *on(rated, out))
    code, said = command(*words, before=before)
    assert code == 2 and "`pip install transformers`" in said, said
    script = f"""
import sys
sys.modules["torch"] = None
import alignscope
try:
    dataset = alignscope.load_dataset("pairs", {str(rated)!r})
    alignscope.run("{MODEL}", dataset, {str(out)!r}, progress=False)
except alignscope.MissingPackageError as error:
    assert error.name == "torch" and "`pip install torch timm`" in str(error), error
else:
    raise AssertionError
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_name_that_the_library_does_not_know_is_told_with_near_ones(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    for model, message in [
        (
            "timm:resnet5O",
            "timm cannot open `resnet5O`: Unknown model.*expected a name of .*`resnet50",
        ),
        ("torchvision:resnet5O", "torchvision cannot open `resnet5O`: .*expected .*`resnet50`"),
        ("torchvision:resnet50/V9", "torchvision cannot open `resnet50/V9`: .*V9"),
    ]:
        pytest.importorskip(model.partition(":")[0])
        with pytest.raises(alignscope.ModelError, match=message) as error:
            alignscope.run(model, dataset, tmp_path / "out", progress=False)
        assert error.value.__cause__ is not None
        code, said = command("run", "--model", model, *on(rated, tmp_path / "out"))
        assert code == 2 and f"cannot open the torch model {model}: " in said, said
        assert "Traceback" not in said and not (tmp_path / "out").exists()


def test_open_clip_needs_weights(rated, tmp_path):
    pytest.importorskip("open_clip")
    dataset = alignscope.load_dataset("pairs", rated)
    words = "`open_clip:ViT-B-32/openai`.*`random:open_clip:ViT-B-32`"
    with pytest.raises(ValueError, match=words):
        alignscope.run("open_clip:ViT-B-32", dataset, tmp_path / "out", progress=False)
    with pytest.raises(ValueError, match="ViT-B-32 of open_clip has no weights `none`, expected `"):
        alignscope.run("random:open_clip:ViT-B-32/none", dataset, tmp_path / "out", progress=False)
    words = "open_clip cannot open `ViT-B-32/none`: .*none"
    with pytest.raises(alignscope.ModelError, match=words):
        alignscope.run("open_clip:ViT-B-32/none", dataset, tmp_path / "out", progress=False)
    # A folder without weights would be a random model.
    folder = tmp_path / "empty"
    folder.mkdir()
    config = (FAMILIES / "open_clip/open_clip_config.json").read_text()
    (folder / "open_clip_config.json").write_text(config)
    with pytest.raises(alignscope.ModelError, match="open_clip cannot open `local-dir:"):
        alignscope.run(f"open_clip:local-dir:{folder}", dataset, tmp_path / "out", progress=False)


def test_what_has_no_use_or_cannot_be_is_refused(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    out = tmp_path / "out"

    def run(model, **options):
        alignscope.run(model, dataset, out, progress=False, **options)

    for call, error, message in [
        (lambda: run("ssim", device="cpu"), ValueError, 'backend="torch".*leave out `device`'),
        (lambda: run("ssim", backend="torch"), ValueError, "torch runs no model of this run"),
        (lambda: run(MODEL, device="gpu"), ValueError, "unknown device `gpu`, expected one of"),
        (lambda: run(MODEL, dtype="int8"), ValueError, "unknown number format `int8`"),
        (lambda: run(MODEL, dtype=torch.float64), ValueError, "unknown number format `float64`"),
        (lambda: run(MODEL, backend="jax"), ValueError, "unknown backend `jax`"),
        (lambda: run(MODEL, batch=0), ValueError, "batch is 0, expected 1 or more"),
        (lambda: run(MODEL, tf32=1), TypeError, "tf32 is 1, an int, expected True, False or None"),
        (lambda: run("random:openai/clip-vit-base-patch32", backend="torch"), ValueError,
         'torch cannot run .*`random:timm:.*backend="own"'),
        (lambda: alignscope.Encoder("timm:test_vit"), ValueError, "alignscope.torch.from_timm"),
    ]:
        with pytest.raises(error, match=message):
            call()
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="^device is cuda:1, but torch .* finds no GPUs"):
            run(MODEL, device="cuda:1")
        code, said = command("run", "--model", MODEL, "--device", "cuda", *on(rated, out))
        assert code == 2 and "finds no GPUs of CUDA here" in said, said
    for words, message in [
        (
            ["activations", "--model", MODEL, "--images", rated, "--out", out],
            "alignscope run --model",
        ),
        (["fetch", "timm:test_vit"], "fetched by timm when it is run"),
        (["run", "--model", "ssim", "--tf32", *on(rated, out)], "`--backend torch`"),
    ]:
        code, said = command(*words)
        assert code == 2 and message in said, said
    assert not out.exists()


def test_what_fails_while_images_are_encoded_is_told_without_python(rated, tmp_path):
    before = f"""
import torch
from alignscope.torch import _named, module, Recipe
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 4)
    def forward(self, x):
        if len(x) > 4:
            raise RuntimeError("nothing works")
        return self.conv(x)
def named(*of):
    return module(Net().eval(), "conv", preprocess=Recipe(exact=(16, 16)))
_named.named = named
"""
    code, said = command("run", "--model", "timm:x", *on(rated, tmp_path / "out"), before=before)
    assert code == 2 and said.rstrip().endswith("timm:x failed: RuntimeError: nothing works"), said


def test_ctrl_c_is_prompt_while_python_opens_a_model(rated, tmp_path):
    code = """
import sys, time
from alignscope.torch import _named
def named(*of):
    print("open", flush=True)
    time.sleep(600)
_named.named = named
from alignscope._program import main
sys.exit(main())
"""
    words = ["run", "--model", MODEL, *on(rated, tmp_path / "out"), "--no-cache"]
    started = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stdout.readline() == "open\n"
    pressed = time.monotonic()
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130 and "stopped" in said, said
    assert time.monotonic() - pressed < 10
    assert not (tmp_path / "out/scores.csv").exists()
