"""The Compare tab in a real browser: live methods side by side, ready cases, and all ways to look at them."""

from __future__ import annotations

import io
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import served
from tests.browser.driving import Pixels, drag, load, open_tab, paint_disc
from tests.comparison.case_sets import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, made_set

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
ONE_BEFORE = re.compile(r"^Waiting: 1 before you(, about \d+ s)?\.$")
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with the doubles' methods and three ready cases."""
    folder = tmp_path_factory.mktemp("compare")
    with served("-m", "tests.doubles", ROREM_CASES=str(made_set(folder, 3)), ROREM_DATA_DIR=str(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def without_cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = str(tmp_path_factory.mktemp("bare"))
    with served("-m", "tests.doubles", ROREM_CASES="none", ROREM_DATA_DIR=data) as found:
        yield found


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#compare [data-{name}]")


def bench(page: Page) -> Locator:
    return part(page, "bench")


def tile(page: Page, name: str) -> Locator:
    return page.locator(f'#compare [data-tile="{name}"]')


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.locator("#compare").get_by_role("button", name=name)


def case(page: Page, name: str, tiles: int = 4) -> None:
    """Open a ready case; all its pictures are drawn."""
    open_tab(page, "Compare")
    button(page, name).click()
    expect(part(page, "title")).to_have_text(name)
    drawn(page, tiles)


def drawn(page: Page, tiles: int) -> None:
    """Every tile's canvas shows something."""
    script = """(tiles) => {
      const canvases = [...document.querySelectorAll('#compare .grid canvas')];
      return canvases.length === tiles && canvases.every((canvas) => {
        const { width, height } = canvas;
        return canvas.getContext('2d').getImageData(width / 2, height / 2, 1, 1).data[3] > 0;
      });
    }"""
    page.wait_for_function(script, arg=tiles)


def choose(page: Page, *methods: str) -> None:
    """These and no others."""
    for box in page.locator("#compare input[name=method]").all():
        box.set_checked(box.get_attribute("value") in methods)


def own_photo(page: Page, scene: Path) -> None:
    """Paint on the Remove tab and come back."""
    load(page, scene)
    paint_disc(page)
    open_tab(page, "Compare")
    button(page, "Your photo").click()
    expect(part(page, "open")).to_contain_text("with what is marked")


def run(page: Page, *methods: str, seconds: int = 30) -> None:
    choose(page, *methods)
    button(page, re.compile("^Compare [0-9]")).click()
    expect(part(page, "notice")).to_contain_text("Done", timeout=1000 * seconds)
    drawn(page, 1 + len(methods))


def pixels(page: Page, canvas: Locator) -> Pixels:
    """What a canvas shows, where it shows something."""
    script = """(canvas) => {
      const { width, height } = canvas;
      return [width, height, [...canvas.getContext('2d').getImageData(0, 0, width, height).data]];
    }"""
    width, height, data = canvas.evaluate(script)
    return np.array(data, np.uint8).reshape(height, width, 4)


def cameras(page: Page) -> set[tuple[str, str, str]]:
    """Scale and middle of every tile's picture."""
    page.wait_for_timeout(100)
    script = "(all) => all.map(({ dataset }) => [dataset.scale, dataset.x, dataset.y])"
    return {tuple(one) for one in page.locator("#compare .grid canvas").evaluate_all(script)}


def scale(page: Page) -> float:
    (one,) = cameras(page)
    return float(one[0])


# --- live


def test_nothing_open_says_where_to_begin_and_leads_there(open_page: OpenPage, without_cases: str) -> None:
    page = open_page(without_cases)
    open_tab(page, "Compare")
    expect(part(page, "open")).to_have_text("Mark something on the Remove tab, and compare methods on it here.")
    expect(button(page, re.compile("^Compare [0-9]"))).to_be_disabled()
    expect(part(page, "cases")).to_be_hidden()
    button(page, "Go to the Remove tab").click()
    expect(page.locator("#stage canvas")).to_be_attached()
    expect(page.get_by_role("tab", name="Remove")).to_have_attribute("aria-selected", "true")


def test_tiles_fill_as_methods_finish_and_one_failure_spoils_none(
    open_page: OpenPage, address: str, scene: Path
) -> None:
    page = open_page(address)
    own_photo(page, scene)
    choose(page, "telea", "slow", "broken")
    button(page, "Compare 3 methods").click()
    expect(tile(page, "telea")).to_have_attribute("data-state", "done", timeout=15_000)
    expect(tile(page, "slow")).to_have_attribute("data-state", "working", timeout=15_000)  # the judge is loaded first
    expect(tile(page, "slow").locator(".over")).to_have_text(re.compile(r"^Working, \d+%$"))
    expect(part(page, "notice")).to_have_text("1 of 3 done, Slow at work.")
    expect(part(page, "notice")).to_have_text("Done; 1 of 3 did not work.", timeout=15_000)
    assert [one.get_attribute("data-tile") for one in page.locator("#compare .tile").all()] == [
        "-original", "telea", "slow", "broken",
    ]  # fmt: skip
    expect(tile(page, "broken").locator(".over")).to_have_text("Broken failed on this photo. Try another method.")
    for name in ("telea", "slow"):
        expect(tile(page, name)).to_contain_text(re.compile(r"\d s on the CPU"))
        expect(tile(page, name)).to_contain_text("0 pixels changed outside")
        expect(tile(page, name)).to_contain_text(re.compile("likely|not sure"))
    green = pixels(page, tile(page, "slow").locator("canvas"))
    assert tuple(green[green.shape[0] // 2, green.shape[1] // 2][:3]) == (0, 200, 0)


def test_who_comes_while_another_compares_is_told_who_is_before_here_and_in_the_arena(
    open_page: OpenPage, address: str, scene: Path
) -> None:
    first, second = open_page(address), open_page(address)
    for page, method in ((first, "slow"), (second, "telea")):
        own_photo(page, scene)
        choose(page, method)
    button(first, "Compare 1 method").click()
    expect(tile(first, "slow")).to_have_attribute("data-state", "working", timeout=15_000)
    button(second, "Compare 1 method").click()
    expect(part(second, "notice")).to_have_text(ONE_BEFORE)
    expect(tile(second, "telea")).to_have_attribute("data-state", "done", timeout=15_000)
    expect(part(first, "notice")).to_have_text("Done.", timeout=15_000)
    open_tab(second, "Arena")
    button(first, "Compare 1 method").click()
    expect(tile(first, "slow")).to_have_attribute("data-state", "working", timeout=15_000)
    second.locator("#arena").get_by_role("button", name="Use my photo").click()
    expect(second.locator("#arena [data-lead]")).to_have_text(ONE_BEFORE)
    second.locator("#arena").get_by_role("button", name="Cancel").click()
    expect(part(first, "notice")).to_have_text("Done.", timeout=15_000)


def test_a_cancelled_comparison_keeps_what_is_done_and_another_can_follow(
    open_page: OpenPage, address: str, scene: Path
) -> None:
    page = open_page(address)
    own_photo(page, scene)
    choose(page, "telea", "slow")
    button(page, "Compare 2 methods").click()
    expect(tile(page, "slow")).to_have_attribute("data-state", "working", timeout=15_000)
    button(page, "Cancel").click()
    expect(part(page, "notice")).to_have_text("Cancelled. What is done stays.")
    expect(tile(page, "telea")).to_have_attribute("data-state", "done")
    expect(tile(page, "slow").locator(".over")).to_have_text("Cancelled.")
    run(page, "navier-stokes")
    expect(tile(page, "navier-stokes")).to_have_attribute("data-state", "done")


def test_the_map_of_what_differs_is_exactly_black_where_nothing_does(
    open_page: OpenPage, address: str, scene: Path
) -> None:
    page = open_page(address)
    own_photo(page, scene)
    run(page, "telea")
    bench(page).focus()
    page.keyboard.press("d")
    expect(bench(page)).to_have_attribute("data-difference", "true")
    expect(part(page, "remark")).to_contain_text("not one pixel differs")
    page.wait_for_timeout(300)
    shown = pixels(page, tile(page, "telea").locator("canvas"))[..., :3].max(axis=2)
    changed = np.nonzero(difference(page, address, scene))
    factor = shown.shape[1] / 900
    columns, rows = np.nonzero(shown.max(axis=0))[0], np.nonzero(shown.max(axis=1))[0]
    assert changed[1].min() * factor - 1 <= columns.min()
    assert columns.max() <= (changed[1].max() + 1) * factor + 1
    assert changed[0].min() * factor - 1 <= rows.min()
    assert rows.max() <= (changed[0].max() + 1) * factor + 1
    assert shown.max() > 200  # the red disc is gone
    assert pixels(page, tile(page, "-original").locator("canvas"))[..., :3].max() == 0


def difference(page: Page, address: str, scene: Path) -> npt.NDArray[np.bool_]:
    """Where the live result differs from the photo, by its download."""
    link = part(page, "save").first.get_attribute("href") or ""
    result = link.rpartition("=")[2]
    with urllib.request.urlopen(f"{address}/rorem/photos/{result}/download?format=png", timeout=10) as answer:
        after = np.asarray(Pillow.open(io.BytesIO(answer.read())).convert("RGB"))
    with Pillow.open(scene) as before:
        return np.asarray((np.asarray(before.convert("RGB")) != after).any(axis=2))


def test_a_study_shows_mask_sizes_and_edges_in_a_grid(open_page: OpenPage, address: str, scene: Path) -> None:
    page = open_page(address)
    own_photo(page, scene)
    page.locator("#compare select[name=study]").select_option("telea")
    button(page, "Study").click()
    expect(part(page, "notice")).to_have_text("Done.", timeout=30_000)
    expect(page.locator("#compare .tile:visible")).to_have_count(8)
    expect(tile(page, "0-soft")).to_contain_text("no ring")
    expect(tile(page, "32-soft")).to_contain_text("grown by 32 px, soft over 16 px")
    expect(page.locator('#compare .tile[data-state="done"]:visible')).to_have_count(7)


def test_live_results_can_be_saved(open_page: OpenPage, address: str, scene: Path) -> None:
    page = open_page(address)
    own_photo(page, scene)
    run(page, "telea", "navier-stokes")
    assert saved(page, "Markdown")[1].decode().count("| cpu |") == 2


# --- ready cases


def test_a_ready_case_is_there_at_once_when_nothing_is_open(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    open_tab(page, "Compare")
    expect(part(page, "title")).to_have_text("case-0")
    drawn(page, 4)
    expect(tile(page, "grey")).to_contain_text("likely clean: 75%")
    expect(tile(page, "-truth")).to_contain_text("the photo without the object")
    expect(button(page, "case-0")).to_have_attribute("aria-pressed", "true")


def test_zoom_and_place_are_the_same_in_every_tile(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-1")
    fitted = scale(page)
    bench(page).focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(fitted * 1.25**2, rel=1e-3)
    before = cameras(page)
    page.keyboard.press("ArrowRight")
    assert len(cameras(page)) == 1
    assert cameras(page) != before
    page.keyboard.press("0")
    assert scale(page) == fitted

    box = tile(page, "white").locator("canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 30)
    page.mouse.wheel(0, -400)
    assert scale(page) > 2 * fitted
    before = cameras(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 50, steps=3)
    page.mouse.up()
    ((_, x, y),) = cameras(page)
    ((_, old_x, old_y),) = before
    assert float(x) < float(old_x)
    assert float(y) < float(old_y)


def test_keys_act_all_over_the_tab_but_not_where_one_writes(open_page: OpenPage, address: str, scene: Path) -> None:
    page = open_page(address)
    own_photo(page, scene)
    run(page, "shift-map", "telea")
    page.keyboard.press("d")  # the button that was pressed has the focus
    expect(button(page, re.compile("Difference"))).to_have_attribute("aria-pressed", "true")
    seed = page.locator("#compare").get_by_label("Seed")
    seed.fill("")
    seed.press("1")
    seed.press("0")
    expect(seed).to_have_value("10")
    seed.press("d")
    expect(button(page, re.compile("Difference"))).to_have_attribute("aria-pressed", "true")


def test_two_pictures_under_a_slider_by_keyboard(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-1")
    bench(page).focus()
    page.keyboard.press("2")
    page.keyboard.press("Shift+Digit1")
    page.keyboard.press("s")
    expect(part(page, "view")).to_be_visible()
    expect(part(page, "grid")).to_be_hidden()
    expect(part(page, "handle")).to_have_attribute("aria-valuenow", "50")
    canvas = part(page, "view").locator("canvas")
    expect(canvas).to_have_attribute("aria-label", "Grey beside Grey")
    assert [level(page, canvas, at) for at in (0.49, 0.51)] == [128, 255]
    part(page, "handle").focus()
    page.keyboard.press("Home")
    assert [level(page, canvas, at) for at in (0.49, 0.51)] == [255, 255]
    page.keyboard.press("End")
    assert [level(page, canvas, at) for at in (0.49, 0.51)] == [128, 128]
    page.keyboard.press("x")
    assert level(page, canvas, 0.5) == 255
    page.keyboard.press("Escape")
    expect(part(page, "grid")).to_be_visible()


def level(page: Page, canvas: Locator, at: float) -> int:
    """The grey at this share of the canvas's width, which is in the hole, as is the middle row."""
    page.wait_for_timeout(120)
    shown = pixels(page, canvas)
    return int(shown[shown.shape[0] // 2, round(shown.shape[1] * at), 0])


def test_a_drag_moves_the_slider(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-1")
    button(page, re.compile("Slider")).first.click()
    box = part(page, "view").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(part(page, "handle")).to_have_attribute("aria-valuenow", "25")


def test_the_name_of_a_picture_puts_it_beside_a(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-1")
    tile(page, "-truth").get_by_role("button").click()
    expect(part(page, "view")).to_be_visible()
    expect(page.locator('#compare [data-side="b"]').first).to_have_value("-truth")


def sides(page: Page, milliseconds: int) -> list[str]:
    """Which of two pictures is shown, each time it changes."""
    script = """(milliseconds) => new Promise((done) => {
      const root = document.querySelector('#compare [data-bench]');
      const seen = [root.dataset.side];
      const watch = new MutationObserver(() => root.dataset.side !== seen.at(-1) && seen.push(root.dataset.side));
      watch.observe(root, { attributes: true });
      setTimeout(() => { watch.disconnect(); done(seen); }, milliseconds);
    })"""
    seen: list[str] = page.evaluate(script, milliseconds)
    return seen


def test_two_pictures_alternate_twice_a_second(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-1")
    bench(page).focus()
    page.keyboard.press("f")
    seen = sides(page, 2300)
    assert set(seen) == {"a", "b"}
    assert 3 <= len(seen) <= 6  # never more than three changes a second
    button(page, "Alternate").click()
    assert len(sides(page, 1300)) == 1


def test_with_reduced_motion_nothing_alternates_unless_asked(open_page: OpenPage, address: str) -> None:
    page = open_page(address, reduced_motion="reduce")
    case(page, "case-1")
    bench(page).focus()
    page.keyboard.press("f")
    assert sides(page, 1300) == ["a"]
    page.keyboard.down(" ")
    expect(bench(page)).to_have_attribute("data-side", "b")
    page.keyboard.up(" ")
    expect(bench(page)).to_have_attribute("data-side", "a")
    button(page, "Alternate").click()
    assert len(sides(page, 1300)) > 1


def test_the_difference_of_a_ready_case_is_black_outside_the_hole(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-1")
    bench(page).focus()
    page.keyboard.press("d")
    page.wait_for_timeout(300)
    for name, inside in (("white", True), ("-truth", True), ("-original", False)):
        shown = pixels(page, tile(page, name).locator("canvas"))
        factor = min(shown.shape[1] / WIDTH, shown.shape[0] / HEIGHT)
        x, y = (shown.shape[1] - WIDTH * factor) / 2, (shown.shape[0] - HEIGHT * factor) / 2
        hole = np.s_[
            round(y + TOP * factor) : round(y + BOTTOM * factor), round(x + LEFT * factor) : round(x + RIGHT * factor)
        ]
        assert (shown[hole][..., :3].max() > 0) == inside
        shown[hole] = 0
        margin = np.zeros(shown.shape[:2], np.bool_)
        margin[hole] = True
        rows, columns = np.nonzero(shown[..., :3].max(axis=2))
        near = [
            (hole[0].start - 1 <= r <= hole[0].stop, hole[1].start - 1 <= c <= hole[1].stop)
            for r, c in zip(rows, columns, strict=True)
        ]
        assert all(a and b for a, b in near)  # half a device pixel at its rim


def test_a_link_brings_case_and_view_back_after_a_reload(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-2")
    bench(page).focus()
    page.keyboard.press("2")
    page.keyboard.press("Shift+Digit1")
    page.keyboard.press("s")
    page.keyboard.press("d")
    link = page.url
    assert "case=case-2" in link
    other = open_page(address)
    other.goto(link)
    page.reload()
    for opened in (page, other):
        expect(part(opened, "title")).to_have_text("case-2", timeout=15_000)
        expect(part(opened, "view")).to_be_visible()
        expect(bench(opened)).to_have_attribute("data-look", "slider")
        expect(bench(opened)).to_have_attribute("data-difference", "true")
        expect(opened.locator('#compare [data-side="a"]').first).to_have_value("grey")
        expect(opened.locator('#compare [data-side="b"]').first).to_have_value("white")


def test_a_link_to_a_case_that_is_gone_says_so(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    page.goto(f"{address}/#case=nobody&a=%22%3E&look=evil")
    page.reload()
    expect(part(page, "notice")).to_have_text("There is no such case. Choose one of those shown.", timeout=15_000)


def test_the_address_names_a_case_only_while_the_tab_is_open(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-2")
    open_tab(page, "Remove")
    page.wait_for_function("() => !location.hash")
    open_tab(page, "Compare")
    page.wait_for_function("() => location.hash.includes('case-2')")


def saved(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as started:
        page.locator("#compare").get_by_role("link", name=name).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_a_case_can_be_saved_as_picture_and_tables(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    case(page, "case-0")
    name, data = saved(page, "Contact sheet PNG")
    assert name == "compare-case-0.png"
    with Pillow.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.width > 2 * WIDTH
    assert saved(page, "Markdown")[1].decode().count("| Grey |") == 2
    assert b"\\begin{tabular}" in saved(page, "LaTeX")[1]


def test_the_papers_numbers_are_there_when_asked_for(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    open_tab(page, "Compare")
    expect(page.get_by_text("At 1024: the paper's, not measured here")).to_be_hidden()
    page.get_by_text("The paper's own numbers, not measured here").click()
    expect(page.get_by_text("At 1024: the paper's, not measured here")).to_be_visible()


# --- a phone


def test_on_a_phone_everything_fits_and_can_be_touched(open_page: OpenPage, address: str, scene: Path) -> None:
    page = open_page(address, **PHONE)
    load(page, scene)
    drag(page, (-25, -18), (25, -18), (-25, 0), (25, 0), (-25, 18), (25, 18))
    open_tab(page, "Compare")
    button(page, "Your photo").click()
    run(page, "telea", "navier-stokes")
    fits(page)
    tile(page, "telea").get_by_role("button").click()
    view = part(page, "view").bounding_box()
    assert view
    assert view["width"] > 340
    fits(page)
    button(page, "Grid").click()
    assert len(cameras(page)) == 1
    case(page, "case-1")
    fits(page)
    assert saved(page, "Contact sheet PNG")[0] == "compare-case-1.png"


def fits(page: Page) -> None:
    """Nothing is wider than the screen, and what can be pressed is large enough for a finger."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    script = """(all) => all.filter((one) => one.offsetParent)
      .map((one) => [one.textContent, one.getBoundingClientRect()])
      .filter(([, box]) => box.height < 44 || box.width < 44).map(([text]) => text)"""
    assert page.locator("#compare :is(button, select, a.plain, .chip, summary)").evaluate_all(script) == []


def test_two_fingers_zoom_all_tiles(open_page: OpenPage, address: str) -> None:
    page = open_page(address, **PHONE)
    case(page, "case-1")
    tile(page, "grey").scroll_into_view_if_needed()
    fitted = scale(page)
    box = tile(page, "grey").locator("canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", None)):
        points = [] if apart is None else [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert scale(page) > 2 * fitted
