"""Tables are sorted, filtered and saved."""

import csv
import io
from pathlib import Path

import pytest

# A table of the page with several rows and a column of numbers.
FIND = """(least) => {
  const tables = [...document.querySelectorAll('main .scroll > table')]
    .filter((table) => table.closest('details:not([open])') === null);
  return tables.findIndex((table) => table.tBodies[0].rows.length > least
    && table.querySelector('th.n') !== null);
}"""


def table_of(page, least):
    i = page.evaluate(FIND, least)
    if i < 0:
        pytest.skip(f"this page has no table of numbers with more than {least} rows")
    handle = page.evaluate_handle("""(i) => [...document.querySelectorAll('main .scroll > table')]
        .filter((table) => table.closest('details:not([open])') === null)[i]""", i)
    handle.evaluate("(table) => table.setAttribute('data-tested', '')")
    return page.locator("table[data-tested]")


def values(table, column):
    return table.evaluate("""(table, column) => [...table.tBodies[0].rows]
        .map((row) => row.cells[column].dataset.v)""", column)


def test_a_column_is_sorted_up_then_down_then_as_it_was(show):
    page = show()
    table = table_of(page, 2)
    column = table.evaluate("(table) => table.querySelector('th.n').cellIndex")
    first = table.locator("tbody").inner_text()
    head = table.locator("thead th").nth(column)
    known = sorted(float(v) for v in values(table, column) if v is not None)

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(v) for v in values(table, column) if v is not None] == known
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(v) for v in values(table, column) if v is not None] == known[::-1]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert table.locator("tbody").inner_text() == first


def test_another_column_takes_over(show):
    page = show()
    table = table_of(page, 2)
    heads = table.locator("thead th")
    heads.nth(0).locator("button").click()
    heads.nth(1).locator("button").click()
    assert heads.nth(0).get_attribute("aria-sort") == "none"
    assert heads.nth(1).get_attribute("aria-sort") == "ascending"


def test_a_filter_leaves_the_rows_with_all_words(show):
    page = show()
    table = table_of(page, 8)
    tools = table.locator("xpath=../preceding-sibling::div[1]")
    total = table.locator("tbody tr").count()
    first = table.locator("tbody tr").first
    words = [first.locator("th, td").nth(i).inner_text() for i in (0, 1)]
    words = " ".join(words).lower().split()[:3]
    tools.locator("input").fill(" ".join(reversed(words)).upper())
    texts = table.locator("tbody tr").evaluate_all("""rows => rows.map((row) =>
        [row.hidden, [...row.cells].map((c) => c.textContent).join(' ')])""")
    fits = [all(word in text.lower() for word in words) for _, text in texts]
    assert [not hidden for hidden, _ in texts] == fits
    assert any(fits)
    told = tools.locator(".told")
    assert told.text_content() == f"{sum(fits):,} of {total:,} rows"
    assert told.get_attribute("aria-live") == "polite"

    tools.locator("input").fill("no such row")
    assert told.text_content() == f"0 of {total:,} rows"
    tools.locator("input").press("Escape")
    assert tools.locator("input").input_value() == ""
    assert table.locator("tbody tr:visible").count() == total
    assert told.text_content() == ""


def test_short_tables_have_no_filter(show):
    page = show()
    wrong = page.evaluate("""() => [...document.querySelectorAll('main .scroll > table')]
        .filter((table) => {
          const tools = table.parentElement.previousElementSibling;
          const has = tools?.querySelector('input[type=search]') != null;
          return has !== table.tBodies[0].rows.length > 8;
        }).length""")
    assert wrong == 0


def test_a_table_is_saved_as_it_is_seen(show):
    page = show()
    table = table_of(page, 8)
    tools = table.locator("xpath=../preceding-sibling::div[1]")
    word = table.locator("tbody tr").first.locator("th, td").nth(1).inner_text().split()[0]
    tools.locator("input").fill(word)
    table.locator("thead th button").nth(1).click()
    seen = table.locator("tbody tr:visible th").all_inner_texts()
    with page.expect_download() as found:
        tools.locator("button").click()
    assert found.value.suggested_filename.endswith(".csv")
    rows = list(csv.reader(io.StringIO(Path(found.value.path()).read_text())))
    assert [row[0].strip() for row in rows[1:]] == [text.strip() for text in seen]
    assert len({len(row) for row in rows}) == 1
    # Numbers are whole: those of the cells, not those shown.
    column = table.evaluate("(table) => table.querySelector('th.n').cellIndex")
    name = table.locator("thead th").nth(column).inner_text().split("\n")[0]
    place = [i for i, head in enumerate(rows[0]) if name.startswith(head.strip())][-1]
    shown = table.evaluate("""(table, column) => [...table.tBodies[0].rows]
        .filter((row) => !row.hidden).map((row) => row.cells[column].dataset.v ?? '')""", column)
    assert [row[place] for row in rows[1:]] == shown
