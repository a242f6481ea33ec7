"""The Arena in a real browser: by keyboard, mouse and finger, on ready cases and on one's own photo."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from rorem_demo.feedback.records import Vote
from tests.browser.conftest import served
from tests.browser.driving import load, open_tab, paint_disc
from tests.browser.keeping import Served
from tests.comparison.case_sets import Counted, built, write_photos

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
CASES = 6
KEYS = {"1": "left", "2": "right", "3": "both-good", "4": "both-bad"}
TITLES = {"grey": "Method Grey", "white": "Method White", "black": "Method Black"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served[Vote]]:
    folder = tmp_path_factory.mktemp("arena")
    photos = write_photos(folder / "photos", CASES)
    levels = {"grey": 128, "white": 255, "black": 0}
    built(photos, folder / "set", *(Counted(key=key, level=levels[key], title=TITLES[key]) for key in TITLES))
    settings = {"ROREM_CASES": str(folder / "set"), "ROREM_DATA_DIR": str(folder / "data")}
    with served(**settings, ROREM_RATINGS_PER_MINUTE="1000") as address:
        yield Served(address, folder / "data", Vote)


@pytest.fixture
def app(running: Served[Vote]) -> Served[Vote]:
    return running.begin()


@pytest.fixture
def page(open_page: OpenPage, app: Served[Vote]) -> Page:
    opened = open_page(app.address)
    enter(opened)
    return opened


def enter(page: Page) -> str:
    open_tab(page, "Arena")
    return asked(page)


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#arena [data-{name}]")


def panel(page: Page) -> Locator:
    return page.locator("#arena [data-panel]")


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.locator("#arena").get_by_role("button", name=name)


def asked(page: Page, other_than: str = "") -> str:
    """The round that is shown, once there is one; it is looked at for a moment."""
    expect(panel(page)).to_have_attribute("data-mode", "asking")
    view = part(page, "view")
    if other_than:
        expect(view).not_to_have_attribute("data-round", other_than)
    page.wait_for_timeout(250)
    return str(view.get_attribute("data-round"))


def told(page: Page) -> None:
    expect(panel(page)).to_have_attribute("data-mode", "told")


def names(page: Page) -> list[str]:
    return page.locator("#arena [data-name]").all_inner_texts()


def test_votes_by_keyboard_take_seconds_and_then_the_names_are_told(page: Page, app: Served[Vote]) -> None:
    began = time.monotonic()
    for key in KEYS:
        shown = asked(page)
        assert names(page) == ["", ""]
        page.keyboard.press(key)
        told(page)
        assert set(names(page)) < set(TITLES.values())
        page.wait_for_timeout(500)
        page.keyboard.press("n")
        asked(page, shown)
    assert time.monotonic() - began < 20, "under five seconds each"
    rows = app.kept(4)
    assert [row.choice for row in rows] == list(KEYS.values())
    assert len({(row.case, frozenset((row.left_method, row.right_method))) for row in rows}) == 4


def test_the_names_are_those_of_the_sides(page: Page, app: Served[Vote]) -> None:
    page.keyboard.press("1")
    told(page)
    (row,) = app.kept(1)
    assert names(page) == [TITLES[row.left_method], TITLES[row.right_method]]
    expect(part(page, "verdict")).to_have_text("You chose A.")
    expect(part(page, "said")).to_contain_text(f"A: {TITLES[row.left_method]}, likely clean: 75%.")
    expect(part(page, "receipt-line")).to_contain_text("Kept · saved")


def test_a_double_click_is_one_vote_and_the_names_stay(page: Page, app: Served[Vote]) -> None:
    shown = asked(page)
    button(page, "A is better").dblclick()
    told(page)
    page.wait_for_timeout(700)
    told(page)
    assert part(page, "view").get_attribute("data-round") == shown
    assert len(app.kept(1)) == 1


def test_a_key_that_something_lies_on_votes_once(page: Page, app: Served[Vote]) -> None:
    page.keyboard.down("2")
    page.keyboard.down("2")
    told(page)
    page.keyboard.down("2")
    page.keyboard.up("2")
    page.wait_for_timeout(500)
    assert len(app.kept(1)) == 1


def test_reasons_are_said_before_the_answer(page: Page, app: Served[Vote]) -> None:
    for key in ("b", "w", "h", "h"):
        page.keyboard.press(key)
    expect(button(page, "blurry")).to_have_attribute("aria-pressed", "true")
    button(page, "colours").click()
    page.keyboard.press("2")
    told(page)
    assert app.kept(1)[0].reasons == ("blurry", "colours-changed", "something-new")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    asked(page)
    expect(button(page, "blurry")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("b")
    page.keyboard.press("3")
    told(page)
    assert app.kept(2)[1].reasons == (), "both are good, so nothing is wrong"


def test_a_skipped_pair_is_no_vote(page: Page, app: Served[Vote]) -> None:
    shown = asked(page)
    page.keyboard.press("s")
    second = asked(page, shown)
    button(page, "Skip").click()
    asked(page, second)
    assert app.rows == []


def test_holding_shows_the_original_in_both(page: Page) -> None:
    def originals() -> list[bool]:
        script = "images => images.map((image) => getComputedStyle(image).visibility === 'visible')"
        return list(page.locator("#arena img[data-source]").evaluate_all(script))

    for key in ("o", " "):
        page.keyboard.down(key)
        assert originals() == [True, True]
        page.keyboard.up(key)
        assert originals() == [False, False]
    box = page.locator('#arena [data-side="right"] .fit').bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    assert originals() == [True, True]
    page.mouse.up()
    assert originals() == [False, False]
    button(page, "Hold: original").focus()
    page.keyboard.down(" ")
    assert originals() == [True, True]
    page.keyboard.up(" ")


def test_both_pictures_are_of_one_size_and_nothing_moves_when_one_answers(page: Page) -> None:
    def places() -> list[object]:
        return [page.locator(each).bounding_box() for each in where]

    left, right = (page.locator(f'#arena [data-side="{side}"] .fit').bounding_box() for side in ("left", "right"))
    assert left
    assert right
    assert (left["width"], left["height"], left["y"]) == (right["width"], right["height"], right["y"])
    where = ['#arena [data-side="left"] .fit', '#arena [data-side="right"] .fit', "#arena .act", "#arena .more"]
    before = places()
    page.keyboard.press("1")
    told(page)
    assert places() == before


def test_when_everything_was_judged_it_is_said(page: Page, app: Served[Vote]) -> None:
    for _ in range(3 * CASES):
        page.keyboard.press("3")
        told(page)
        page.wait_for_timeout(500)
        page.keyboard.press("n")
        page.wait_for_timeout(300)
    expect(part(page, "lead")).to_have_text("You have seen every pair that is here. Thank you.")
    rows = app.kept(3 * CASES)
    assert len({(row.case, frozenset((row.left_method, row.right_method))) for row in rows}) == 3 * CASES


def test_a_vote_that_was_not_kept_can_be_given_again(page: Page, app: Served[Vote]) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=422, json={"sentence": "The disk is full. Free some space and try again."})

    shown = asked(page)
    page.route("**/vote", refuse)
    page.keyboard.press("1")
    expect(part(page, "notice")).to_have_text("The disk is full. Free some space and try again.")
    assert names(page) == ["", ""]
    page.unroute("**/vote")
    assert asked(page) == shown
    page.keyboard.press("1")
    told(page)
    expect(part(page, "notice")).to_have_text("")
    assert len(app.kept(1)) == 1


def test_a_server_that_forgot_the_round_gives_another(page: Page, app: Served[Vote]) -> None:
    shown = asked(page)
    page.route("**/vote", lambda route: route.fulfill(status=410, json={"sentence": "No longer open."}))
    page.keyboard.press("1")
    expect(part(page, "notice")).to_have_text("No longer open.")
    page.unroute("**/vote")
    asked(page, shown)
    page.keyboard.press("1")
    told(page)
    assert len(app.kept(1)) == 1


def test_a_connection_that_fails_is_told_and_tried_again(open_page: OpenPage, app: Served[Vote]) -> None:
    page = open_page(app.address)
    page.route("**/arena/next", lambda route: route.abort())
    open_tab(page, "Arena")
    expect(part(page, "lead")).to_have_text("The server cannot be reached. Check the connection and try again.")
    page.unroute("**/arena/next")
    button(page, "Try again").click()
    asked(page)


def test_votes_are_listed_on_your_data_and_deleted_there(page: Page, app: Served[Vote]) -> None:
    page.keyboard.press("2")
    told(page)
    app.kept(1)
    button(page, "See Your data").click()
    row = page.locator("#data [data-receipts] li")
    expect(row).to_contain_text("You chose the right one")
    row.get_by_role("button", name="State").click()
    expect(page.locator("#data [data-told]")).to_contain_text("You chose the right one · saved")
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Really delete?").click()
    expect(page.locator("#data [data-told]")).to_have_text("Deleted. It had not been published.")
    expect(row).to_have_count(0)
    assert app.rows == []
    open_tab(page, "Arena")
    expect(part(page, "notice")).to_have_text("Your vote was deleted.")


def test_on_a_phone_both_pictures_and_all_answers_are_seen_without_scrolling(
    open_page: OpenPage, app: Served[Vote]
) -> None:
    page = open_page(app.address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    enter(page)
    for found in [*page.locator("#arena .fit").all(), *page.locator("#arena [data-choice]").all()]:
        box = found.bounding_box()
        assert box
        assert box["y"] + box["height"] <= 844
        assert box["width"] >= 44
        assert box["height"] >= 44
    for found in page.locator("#arena button:visible").all():
        box = found.bounding_box()
        assert box
        assert min(box["height"], box["width"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button(page, "something new").tap()
    button(page, "B is better").tap()
    told(page)
    assert [(row.choice, row.reasons) for row in app.kept(1)] == [("right", ("something-new",))]
    page.wait_for_timeout(500)
    button(page, "Next pair").tap()
    asked(page)


def test_ones_own_photo_is_a_round_without_names_and_shared_only_if_one_says_so(
    open_page: OpenPage, app: Served[Vote], scene: Path
) -> None:
    page = open_page(app.address)
    ready = enter(page)
    button(page, "Use my photo").click()
    expect(part(page, "notice")).to_contain_text("Open a photo on the Remove tab")
    open_tab(page, "Remove")
    load(page, scene)
    paint_disc(page)
    open_tab(page, "Arena")
    button(page, "Use my photo").click()
    expect(part(page, "share-row")).to_be_visible(timeout=30_000)
    asked(page, ready)
    assert names(page) == ["", ""]
    share = page.locator("#arena").get_by_label("Share photo, mask and result for research (CC BY 4.0)")
    expect(share).not_to_be_checked()
    share.check()
    part(page, "view").focus()
    page.keyboard.press("1")
    told(page)
    (row,) = app.kept(1)
    assert (row.case, row.choice, row.consent) == ("", "left", "pictures")
    assert row.files
    assert all(names(page))
    expect(page.locator("#arena [data-likely]").first).not_to_have_text("", timeout=20_000)
    page.wait_for_timeout(500)
    page.keyboard.press("n")
    assert asked(page) == ready, "what was set aside comes again"
    expect(share).to_be_hidden()
    page.keyboard.press("1")
    told(page)
    assert app.kept(2)[1].case != ""


def test_a_round_of_ones_own_photo_can_be_cancelled(open_page: OpenPage, app: Served[Vote], large_scene: Path) -> None:
    page = open_page(app.address)
    load(page, large_scene)
    paint_disc(page)
    ready = enter(page)
    button(page, "Use my photo").click()
    button(page, "Cancel").click()
    assert asked(page) == ready
    page.keyboard.press("1")
    told(page)
    assert app.kept(1)[0].case != ""


def test_another_tab_and_back_goes_on_with_the_same_pair(page: Page, app: Served[Vote]) -> None:
    shown = asked(page)
    open_tab(page, "About")
    page.keyboard.press("1")
    assert enter(page) == shown
    assert app.rows == []


def test_without_ready_cases_the_operator_is_told_what_to_do(open_page: OpenPage, tmp_path: Path) -> None:
    with served(ROREM_CASES="none", ROREM_DATA_DIR=str(tmp_path)) as address:
        page = open_page(address)
        open_tab(page, "Arena")
        expect(part(page, "lead")).to_contain_text("No ready case with two results is here yet.")
        expect(part(page, "lead")).to_contain_text("python -m rorem_demo compare")


def test_the_page_says_how_pairs_are_chosen(page: Page) -> None:
    expect(part(page, "about")).to_contain_text("until every two have 30 votes")
    expect(part(page, "about")).to_contain_text(re.compile(r"Now \d of 3 pairs"))


def test_nothing_the_page_fetches_before_the_vote_names_a_method(open_page: OpenPage, app: Served[Vote]) -> None:
    page = open_page(app.address)
    bodies: list[str] = []

    def listen(response: object) -> None:
        url = str(getattr(response, "url", ""))
        if "/rorem/arena/" in url and not url.endswith(("/left", "/right", "/source", "/about")):
            bodies.append(json.dumps(getattr(response, "json")()))  # noqa: B009

    page.on("requestfinished", lambda request: listen(request.response()))
    enter(page)
    page.wait_for_timeout(500)
    assert bodies
    assert [word for word in (*TITLES, *TITLES.values()) if any(word in body for body in bodies)] == []
