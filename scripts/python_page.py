"""Prints docs/python.md: what the module alignscope has, from its docstrings.

    python scripts/python_page.py > docs/python.md

Needs the module to be installed.
"""

import inspect

import alignscope

HEAD = """\
# The Python package

Made by `scripts/python_page.py` from the docstrings; `.ci/python` fails where it is another. A tutorial: [tutorial.ipynb](tutorial.ipynb).

    pip install ./crates/alignscope-py        # needs Rust and a C compiler; brings the command `alignscope` and the module
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


def text(thing):
    """A docstring as Markdown: its arguments become a list."""
    lines, listed = [], False
    for line in (inspect.getdoc(thing) or "").split("\n"):
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
    if "__init__" in vars(cls) and name in ("Experiment", "Encoder", "Features", "Function"):
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


print(HEAD)
print(inspect.getdoc(alignscope), "\n")
functions = ["run", "load_dataset", "demo", "score", "evaluate", "results", "known_models"]
classes = ["Features", "Function", "Experiment", "Run", "Dataset", "Measurement", "Encoder", "Table"]
for name in functions:
    function = getattr(alignscope, name)
    print(f"## `{name}`\n\n```python\n{signature(function, name)}\n```\n\n{text(function)}\n")
for name in classes:
    of_class(getattr(alignscope, name), name)
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
