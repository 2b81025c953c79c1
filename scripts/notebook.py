"""Makes the notebooks of docs/ of the scripts beside them, with their results.

    python scripts/notebook.py                  # texts and code into the notebooks
    python scripts/notebook.py --run [NAME...]  # the same, and runs them (all, or those named)
    python scripts/notebook.py --check          # writes nothing

The scripts are the ones to edit. Cells begin with `# %%`; `# %% [markdown]` are texts. Outputs
stay with the cells whose code is the same; a cell whose code has changed has none until it is run.

`--run` needs `pip install alignscope nbclient ipykernel pandas matplotlib pillow`, and also `torch
timm` for torch_tutorial. Notebooks run in a temporary folder with a cache of their own. Figures
are brought to 256 colours, which makes them small.

`--check` fails where a notebook has other cells than its script, a cell that has not been run as
it stands, no outputs, an error, a path of the machine it ran on, or more than 1.5 MB. It does not
compare outputs; .ci/python runs the scripts.
"""

import argparse
import base64
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
NAMES = ["tutorial", "torch_tutorial", "own_data_tutorial"]
#: How large a notebook may be, in bytes.
LARGEST = 1_500_000
#: How long a cell may run, in seconds.
LONGEST = 1800
#: Folders of the machine that a notebook ran on: none may be in an output.
MACHINE = re.compile(r"(?<![\w.])(?:/(?:tmp|home|work|root|Users|var|opt|usr)/|[A-Z]:\\)")


def cells(script):
    """The cells of a script, without outputs."""
    found = []
    for number, part in enumerate(script.split("# %%")[1:]):
        head, body = part.split("\n", 1)
        body = body.strip("\n")
        if head.strip() == "[markdown]":
            kind = {"cell_type": "markdown"}
            body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.split("\n"))
        else:
            kind = {"cell_type": "code", "execution_count": None, "outputs": []}
        source = body.splitlines(keepends=True)
        found.append(kind | {"id": f"cell-{number}", "metadata": {}, "source": source})
    return found


def notebook(found):
    return {
        "cells": found,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def as_text(found):
    return json.dumps(notebook(found), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def bare(cell):
    """A cell without what running it adds."""
    return {key: cell[key] for key in ("cell_type", "id", "metadata", "source")}


def keep_outputs(found, path):
    """Gives cells the outputs that the notebook has of the same code."""
    if not path.exists():
        return
    there = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            there.setdefault("".join(cell["source"]), []).append(cell)
    for cell in found:
        same = there.get("".join(cell["source"])) if cell["cell_type"] == "code" else None
        if same:
            old = same.pop(0)
            cell |= {key: old[key] for key in ("execution_count", "outputs")}


def small_png(data):
    """A PNG image in 256 colours, without anything else that the file had."""
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode() + "\n"


def as_stored(outputs):
    """The outputs of a cell as notebooks store them: figures small, texts line by line."""
    stored = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream" and output["name"] == "stderr":
            # Warnings are about this machine: they are for whoever runs the notebook.
            print(output["text"], file=sys.stderr)
            continue
        if kind == "stream":
            last = stored[-1] if stored else {}
            if last.get("name") == output["name"]:
                last["text"] += output["text"].splitlines(keepends=True)
            else:
                text = output["text"].splitlines(keepends=True)
                stored.append({"output_type": kind, "name": output["name"], "text": text})
            continue
        data = {
            form: small_png(value) if form == "image/png" else value.splitlines(keepends=True)
            for form, value in output["data"].items()
            if isinstance(value, str)
        }
        # Beside a picture the text only names the object.
        if "image/png" in data:
            data = {"image/png": data["image/png"]}
        one = {"output_type": kind, "data": data, "metadata": {}}
        if kind == "execute_result":
            one["execution_count"] = output["execution_count"]
        stored.append(one)
    return stored


def run(found):
    """Runs cells in a temporary folder, and gives them their outputs."""
    import nbformat
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as place:
        # The kernel has the environment of this process.
        for name in ("ALIGNSCOPE_CACHE", "IPYTHONDIR", "TMPDIR"):
            (Path(place) / name).mkdir()
            os.environ[name] = str(Path(place) / name)
        client = NotebookClient(
            nbformat.reads(as_text(found), as_version=4),
            timeout=LONGEST,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": place}},
        )
        executed = client.execute()
    for cell, ran in zip(found, executed["cells"], strict=True):
        if cell["cell_type"] == "code":
            cell["execution_count"] = ran["execution_count"]
            cell["outputs"] = as_stored(ran["outputs"])


def texts(output):
    """What is written in an output, pictures of pixels aside."""
    data = output.get("data", {})
    written = [value for form, value in data.items() if form not in ("image/png", "image/jpeg")]
    return "".join("".join(part) for part in [output.get("text", ""), *written])


def faults(name):
    """What is wrong with a notebook."""
    path, wanted = DOCS / f"{name}.ipynb", cells((DOCS / f"{name}.py").read_text(encoding="utf-8"))
    if not path.exists():
        yield "is not there: run scripts/notebook.py --run"
        return
    text = path.read_text(encoding="utf-8")
    there = json.loads(text)["cells"]
    if list(map(bare, there)) != list(map(bare, wanted)) or as_text(there) != text:
        yield f"is not what scripts/notebook.py makes of {name}.py: run it"
        return
    if len(text.encode()) > LARGEST:
        yield f"has {len(text.encode())} bytes, expected at most {LARGEST}"
    if not any(cell.get("outputs") for cell in there):
        yield "has no outputs: run scripts/notebook.py --run"
        return
    for cell in there:
        if cell["cell_type"] == "code" and cell["execution_count"] is None:
            yield f"{cell['id']} has not been run as it stands: run scripts/notebook.py --run"
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                yield f"{cell['id']} ends with an error"
            for place in MACHINE.finditer(texts(output)):
                shown = texts(output)[place.start() : place.start() + 60]
                yield f"{cell['id']} shows a path of the machine it ran on: {shown!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true")
    how.add_argument("--run", nargs="*", metavar="NAME", choices=NAMES)
    asked = parser.parse_args()
    wanted = NAMES if asked.run == [] else asked.run or []
    for name in [] if asked.check else NAMES:
        path = DOCS / f"{name}.ipynb"
        found = cells((DOCS / f"{name}.py").read_text(encoding="utf-8"))
        if name in wanted:
            run(found)
        else:
            keep_outputs(found, path)
        path.write_text(as_text(found), encoding="utf-8")
    # Cells without outputs are said by --check alone: torch is not everywhere.
    looked_at = NAMES if asked.check else wanted
    wrong = [f"docs/{name}.ipynb {fault}" for name in looked_at for fault in faults(name)]
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
