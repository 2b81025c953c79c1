"""Makes docs/tutorial.ipynb of docs/tutorial.py, which is the one to edit.

    python scripts/notebook.py [--check]

Cells begin with `# %%`; `# %% [markdown]` are texts. With --check nothing is written, and it fails where the notebook is
another. The notebook is without outputs; .ci/python runs the script.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPT, NOTEBOOK = ROOT / "docs/tutorial.py", ROOT / "docs/tutorial.ipynb"


def cells(script):
    for number, part in enumerate(script.split("# %%")[1:]):
        head, body = part.split("\n", 1)
        body = body.strip("\n")
        if head.strip() == "[markdown]":
            kind = {"cell_type": "markdown"}
            body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.split("\n"))
        else:
            kind = {"cell_type": "code", "execution_count": None, "outputs": []}
        yield kind | {"id": f"cell-{number}", "metadata": {}, "source": body.splitlines(keepends=True)}


notebook = {
    "cells": list(cells(SCRIPT.read_text())),
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--check", action="store_true")
if not parser.parse_args().check:
    NOTEBOOK.write_text(text)
elif NOTEBOOK.read_text() != text:
    sys.exit(f"{NOTEBOOK} is not what scripts/notebook.py makes of {SCRIPT}; run it")
