"""The figure of the page: what is chosen is what is drawn."""

import math

import pytest
from conftest import NARROW


def test_the_figure_is_on_the_first_screen(show):
    page = show()
    box = page.locator("#explorer .plot").first.bounding_box()
    assert box["y"] < 450
    # A map of very many models is higher than a screen.
    assert box["y"] + 0.8 * box["height"] < 900 or len(page.with_stages()) > 20
    assert page.locator("h1").bounding_box()["y"] < 200
    assert page.evaluate("document.querySelector('main > section').id") == "figure"


def test_choosers_change_what_is_drawn(show):
    page = show()
    page.choose_view("curves")
    for i in range(page.count("#explorer input[name=distances]")):
        page.box("distances", i).check()
    before = page.curves()
    assert before > 0
    model = page.with_stages()[0]
    drawn = page.count(f"#explorer .plot .series[data-model='{model}']")
    page.box("models", model).uncheck()
    assert page.curves() == before - drawn
    page.box("models", model).check()
    assert page.curves() == before
    if page.count("#explorer input[name=distances]") > 1:
        page.box("distances", 0).uncheck()
        assert 0 < page.curves() < before
        page.box("distances", 0).check()
    if page.count("#explorer input[name=datasets]") > 1:
        page.box("datasets", 0).uncheck()
        assert 0 < page.curves() < before


def test_nothing_chosen_is_said(show):
    page = show()
    if page.count(".only") == 0:
        pytest.skip("this page has too few models for the buttons")
    page.click(".only button:text-is('None')")
    assert page.plots() == 0
    assert "Nothing is chosen" in page.text_content("#explorer .nothing")
    page.click(".only button:text-is('All')")
    assert page.plots() > 0


def test_only_models_leaves_out_controls_and_baselines(show):
    page = show()
    kinds = {model["kind"] for model in page.data["models"]}
    kind, name = ("model", "Models") if "model" in kinds else ("control", "Controls")
    if page.count(f".only button:text-is('{name}')") == 0:
        pytest.skip("this page has one kind of model")
    page.click(f".only button:text-is('{name}')")
    checked = page.locator("#explorer input[name=models]:checked").count()
    assert checked == sum(model["kind"] == kind for model in page.data["models"])


def test_a_layout_changes_the_number_of_panels(show):
    page = show()
    page.choose_view("curves")
    page.choose("layout", "dataset")
    datasets = page.plots()
    assert datasets == page.count("#explorer input[name=datasets]:checked") or datasets == 1
    curves = page.data["curves"]
    pairs = {(c["dataset"], c["distance"]) for c in curves if c["distance"] is not None
             and page.data["measures"][c["measure"]]["name"]
             == page.data["datasets"][c["dataset"]]["main_measure"]}
    chosen = page.count("#explorer input[name=distances]")
    if chosen > 1:
        for i in range(chosen):
            page.box("distances", i).check()
    page.choose("layout", "distance")
    assert page.plots() == len(pairs)
    page.choose("layout", "model")
    models = {(c["dataset"], c["model"]) for c in curves if c["distance"] is not None
              and page.data["measures"][c["measure"]]["name"]
              == page.data["datasets"][c["dataset"]]["main_measure"]}
    assert page.plots() == len(models)


def test_depths_cut_the_curves(show):
    page = show()
    page.choose_view("curves")
    page.fill("[name=from]", "30")
    page.locator("[name=from]").press("Enter")
    depths = [float(text) for text in page.numbers(6).all_text_contents()]
    baselines = {m["short"] for m in page.data["models"] if m["kind"] == "baseline"}
    names = page.locator("details.numbers tbody td:nth-child(2)").all_text_contents()
    assert depths
    assert all(depth >= 30 for depth, name in zip(depths, names) if name not in baselines)
    # A range that ends before it begins is not taken.
    page.fill("[name=to]", "10")
    page.locator("[name=to]").press("Enter")
    assert page.input_value("[name=to]") == "100"


def test_intervals_can_be_left_out(show):
    page = show()
    page.choose_view("curves")
    known = any(p[3] is not None for c in page.data["curves"] for p in c["points"])
    model = page.with_stages()[0]
    for i in range(len(page.data["models"])):
        page.box("models", i).set_checked(i == model)
    assert (page.count("#explorer .band") > 0) == known
    if known:
        assert "95 % interval" in page.text_content("#explorer .legend")
    page.uncheck("[name=intervals]")
    assert page.count("#explorer .band") == 0
    assert "95 % interval" not in page.text_content("#explorer .legend")


