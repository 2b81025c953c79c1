"""Checks the pages of the documentation without building them:

    python scripts/check_docs.py

- Every link to a file of the repository leads to one, and every `#heading` to a heading.
- Lines are below 100 columns. Not held to that: rows of tables, lines that one link or address
  fills, and what the program printed (blocks marked `text`).
- Nothing is said of the machines on which the project is made.
- docs/results.md lists the columns of each table as the program declares them.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 99
#: Made by scripts/python_page.py, which puts the names of arguments before lines of docstrings.
GENERATED = {"docs/python.md"}
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)(```+|~~~+)(.*)$")
#: The tables of docs/results.md, and the file below crates/alignscope/src that declares their rows.
TABLES = {
    "scores.csv": "results/scores.rs",
    "findings.csv": "findings.rs",
    "comparisons.csv": "comparison.rs",
    "ceilings.csv": "ceiling.rs",
    "energy.csv": "energy.rs",
    "distances.parquet": "results/distances.rs",
    "trials.parquet": "results/trials.rs",
    "judgements.parquet": "results/judgements.rs",
    "scale.parquet": "results/scale.rs",
    "published-differences.csv": "study.rs",
    "FIGURE.csv": "figure/table.rs",
    "transforms.csv": "transform/row.rs",
    "similarities.csv": "similarity.rs",
    "gallery.csv": "results/gallery.rs",
}
PRIVATE = re.compile(r"/work/|/home/(?!me/)[a-z]|\.\./shared|/root/")


def pages():
    """Each page: its path in the repository, and its lines."""
    names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    names += ["crates/alignscope-py/README.md"]
    paths = [ROOT / name for name in names] + sorted((ROOT / "docs").rglob("*.md"))
    for path in paths:
        yield path, path.read_text(encoding="utf-8").split("\n")
    for path in sorted((ROOT / "docs").rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        yield path, "\n\n".join(texts).split("\n")


def without_code(lines):
    """Each line with its number, and what block it is in: None, or the words behind the fence."""
    block, fence = None, ""
    for number, line in enumerate(lines, 1):
        found = FENCE.match(line)
        if block is None and found:
            block, fence = found[3].strip(), found[2]
            yield number, line, block
        elif block is not None and line.strip() == fence:
            yield number, line, block
            block = None
        else:
            yield number, line, block


def slug(heading):
    """What GitHub, and the site, call a heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"[`*]", "", text).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def headings(path):
    if path.suffix == ".ipynb":
        return None
    found, seen = set(), {}
    for _, line, block in without_code(path.read_text(encoding="utf-8").split("\n")):
        if block is None and re.match(r"^#{1,6} ", line):
            name = slug(line.lstrip("#"))
            count = seen.get(name, 0)
            found.add(name if count == 0 else f"{name}-{count}")
            seen[name] = count + 1
    return found


def wrong_links(path, lines):
    text = []
    for number, line, block in without_code(lines):
        is_code = block is not None or line.startswith("    ")
        text.append("" if is_code else re.sub(r"`[^`]*`", "", line))
    # A link may be broken into two lines.
    joined = "\n".join(text)
    for found in LINK.finditer(joined):
        target = found[1]
        number = joined.count("\n", 0, found.start()) + 1
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists():
            yield number, f"links to {target}, which is not there"
        elif not there.is_relative_to(ROOT):
            yield number, f"links to {target}, which lies outside of the repository"
        elif heading and there.suffix == ".md" and heading not in headings(there):
            yield number, f"links to {target}: {there.name} has no such heading"


def long_lines(path, lines):
    if path.relative_to(ROOT).as_posix() in GENERATED or path.suffix == ".ipynb":
        return
    for number, line, block in without_code(lines):
        is_free = line.lstrip().startswith("|") or (block or "").split(" ")[0] == "text"
        one_word = len(line.split()) <= 2 and "](" in line or re.match(r"^\S*https?://\S+$", line.strip())
        if len(line) > COLUMNS and not is_free and not one_word:
            yield number, f"has {len(line)} columns, expected at most {COLUMNS}"


def private(lines):
    for number, line, _ in without_code(lines):
        if found := PRIVATE.search(line):
            yield number, f"names `{found[0]}`"


def wrong_columns():
    """Where docs/results.md has other columns than the program."""
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    for table, source in TABLES.items():
        code = (ROOT / "crates/alignscope/src" / source).read_text(encoding="utf-8")
        row = re.search(r"(?:csv_row|parquet_row)! \{.*?struct [^{]*\{(.*?)\n    \}", code, re.S)
        declared = re.findall(r"^ {8}(?:pub(?:\([a-z]+\))? )?([a-z_]+): ", row[1], re.M)
        section = text.partition(f"\n## `{table}`\n")[2].partition("\n## ")[0]
        first = re.findall(r"^\| (`[^|]*) \|", section, re.M)
        told = [name for cell in first for name in re.findall(r"`([a-z_]+)`", cell)]
        if told != declared:
            yield f"docs/results.md: {table} has {declared}, and is said to have {told}"


def main():
    wrong = [*wrong_columns()]
    for path, lines in pages():
        name = path.relative_to(ROOT).as_posix()
        for number, why in [*wrong_links(path, lines), *long_lines(path, lines), *private(lines)]:
            wrong.append(f"{name}:{number}: {why}")
    print("\n".join(wrong) if wrong else "links, lines and words of all pages are as they should be")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
