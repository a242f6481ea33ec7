"""The main path in a real browser: load, paint, undo, remove, compare, download, continue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Page, Request, expect

from tests.browser.driving import (
    button,
    canvas,
    centre,
    decoded,
    download,
    drag,
    is_red,
    load,
    notice,
    paint_disc,
    remove,
    view,
)

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]


def test_from_a_photo_to_a_result_and_on(open_page: OpenPage, scene: Path) -> None:
    page = open_page()
    expect(button(page, "Open a photo first")).to_be_disabled()
    load(page, scene)
    expect(button(page, "Mark something first")).to_be_disabled()
    paint_disc(page)
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator("#stage [data-entries] li")).to_have_count(0)
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+Shift+Z")
    remove(page)
    expect(notice(page)).to_contain_text("0 pixels changed outside the grown selection")
    name, data = download(page, "Download PNG")
    before, after = np.asarray(Pillow.open(scene)), decoded(data)
    assert name == "scene-removed.png"
    assert after.shape == before.shape
    assert is_red(before).sum() > 10_000
    assert is_red(after).sum() == 0
    changed = (before != after).any(axis=2)
    assert changed[240:360, 390:510].mean() > 0.5
    assert not changed[:150].any()
    assert not changed[450:].any()
    button(page, "Continue from this").click()
    expect(page.locator("#stage [data-entries] li")).to_have_count(0)
    drag(page, (-200, 100), (-160, 120))
    remove(page)
    button(page, "Change selection").click()
    for _ in range(2):
        button(page, "Undo").click()
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)


def test_the_slider_moves_by_pointer_and_by_keyboard(open_page: OpenPage, scene: Path) -> None:
    page = open_page(reduced_motion="reduce")
    load(page, scene)
    paint_disc(page)
    remove(page)
    handle = page.get_by_role("slider", name="Before and after")
    expect(handle).to_have_attribute("aria-valuenow", "50")
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "52")
    page.keyboard.press("Home")
    expect(handle).to_have_attribute("aria-valuenow", "0")
    drag(page, (0, 100), (50, 100))
    assert int(handle.get_attribute("aria-valuenow") or 0) > 50
    page.keyboard.press("Escape")
    expect(view(page)).to_have_attribute("data-mode", "select")
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)


def test_what_is_shown_is_what_the_server_draws(open_page: OpenPage, scene: Path) -> None:
    """The downloaded mask against the tint on the screen, for every tool, growing and inverting."""
    page = open_page(reduced_motion="reduce")
    load(page, scene)
    drag(page, (-120, -80), (80, -60))
    button(page, "Lasso").click()
    drag(page, (-150, 60), (-60, 40), (-40, 120), (-140, 130))
    button(page, "Box").click()
    drag(page, (60, 40), (180, 110))
    button(page, "Grow the selection").click()
    button(page, "Eraser").click()
    drag(page, (90, 60), (150, 90))
    button(page, "Invert the selection").click()
    with page.expect_download() as started:
        button(page, "Download the mask").click()
    mask = np.asarray(Pillow.open(started.value.path()).convert("L")) > 127
    assert mask.shape == (600, 900)
    shown = tinted(page, mask.shape)
    assert (mask & shown).sum() / (mask | shown).sum() > 0.97


def tinted(page: Page, shape: tuple[int, int]) -> np.ndarray:
    """Where the screen shows the selection: what differs between the stage and the stage with O held."""
    page.mouse.move(0, 0)
    canvas(page).focus()
    marked = decoded(canvas(page).screenshot())
    page.keyboard.down("o")
    page.wait_for_timeout(200)
    plain = decoded(canvas(page).screenshot())
    page.keyboard.up("o")
    differs = (np.abs(marked.astype(int) - plain.astype(int)).sum(axis=2) > 12).astype(np.uint8) * 255
    height, width = differs.shape
    scale = min(width / shape[1], height / shape[0])
    left, top = (width - shape[1] * scale) / 2, (height - shape[0] * scale) / 2
    box = (left, top, left + shape[1] * scale, top + shape[0] * scale)
    return np.asarray(Pillow.fromarray(differs).resize((shape[1], shape[0]), box=box)) > 127


def test_a_12_megapixel_mask_is_small_and_quick(open_page: OpenPage, large_scene: Path) -> None:
    page = open_page()
    load(page, large_scene)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108  # playwright refuses a builtin
    x, y = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(400):  # a long scribble, five to ten pixels a move
        angle = step / 7
        page.mouse.move(x + (40 + step / 5) * np.cos(angle), y + (30 + step / 6) * np.sin(angle * 1.1))
    page.mouse.up()
    started = page.evaluate("performance.now()")
    with page.expect_request(lambda request: "/queue/join" in request.url) as joined:
        button(page, "Remove").click()
    body = joined.value.post_data or ""
    assert len(body.encode()) <= 4096
    drawing = json.loads(json.loads(body)["data"][0])["drawing"]
    assert drawing["entries"]
    page.locator("#stage [data-words]", has_text=re.compile("left|almost")).wait_for(timeout=3000)
    assert page.evaluate("performance.now()") - started < 3000
    assert sum(len(request.post_data_buffer or b"") for request in sent) < 16_000  # surveys included
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=30_000)


def test_cancelling_keeps_the_selection(open_page: OpenPage, large_scene: Path) -> None:
    page = open_page()
    load(page, large_scene)
    paint_disc(page)
    button(page, "Remove").click()
    button(page, "Cancel").click()
    expect(notice(page)).to_have_text("Cancelled. Your selection is still here.")
    expect(view(page)).to_have_attribute("data-mode", "select")
    page.wait_for_timeout(1500)
    expect(view(page)).to_have_attribute("data-mode", "select")
    remove(page)


def test_entries_are_hidden_corrected_and_discarded(open_page: OpenPage, scene: Path) -> None:
    page = open_page()
    load(page, scene)
    drag(page, (-60, 0), (60, 0))
    page.locator("#stage [data-entries] .pick").click()  # keep it: the next stroke is another
    drag(page, (-60, 80), (60, 80))
    rows = page.locator("#stage [data-entries] li")
    expect(rows).to_have_count(2)
    rows.nth(0).get_by_role("button", name="Hide Brush 1").click()
    rows.nth(1).get_by_role("button", name="Hide Brush 2").click()
    expect(button(page, "Mark something first")).to_be_disabled()
    rows.nth(0).get_by_role("button", name="Show Brush 1").click()
    rows.nth(1).get_by_role("button", name="Discard Brush 2").click()
    expect(rows).to_have_count(1)
    button(page, "Clear the selection").click()
    expect(rows).to_have_count(0)
    button(page, "Undo").click()
    expect(rows).to_have_count(1)


def test_a_mask_file_becomes_an_entry(open_page: OpenPage, scene: Path, tmp_path: Path) -> None:
    page = open_page()
    load(page, scene)
    mask = np.zeros((600, 900), np.uint8)
    mask[230:370, 380:520] = 255
    Pillow.fromarray(mask).save(tmp_path / "mask.png")
    with page.expect_file_chooser() as chooser:
        button(page, "Load a mask file").click()
    chooser.value.set_files(tmp_path / "mask.png")
    expect(page.locator("#stage [data-entries] li")).to_have_text(re.compile("Mask file 1"))
    remove(page)
    assert is_red(decoded(download(page, "Download PNG")[1])).sum() == 0
    Pillow.fromarray(mask[:100]).save(tmp_path / "small.png")
    with page.expect_file_chooser() as chooser:
        button(page, "Load a mask file").click()
    chooser.value.set_files(tmp_path / "small.png")
    expect(notice(page)).to_contain_text("900x100")


def test_from_the_keyboard_alone(open_page: OpenPage, scene: Path) -> None:
    page = open_page()
    with page.expect_file_chooser() as chooser:
        button(page, "Choose a photo").focus()
        page.keyboard.press("Enter")
    chooser.value.set_files(scene)
    expect(view(page)).to_have_attribute("data-mode", "select")
    expect(canvas(page)).to_be_focused()
    for _ in range(6):
        page.keyboard.press("]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=20_000)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.png !== undefined"):
            break
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert is_red(decoded(Path(started.value.path()).read_bytes())).sum() < 3000


def test_on_a_phone_with_fingers(open_page: OpenPage, scene: Path) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_file_chooser() as chooser:
        button(page, "Choose a photo").tap()
    chooser.value.set_files(scene)
    expect(view(page)).to_have_attribute("data-mode", "select")
    touch = page.context.new_cdp_session(page)
    x, y = centre(page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x + dx, "y": y + dy, "id": index} for index, (dx, dy) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (-30, -6))
    for step in range(10):
        fingers("touchMove", (-30 + 6 * step, -6 + step % 2 * 12))
    fingers("touchEnd")
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)
    before = canvas(page).screenshot()
    fingers("touchStart", (-30, 0), (30, 0))
    for step in range(8):
        fingers("touchMove", (-30 - 5 * step, 0), (30 + 5 * step, 0))
    fingers("touchEnd")
    page.wait_for_timeout(300)
    assert canvas(page).screenshot() != before  # zoomed
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)  # a pinch draws nothing
    button(page, "Remove").tap()
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_visitors_at_once_see_only_their_own(open_page: OpenPage, scene: Path, tmp_path: Path) -> None:
    other = tmp_path / "green.png"
    green = np.asarray(Pillow.open(scene))[..., [1, 0, 2]]
    Pillow.fromarray(np.ascontiguousarray(green)).save(other)
    pages = [open_page(), open_page()]
    for page, photo in zip(pages, (scene, other), strict=True):
        load(page, photo)
        drag(page, (-200, 100), (-100, 120))
    for page in pages:
        button(page, "Remove").click()
    for page, photo in zip(pages, (scene, other), strict=True):
        expect(view(page)).to_have_attribute("data-mode", "result", timeout=30_000)
        difference = decoded(download(page, "Download PNG")[1]) != np.asarray(Pillow.open(photo))
        assert difference.any(axis=2).mean() < 0.05


def test_a_picture_pasted_dropped_or_from_the_camera(open_page: OpenPage) -> None:
    page = open_page()
    button(page, "Use the camera").click()
    button(page, "Take the photo").click()
    expect(view(page)).to_have_attribute("data-mode", "select")
    page = open_page()
    page.get_by_role("button", name="The spoon").click()
    expect(view(page)).to_have_attribute("data-mode", "select")


def test_a_bad_file_is_refused_in_a_sentence(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "photo.jpg").write_bytes(b"not a picture")
    with page.expect_file_chooser() as chooser:
        button(page, "Choose a photo").click()
    chooser.value.set_files(tmp_path / "photo.jpg")
    expect(notice(page)).not_to_be_empty()
    expect(notice(page)).not_to_have_text("Opening…")
    expect(view(page)).to_have_attribute("data-mode", "empty")
    assert "Traceback" not in notice(page).inner_text()
