"""Makes the notebooks of docs/, `tutorial` and `torch_tutorial`, of the scripts beside them.

    python scripts/notebook.py [--check]

The scripts are the ones to edit. Cells begin with `# %%`; `# %% [markdown]` are texts. With --check
nothing is written, and it fails where a notebook is another. Notebooks are without outputs;
.ci/python runs the scripts.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = [ROOT / "docs/tutorial.py", ROOT / "docs/torch_tutorial.py"]


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


def notebook(script):
    found = {
        "cells": list(cells(script.read_text())),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--check", action="store_true")
is_check = parser.parse_args().check
for script in SCRIPTS:
    path, text = script.with_suffix(".ipynb"), notebook(script)
    if not is_check:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path} is not what scripts/notebook.py makes of {script}; run it")
