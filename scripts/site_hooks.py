"""What mkdocs.yml asks for beside MkDocs itself.

- ARCHITECTURE.md, CONTRIBUTING.md and CHANGELOG.md of the repository are pages of the site.
- A file of the repository that a page links to (`../crates/…`) is part of the site.
- Notebooks are pages, with the outputs that are in them. Nothing is run.

So the same links hold in a clone, where pages are read as Markdown, and in the site.
"""

import base64
import json
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
#: Files of the repository that are pages of the site.
PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
#: Where other files of the repository are in the site.
COPIES = "repository"
LINK = re.compile(r"(!?\[(?:[^\]\[]|\[[^\]]*\])*\])\(([^)\s#]+)(#[^)\s]*)?\)")
#: Blocks of code, in which nothing is a link.
CODE = re.compile(r"^```.*?^```$|^    .*?$", re.S | re.M)


def target_in_site(link, folder):
    """Where a link of a page in `folder` (of the repository) leads in the site; None: leave it."""
    if "://" in link or link.startswith(("/", "mailto:")):
        return None
    path = posixpath.normpath(posixpath.join(folder, link))
    if path in PAGES:
        return PAGES[path]
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/").replace(".ipynb", ".ipynb.md")
    if (ROOT / path).is_file():
        return f"{COPIES}/{path}"
    return None


def with_links_of_site(text, folder, page):
    """The text of a page with its links as the site needs them."""

    def renamed(match):
        target = target_in_site(match[2], folder)
        if target is None:
            return match[0]
        link = posixpath.relpath(target, posixpath.dirname(page) or ".")
        return f"{match[1]}({link}{match[3] or ''})"

    parts, last = [], 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(renamed, text[last : code.start()]), code[0]]
        last = code.end()
    return "".join([*parts, LINK.sub(renamed, text[last:])])


def fenced(text, language=""):
    ticks = "```" if "```" not in text else "````"
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def output(found):
    """An output of a cell as Markdown: a picture, HTML, or text."""
    if found["output_type"] == "stream":
        return fenced("".join(found["text"]), "text")
    if found["output_type"] == "error":
        return fenced("\n".join(found["traceback"]), "text")
    data = {kind: "".join(value) for kind, value in found["data"].items()}
    if "image/png" in data:
        picture = re.sub(r"\s", "", data["image/png"])
        base64.b64decode(picture, validate=True)
        return f'<img alt="output" src="data:image/png;base64,{picture}">'
    if "image/svg+xml" in data:
        picture = base64.b64encode(data["image/svg+xml"].encode()).decode()
        return f'<img alt="output" src="data:image/svg+xml;base64,{picture}">'
    if "text/html" in data:
        return "<div>" + re.sub(r"\n\s*\n", "\n", data["text/html"]) + "</div>"
    return fenced(data.get("text/plain", ""), "text")


def notebook(text):
    """A notebook as Markdown."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(fenced(source, "python"))
            parts += [output(found) for found in cell["outputs"]]
    return "\n\n".join(parts) + "\n"


def texts():
    """The pages by where they are in the repository: what is in them, and their place in the site."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        name = path.relative_to(ROOT).as_posix()
        yield name, path.read_text(encoding="utf-8"), name.removeprefix("docs/")
    for path in sorted((ROOT / "docs").rglob("*.ipynb")):
        name = path.relative_to(ROOT).as_posix()
        yield name, notebook(path.read_text(encoding="utf-8")), name.removeprefix("docs/") + ".md"
    for name, page in PAGES.items():
        yield name, (ROOT / name).read_text(encoding="utf-8"), page


def on_config(config):
    """Adds the notebooks to the nav: each by its heading, at the end of the section Tutorial."""
    tutorial = next(entry["Tutorial"] for entry in config["nav"] if "Tutorial" in entry)
    for path in sorted((ROOT / "docs").glob("*.ipynb")):
        heading = re.search(r"^# (.*)$", notebook(path.read_text(encoding="utf-8")), re.M)
        tutorial.append({f"Notebook: {heading[1]}": f"{path.name}.md"})
    return config


def on_files(files, config):
    """Adds the pages and files that are not below docs/, and turns links."""
    copies = set()
    for name, text, page in texts():
        folder = posixpath.dirname(name)
        for match in LINK.finditer(CODE.sub("", text)):
            target = target_in_site(match[2], folder)
            if target and target.startswith(f"{COPIES}/"):
                copies.add(target)
        if existing := files.get_file_from_path(page):
            files.remove(existing)
        files.append(File.generated(config, page, content=with_links_of_site(text, folder, page)))
        if name.endswith(".ipynb") and (raw := files.get_file_from_path(name.removeprefix("docs/"))):
            files.remove(raw)
    for target in sorted(copies):
        source = ROOT / target.removeprefix(f"{COPIES}/")
        files.append(File.generated(config, target, content=source.read_bytes()))
    return files
