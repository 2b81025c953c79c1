"""How far the work is, on a terminal, in a notebook and in a log."""

from __future__ import annotations

import io
import sys
import types

import pytest
from alignscope import _progress



@pytest.fixture()
def clock(monkeypatch):
    now = [0.0]

    def monotonic():
        now[0] += 3.0
        return now[0]

    monkeypatch.setattr(_progress.time, "monotonic", monotonic)


def tell(reporter):
    reporter.note("before")
    reporter.begin("things <1>", 4)
    reporter.update(1)
    reporter.update(4)
    reporter.end()
    reporter.begin("scoring", 0)
    reporter.end()


def test_a_terminal_shows_one_line_that_changes(clock):
    stream = io.StringIO()
    tell(_progress.Terminal(stream))
    text = stream.getvalue()
    assert "before\n" in text and "25 %" in text and "s left" in text
    assert "things <1>: " in text and text.endswith(" s\n")


def test_a_log_gets_plain_lines(clock):
    stream = io.StringIO()
    tell(_progress.Lines(stream))
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().startswith("before\n") and "things <1>: 100 %\n" in stream.getvalue()


def test_a_notebook_shows_a_bar(clock, monkeypatch):
    shown = []
    display = types.ModuleType("IPython.display")
    display.HTML = str
    display.display = lambda html, display_id: types.SimpleNamespace(update=shown.append)
    ipython = types.ModuleType("IPython")
    ipython.display = display
    ipython.get_ipython = lambda: type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    reporter = _progress.reporter(True)
    assert isinstance(reporter, _progress.Notebook)
    tell(reporter)
    assert any('<progress value="1" max="4">' in html for html in shown)
    assert "things &lt;1&gt;: " in shown[-1] and "before" in shown[-1]


def test_nothing_is_shown_where_that_is_asked_for():
    assert _progress.reporter(False) is None
    own = _progress.Lines(io.StringIO())
    assert _progress.reporter(own) is own
