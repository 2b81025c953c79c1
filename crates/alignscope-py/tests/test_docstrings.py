"""Every example of a docstring runs, and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import alignscope

#: What parts of the package need.
NEEDS = {"alignscope.torch": ("torch", "timm", "transformers", "open_clip", "torchvision")}
#: What examples of some things need.
OF_THINGS = {
    "alignscope._finished.Run.plot": ("matplotlib",),
    "alignscope._score.score_distances": ("PIL",),
}
#: Names without an example of their own: they are in those of others, or need none.
WITHOUT = {"Holding", "torch"}


def modules():
    yield "alignscope"
    for found in pkgutil.walk_packages(alignscope.__path__, "alignscope."):
        if not found.name.endswith(("__main__", "._alignscope")):
            yield found.name


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in modules():
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        for test in finder.find(module):
            if test.examples:
                yield test


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with the demo's data sets, and a run of two metrics on them."""
    folder = tmp_path_factory.mktemp("examples")
    datasets = list(alignscope.demo(folder / "demo").values())
    alignscope.run(["ssim", "psnr"], datasets, folder / "results", cache=False, progress=False)
    return folder


@pytest.mark.parametrize("test", list(examples()), ids=lambda test: test.name)
def test_examples_run(test, place, monkeypatch):
    for name, needed in [*NEEDS.items(), *OF_THINGS.items()]:
        if test.name.startswith(name):
            for package in needed:
                pytest.importorskip(package)
    monkeypatch.chdir(place)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed = doctest.DocTestRunner(optionflags=options).run(test)
    assert failed.failed == 0 and failed.attempted > 0


def test_every_public_function_and_class_has_an_example():
    def has_example(thing):
        members = [thing, *vars(thing).values()] if isinstance(thing, type) else [thing]
        return any(">>> " in (inspect.getdoc(member) or "") for member in members)

    public = [name for name in alignscope.__all__ if callable(getattr(alignscope, name))]
    errors = {name for name in public if name.endswith("Error")}
    missing = {name for name in public if not has_example(getattr(alignscope, name))}
    assert missing <= errors | WITHOUT


def test_help_begins_with_what_one_does():
    lines = alignscope.__doc__.splitlines()
    assert lines[2:5] == [
        "    import alignscope",
        '    dataset = alignscope.load_dataset("things", "data/things")',
        '    alignscope.run(["openai/clip-vit-base-patch32", "ssim"], dataset, "results").show()',
    ]
    told = "\n".join(lines)
    named = {name: getattr(alignscope, name) for name in alignscope.__all__}
    functions = [name for name, value in named.items() if inspect.isfunction(value)]
    assert [name for name in functions if f"`{name}`" not in told] == []
