"""Rating in a real browser: one tap, reasons, receipt, change of mind, deletion, troubles, a phone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from rorem_demo.feedback.identity import read_receipt, receipt_hash
from rorem_demo.feedback.records import Rating
from rorem_demo.feedback.store import Store
from tests.browser.conftest import served
from tests.browser.driving import button, canvas, drag, load, open_tab, remove

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
KEPT = re.compile(r"^Kept · saved \d\d:\d\d$")
PAUSE = 0.4
"""Seconds after the last tap until it is sent, as in rating.js."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def rated_address(data: Path) -> Iterator[str]:
    with served(ROREM_DATA_DIR=str(data), ROREM_RATINGS_PER_MINUTE="1000") as found:
        yield found


@pytest.fixture
def page(open_page: OpenPage, rated_address: str, scene: Path) -> Page:
    """A result is shown, and asked about."""
    page = open_page(rated_address, reduced_motion="reduce")
    load(page, scene)
    with_result(page)
    return page


def with_result(page: Page) -> None:
    drag(page, (-40, -20), (40, 20))
    remove(page)


def line(page: Page) -> Locator:
    return page.locator("[data-receipt-line]")


def receipt(page: Page) -> str:
    expect(line(page)).to_have_text(KEPT)
    return page.locator("[data-receipt]").inner_text()


def pressed(page: Page) -> list[str]:
    return page.locator('.rating [aria-pressed="true"]').all_inner_texts()


def kept(data: Path) -> list[Rating]:
    """All answers of all tests, oldest first."""
    store = Store(data)
    found = [held.record for held in store.each(Rating)]
    store.close()
    return found


def rows(data: Path, text: str) -> list[Rating]:
    """All answers of one receipt, oldest first."""
    secret = receipt_hash(read_receipt(text)[1])
    return [row for row in kept(data) if row.receipt == secret]


def test_one_tap_then_reasons_and_every_answer_is_kept(page: Page, data: Path) -> None:
    expect(page.locator("[data-reasons]")).to_be_hidden()
    button(page, "Yes").click()
    first = receipt(page)
    assert pressed(page) == ["Yes"]
    button(page, "No").click()
    button(page, "Blurry").click()
    button(page, "Other").click()
    page.get_by_label("What is wrong, in 200 characters").fill("a ghost remains")
    page.keyboard.press("Enter")
    expect(page.locator("[data-receipt]")).not_to_have_text(first)
    last = receipt(page)
    assert pressed(page) == ["No", "Blurry", "Other"]
    answers = rows(data, last)
    assert (answers[0].label, answers[-1].label) == (1, 0)
    assert (answers[-1].reasons, answers[-1].comment) == (("blurry", "other"), "a ghost remains")
    assert first.partition("-")[2] == last.partition("-")[2]


def test_ten_quick_taps_are_one_answer(page: Page, data: Path) -> None:
    began = time.monotonic()
    for name in ["Yes", "No"] * 5:
        button(page, name).click(delay=0)
    took = time.monotonic() - began
    answers = rows(data, receipt(page))
    assert answers[-1].label == 0
    assert (
        len(answers) <= 1 + took / PAUSE
    )  # on a busy machine ten taps take more than the pause after which one is sent


def test_by_keyboard_where_the_focus_is_on_the_stage(page: Page) -> None:
    canvas(page).press("n")
    receipt(page)
    assert pressed(page) == ["No"]
    button(page, "Other").press("Enter")
    page.keyboard.type("any")  # letters of the comment are no answers
    assert pressed(page) == ["No", "Other"]
    button(page, "No").press("y")
    expect(page.locator("[data-reasons]")).to_be_hidden()
    assert pressed(page) == ["Yes"]


def test_what_was_tapped_is_kept_when_the_page_is_closed_at_once(page: Page, data: Path, rated_address: str) -> None:
    before = len(kept(data))
    button(page, "No").click()
    page.goto("about:blank")
    page.wait_for_timeout(1500)
    assert len(kept(data)) == before + 1


def test_sharing_is_asked_unticked_and_taken_back_with_the_pictures(page: Page, data: Path) -> None:
    share = page.get_by_label("Share photo, mask and result for research (CC BY 4.0)")
    expect(share).not_to_be_checked()
    share.check()
    expect(line(page)).to_have_text("They are kept with your answer: Yes or No?")
    button(page, "Yes").click()
    shared = receipt(page)
    assert rows(data, shared)[-1].consent == "pictures"
    share.uncheck()
    expect(page.locator("[data-receipt]")).not_to_have_text(shared)
    expect(page.locator("[data-receipt]")).not_to_be_empty()
    assert [row.consent for row in rows(data, receipt(page))] == ["answer"]
    assert rows(data, shared) == []