def test_a_heat_map_has_a_cell_for_each_value(show):
    page = show()
    page.choose_view("map")
    main = [d["main_measure"] for d in page.data["datasets"]]
    curves = [c for c in page.data["curves"] if c["distance"] is not None
              and page.data["measures"][c["measure"]]["name"] == main[c["dataset"]]]
    for i in range(page.count("#explorer input[name=distances]")):
        page.box("distances", i).check()
    assert page.count("#explorer .series.curve .cell") == sum(len(c["points"]) for c in curves)
    assert page.count("#explorer .plot .scale") == page.plots()
    highest = page.evaluate("""() => [...document.querySelectorAll('#explorer .cell')]
        .map((cell) => cell.getAttribute('fill'))""")
    assert len(set(highest)) > 2


def test_the_text_on_a_cell_can_be_read(show):
    page = show(viewport={"width": 2600, "height": 900})
    page.choose_view("map")
    pairs = page.evaluate("""() => [...document.querySelectorAll('#explorer .series text')]
        .map((text) => [text.getAttribute('fill'), text.previousSibling.getAttribute('fill')])""")

    def luminance(colour):
        parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for text, cell in pairs:
        low, high = sorted([luminance(text), luminance(cell)])
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_one_stage_ranks_models_by_their_value(show):
    page = show()
    page.choose_view("stage")
    page.choose("stage", "last")
    assert page.numbers(7).count() == page.count("#explorer .plot .series")
    # From the top of the first panel to its foot, values of the first distance fall.
    first = page.evaluate("""() => {
        const plot = document.querySelector('#explorer .plot');
        const rows = new Map();
        for (const series of plot.querySelectorAll('.series')) {
          const mark = series.querySelector('path:last-child').getBoundingClientRect();
          const at = mark.x + mark.width / 2;
          if (!rows.has(series.dataset.model)) rows.set(series.dataset.model, [mark.y, at]);
        }
        return [...rows.values()].sort((a, b) => a[0] - b[0]).map((row) => row[1]);
    }""")
    assert all(a >= b - 0.6 for a, b in zip(first, first[1:]))
    assert page.is_visible("#explorer select[name=stage]")


def test_a_measure_changes_the_axis(show):
    page = show()
    options = page.locator("select[name=measure] option").evaluate_all(
        "options => options.map((option) => option.value)")
    assert options[0] == "main"
    axes = {measure["name"]: measure["axis"] for measure in page.data["measures"]}
    for measure in options[1:]:
        page.choose("measure", measure)
        assert page.plots() > 0
        words = page.locator("#explorer .plot svg").first.text_content()
        assert axes[measure][:12] in words


def test_bits_lay_the_levels_on_one_axis(show):
    page = show()
    names = [measure["name"] for measure in page.data["measures"]]
    sets = {c["dataset"] for c in page.data["curves"]
            if names[c["measure"]] == "bits" and c["distance"] is not None}
    if len(sets) < 2:
        pytest.skip("this page has bits of fewer than two data sets")
    page.choose_view("curves")
    page.choose("measure", "bits")
    if len(page.with_stages()) > 12:
        page.choose("layout", "levels")
    drawn = page.locator("#explorer .plot").first.locator(".series.curve").evaluate_all(
        "all => all.map((series) => series.dataset.dataset)")
    assert len(set(drawn)) > 1


def test_the_legend_says_what_is_drawn(show):
    page = show()
    page.choose_view("curves")
    page.choose("layout", "dataset")
    words = page.locator("#explorer .legend li").all_text_contents()
    drawn = page.locator("#explorer .plot .series").evaluate_all(
        "all => [...new Set(all.map((series) => Number(series.dataset.model)))]")
    for model in drawn:
        assert page.data["models"][model]["short"] in words
    assert ("chance" in words) == (page.count("#explorer .plot .chance") > 0)
    if any(page.data["models"][model]["kind"] == "control" for model in drawn):
        assert any("untrained control" in text for text in words)
    for distance in page.data["distances"]:
        used = page.locator("#explorer .plot .series.curve").evaluate_all(
            "all => all.map((series) => Number(series.dataset.distance))")
        if page.data["distances"].index(distance) in used:
            assert distance["name"] in words


