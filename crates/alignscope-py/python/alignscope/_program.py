"""The command `alignscope`."""

from __future__ import annotations

import os
import signal
import sys

from . import _alignscope


def main() -> int:
    """Run the program with the words of the command line; returns its exit code."""
    # Ctrl-C ends the program as it does without Python: nothing of a run has its final name then.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if {"-q", "--quiet"} & set(sys.argv[1:]):
        # Downloads of torch's libraries have bars of their own.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return _alignscope.run_program(["alignscope", *sys.argv[1:]])
