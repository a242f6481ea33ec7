"""Pointing in a real browser: clicks, boxes, phrases, by mouse, finger and keyboard; all entries to correct.

The segmenters are doubles (`tests.segmenter_doubles`): the first look takes 1.2 s, a click what is coloured alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import served
from tests.browser.driving import Pixels, button, canvas, centre, decoded, drag, load, notice, remove
from tests.segmenters.checkpoints import write_tiny_sam
from tests.segmenters.owl_checkpoint import write_tiny_owl

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
READY = "Drag a box around what should go, or click it."
SURE = "Click what should go, or drag a box around it."


@pytest.fixture
def page(open_page: OpenPage, crowded_address: str, scene: Path) -> Page:
    """The scene open and looked at, ready to be clicked."""
    opened = open_page(crowded_address)
    load(opened, scene)
    point(opened)
    return opened


def point(page: Page) -> None:
    button(page, "Point").click()
    expect(notice(page)).to_have_text(READY)


def entries(page: Page) -> Locator:
    return page.locator("#stage [data-entries] .pick")


def click(page: Page, dx: float, dy: float, **how: object) -> None:
    """Click so many screen pixels from the stage's centre, where the red disc is."""
    x, y = centre(page)
    page.mouse.click(x + dx, y + dy, **how)  # type: ignore[arg-type]


def mask_of(page: Page) -> Pixels:
    with page.expect_download() as started:
        button(page, "Download the mask").click()
    return np.asarray(Pillow.open(started.value.path()).convert("L")) > 127


def share_of_disc(page: Page) -> float:
    """How much of the red disc is marked; 0 is returned only where nothing else is marked either."""
    rows, columns = np.ogrid[:600, :900]
    disc = (columns - 450) ** 2 + (rows - 300) ** 2 < 60**2
    mask = mask_of(page)
    assert (mask & ~disc).sum() < 0.35 * disc.sum()
    return float(mask[disc].mean())


def test_the_first_look_is_told_and_then_a_click_marks_the_object(
    open_page: OpenPage, crowded_address: str, scene: Path
) -> None:
    page = open_page(crowded_address)
    load(page, scene)
    button(page, "Point").click()
    expect(notice(page)).to_contain_text("Slow is looking at the photo…")
    expect(notice(page)).to_have_text(READY)
    click(page, 0, 0)
    expect(entries(page)).to_have_text(["Object 1"])
    assert share_of_disc(page) > 0.98
    remove(page)


def test_clicks_made_during_the_first_look_are_not_lost(open_page: OpenPage, crowded_address: str, scene: Path) -> None:
    page = open_page(crowded_address)
    load(page, scene)
    button(page, "Point").click()
    click(page, 0, 0)
    click(page, 200, 100)
    expect(entries(page)).to_have_text(["Object 1", "Object 2"])


def test_a_click_inside_takes_away_and_undo_brings_it_back(page: Page) -> None:
    click(page, 0, 0)
    expect(entries(page)).to_have_count(1)
    page.wait_for_timeout(600)  # no double click
    button(page, "Take away").click()
    click(page, 20, 10)
    expect(notice(page)).to_contain_text("Found nothing there")
    button(page, "Add").click()
    click(page, 300, 100)
    expect(button(page, "Remove")).to_be_enabled()
    expect(entries(page)).to_have_count(1)
    page.wait_for_timeout(300)
    grown = mask_of(page).sum()
    assert grown > 50_000
    button(page, "New object").click()
    click(page, 320, 120)  # now inside: its colour goes again
    page.wait_for_timeout(600)
    assert mask_of(page).sum() < grown / 2
    canvas(page).press("Control+z")
    assert mask_of(page).sum() == grown


def test_right_click_takes_away_and_shift_adds(page: Page) -> None:
    click(page, 0, 0)
    expect(entries(page)).to_have_count(1)
    page.keyboard.down("Shift")
    click(page, 300, 100)
    page.keyboard.up("Shift")
    page.wait_for_timeout(600)
    expect(entries(page)).to_have_count(1)
    assert mask_of(page).sum() > 50_000
    click(page, 310, 105, button="right")
    page.wait_for_timeout(600)
    assert share_of_disc(page) > 0.98


def test_other_shapes_are_a_key_away(page: Page) -> None:
    click(page, 0, 0)
    expect(entries(page)).to_have_count(1)
    first = mask_of(page).sum()
    canvas(page).press("c")
    expect(notice(page)).to_have_text("Shape 2 of 3.")
    second = mask_of(page).sum()
    canvas(page).press("c")
    third = mask_of(page).sum()
    assert first < second < third
    canvas(page).press("c")
    expect(notice(page)).to_have_text("Shape 1 of 3.")
    assert mask_of(page).sum() == first


def test_brush_and_eraser_correct_what_was_clicked(page: Page) -> None:
    click(page, 0, 0)
    expect(entries(page)).to_have_count(1)
    whole = share_of_disc(page)
    button(page, "Eraser").click()
    drag(page, (-20, 0), (20, 0))
    erased = share_of_disc(page)
    assert erased < whole - 0.1
    button(page, "Brush").click()
    drag(page, (-20, 0), (20, 0))
    expect(entries(page)).to_have_text(["Object 1"])
    assert share_of_disc(page) > erased + 0.1


def test_a_box_takes_the_object_in_it(page: Page) -> None:
    drag(page, (-90, -90), (90, 90))
    expect(entries(page)).to_have_text(["Object 1"])
    assert share_of_disc(page) > 0.98


def test_a_rectangle_is_narrowed_to_the_object_by_keyboard(page: Page) -> None:
    canvas(page).focus()
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    for _ in range(16):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(entries(page)).to_have_text(["Box 1"])
    button(page, "Select only the object in it").press("Enter")
    expect(entries(page)).to_have_text(["Object 1"])
    assert share_of_disc(page) > 0.98


