"""A browser, and the pages to look at: those that ALIGNSCOPE_PAGES names."""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

PAGES = [Path(name).resolve() for name in os.environ["ALIGNSCOPE_PAGES"].split(":") if name]
WIDE = {"width": 1400, "height": 900}
NARROW = {"width": 390, "height": 844}


class Shown:
    """A page in a browser, with what its tests ask again and again."""

    def __init__(self, browser, file, hash="", viewport=WIDE, **context):
        self.context = browser.new_context(viewport=viewport, accept_downloads=True, **context)
        self.context.set_default_timeout(8000)
        self.tab = self.context.new_page()
        self.file = file
        self.problems = []
        self.tab.on("console", self._told)
        self.tab.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.tab.on("request", self._asked)
        self.tab.goto(file.as_uri() + hash)
        self.tab.wait_for_selector("#explorer .plot")
        self.data = json.loads(self.tab.text_content("#run-data"))

    def _told(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def _asked(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.problems.append(f"request: {request.url}")

    def __getattr__(self, name):
        return getattr(self.tab, name)

    def count(self, selector):
        return self.tab.locator(selector).count()

    def curves(self):
        return self.count("#explorer .plot .series.curve")

    def plots(self):
        return self.count("#explorer .plot")

    def choose_view(self, view):
        self.tab.check(f"#explorer [name=view][value={view}]", force=True)

    def choose(self, name, value):
        self.tab.select_option(f"#explorer select[name={name}]", value)

    def box(self, name, value):
        return self.tab.locator(f"#explorer input[name={name}]").nth(value)

    def colour(self, selector, of="color"):
        """The colour of an element, as numbers."""
        script = "([s, of]) => getComputedStyle(document.querySelector(s))[of]"
        found = self.tab.evaluate(script, [selector, of])
        return [float(part) for part in re.findall(r"[\d.]+", found)]

    def numbers(self, column):
        """A column of the table under the figure, counted from 1."""
        self.tab.click("details.numbers:not([open]) summary")
        self.tab.wait_for_selector("details.numbers tbody tr")
        return self.tab.locator(f"details.numbers tbody td:nth-child({column})")

    def download(self, name):
        """The name and the bytes of the file that a button of the figure saves."""
        with self.tab.expect_download() as found:
            self.tab.click(f".exports button:text-is('{name}')")
        return found.value.suggested_filename, Path(found.value.path()).read_bytes()

    def with_stages(self):
        """The numbers of the models with several stages."""
        curves = self.data["curves"]
        return sorted({c["model"] for c in curves if len(c["points"]) > 1})

    def end(self):
        self.context.close()
        assert self.problems == []


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=PAGES, ids=lambda page: page.parent.name + "/" + page.name)
def show(browser, request):
    """Opens the page; at the end of the test, nothing may have been asked or gone wrong."""
    opened = []

    def open_page(hash="", **context):
        opened.append(Shown(browser, request.param, hash, **context))
        return opened[-1]

    yield open_page
    for page in opened:
        page.end()
