"""A script that does not arrive: every tab says so where its text would be."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.driving import open_tab

pytestmark = pytest.mark.browser
TABS = {"Remove": "stage", "Compare": "compare", "Arena": "arena", "Leaderboard": "leaderboard", "Your data": "data"}


def test_a_tab_whose_script_does_not_arrive_says_so(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.route("**/rorem/static/*.js*", lambda route: route.abort())
    page.goto(address)
    for tab, component in TABS.items():
        open_tab(page, tab)
        told = page.locator(f"#{component} [data-unloaded]")
        expect(told).to_have_text("The page could not load. Reload it.", timeout=20_000)
        expect(told).to_be_visible()
    context.close()