def test_pointing_by_keyboard_alone(open_page: OpenPage, crowded_address: str, scene: Path) -> None:
    page = open_page(crowded_address)
    load(page, scene)
    canvas(page).focus()
    page.keyboard.press("p")
    expect(notice(page)).to_have_text(READY)
    page.keyboard.press("Enter")  # the crosshair appears in the middle
    page.keyboard.press("Enter")
    expect(entries(page)).to_have_text(["Object 1"])
    page.keyboard.press("Control+Enter")
    expect(notice(page)).to_contain_text("0 pixels changed outside")


def test_pointing_by_finger(open_page: OpenPage, crowded_address: str, scene: Path) -> None:
    page = open_page(crowded_address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    load(page, scene)
    button(page, "Point").tap()
    expect(notice(page)).to_have_text(READY)
    page.touchscreen.tap(*centre(page))
    expect(entries(page)).to_have_text(["Object 1"])
    assert share_of_disc(page) > 0.98
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("New object", "Add", "Take away", "Other shape"):
        box = button(page, name).bounding_box()
        assert box
        assert box["height"] >= 44


def test_a_phrase_marks_what_it_names(page: Page) -> None:
    canvas(page).focus()
    page.keyboard.press("t")
    page.keyboard.type("the red disc")
    page.keyboard.press("Enter")
    expect(entries(page)).to_have_text(["disc 1"])
    expect(notice(page)).to_have_text("Found one.")
    button(page, "Discard disc 1").click()
    expect(entries(page)).to_have_count(0)
    page.get_by_role("textbox", name="What should go").fill("a zebra")
    button(page, "Find").click()
    expect(notice(page)).to_have_text("Found no “a zebra” in this photo. Try a plainer word, or click it.")
    button(page, "Suggest").click()
    expect(entries(page)).to_have_text(["disc 1"])
    page.get_by_role("textbox", name="What should go").fill(" ")
    button(page, "Find").click()
    expect(notice(page)).to_contain_text("Say what should go")


def test_without_a_phrase_model_the_page_says_what_would_bring_it(open_page: OpenPage, scene: Path) -> None:
    page = open_page()
    load(page, scene)
    button(page, "Words").click()
    expect(page.get_by_role("textbox", name="What should go")).to_be_disabled()
    expect(notice(page)).to_have_text(
        "OWLv2 cannot run here: it needs 0.6 GB of weights. Paint over the object instead."
    )


def test_resting_shows_what_a_click_would_take_and_marks_nothing(page: Page) -> None:
    page.mouse.move(5, 5)
    page.wait_for_timeout(200)
    before = seen(page)
    x, y = centre(page)
    page.mouse.move(x, y)
    for _ in range(50):
        page.wait_for_timeout(200)
        if (np.abs(seen(page) - before).max(axis=2) > 12).sum() > 5_000:
            break
    else:
        pytest.fail("nothing was shown in ten seconds")
    page.mouse.move(x + 250, y + 150)
    page.wait_for_timeout(60)
    expect(entries(page)).to_have_count(0)


def seen(page: Page) -> np.ndarray:
    return decoded(canvas(page).screenshot()).astype(np.int16)


def test_outside_the_photo_is_told(page: Page) -> None:
    button(page, "Point").click()
    box = canvas(page).bounding_box()
    assert box
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    expect(notice(page)).to_contain_text("outside the photo")
    expect(entries(page)).to_have_count(0)


def test_a_double_click_is_one_click(page: Page) -> None:
    x, y = centre(page)
    page.mouse.dblclick(x, y)
    expect(entries(page)).to_have_text(["Object 1"])
    page.wait_for_timeout(500)
    assert share_of_disc(page) > 0.98


def test_the_photo_dropped_by_the_server_is_told(page: Page) -> None:
    page.route("**/select", lambda route: route.fulfill(status=422, json={"sentence": "This photo is gone. Open it."}))
    click(page, 0, 0)
    expect(notice(page)).to_have_text("This photo is gone. Open it.")
    page.unroute("**/select")
    page.wait_for_timeout(600)
    click(page, 0, 0)
    expect(entries(page)).to_have_text(["Object 1"])


# With weights: tiny random ones in the published formats, through the real loading code


@pytest.fixture(scope="module")
def weighted_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("weights")
    sam, owl = folder / "facebook" / "sam-vit-base", folder / "google" / "owlv2-base-patch16-ensemble"
    for made in (sam, owl):
        made.mkdir(parents=True)
    write_tiny_sam(sam / "model.safetensors")
    write_tiny_owl(owl)
    with served(ROREM_WEIGHTS_DIR=str(folder)) as found:
        yield found


def test_with_weights_pointing_comes_first_and_words_are_understood(
    open_page: OpenPage, weighted_address: str, scene: Path
) -> None:
    page = open_page(weighted_address)
    load(page, scene, ready=SURE)
    expect(button(page, "Point")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#stage [data-tip]")).to_have_text("By Segment Anything ViT-B")
    click(page, 0, 0)
    expect(entries(page)).to_have_text(["Object 1"], timeout=60_000)  # torch is imported first
    button(page, "Words").click()
    expect(page.locator("#stage [data-tip]")).to_have_text("By OWLv2")
    page.get_by_role("textbox", name="What should go").fill("the red disc")
    page.keyboard.press("Enter")
    expect(entries(page)).to_have_text(["Object 1", "red disc 2"], timeout=60_000)
    page.get_by_role("textbox", name="What should go").fill("it")
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("It is not clear what should go.")
