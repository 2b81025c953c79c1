"""The whole page: light, dark, narrow, on paper, by keyboard, and two models side by side."""

import re

import pytest
from conftest import NARROW


def test_nothing_is_fetched_and_the_policy_forbids_it(show):
    page = show()
    policy = page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert "default-src 'none'" in policy
    assert page.evaluate("performance.getEntriesByType('resource').filter("
                         "(e) => !/^(data|blob):/.test(e.name)).length") == 0


def test_the_script_leaves_one_global_name(show):
    page = show()
    extra = page.evaluate("""() => {
        const frame = document.createElement('iframe');
        document.body.append(frame);
        const known = new Set(Object.getOwnPropertyNames(frame.contentWindow));
        frame.remove();
        return Object.getOwnPropertyNames(window).filter((name) => !known.has(name)
          && !/^\\d+$/.test(name) && document.getElementById(name) === null);
    }""")
    assert [name for name in extra if not name.startswith("__")] == []


def test_a_dark_page_is_dark_and_its_curves_are_light(show):
    light, dark = show(color_scheme="light"), show(color_scheme="dark")
    assert sum(light.colour("html", "backgroundColor")[:3]) > 700
    assert sum(dark.colour("html", "backgroundColor")[:3]) < 120
    for page in (light, dark):
        page.choose_view("curves")
    line = "#explorer .plot .series.curve path.stroke:not(.band)"
    model = int(dark.get_attribute("#explorer .plot .series.curve", "data-model"))
    for page, key in ((light, "light"), (dark, "dark")):
        colour = page.data["models"][model][key]
        wanted = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
        assert page.colour(line, "stroke") == wanted
    text = "#explorer .plot svg text"
    assert sum(light.colour(text, "fill")[:3]) < 300 < 500 < sum(dark.colour(text, "fill")[:3])


