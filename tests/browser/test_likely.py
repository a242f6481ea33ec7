"""The judge in a real browser: what it thinks stands beside the question, by whichever version is published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from rorem_demo.feedback.records import Rating
from rorem_demo.feedback.store import Store
from tests.browser.conftest import served
from tests.browser.driving import button, drag, load, notice, remove
from tests.browser.test_rating import WATCH_SHIFTS
from tests.discriminator.judges import files_of, torn, write_judge
from tests.hub import LoopbackHub

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OpenPage = Callable[..., Page]
NAME = "owner/judge"
KEPT = re.compile(r"^Kept · saved \d\d:\d\d$")
LOADING = 60_000
"""Milliseconds: the first score waits for torch."""


@dataclass
class Open:
    address: str
    hub: LoopbackHub
    folder: Path

    def publish(self, says: float) -> str:
        """A new version that says so of everything; returns it."""
        version = write_judge(self.folder / "judge", says)
        self.hub.commit(NAME, files_of(self.folder / "judge"))
        return version

    def rows(self) -> list[Rating]:
        store = Store(self.folder / "data")
        found = [held.record for held in store.each(Rating)]
        store.close()
        return found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    folder = tmp_path_factory.mktemp("judged")
    with LoopbackHub() as hub:
        environment = {
            "HF_ENDPOINT": hub.address, "ROREM_DATA_DIR": str(folder / "data"), "ROREM_DISCRIMINATOR": NAME,
            "ROREM_DISCRIMINATOR_MINUTES": "0.03",
        }  # fmt: skip
        with served(**environment) as address:
            yield Open(address, hub, folder)


def result(page: Page, photo: Path) -> None:
    load(page, photo)
    drag(page, (-40, -20), (40, 20))
    remove(page)


def another(page: Page) -> None:
    button(page, "Change selection").click()
    remove(page)


def likely(page: Page) -> Locator:
    return page.locator("[data-likely]")


def test_a_score_a_newer_version_and_a_broken_one_without_a_restart(
    open_page: OpenPage, opened: Open, scene: Path
) -> None:
    first = opened.publish(0.83)
    page = open_page(opened.address, reduced_motion="reduce")
    result(page, scene)
    expect(likely(page)).to_have_text("likely clean: 83%", timeout=LOADING)
    expect(likely(page)).to_have_attribute("title", re.compile(first))
    button(page, "Yes").click()
    expect(page.locator("[data-receipt-line]")).to_have_text(KEPT)
    row = opened.rows()[-1]
    assert (row.judge, row.score) == (first, pytest.approx(0.83, abs=0.01))

    second = opened.publish(0.2)
    told = wait_for_version(open_page, opened, second)
    expect(told).not_to_contain_text("was not taken")
    another(page)
    expect(likely(page)).to_have_text("likely not clean: 80%")
    button(page, "No").click()
    expect(page.locator("[data-receipt-line]")).to_have_text(KEPT)
    assert opened.rows()[-1].judge == second

    broken = opened.hub.commit(NAME, torn(opened.folder / "judge"))
    told = wait_for_version(open_page, opened, "A newer version was not taken")
    expect(told).to_contain_text(f"At work: {second}")
    assert opened.hub.asked("GET", f"/resolve/{broken}/") > 0
    another(page)
    expect(likely(page)).to_have_text("likely not clean: 80%")

    opened.publish(0.52)
    wait_for_version(open_page, opened, "compact-", absent="was not taken")
    another(page)
    expect(likely(page)).to_have_text("not sure")


def wait_for_version(open_page: OpenPage, opened: Open, text: str, absent: str = "nothing at all") -> Locator:
    """The About tab of a visitor who comes when it says so."""
    for _ in range(30):
        page = open_page(opened.address)
        page.get_by_role("tab", name="About").click()
        about = page.locator("#about")
        expect(about).to_contain_text("At work:")
        page.wait_for_timeout(1000)
        said = about.inner_text()
        if text in said and absent not in said:
            return about
        page.context.close()
    raise AssertionError(f"About never said {text}")


@pytest.fixture
def page(open_page: OpenPage, address: str, scene: Path) -> Page:
    page = open_page(address, reduced_motion="reduce")
    load(page, scene)
    drag(page, (-40, -20), (40, 20))
    return page


def answering(page: Page, words: str, judge: str = "compact-x", seconds: float = 0.0) -> None:
    def told(route: Route) -> None:
        page.wait_for_timeout(1000 * seconds)
        route.fulfill(json={"words": words, "judge": judge})

    page.route("**/likely", told)


def test_an_answer_before_the_score_does_not_name_its_judge(page: Page) -> None:
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or "") if "/rating" in request.url else None)
    answering(page, "likely clean: 90%", seconds=2)
    remove(page)
    button(page, "Yes").click()
    expect(page.locator("[data-receipt-line]")).to_have_text(KEPT)
    expect(likely(page)).to_have_text("likely clean: 90%")
    button(page, "No").click()
    expect(page.locator("[data-receipt-line]")).to_have_text(KEPT)
    page.wait_for_timeout(600)
    assert ['"judge":""' in body for body in bodies] == [True, False]
    assert '"judge":"compact-x"' in bodies[-1]


def test_without_a_judge_or_an_answer_nothing_is_said(page: Page) -> None:
    page.route("**/likely", lambda route: route.abort())
    remove(page)
    expect(notice(page)).to_contain_text("0 pixels changed outside")
    expect(likely(page)).to_be_empty()
    button(page, "Yes").click()
    expect(page.locator("[data-receipt-line]")).to_have_text(KEPT)


def test_the_score_of_one_result_never_stands_beside_another(page: Page) -> None:
    answering(page, "likely clean: 90%")
    remove(page)
    expect(likely(page)).to_have_text("likely clean: 90%")
    page.unroute("**/likely")
    page.route("**/likely", lambda route: route.abort())
    another(page)
    expect(likely(page)).to_be_empty()


def test_nothing_moves_when_the_score_comes(page: Page) -> None:
    answering(page, "likely not clean: 99%", seconds=1)
    remove(page)
    before = button(page, "Yes").bounding_box()
    page.evaluate(WATCH_SHIFTS)
    expect(likely(page)).to_have_text("likely not clean: 99%")
    page.wait_for_timeout(300)
    assert button(page, "Yes").bounding_box() == before
    assert page.evaluate("shifts") < 0.005


def test_on_a_phone_the_score_and_both_buttons_share_a_line(open_page: OpenPage, address: str, scene: Path) -> None:
    page = open_page(address, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    load(page, scene)
    drag(page, (-40, -20), (40, 20))
    answering(page, "likely not clean: 99%")
    remove(page)
    expect(likely(page)).to_have_text("likely not clean: 99%")
    asked, yes, no = (found.bounding_box() for found in (likely(page), button(page, "Yes"), button(page, "No")))
    assert asked
    assert yes
    assert no
    assert asked["x"] + asked["width"] <= yes["x"]
    assert yes["y"] == no["y"]
    assert no["x"] + no["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