def test_an_example_is_public_and_asks_for_no_share(open_page: OpenPage, rated_address: str) -> None:
    page = open_page(rated_address)
    page.get_by_role("button", name="The spoon").click()
    expect(page.locator('#stage [data-part="view"]')).to_have_attribute("data-mode", "select")
    with_result(page)
    expect(page.locator("[data-share-label]")).to_be_hidden()
    expect(page.get_by_text("This photo is public already, so it is kept with your answer.")).to_be_visible()


def test_deleting_takes_two_taps(page: Page, data: Path) -> None:
    button(page, "No").click()
    text = receipt(page)
    button(page, "Delete").click()
    assert len(rows(data, text)) == 1
    button(page, "Really delete?").click()
    expect(line(page)).to_have_text("Deleted. It had not been published.")
    assert pressed(page) == []
    assert rows(data, text) == []
    expect(button(page, "Yes")).to_be_focused()


def test_an_answer_that_cannot_be_kept_is_taken_back_and_sent_again(page: Page) -> None:
    button(page, "Yes").click()
    receipt(page)
    page.route("**/rating", lambda route: route.abort())
    button(page, "No").click()
    expect(line(page)).to_have_text("The server cannot be reached. Check the connection and try again.")
    assert pressed(page) == ["Yes"]
    page.unroute("**/rating")
    button(page, "Try again").click()
    receipt(page)
    assert pressed(page) == ["No"]


def test_a_receipt_says_what_is_not_safe_yet_and_when_it_is(page: Page) -> None:
    def told(route: Route) -> None:
        answer = route.fetch()
        asked = route.request.method == "GET"
        news = {"survives": False, "waits_for": "", "published": "2026-01-02T12:00:00+00:00" if asked else ""}
        route.fulfill(response=answer, json={**answer.json(), **news})

    page.route("**/rorem/r*/**", told)
    button(page, "Yes").click()
    forgets = page.get_by_text("This server forgets at a restart: safe once published.")
    expect(forgets).to_be_visible()
    expect(line(page)).to_have_text(re.compile(r"^Kept · saved \d\d:\d\d · published .*\d\d:\d\d$"))
    expect(forgets).to_have_count(0)


def test_receipts_are_found_again_looked_up_and_deleted_on_the_data_page(page: Page, rated_address: str) -> None:
    button(page, "Yes").click()
    text = receipt(page)
    page.goto(rated_address)
    page.get_by_role("button", name="What is kept").click()
    listed = page.locator("#data li")
    expect(listed).to_contain_text([text])
    listed.get_by_role("button", name="State").click()
    expect(page.locator("#data [data-told]")).to_have_text(
        re.compile(r"^Yes, it is gone · saved \d\d:\d\d\. No dataset to publish to")
    )
    listed.get_by_role("button", name="Delete").click()
    listed.get_by_role("button", name="Really delete?").click()
    expect(page.locator("#data [data-told]")).to_have_text("Deleted. It had not been published.")
    expect(listed).to_have_count(0)
    expect(page.locator("#data [data-status]")).to_contain_text("kept")
    page.get_by_label("Receipt", exact=True).fill("nonsense")
    page.get_by_role("button", name="Look up").click()
    expect(page.locator("#data [data-told]")).to_contain_text("That is not a receipt.")


def test_nothing_moves_when_the_question_appears(open_page: OpenPage, rated_address: str, scene: Path) -> None:
    page = open_page(rated_address, reduced_motion="reduce")
    load(page, scene)
    drag(page, (-40, -20), (40, 20))
    page.evaluate(WATCH_SHIFTS)
    remove(page)
    page.wait_for_timeout(500)
    assert page.evaluate("shifts") < 0.01


WATCH_SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift" });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(open_page: OpenPage, rated_address: str, scene: Path, scheme: str) -> None:
    page = open_page(
        rated_address, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, color_scheme=scheme
    )
    load(page, scene)
    with_result(page)
    button(page, "No").tap()
    button(page, "Other").tap()
    receipt(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for box in [found.bounding_box() for found in page.locator(".rating :is(button, .share):visible").all()]:
        assert box
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] + box["width"] <= 390
    open_tab(page, "Your data")
    expect(page.locator("#data li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
