"""The command `alignscope`."""

from __future__ import annotations

import signal
import sys

from . import _alignscope


def main() -> int:
    """Run the program with the words of the command line; returns its exit code."""
    # Ctrl-C ends the program as it does without Python: nothing of a run has its final name then.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _alignscope.run_program(["alignscope", *sys.argv[1:]])
