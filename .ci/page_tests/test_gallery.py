"""The page of a board: `gallery.html`, which ALIGNSCOPE_BOARD names."""

import os
from pathlib import Path

import pytest

from conftest import Shown

BOARD = os.environ.get("ALIGNSCOPE_BOARD")


@pytest.fixture
def board(browser):
    if not BOARD:
        pytest.skip("ALIGNSCOPE_BOARD names no page")
    shown = Shown(browser, Path(BOARD).resolve())
    yield shown
    shown.end()


def test_models_stand_once_with_their_ranks_and_are_sorted_by_them(board):
    table = board.tab.locator("#board table").first
    heads = table.locator("thead th").all_inner_texts()
    rank = next(i for i, head in enumerate(heads) if "rank" in head)
    cells = table.locator("tbody tr").evaluate_all(
        f"rows => rows.map(row => [row.cells[0].textContent, row.cells[{rank}].textContent])"
    )
    names = [name for name, _ in cells]
    assert len(names) == len(set(names)) > 2
    ranks = [text for _, text in cells if text]
    assert ranks
    for text in ranks:
        low, *high = [int(part) for part in text.split("–")]
        assert 1 <= low <= (high or [low])[0] <= len(names)
    table.locator("thead button").nth(rank).click()
    by = table.locator("tbody tr").evaluate_all(
        f"rows => rows.map(row => row.cells[{rank}].dataset.v).filter(v => v).map(Number)"
    )
    assert by == sorted(by) and len(by) == len(ranks)


def test_its_figure_follows_what_is_chosen(board):
    before = board.curves()
    board.tab.locator("#explorer input[name=models]").first.uncheck()
    board.tab.wait_for_timeout(200)
    assert 0 < board.curves() < before


def test_nothing_sticks_out_of_a_narrow_screen(board):
    board.tab.set_viewport_size({"width": 390, "height": 844})
    board.tab.wait_for_timeout(300)
    assert board.tab.evaluate("document.documentElement.scrollWidth") <= 390
