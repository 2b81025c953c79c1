"""What docstrings show is true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["_dataset", "_encoder", "_load", "_models"])
def test_examples_give_what_they_show(module):
    if module == "_dataset":
        pytest.importorskip("pandas")
    found = doctest.testmod(importlib.import_module(f"alignscope.{module}"))
    assert found.failed == 0 and found.attempted > 0
