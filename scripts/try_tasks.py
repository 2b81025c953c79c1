"""Follows the tutorials of docs/tasks/ by their text alone, each in the same new folder, and says how
long each took.

    python scripts/try_tasks.py [--python] [--torch] [PAGE …]

Commands are run as they stand. A block below `Save this as NAME` is written to that file. Blocks that
need other data or install something are passed over, and named; so is what follows on a page after
a script that is not run. `alignscope` must be on the path.
With --python the module is installed in this Python, and scripts are run by it; with --torch torch,
timm and pandas are, too.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

TASKS = Path(__file__).resolve().parent.parent / "docs/tasks"
PAGES = ["index", "features", "own-data", "cluster", "study", "torch-model"]
#: What is not run: it installs, needs data or models that are not there, or has parts left out.
ELSEWHERE = re.compile(r"…|pip install|\./nights|\./things|TID|NIGHTS|THINGS|fetch |--submit|\"layer4\"")


def blocks(page):
    """The blocks of code of a page: their language (empty for commands), what stands before, text."""
    text = re.sub(r"^```text\n.*?^```$", "", page, flags=re.S | re.M)
    block = re.compile(r"^```(\w+)\n(.*?)^```$|(?:^    [^\n]*\n|^\n(?=    ))+", re.S | re.M)
    for found in block.finditer(text):
        before = text[: found.start()].rstrip().rsplit("\n\n", 1)[-1]
        if found[1]:
            yield found[1], before, found[2]
        elif found[0].strip():
            yield "", before, textwrap.dedent(found[0]).strip() + "\n"


def command_of(language, before, code, asked):
    """What is run for a block; None if nothing is, with the reason."""
    words = " ".join(before.split())
    name = re.search(r"Save this as `([^`]+)`", words)
    if name:
        Path(name[1]).write_text(code, encoding="utf-8")
        if not re.search(rf"run `python {re.escape(name[1])}`", words):
            return None, f"only written, {name[1]}"
        command = [sys.executable, name[1]]
    elif language == "python":
        command = [sys.executable, "-c", code]
    elif language == "" and re.match(r"alignscope|mkdir|cp|cat|for", code):
        command = ["bash", "-euo", "pipefail", "-c", code]
    else:
        return None, "is no command"
    if code == "alignscope demo\n" and Path("alignscope-demo").exists():
        return None, "was run before"
    if ELSEWHERE.search(re.sub(r"^ *#.*$", "", code, flags=re.M)):
        return None, "needs what is not here"
    if command[0] == sys.executable and not asked.python:
        return None, "needs the module: --python"
    if "torch" in code and not asked.torch:
        return None, "needs torch: --torch"
    return command, ""


def follow(page, asked):
    begun, run = time.perf_counter(), 0
    print(f"--- {page}", flush=True)
    for language, before, code in blocks((TASKS / f"{page}.md").read_text(encoding="utf-8")):
        command, why = command_of(language, before, code, asked)
        first = code.split("\n", 1)[0]
        if command is None:
            print(f"    passed over, {why}: {first}", flush=True)
            if why.startswith("needs the module"):
                break
            continue
        print(f"    {first}", flush=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{page}: exit code {done.returncode} of\n{code}\n{done.stdout}{done.stderr}")
        run += 1
    print(f"{page}: {run} blocks in {time.perf_counter() - begun:.0f} s", flush=True)
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", default=PAGES)
    parser.add_argument("--python", action="store_true")
    parser.add_argument("--torch", action="store_true")
    asked = parser.parse_args()
    if not shutil.which("alignscope"):
        sys.exit("alignscope is not on the path")
    with tempfile.TemporaryDirectory() as place:
        os.environ["ALIGNSCOPE_CACHE"] = f"{place}/cache"
        Path(place, "work").mkdir()
        os.chdir(Path(place, "work"))
        run = sum(follow(page, asked) for page in asked.pages)
        os.chdir("/")
    print(f"{run} blocks of {len(asked.pages)} pages were run as they stand")


if __name__ == "__main__":
    main()