@pytest.mark.parametrize("view", ["curves", "map", "stage"])
def test_a_narrow_screen_does_not_scroll_sideways(show, view):
    page = show(viewport=NARROW, has_touch=True, is_mobile=True)
    page.choose_view(view)
    page.locator("details.choosers summary").click()
    assert page.is_visible("#explorer input[name=models]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.evaluate("""() => [...document.querySelectorAll('#explorer *')].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width > 0 && box.right > innerWidth + 1;
    }).map((e) => e.outerHTML.slice(0, 80))""")
    assert wide == []


def test_choosers_are_folded_on_a_narrow_screen_alone(show):
    assert show(viewport=NARROW).is_hidden("#explorer input[name=models] >> nth=0")
    assert show().is_visible("#explorer input[name=models] >> nth=0")


def test_paper_has_no_controls_and_light_colours(show):
    page = show(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in (".bar", ".exports", ".choosers", "nav", ".tools", "details.numbers"):
        for element in page.locator(hidden).all():
            assert element.is_hidden(), hidden
    assert page.is_visible("#explorer .plot svg >> nth=0")
    assert page.is_visible("#explorer .legend")
    assert sum(page.colour("html", "backgroundColor")[:3]) > 700
    assert sum(page.colour("#explorer .plot svg text", "fill")[:3]) < 300
    assert len(page.pdf()) > 10_000


def test_every_control_has_a_name(show):
    page = show()
    page.choose_view("stage")
    nameless = page.evaluate("""() => {
        const named = (e) => e.getAttribute('aria-label') || e.textContent.trim()
          || [...(e.labels ?? [])].some((label) => label.textContent.trim());
        const found = document.querySelectorAll('button, select, input, summary, a[href],'
          + '[role=group], [role=region], fieldset, dialog');
        return [...found].filter((e) => e.tagName === 'FIELDSET'
          ? !e.querySelector('legend')?.textContent.trim()
          : e.tagName === 'DIALOG' ? !document.getElementById(e.getAttribute('aria-labelledby'))
            : ['INPUT', 'SELECT'].includes(e.tagName)
              ? !(e.getAttribute('aria-label')
                || [...e.labels].some((label) => label.textContent.trim()))
              : !named(e)).map((e) => e.outerHTML.slice(0, 100));
    }""")
    assert nameless == []


def test_ids_are_unique_and_pictures_have_words(show):
    page = show()
    page.choose_view("map")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("[...document.querySelectorAll('img:not([alt])')].length") == 0


def test_headings_are_in_order(show):
    page = show()
    levels = [int(tag[1]) for tag in page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((h) => h.tagName)")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:]))


def test_controls_are_large_enough_for_a_finger(show):
    page = show(viewport=NARROW, has_touch=True, is_mobile=True)
    page.locator("details.choosers summary").click()
    small = page.evaluate("""() => [...document.querySelectorAll('#explorer button,'
        + '#explorer select, #explorer label, #disagree select')].filter((e) => {
          const box = e.getBoundingClientRect();
          return box.height > 0 && !e.classList.contains('pick') && box.height < 40;
        }).map((e) => e.outerHTML.slice(0, 100))""")
    assert small == []


def test_the_keyboard_reaches_choosers_and_panels(show):
    page = show()
    reached = set()
    for _ in range(60 + 2 * len(page.data["models"])):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("""document.activeElement.name
            || document.activeElement.className || document.activeElement.textContent"""))
        if "plot" in reached:
            break
    assert {"models", "view", "measure", "plot"} <= reached
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_two_models_are_laid_side_by_side(show):
    page = show()
    entries = page.data["disagreements"]
    if not entries:
        assert "no trials" in page.text_content("#disagree")
        pytest.skip("this page has no disagreements")
    entry = entries[-1]
    first, second, dataset = page.locator("#disagree select").all()
    first.select_option(str(entry["a"]))
    second.select_option(str(entry["b"]))
    dataset.select_option(str(entry["dataset"]))
    said = page.text_content("#disagree .said")
    if entry["differ"] is not None:
        part = 100 * entry["differ"] / max(entry["n"], 1)
        assert f"{entry['differ']:,} of {entry['n']:,}" in said
        share = float(re.search(r"\(([\d.]+) %\)", said)[1])
        assert abs(share - part) <= 0.051
    assert page.count("#disagree .card") == len(entry["trials"])
    shown = page.count("#disagree .card img")
    pictures = sum(image["thumb"] is not None for t in entry["trials"] for image in t["images"])
    assert shown == pictures
    # The other way round, the same trials.
    first.select_option(str(entry["b"]))
    second.select_option(str(entry["a"]))
    assert page.count("#disagree .card") == len(entry["trials"])
    second.select_option(str(entry["b"]))
    assert "same model" in page.text_content("#disagree .said")
    assert page.count("#disagree .card") == 0


def test_disagreements_are_sorted_by_who_agrees_with_people(show):
    page = show()
    first, second, dataset = page.locator("#disagree select").all() or [None] * 3
    seen = 0
    for entry in page.data["disagreements"][:6]:
        answers = [{model: agrees for model, _, agrees in trial["answers"]}
                   for trial in entry["trials"]]
        pairs = [(right.get(entry["a"]), right.get(entry["b"])) for right in answers]
        if any(None in pair for pair in pairs):
            continue
        first.select_option(str(entry["a"]))
        second.select_option(str(entry["b"]))
        dataset.select_option(str(entry["dataset"]))
        a, b = (page.data["models"][entry[key]]["short"] for key in ("a", "b"))
        whom = page.data["people"]
        titles = {(True, False): f"{a} agrees with {whom}, {b} does not",
                  (False, True): f"{b} agrees with {whom}, {a} does not",
                  (False, False): f"Neither agrees with {whom}"}
        wanted = {titles[kind]: sorted(trial["title"] for trial, pair
                                       in zip(entry["trials"], pairs) if pair == kind)
                  for kind in titles if kind in pairs}
        found = page.evaluate("""() => Object.fromEntries(
            [...document.querySelectorAll('#disagree h3')].map((head) => [head.textContent,
              [...head.nextElementSibling.querySelectorAll('h4')].map((h) => h.textContent)]))""")
        assert {title: sorted(cards) for title, cards in found.items()} == wanted
        seen += 1
    if seen == 0:
        pytest.skip("this page has no disagreements on choices")


def test_saved_figures_still_give_values(show):
    page = show()
    if page.count("figure.chart .panel") == 0:
        pytest.skip("this page has no saved figures")
    panel = page.locator("figure.chart .panel").first
    panel.focus()
    panel.press("ArrowRight")
    assert panel.locator(".readout").text_content() != ""
