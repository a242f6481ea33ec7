"""The stage's own behaviour: zoom, pan, pen, paste, shadow hint, holding to compare, dark and narrow pages."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Page, expect

from tests.browser.driving import button, canvas, centre, decoded, drag, is_red, load, notice, paint_disc, remove, view

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]


def shown(page: Page) -> np.ndarray:
    page.mouse.move(0, 0)
    page.wait_for_timeout(200)
    return decoded(canvas(page).screenshot()).astype(int)


def test_the_wheel_zooms_where_the_pointer_is_and_space_pans(open_page: OpenPage, scene: Path) -> None:
    page = open_page(reduced_motion="reduce")
    load(page, scene)
    fitted = shown(page)
    page.mouse.move(*centre(page))
    page.mouse.wheel(0, -600)
    zoomed = shown(page)
    height, width, _ = zoomed.shape
    assert tuple(zoomed[height // 2, width // 2]) == tuple(fitted[height // 2, width // 2])  # the disc stays centred
    assert red(zoomed) > 4 * red(fitted)
    page.keyboard.down(" ")
    drag(page, (0, 0), (150, 0))
    page.keyboard.up(" ")
    assert red_centre(shown(page)) - red_centre(zoomed) == pytest.approx(150, abs=8)
    page.keyboard.press("0")
    assert (shown(page) == fitted).mean() > 0.999
    expect(page.locator("#stage [data-entries] li")).to_have_count(0)


def red(image: np.ndarray) -> int:
    return int(is_red(image).sum())


def red_centre(image: np.ndarray) -> float:
    return float(np.nonzero(is_red(image))[1].mean())


def test_a_stroke_drawn_while_zoomed_lands_where_it_was_drawn(open_page: OpenPage, scene: Path) -> None:
    page = open_page(reduced_motion="reduce")
    load(page, scene)
    page.mouse.move(*centre(page))
    page.mouse.wheel(0, -600)
    drag(page, (-100, 0), (100, 0))
    button(page, "Fit the photo to the stage").click()
    with page.expect_download() as started:
        button(page, "Download the mask").click()
    mask = np.asarray(Pillow.open(started.value.path()).convert("L")) > 127
    rows, columns = np.nonzero(mask)
    assert (columns.mean(), rows.mean()) == (pytest.approx(450, abs=4), pytest.approx(300, abs=4))
    assert 30 < np.ptp(columns) < 120  # 200 screen pixels, magnified at least twofold


def test_a_pen_draws_and_a_resting_hand_does_not(open_page: OpenPage, scene: Path) -> None:
    page = open_page()
    load(page, scene)
    pen = page.context.new_cdp_session(page)
    x, y = centre(page)

    def event(kind: str, dx: float) -> None:
        place = {"x": x + dx, "y": y, "button": "left", "buttons": 1, "pointerType": "pen", "clickCount": 1}
        pen.send("Input.dispatchMouseEvent", {"type": kind, **place})

    event("mousePressed", -40)
    for step in range(6):
        event("mouseMoved", -40 + 15 * step)
    event("mouseReleased", 50)
    expect(page.locator("#stage [data-entries] li")).to_have_count(1)


def test_a_picture_is_pasted(open_page: OpenPage, scene: Path) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(PUT_ON_CLIPBOARD, base64.b64encode(scene.read_bytes()).decode())
    page.locator("body").press("Control+v")
    expect(view(page)).to_have_attribute("data-mode", "select")


PUT_ON_CLIPBOARD = """async (data) => {
  const blob = await (await fetch(`data:image/png;base64,${data}`)).blob();
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""


def test_a_shadow_beside_the_selection_is_offered_and_added(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    load(page, save_shadow_scene(tmp_path / "shadow.png"))
    paint_disc(page)
    button(page, "Add it to the selection").click()
    expect(page.locator("#stage [data-entries] li")).to_have_count(2)
    expect(page.locator("#stage [data-entries] .pick").last).to_have_text("Shadow 2")
    with page.expect_download() as started:
        button(page, "Download the mask").click()
    mask = np.asarray(Pillow.open(started.value.path()).convert("L")) > 127
    assert mask[340:380, 480:560].mean() > 0.5


def save_shadow_scene(path: Path) -> Path:
    """A red disc on plain textured ground, its soft shadow falling to the lower right."""
    generator = np.random.default_rng(3)
    rows, columns = np.mgrid[:600, :900]
    ground = 150 + generator.normal(0, 4, (600, 900))
    shadow = ((columns - 510) / 110) ** 2 + ((rows - 358) / 30) ** 2
    ground = ground * (1 - 0.5 * np.clip(1.3 - shadow, 0, 1))
    picture = np.stack([ground * 1.05, ground, ground * 0.9], axis=2)
    picture[(columns - 450) ** 2 + (rows - 300) ** 2 < 60**2] = (200, 40, 30)
    Pillow.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
    return path


def test_holding_shows_the_original(open_page: OpenPage, scene: Path) -> None:
    page = open_page(reduced_motion="reduce")
    load(page, scene)
    paint_disc(page)
    remove(page)
    page.get_by_role("slider", name="Before and after").focus()
    page.keyboard.press("Home")
    assert red(shown(page)) < 50
    hold = button(page, "Hold: original").bounding_box()
    assert hold
    page.mouse.move(hold["x"] + 10, hold["y"] + 10)
    page.mouse.down()
    page.wait_for_timeout(300)
    assert red(decoded(canvas(page).screenshot()).astype(int)) > 5000
    page.mouse.up()
    assert red(shown(page)) < 50


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_readable_and_nothing_scrolls_sideways(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    faint = page.evaluate(CONTRASTS)
    assert faint == []


CONTRASTS = """() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0.9) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("#stage :is(p, h2, button span, .plain), #header *")) {
    if (!element.offsetParent || !element.textContent.trim() || element.closest(":disabled")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(element.textContent.trim().slice(0, 40));
  }
  return faint;
}"""


def test_every_control_has_a_name(open_page: OpenPage, scene: Path) -> None:
    page = open_page()
    load(page, scene)
    nameless = page.evaluate(NAMELESS)
    assert nameless == []
    assert notice(page).get_attribute("aria-live") == "polite"


NAMELESS = """() => [...document.querySelectorAll("#stage :is(button, input, a, [tabindex])")]
  .filter((e) => !e.hidden && !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)"""
