"""The files that the page saves hold what is seen."""

import csv
import io
import struct
import xml.etree.ElementTree as xml

import pytest


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_csv_file_has_the_rows_that_are_seen_in_full_precision(show):
    page = show()
    page.choose_view("curves")
    page.box("models", 0).uncheck()
    name, content = page.download("CSV")
    assert name == f"{page.data['slug']}-curves.csv"
    rows = rows_of(content)
    assert list(rows[0]) == ["dataset", "model", "distance", "measure", "stage", "depth_percent",
                             "value", "ci_low", "ci_high"]
    data = page.data
    distances = page.locator("#explorer input[name=distances]").evaluate_all(
        "all => all.map((box) => [Number(box.value), box.checked])")
    left_out = {d for d, checked in distances if not checked}
    wanted = set()
    for curve in data["curves"]:
        measure = data["measures"][curve["measure"]]["name"]
        dataset = data["datasets"][curve["dataset"]]
        if measure != dataset["main_measure"] or curve["model"] == 0:
            continue
        if curve["distance"] in left_out:
            continue
        distance = "" if curve["distance"] is None else data["distances"][curve["distance"]]["name"]
        for stage, depth, *values in curve["points"]:
            wanted.add((dataset["name"], data["models"][curve["model"]]["name"], distance, measure,
                        stage, float(depth), *values))
    number = lambda text: None if text == "" else float(text)  # noqa: E731
    found = {(r["dataset"], r["model"], r["distance"], r["measure"], r["stage"],
              float(r["depth_percent"]), float(r["value"]), number(r["ci_low"]),
              number(r["ci_high"])) for r in rows}
    assert found == wanted
    assert len(rows) == len(wanted)


def test_the_csv_file_of_one_stage_has_a_row_for_each_mark(show):
    page = show()
    page.choose_view("stage")
    name, content = page.download("CSV")
    assert name == f"{page.data['slug']}-one-stage.csv"
    assert len(rows_of(content)) == page.count("#explorer .plot .series")


@pytest.mark.parametrize("view", ["curves", "map", "stage"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_svg_file_stands_alone_in_light_colours(show, view, scheme):
    page = show(color_scheme=scheme)
    page.choose_view(view)
    name, content = page.download("SVG")
    assert name.endswith(".svg") and name.startswith(page.data["slug"])
    root = xml.fromstring(content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = " ".join(text for text in root.itertext())
    assert page.data["title"] in texts
    background = root.find("{http://www.w3.org/2000/svg}rect")
    assert background.get("fill") == "#ffffff"
    for element in root.iter():
        assert element.get("class") is None and element.get("style") is None
        for value in element.attrib.values():
            assert "var(" not in value and "NaN" not in value and "undefined" not in value
            assert "http" not in value
    for word in [page.data["datasets"][c]["name"] for c in
                 {c["dataset"] for c in page.data["curves"]}]:
        assert word in texts
    if page.data["simulated"]:
        assert "Simulated" in texts


def test_the_png_file_is_three_times_the_drawing(show):
    page = show()
    page.choose_view("curves")
    _, drawing = page.download("SVG")
    name, content = page.download("PNG")
    assert name.endswith(".png")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high = struct.unpack(">II", content[16:24])
    root = xml.fromstring(drawing)
    if float(root.get("height")) < 5000:
        assert wide == 3 * int(root.get("width")) and high == 3 * int(root.get("height"))
    # It is not blank.
    from PIL import Image

    colours = Image.open(io.BytesIO(content)).convert("RGB").resize((300, 300)).getcolors(90000)
    assert len(colours) > 20


def test_bibtex_is_shown_and_saved(show):
    page = show()
    page.click(".exports button:text-is('BibTeX')")
    assert page.is_visible("dialog.cite pre")
    assert page.text_content("dialog.cite pre") == page.data["bibtex"]
    with page.expect_download() as found:
        page.click("dialog.cite button:text-is('Save .bib')")
    assert found.value.suggested_filename.endswith(".bib")
    page.keyboard.press("Escape")
    assert page.is_hidden("dialog.cite")


def test_pdf_prints_the_figure_alone(show):
    page = show()
    page.evaluate("window.print = () => { window.asked = true }")
    page.click(".exports button:text-is('PDF')")
    assert page.evaluate("window.asked") is True
    page.emulate_media(media="print")
    assert page.is_visible(".sheet svg")
    assert page.is_hidden("main") and page.is_hidden("header")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.count(".sheet") == 0
    assert page.is_visible("main")
