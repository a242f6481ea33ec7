"""What a visitor meets when others are before them, or something fails: one sentence, a way out, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import free_port, serve
from tests.browser.driving import button, drag, load, notice, view

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]


def choose(page: Page, method: str) -> None:
    page.get_by_label(method, exact=True).check()


def marked(page: Page, photo: Path, method: str) -> Page:
    load(page, photo)
    choose(page, method)
    drag(page, (-40, -20), (40, 20))
    return page


def test_the_wait_is_told_in_words_the_queue_too_and_a_full_one_in_a_sentence(
    open_page: OpenPage, crowded_address: str, scene: Path
) -> None:
    pages = [marked(open_page(crowded_address), scene, "Slow") for _ in range(4)]
    words = [page.locator("#stage [data-words]") for page in pages]
    button(pages[0], "Remove").click()
    expect(words[0]).to_have_text(re.compile(r"Slow: about \d s left"))
    button(pages[1], "Remove").click()
    expect(words[1]).to_have_text(re.compile(r"Waiting: 1 before you(, about \d s)?\."))
    button(pages[2], "Remove").click()
    expect(words[2]).to_have_text("Waiting: number 1 of 1 in the queue")
    button(pages[3], "Remove").click()
    expect(notice(pages[3])).to_contain_text("Try again in a minute.")
    expect(view(pages[3])).to_have_attribute("data-mode", "select")
    with pages[3].expect_response(lambda answer: "/queue/join" in answer.url):
        button(pages[3], "Remove").click()  # the same answer once more
    expect(view(pages[3])).to_have_attribute("data-mode", "select")
    expect(pages[3].locator("#stage [data-entries] li")).to_have_count(1)
    for page in pages[:3]:
        expect(view(page)).to_have_attribute("data-mode", "result", timeout=60_000)


def test_cancelling_while_waiting_and_while_working(open_page: OpenPage, crowded_address: str, scene: Path) -> None:
    first, second = (marked(open_page(crowded_address), scene, "Slow") for _ in range(2))
    button(first, "Remove").click()
    first.wait_for_timeout(700)
    button(second, "Remove").click()
    second.wait_for_timeout(300)
    button(second, "Cancel").click()
    expect(notice(second)).to_have_text("Cancelled. Your selection is still here.")
    button(first, "Cancel").click()
    choose(second, "Telea")
    button(second, "Remove").click()  # the queue is free again: both were really cancelled
    expect(view(second)).to_have_attribute("data-mode", "result", timeout=6000)


def test_removing_again_right_after_cancelling(open_page: OpenPage, crowded_address: str, scene: Path) -> None:
    page = marked(open_page(crowded_address), scene, "Slow")
    for _ in range(2):
        button(page, "Remove").click()
        button(page, "Cancel").click()
    button(page, "Remove").click()
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=20_000)


@pytest.mark.parametrize(
    ("method", "sentence"), [("Broken", "Broken failed on this photo."), ("Hungry", "Hungry ran out of memory.")]
)
def test_a_failing_remover_offers_another(
    open_page: OpenPage, crowded_address: str, scene: Path, method: str, sentence: str
) -> None:
    page = marked(open_page(crowded_address), scene, method)
    button(page, "Remove").click()
    expect(notice(page)).to_contain_text(sentence)
    expect(page.locator("body")).not_to_contain_text("secret detail")
    button(page, "Use Shift-map instead").click()
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=20_000)
    expect(notice(page)).to_contain_text("Shift-map")


def test_what_cannot_run_is_shown_with_what_would_bring_it(open_page: OpenPage, crowded_address: str) -> None:
    page = open_page(crowded_address)
    expect(page.get_by_label("Absent", exact=True)).to_have_count(0)
    expect(page.locator("#methods")).to_contain_text("needs 5.1 GB of weights")


def test_previews_show_while_working_and_the_seed_is_told(
    open_page: OpenPage, crowded_address: str, scene: Path
) -> None:
    page = marked(open_page(crowded_address), scene, "Slow")
    page.get_by_role("button", name="Advanced").click()
    page.get_by_label("Seed").fill("41")
    button(page, "Remove").click()
    page.wait_for_timeout(1500)
    assert page.evaluate(GREEN) > 300
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=20_000)
    expect(notice(page)).to_contain_text("seed 41")


GREEN = """() => {
  const canvas = document.querySelector("#stage canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < data.length; i += 4) count += data[i + 1] > 150 && data[i] < 60 && data[i + 2] < 60;
  return count;
}"""


def test_a_photo_the_server_has_forgotten(open_page: OpenPage, scene: Path) -> None:
    """The server restarts under an open page: the visitor is asked to open the photo again, and can."""
    port = free_port()
    process = serve(port)
    page = open_page(f"http://127.0.0.1:{port}")
    load(page, scene)
    process.terminate()
    process.wait(60)
    process = serve(port)
    try:
        drag(page, (-40, -20), (40, 20))
        button(page, "Remove").click()
        expect(notice(page)).to_contain_text("Open it again.", timeout=15_000)
        with page.expect_file_chooser() as chooser:
            button(page, "Open another photo").click()
        chooser.value.set_files(scene)
        expect(notice(page)).to_have_text("Paint over what should go.")
        drag(page, (-40, -20), (40, 20))
        button(page, "Remove").click()
        expect(view(page)).to_have_attribute("data-mode", "result", timeout=20_000)
    finally:
        process.terminate()
        process.wait(60)
