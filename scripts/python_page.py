"""Prints docs/python.md: what the module alignscope has, from its docstrings.

    python scripts/python_page.py > docs/python.md

Needs the module to be installed.
"""

import inspect

import alignscope

HEAD = """\
# The Python package

Made by `scripts/python_page.py` from the docstrings. A tutorial: [tutorial.ipynb](tutorial.ipynb).

    pip install ./crates/alignscope-py        # brings the command `alignscope` and the module
"""


def signature(function, name):
    """A call, a line for each argument where there are many."""
    found = inspect.signature(function)
    words, starred = [], False
    for p in found.parameters.values():
        if p.name in ("self", "cls"):
            continue
        if p.kind is p.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        default = "" if p.default is p.empty else f" = {p.default!r}"
        stars = "**" if p.kind is p.VAR_KEYWORD else ""
        words.append(f"{stars}{p.name}: {p.annotation}{default}")
    returns = found.return_annotation
    returns = "" if returns in (found.empty, "None") else f" -> {returns}"
    line = f"{name}({', '.join(words)}){returns}"
    if len(line) <= 100:
        return line
    body = "".join(f"    {word},\n" for word in words)
    return f"{name}(\n{body}){returns}"


#: What headings of NumPy's style become.
SECTIONS = {"Parameters": "", "Returns": "Returns", "Raises": "Raises", "Notes": "", "Examples": ""}


def sections(doc):
    """A docstring in NumPy's style by its headings; what stands before them under the empty one."""
    found, heading, lines = {"": []}, "", doc.split("\n")
    for line, below in zip(lines, [*lines[1:], ""]):
        if line in SECTIONS and below == "-" * len(line):
            heading = line
            found[heading] = []
        elif not (heading and line == "-" * len(heading) and not found[heading]):
            found[heading].append(line)
    return found


def entries(lines, heading):
    """The entries of a section as a list: `name : type`, and what is said of it below."""
    found = []
    for line in lines:
        if line.startswith("    "):
            found[-1].append(line.strip())
        elif line:
            names, _, kind = line.partition(" : ")
            name = ", ".join(f"`{name}`" for name in names.split(", "))
            name = f"{name} ({kind})" if kind else name
            found.append([f"{SECTIONS[heading]} {name}".strip()])
    return [f"- {name} — " + "\n  ".join(told) for name, *told in found]


def examples(lines):
    """Examples as blocks of code, with the texts between them."""
    parts, code = [], False
    for block in "\n".join(lines).strip("\n").split("\n\n"):
        if block.startswith(">>> ") and code:
            parts[-1] += f"\n\n{block}"
        else:
            parts.append(block)
        code = block.startswith(">>> ")
    return "\n\n".join(f"```python\n{p}\n```" if p.startswith(">>> ") else p for p in parts)


def of_numpy(doc):
    """A docstring in NumPy's style as Markdown."""
    parts = []
    for heading, lines in sections(doc).items():
        body = "\n".join(lines).strip("\n")
        if heading == "Examples":
            parts.append(examples(lines))
        elif heading in ("", "Notes"):
            parts.append(body)
        else:
            parts.append("\n".join(entries(lines, heading)))
    return "\n\n".join(part for part in parts if part)


def text(thing):
    """A docstring as Markdown: its arguments become a list."""
    doc = inspect.getdoc(thing) or ""
    if any(f"{heading}\n---" in doc for heading in SECTIONS):
        return of_numpy(doc)
    lines, listed = [], False
    for line in doc.split("\n"):
        if line.startswith("`") and "` — " in line:
            if lines and lines[-1] and not listed:
                lines.append("")
            lines.append(f"- {line}")
            listed = True
        elif not line:
            lines.append("")
            listed = False
        else:
            lines.append(f"  {line}" if listed else line)
    return "\n".join(lines).strip()


def of_class(cls, name):
    print(f"## `{name}`\n\n{text(cls)}\n")
    if "__init__" in vars(cls) and name in MADE_BY_USERS:
        print(f"```python\n{signature(cls.__init__, name)}\n```\n")
    for key, member in vars(cls).items():
        if key.startswith("_") and key not in ("__getitem__", "__arrow_c_stream__"):
            continue
        function = getattr(member, "fget", None) or getattr(member, "func", None)
        if function is not None:
            print(f"### `{name}.{key}`\n\n{text(function)}\n")
        elif inspect.isfunction(member) or isinstance(member, classmethod):
            member = getattr(member, "__func__", member)
            print(f"### `{name}.{key}`\n\n```python\n{signature(member, key)}\n```\n\n{text(member)}\n")


#: Classes that users make by a call.
MADE_BY_USERS = ("Experiment", "Encoder", "Features", "Function", "Distances", "Run")

print(HEAD)
print(inspect.getdoc(alignscope), "\n")
functions = [
    "run", "load_dataset", "demo", "score", "score_distances", "evaluate", "compare", "combine",
    "gallery", "cite",
    "results", "known_models",
]  # fmt: skip
classes = [
    "Features", "Function", "Distances", "Experiment", "Run", "Dataset", "Measurement",
    "DistanceMatrix", "Encoder", "Table",
]  # fmt: skip
for name in functions:
    function = getattr(alignscope, name)
    print(f"## `{name}`\n\n```python\n{signature(function, name)}\n```\n\n{text(function)}\n")
for name in classes:
    of_class(getattr(alignscope, name), name)
print("## `alignscope.torch`\n")
print(text(alignscope.torch) + "\n")
for name in ("module", "from_timm", "from_transformers", "from_open_clip", "from_torchvision"):
    function = getattr(alignscope.torch, name)
    print(f"### `torch.{name}`\n\n```python\n{signature(function, name)}\n```\n\n{text(function)}\n")
for name in ("Options", "Recipe", "TorchModel"):
    thing = getattr(alignscope.torch, name)
    print(f"### `torch.{name}`\n\n{text(thing)}\n")
print("## `Reporter`\n")
print(text(alignscope.Reporter) + "\n")
for key, member in vars(alignscope.Reporter).items():
    if inspect.isfunction(member) and not key.startswith("_"):
        print(f"- `{signature(member, key)}` — {text(member)}")
print("\n## Exceptions\n")
print("| exception | is also | when |\n|---|---|---|")
for name in alignscope.__all__:
    thing = getattr(alignscope, name)
    if isinstance(thing, type) and issubclass(thing, Exception):
        also = ", ".join(f"`{base.__name__}`" for base in thing.__bases__)
        print(f"| `{name}` | {also} | {' '.join(text(thing).split())} |")
