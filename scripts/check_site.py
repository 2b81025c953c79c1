"""Checks the site that MkDocs built: nothing of it comes from elsewhere, and Markdown became what it
says.

    python scripts/check_site.py target/site
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

#: What a browser fetches by itself, by tag.
FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
#: Links that are told of and not fetched.
TOLD = {"canonical", "next", "prev"}


class Page(HTMLParser):
    """What a page fetches, and texts that look as if Markdown was not understood."""

    def __init__(self):
        super().__init__()
        self.fetched, self.odd, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag in FETCHED and found.get("rel") not in TOLD and (link := found.get(FETCHED[tag])):
            self.fetched.append(link)
        if tag in ("pre", "code", "script", "style"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, text):
        if self.open == ["code"] and re.match(r"(text|python|toml|json)\s", text) and "\n" in text:
            self.odd.append(f"a block of code became a line: {text[:60]!r}")
        if self.open:
            return
        for odd in (r"^\s*[-*] \S", r"\n\s*[-*] \S", r"\n\s*\|.*\|", r"\]\([a-z.]+\.md", r"```"):
            if found := re.search(odd, text):
                line, _ = self.getpos()
                self.odd.append(f"line {line}: {found[0].strip()[:60]!r}")


def main():
    site, wrong = Path(sys.argv[1]), []
    pages = sorted(site.rglob("*.html"))
    for path in pages:
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        name = path.relative_to(site)
        wrong += [f"{name}: fetches {x}" for x in page.fetched if re.match(r"(https?:)?//", x)]
        wrong += [f"{name}: {odd}" for odd in page.odd]
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", text)
        wrong += [f"{path.relative_to(site)}: fetches {x}" for x in found]
    print("\n".join(wrong) if wrong else f"{len(pages)} pages fetch nothing from elsewhere")
    sys.exit(1 if wrong or not pages else 0)


if __name__ == "__main__":
    main()
