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
    text = stream.getvalue()
    assert "\x1b" not in text
    assert text.startswith("before\n") and "things <1> 99 % (0 s left)\n" in text


def test_a_log_gets_no_line_of_a_short_task(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = _progress.Lines(stream)
    lines.begin("short", 4)
    now[0] = 4.9
    lines.update(4)
    lines.end()
    assert stream.getvalue() == ""
    lines.begin("long", 200)
    for step in range(70):
        now[0] += 1.0
        lines.update(step + 1)
    lines.end()
    said = stream.getvalue().splitlines()
    assert len(said) == 15 and said[0] == "long 0 % (3 min 19 s left)"
    assert said[13:] == ["long 33 % (2 min 13 s left)", "long: done in 1 min 10 s"]
    lines.begin("unknown", 0)
    now[0] += 5.0
    lines.update(0)
    assert stream.getvalue().endswith("unknown (5 s so far)\n")


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
