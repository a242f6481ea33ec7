"""One visitor through Compare, Arena and Leaderboard, on the cases that come with the program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rorem_demo.feedback.store import Store
from tests.browser.conftest import served
from tests.browser.driving import open_tab
from tests.comparison import polls

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OpenPage = Callable[..., Page]
METHODS = ("navier-stokes", "shift-map", "telea")
EACH = 40
"""Votes of each pair before the visitor comes."""
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    seed_votes(tmp_path)
    with served(ROREM_DATA_DIR=str(tmp_path), ROREM_LEADERBOARD_MINUTES="0") as found:
        yield found


def seed_votes(folder: Path) -> None:
    """Of eight judges, who like shift-map in two of three and the others alike."""
    store = Store(folder)
    try:
        for turn in range(EACH):
            for first, second in combinations(METHODS, 2):
                favourite = "left" if (first == "shift-map") == (turn % 3 > 0) else "right"
                drawn = ("left", "right")[turn % 2]
                choice = favourite if "shift-map" in {first, second} else drawn
                receipt, rater = polls.digest(turn, first, second), f"{turn % 8:016x}"
                kept = polls.vote(turn, first, second, choice, rater=rater, id=store.new_id(), receipt=receipt)
                store.append(
                    kept, visitor=receipt, subject=receipt, pictures=None, ready=datetime.now(UTC), review=False
                )
    finally:
        store.close()


@pytest.mark.parametrize("how", [DESK, PHONE], ids=["desk", "phone"])
def test_a_visitor_compares_votes_and_sees_the_leaderboard_move(
    open_page: OpenPage, address: str, how: dict[str, Any]
) -> None:
    page = open_page(address, **how)
    compares(page)
    fits(page)
    votes = 3
    decides(page, votes)
    fits(page)
    open_tab(page, "Leaderboard")
    summary = page.locator("#leaderboard")
    expect(summary).to_contain_text(f"{EACH * 3 + votes} blind votes by 9 judges", timeout=40_000)
    first = page.locator("#leaderboard [data-method]").first
    expect(first).to_have_attribute("data-method", "shift-map")
    fits(page)
    before = summary.inner_text()
    decides(page, 1)
    open_tab(page, "Leaderboard")
    expect(summary).to_contain_text(f"{EACH * 3 + votes + 1} blind votes by 9 judges", timeout=40_000)
    assert summary.inner_text() != before


def compares(page: Page) -> None:
    """All results of a ready case at once, told by the address."""
    open_tab(page, "Compare")
    page.locator("#compare [data-cases] button").nth(1).click()  # the first is the visitor's own photo
    page.wait_for_function("() => location.hash.includes('case=')")
    tiles = page.locator("#compare .grid canvas")
    count = tiles.count()
    assert count >= 1 + len(METHODS)
    page.reload()
    expect(tiles).to_have_count(count)


def decides(page: Page, votes: int) -> None:
    """By keyboard; checks with a known answer are answered too and do not count."""
    open_tab(page, "Arena")
    panel, view = page.locator("#arena [data-panel]"), page.locator("#arena [data-view]")
    counted = 0
    while counted < votes:
        expect(panel).to_have_attribute("data-mode", "asking")
        shown = str(view.get_attribute("data-round"))
        page.wait_for_timeout(1200)  # whoever answers sooner has not looked, and does not count
        view.focus()
        page.keyboard.press("1")
        expect(panel).to_have_attribute("data-mode", "told")
        counted += not is_check(page)
        page.wait_for_timeout(500)  # a key pressed twice does not go on
        page.keyboard.press("n")
        expect(view).not_to_have_attribute("data-round", shown)


def is_check(page: Page) -> bool:
    return "check" in page.locator("#arena [data-verdict]").inner_text().lower()


def fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
