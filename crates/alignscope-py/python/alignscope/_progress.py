"""How far the work is: a line on a terminal, a bar in a notebook, plain lines elsewhere."""

from __future__ import annotations

import html
import sys
import time
from typing import Any, Protocol, TextIO

from ._arguments import shown, yes_or_no
from ._errors import InvalidTypeError

#: What is at work says how far it is in a plain line so many seconds after the last line, or after
#: the beginning: also where each of many tasks is short. Who is done before says nothing.
_LINE_EVERY = 5.0


class Reporter(Protocol):
    """What long work tells. Its methods are called on the thread that called alignscope.

    Examples
    --------
    >>> import alignscope
    >>> class Tasks:
    ...     def __init__(self):
    ...         self.begun = []
    ...     def begin(self, task, steps):
    ...         self.begun.append(task)
    ...     def update(self, done): ...
    ...     def end(self): ...
    ...     def note(self, message): ...
    >>> tasks = Tasks()
    >>> dataset = alignscope.load_dataset("pairs", "demo/low")
    >>> run = alignscope.run("psnr", dataset, "told", cache=False, progress=tasks)
    >>> "psnr on pairs: distances" in tasks.begun
    True
    """

    def begin(self, task: str, steps: int) -> None:
        """A task of so many steps begins; 0 where their number is not known."""

    def update(self, done: int) -> None:
        """So many steps of the present task are done; also told now and then where nothing has
        changed."""

    def end(self) -> None:
        """The present task is done."""

    def note(self, message: str) -> None:
        """Something that the user must know."""


class _Base:
    def __init__(self) -> None:
        self._task = ""
        self._steps = 0
        self._begun = 0.0

    def begin(self, task: str, steps: int) -> None:
        self._task, self._steps, self._begun = task, steps, time.monotonic()
        self.update(0)

    def update(self, done: int) -> None:
        raise NotImplementedError

    def _percent(self, done: int) -> float:
        return min(100.0, 100.0 * done / self._steps) if self._steps else 0.0

    def _left(self, done: int) -> str:
        """How long it will still take, once that can be told."""
        elapsed = time.monotonic() - self._begun
        if not done or elapsed < 2.0:
            return ""
        left = round(elapsed * max(self._steps - done, 0) / done)
        minutes, seconds = divmod(left, 60)
        return f"  {minutes} min {seconds:02d} s left" if minutes else f"  {seconds} s left"

    def _done(self) -> str:
        return f"{self._task}: {time.monotonic() - self._begun:.1f} s"


class Terminal(_Base):
    """One line that is written again and again."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def _write(self, text: str, end: str) -> None:
        self._stream.write(f"\r\x1b[2K{text}{end}")
        self._stream.flush()

    def update(self, done: int) -> None:
        if self._steps:
            filled = int(self._percent(done) / 5)
            bar = "━" * filled + " " * (20 - filled)
            self._write(f"{self._task}  {bar} {self._percent(done):3.0f} %{self._left(done)}", "")
        else:
            self._write(f"{self._task} …", "")

    def end(self) -> None:
        self._write(self._done(), "\n")
        self._task = ""

    def note(self, message: str) -> None:
        self._write(message, "\n")


def _in_words(seconds: float) -> str:
    """A time in the two largest units that it has."""
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {left:02d} s" if minutes else f"{left} s"


class Lines(_Base):
    """A line now and then, for logs."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._said = time.monotonic()
        self._lines = 0

    def begin(self, task: str, steps: int) -> None:
        self._lines = 0
        super().begin(task, steps)

    def update(self, done: int) -> None:
        now = time.monotonic()
        if now - self._said >= _LINE_EVERY:
            self._said = now
            self._lines += 1
            print(f"{self._task} {self._far(done, now)}", file=self._stream, flush=True)

    def _far(self, done: int, now: float) -> str:
        """How much of the task is done, and how long it will still take; else since when it goes
        on."""
        elapsed = now - self._begun
        if not self._steps or not done:
            percent = "0 % " if self._steps else ""
            return f"{percent}({_in_words(elapsed)} so far)"
        done = min(done, self._steps)
        left = elapsed * (self._steps - done) / done
        return f"{min(99, 100 * done // self._steps)} % ({_in_words(left)} left)"

    def end(self) -> None:
        # Who was told several times that it goes on is told that it has ended.
        if self._lines > 1:
            elapsed = time.monotonic() - self._begun
            print(f"{self._task}: done in {_in_words(elapsed)}", file=self._stream, flush=True)

    def note(self, message: str) -> None:
        print(message, file=self._stream, flush=True)


class Notebook(_Base):
    """A bar under the cell, with the notes above it."""

    def __init__(self) -> None:
        super().__init__()
        from IPython.display import HTML, display

        self._html = HTML
        self._notes: list[str] = []
        self._handle: Any = display(HTML(""), display_id=True)

    def _show(self, bar: str) -> None:
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self._notes)
        style = "font-size: 90%; font-variant-numeric: tabular-nums"
        self._handle.update(self._html(f'<div style="{style}">{notes}{bar}</div>'))

    def update(self, done: int) -> None:
        task = html.escape(self._task)
        value = f' value="{done}" max="{self._steps}"' if self._steps else ""
        percent = f" {self._percent(done):.0f} %{self._left(done)}" if self._steps else ""
        self._show(f"<div>{task} <progress{value}></progress>{percent}</div>")

    def end(self) -> None:
        self._notes.append(self._done())
        self._show("")

    def note(self, message: str) -> None:
        self._notes.append(message)
        self._show("")


def reporter(progress: bool | Reporter) -> Reporter | None:
    """The reporter for an argument `progress`: one that fits where Python runs, none, or the
    user's own."""
    if not hasattr(progress, "begin"):
        progress = yes_or_no("progress", progress, "True, False, or an object as `Reporter`")
    if progress is False:
        return None
    if progress is not True:
        for method in ("begin", "update", "end", "note"):
            if not callable(getattr(progress, method, None)):
                raise InvalidTypeError(
                    f"progress is {shown(progress)} without the method `{method}`, expected True, "
                    "False, or an object with the methods of `Reporter`"
                )
        return progress
    if _in_notebook():
        return Notebook()
    if sys.stderr is None:
        return None
    return Terminal(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)


def _in_notebook() -> bool:
    """Whether this is a kernel of a notebook, rather than a terminal or a script."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
