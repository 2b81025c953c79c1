"""Scripts that measure torch models work, at the smallest size."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import ROOT

pytest.importorskip("torch")
pytest.importorskip("timm")


def test_the_speed_of_a_gpu_is_measured_by_one_command():
    command = [
        sys.executable, ROOT / "scripts/speed_gpu.py", "--device", "cpu", "--small", "--models",
        "g/14",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, _, *_, last = done.stdout.splitlines()
    assert told.startswith("batches of 4, dtype bfloat16 on cpu, torch ")
    name, bare, stages, part, decoding = last.strip("| ").split(" | ")
    assert name == "g/14"
    assert all(float(number.replace(",", "")) > 0 for number in (bare, stages, part, decoding))
