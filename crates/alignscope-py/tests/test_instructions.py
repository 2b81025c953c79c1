"""Which instructions are used is said before Python starts."""

import os
import subprocess
import sys

import pytest


def imported(word: str) -> subprocess.CompletedProcess[str]:
    """What a new Python says that imports the package with this word."""
    environment = {**os.environ, "ALIGNSCOPE_INSTRUCTIONS": word}
    command = [sys.executable, "-c", "import alignscope"]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("word", ["", "portable"])
def test_instructions_that_every_processor_has_are_taken(word: str) -> None:
    done = imported(word)
    assert done.returncode == 0, done.stderr


def test_a_word_that_is_none_is_an_error_of_the_import() -> None:
    done = imported("sse")
    assert done.returncode == 1
    assert "ImportError: the environment variable ALIGNSCOPE_INSTRUCTIONS is `sse`" in done.stderr
    assert "`portable`, `avx2`, `avx512`, `amx`" in done.stderr