def test_arrow_keys_give_values(show):
    page = show()
    page.choose_view("curves")
    plot = page.locator("#explorer .plot").first
    plot.focus()
    plot.press("ArrowRight")
    first = plot.locator(".readout").text_content()
    points = page.evaluate("""() => {
        const plot = document.querySelector('#explorer .plot .series.curve');
        return [Number(plot.dataset.model), plot.dataset.distance];
    }""")
    short = page.data["models"][points[0]]["short"]
    assert short in first
    value = float(plot.locator(".readout b").text_content().split(" ")[0].replace("−", "-"))
    all_values = [p[2] for c in page.data["curves"] if c["model"] == points[0] for p in c["points"]]
    assert any(math.isclose(value, v, abs_tol=6e-4) for v in all_values)
    plot.press("ArrowRight")
    assert plot.locator(".readout").text_content() != first
    plot.press("ArrowLeft")
    assert plot.locator(".readout").text_content() == first
    plot.press("ArrowDown")
    assert plot.locator(".readout").text_content() != first
    assert plot.locator(".readout").get_attribute("aria-live") == "polite"
    plot.press("Escape")
    assert plot.locator(".readout").text_content() == ""
    assert plot.locator(".readout").is_hidden()


def test_the_pointer_gives_the_value_under_it(show):
    page = show()
    page.choose_view("map")
    cell = page.locator("#explorer .series.curve .cell").nth(2)
    box = cell.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    first = page.locator("#explorer .plot").first
    readout = first.locator(".readout")
    series = page.evaluate("""() => {
        const { model, distance, dataset } = document.querySelector(
          '#explorer .series.curve').dataset;
        return [Number(model), Number(distance), Number(dataset)];
    }""")
    main = page.data["datasets"][series[2]]["main_measure"]
    [curve] = [c for c in page.data["curves"] if [c["model"], c["distance"], c["dataset"]] == series
               and page.data["measures"][c["measure"]]["name"] == main]
    stage, _, value = curve["points"][2][:3]
    assert stage in readout.text_content()
    assert f"{value:.3f}".replace("-", "−") in readout.text_content()
    page.mouse.move(5, 5)
    assert readout.text_content() == ""


def test_a_tap_gives_a_value_until_the_next_tap(show):
    page = show(viewport=NARROW, has_touch=True, is_mobile=True)
    page.choose_view("curves")
    plot = page.locator("#explorer .plot").first
    plot.scroll_into_view_if_needed()
    # Along the left edge of the curves, where each has its first mark.
    box = plot.locator(".series.curve").first.bounding_box()
    for part in range(21):
        page.touchscreen.tap(box["x"] + 4, box["y"] + box["height"] * part / 20)
        if plot.locator(".readout").is_visible():
            break
    assert plot.locator(".readout b").text_content() != ""
    page.wait_for_timeout(150)
    assert plot.locator(".readout").is_visible()
    title = page.locator("#explorer .view-title").bounding_box()
    page.touchscreen.tap(title["x"] + 5, title["y"] + 5)
    assert plot.locator(".readout").is_hidden()


def test_a_model_in_the_legend_stands_out_when_it_is_pressed(show):
    page = show()
    page.choose_view("curves")
    if page.count("#explorer .legend button") < 2:
        pytest.skip("this page has one model")
    button = page.locator("#explorer .legend button").first
    button.click()
    page.mouse.move(5, 5)
    assert button.get_attribute("aria-pressed") == "true"
    assert page.count("#explorer .series[opacity]") > 0
    button.click()
    page.mouse.move(5, 5)
    assert page.count("#explorer .series[opacity]") == 0


def test_an_address_gives_the_view_again(show):
    page = show()
    last = len(page.data["models"]) - 1
    page.choose_view("map")
    page.box("models", last).uncheck()
    page.fill("[name=to]", "80")
    page.locator("[name=to]").press("Enter")
    address = page.evaluate("location.hash")
    assert address.startswith("#view=")
    title, cells = page.text_content(".view-title"), page.count("#explorer .cell")
    again = show(hash=address)
    assert again.is_checked("[name=view][value=map]")
    assert not again.box("models", last).is_checked()
    assert again.input_value("[name=to]") == "80"
    assert again.text_content(".view-title") == title
    assert again.count("#explorer .cell") == cells
    again.reload()
    again.wait_for_selector("#explorer .plot")
    assert again.count("#explorer .cell") == cells
    again.click("#explorer .reset")
    assert again.evaluate("location.hash") == ""
    assert again.box("models", last).is_checked()


def test_an_address_of_other_results_is_not_taken(show):
    page = show(hash="#view=other&v=map&m=0")
    assert "other results" in page.text_content("#explorer")
    assert page.box("models", 0).is_checked()


def test_reset_waits_for_a_change(show):
    page = show()
    assert page.locator("#explorer .reset").is_disabled()
    page.choose_view("stage")
    assert page.locator("#explorer .reset").is_enabled()
