"""Where torch is not installed."""

from __future__ import annotations

import subprocess
import sys


def test_without_torch_the_error_says_what_to_install():
    code = """
import sys
sys.modules["torch"] = None
import alignscope
for name in ("module", "from_timm", "from_transformers", "from_open_clip", "from_torchvision"):
    try:
        getattr(alignscope.torch, name)(*["x"] * (1 + (name == "module")))
    except alignscope.MissingPackageError as error:
        assert isinstance(error, ImportError) and error.name == "torch"
        assert str(error).startswith(name + "() needs torch"), error
        assert "pip install torch timm" in str(error)
    else:
        raise AssertionError(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_imports_no_torch():
    code = """
import sys
import alignscope, alignscope.torch
assert "torch" not in sys.modules and "PIL" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
