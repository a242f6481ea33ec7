"""Driving the page as a visitor would: clicks, drags and keys on what is labelled."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from playwright.sync_api import Locator, Page, expect

Pixels = npt.NDArray[np.uint8]


def canvas(page: Page) -> Locator:
    return page.locator("#stage canvas")


def view(page: Page) -> Locator:
    return page.locator('#stage [data-part="view"]')


def notice(page: Page) -> Locator:
    return page.locator("#stage [data-notice]")


def button(page: Page, name: str) -> Locator:
    return page.locator("#stage").get_by_role("button", name=name, exact=True)


def open_tab(page: Page, name: str) -> None:
    """By its button, or from the menu of those that have no room."""
    tab, menu = page.get_by_role("tab", name=name), page.get_by_role("button", name="More tabs")
    expect(tab.or_(menu).first).to_be_visible(timeout=20_000)
    if not tab.is_visible():
        menu.click()
        tab = page.locator("#tabs .overflow-dropdown").get_by_role("button", name=name)
    tab.click()


def load(page: Page, photo: Path, ready: str = "Paint over what should go.") -> None:
    with page.expect_file_chooser() as chooser:
        button(page, "Choose a photo").click()
    chooser.value.set_files(photo)
    expect(view(page)).to_have_attribute("data-mode", "select")
    expect(notice(page)).to_have_text(ready)


def centre(page: Page) -> tuple[float, float]:
    box = canvas(page).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, *offsets: tuple[float, float]) -> None:
    """Press, move and release with the mouse; offsets from the stage's centre in screen pixels."""
    x, y = centre(page)
    page.mouse.move(x + offsets[0][0], y + offsets[0][1])
    page.mouse.down()
    for dx, dy in offsets[1:]:
        page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def paint_disc(page: Page) -> None:
    """Two strokes over the red disc."""
    drag(page, (-55, -40), (55, -40), (-55, -14), (55, -14))
    drag(page, (-55, 12), (55, 12), (-55, 38), (55, 38))


def remove(page: Page, seconds: int = 20) -> None:
    button(page, "Remove").click()
    expect(view(page)).to_have_attribute("data-mode", "result", timeout=1000 * seconds)


def download(page: Page, name: str | re.Pattern[str]) -> tuple[str, bytes]:
    with page.expect_download() as started:
        page.locator("#stage").get_by_role("link", name=name).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def decoded(data: bytes) -> Pixels:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))


def is_red(image: Pixels) -> npt.NDArray[np.bool_]:
    values = image.astype(int)
    return (values[..., 0] > 150) & (values[..., 1] < 90) & (values[..., 2] < 90)
