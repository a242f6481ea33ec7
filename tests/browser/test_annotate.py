"""The Annotate tab in a real browser: by keyboard, mouse and finger, against the real store."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from rorem_demo.feedback.records import Rating
from tests.browser.conftest import served
from tests.browser.driving import open_tab
from tests.browser.keeping import Served
from tests.triplets import write_folder

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
RESULTS = 14


class Annotated(Served[Rating]):
    """An app with results to annotate."""

    def labels(self, count: int) -> list[int]:
        """Of the kept answers, once there are so many."""
        return [row.label for row in self.kept(count)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Annotated]:
    """The app, once it has read all results."""
    folder = tmp_path_factory.mktemp("annotate")
    write_folder(folder / "results", RESULTS, method="double")
    settings = {"ROREM_ANNOTATE": str(folder / "results"), "ROREM_DATA_DIR": str(folder / "data")}
    with served(**settings, ROREM_RATINGS_PER_MINUTE="1000") as address:
        while asked(address).get("left") != RESULTS:
            time.sleep(0.1)
        yield Annotated(address, folder / "data", Rating)


def asked(address: str) -> dict[str, Any]:
    body = json.dumps({"visit": "nobody"}).encode()
    with urllib.request.urlopen(f"{address}/rorem/annotate/next", body, timeout=10) as answer:
        return dict(json.load(answer))


@pytest.fixture
def app(running: Annotated) -> Annotated:
    running.begin()
    return running


@pytest.fixture
def page(open_page: OpenPage, app: Annotated) -> Page:
    opened = open_page(app.address)
    enter(opened)
    return opened


def enter(page: Page, done: int = 0, left: int = RESULTS) -> None:
    open_tab(page, "Annotate")
    expect(progress(page)).to_have_text(re.compile(rf"^done {done} · left {left}$"))
    shown(page)


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#annotate [data-{name}]")


def progress(page: Page) -> Locator:
    return part(page, "progress")


def button(page: Page, name: str) -> Locator:
    return page.locator("#annotate").get_by_role("button", name=name)


def shown(page: Page, other_than: str = "") -> str:
    """The item on the canvas, once there is one; it is looked at for a moment."""
    view = part(page, "view")
    expect(view).to_have_attribute("data-item", re.compile(r".+"))
    if other_than:
        expect(view).not_to_have_attribute("data-item", other_than)
    page.wait_for_timeout(250)
    return str(view.get_attribute("data-item"))


def press(page: Page, *keys: str) -> None:
    """Each key when the next picture is there."""
    for key in keys:
        before = shown(page)
        page.keyboard.press(key)
        shown(page, before)


def middle(page: Page) -> list[int]:
    """The colour in the middle of the canvas: red in the original, grey in the result."""
    script = """([canvas]) => {
      const { width, height } = canvas;
      return [...canvas.getContext("2d").getImageData(width / 2, height / 2, 1, 1).data];
    }"""
    return list(page.locator("#annotate canvas").evaluate_all(script))


def is_red(page: Page) -> bool:
    red, green, blue, _ = middle(page)
    return red > 180 and green < 80 and blue < 80


def test_ten_answers_by_keyboard_are_ten_rows_in_well_under_a_minute(page: Page, app: Annotated) -> None:
    began = time.monotonic()
    press(page, "1", "0", "1", "1", "0", "1", "0", "0", "1", "1")
    expect(progress(page)).to_have_text(f"done 10 · left {RESULTS - 10}")
    assert time.monotonic() - began < 30
    expect(part(page, "receipts")).to_contain_text("10 answers kept")
    assert app.labels(10) == [1, 0, 1, 1, 0, 1, 0, 0, 1, 1]
    rows = app.rows
    assert len({row.result for row in rows}) == 10
    assert all(row.files and row.origin == "annotate" and row.consent == "public" for row in rows)


def test_a_change_of_mind_supersedes_and_goes_on_where_it_was(page: Page, app: Annotated) -> None:
    press(page, "1")
    expect(progress(page)).to_have_text(f"done 1 · left {RESULTS - 1}")
    second = shown(page)
    page.keyboard.press("Backspace")
    shown(page, second)
    expect(part(page, "tag")).to_have_text("You said: gone")
    page.keyboard.press("0")
    expect(part(page, "view")).to_have_attribute("data-item", second)
    assert app.labels(2) == [1, 0]
    first, changed = app.rows
    assert changed.supersedes == first.id
    expect(progress(page)).to_have_text(f"done 1 · left {RESULTS - 1}")
    expect(part(page, "receipts")).to_contain_text("1 answer kept")


def test_a_skipped_picture_is_no_answer_and_does_not_come_again(page: Page, app: Annotated) -> None:
    skipped = shown(page)
    press(page, "s", *["1"] * (RESULTS - 2))
    shown(page)
    page.keyboard.press("1")
    expect(part(page, "lead")).to_have_text("You have seen all that waits here. Reload the page for what you skipped.")
    expect(progress(page)).to_have_text(f"done {RESULTS - 1} · left 0 · skipped 1")
    assert app.labels(RESULTS - 1) == [1] * (RESULTS - 1)
    page.reload()
    enter(page, RESULTS - 1, 1)
    assert shown(page) != skipped, "an id is issued once"
    page.keyboard.press("0")
    expect(part(page, "lead")).to_have_text("You have answered all that waits here. Thank you.")


def test_a_reload_goes_on_where_it_was(page: Page, app: Annotated) -> None:
    press(page, "1", "0", "1")
    expect(progress(page)).to_have_text(f"done 3 · left {RESULTS - 3}")
    page.reload()
    enter(page, 3, RESULTS - 3)
    expect(part(page, "receipts")).to_contain_text("3 answers kept")
    press(page, "0")
    app.labels(4)
    assert len({row.result for row in app.rows}) == 4


def test_reasons_after_a_no_do_not_stop_the_flow(page: Page, app: Annotated) -> None:
    press(page, "0")
    for key in ("2", "7", "7", "4"):
        page.keyboard.press(key)
    for name in ("object visible", "blurry"):
        expect(button(page, name)).to_have_attribute("aria-pressed", "true")
    press(page, "1")
    expect(part(page, "why")).to_be_hidden()
    app.labels(3)
    assert [(row.label, row.reasons) for row in app.rows] == [(0, ()), (0, ("blurry", "object-visible")), (1, ())]
    expect(progress(page)).to_have_text(f"done 2 · left {RESULTS - 2}")


def test_holding_space_shows_the_original_and_o_the_outline(page: Page) -> None:
    assert not is_red(page)
    page.keyboard.down(" ")
    assert is_red(page)
    expect(part(page, "tag")).to_have_text("Original")
    page.keyboard.up(" ")
    assert not is_red(page)
    with_line = page.locator("#annotate canvas").screenshot()
    page.keyboard.press("o")
    expect(button(page, "Outline")).to_have_attribute("aria-pressed", "false")
    without = page.locator("#annotate canvas").screenshot()
    assert without != with_line
    page.keyboard.press("o")
    assert page.locator("#annotate canvas").screenshot() == with_line


def test_a_key_that_something_lies_on_answers_once(page: Page, app: Annotated) -> None:
    first = shown(page)
    page.keyboard.down("1")
    page.keyboard.down("1")
    shown(page, first)
    page.keyboard.down("1")
    page.keyboard.up("1")
    page.keyboard.press("1")
    app.labels(2)
    time.sleep(0.5)
    assert len(app.rows) == 2


def test_the_buttons_do_the_same_and_leave_the_keys_with_the_picture(page: Page, app: Annotated) -> None:
    for name in ("Gone", "Still there", "Skip"):
        before = shown(page)
        button(page, name).click()
        shown(page, before)
    page.keyboard.press("0")
    assert app.labels(3) == [1, 0, 0]
    assert page.evaluate("document.activeElement.hasAttribute('data-view')")


def test_another_tab_and_back_goes_on_with_the_same_picture_and_keys(page: Page, app: Annotated) -> None:
    press(page, "1")
    before = shown(page)
    open_tab(page, "About")
    expect(part(page, "view")).to_be_hidden()
    page.keyboard.press("0")
    enter(page, 1, RESULTS - 1)
    assert shown(page) == before
    press(page, "0")
    assert app.labels(2) == [1, 0]


def test_by_finger_on_a_phone_every_button_is_large_enough(open_page: OpenPage, app: Annotated) -> None:
    page = open_page(app.address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    enter(page)
    before = shown(page)
    button(page, "Still there").tap()
    shown(page, before)
    button(page, "something new").tap()
    app.labels(2)
    assert app.rows[-1].reasons == ("something-new",)
    for found in page.locator("#annotate button:visible").all():
        box = found.bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["width"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_kept_answers_are_deleted_all_at_once_after_a_second_question(page: Page, app: Annotated) -> None:
    press(page, "1", "0")
    expect(part(page, "receipts")).to_contain_text("2 answers kept")
    button(page, "delete them").click()
    expect(part(page, "receipts")).to_contain_text("Delete 2 answers for good?")
    button(page, "Keep them").click()
    expect(part(page, "receipts")).to_contain_text("2 answers kept")
    button(page, "delete them").click()
    page.locator("#annotate").get_by_role("button", name="Delete", exact=True).click()
    expect(part(page, "notice")).to_have_text("2 answers deleted.")
    expect(part(page, "receipts")).to_be_hidden()
    assert app.rows == []
    assert json.loads(page.evaluate("localStorage.getItem('rorem-receipts')")) == []


def test_an_answer_that_was_not_kept_brings_its_picture_back(page: Page, app: Annotated) -> None:
    first = shown(page)

    def refuse(route: Route) -> None:
        route.fulfill(status=422, json={"sentence": "The disk is full. Free some space and try again."})

    page.route("**/rating", refuse)
    page.keyboard.press("1")
    expect(part(page, "notice")).to_have_text("The disk is full. Free some space and try again.")
    expect(part(page, "view")).to_have_attribute("data-item", first)
    expect(progress(page)).to_have_text(f"done 0 · left {RESULTS}")
    page.unroute("**/rating")
    press(page, "1")
    expect(part(page, "notice")).to_have_text("")
    assert app.labels(1) == [1]


def test_a_server_that_forgot_what_it_issued_gives_new_ones(page: Page, app: Annotated) -> None:
    first = shown(page)
    page.route("**/rating", lambda route: route.fulfill(status=410, json={"sentence": "No longer open."}))
    page.keyboard.press("1")
    expect(part(page, "notice")).to_have_text("No longer open.")
    page.unroute("**/rating")
    shown(page, first)
    press(page, "1")
    assert app.labels(1) == [1]


def test_two_visitors_are_asked_independently(open_page: OpenPage, page: Page, app: Annotated) -> None:
    press(page, "1")
    expect(progress(page)).to_have_text(f"done 1 · left {RESULTS - 1}")
    other = open_page(app.address)
    enter(other)
    press(other, *["0"] * (RESULTS - 1))
    shown(other)
    other.keyboard.press("0")
    assert app.labels(RESULTS + 1) == [1] + [0] * RESULTS
    expect(progress(page)).to_have_text(f"done 1 · left {RESULTS - 1}")
