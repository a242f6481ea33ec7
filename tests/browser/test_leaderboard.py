"""The Leaderboard tab in a real browser: opened, moved, empty, on a phone, by keyboard."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from rorem_demo.feedback.store import Store
from tests.browser.conftest import served
from tests.browser.driving import open_tab
from tests.comparison.hand_made import board
from tests.feedback.answers import pairing, side, vote

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SHOWN = [row.key for row in board().methods]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Served:
    """An app with a board made by hand, which moves with the files in its data folder."""

    def __init__(self, address: str, data: Path) -> None:
        self.address, self._data = address, data

    def is_(self, name: str) -> None:
        """What the next count finds: moved, empty or simulated; "" is the board as it was first."""
        for path in self._data.glob("is-*"):
            path.unlink()
        if name:
            (self._data / f"is-{name}").touch()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("board")
    with served("-m", "tests.browser.leaderboard_app", ROREM_DATA_DIR=str(data)) as address:
        yield Served(address, data)


@pytest.fixture
def app(running: Served) -> Iterator[Served]:
    yield running
    running.is_("")


@pytest.fixture
def page(open_page: OpenPage, app: Served) -> Page:
    opened = open_page(app.address)
    enter(opened)
    ranked(opened, SHOWN)
    return opened


def enter(page: Page) -> None:
    open_tab(page, "Leaderboard")


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#leaderboard [data-{name}]")


def row(page: Page, key: str) -> Locator:
    return page.locator(f'#leaderboard [data-method="{key}"]')


def ranked(page: Page, keys: list[str], seconds: int = 20) -> None:
    """The ranking, once it is this one."""
    order = ", ".join(keys)
    script = """order => [...document.querySelectorAll("#leaderboard [data-method]")]
      .map((row) => row.dataset.method).join(", ") === order"""
    page.wait_for_function(script, arg=order, timeout=1000 * seconds)


def test_it_opens_within_a_second(open_page: OpenPage, app: Served) -> None:
    warm = open_page(app.address)
    enter(warm)
    ranked(warm, SHOWN)  # the server has counted
    page = open_page(app.address)
    began = time.monotonic()
    enter(page)
    expect(row(page, "rorem")).to_be_visible()
    assert time.monotonic() - began < 1.0


def test_all_methods_are_rows_of_a_real_table_with_figures_as_text(page: Page) -> None:
    table = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Strength"))
    heads = [re.split(r"\s", head.strip())[0] for head in table.get_by_role("columnheader").all_inner_texts()]
    assert heads == ["Place", "Method", "Strength", "Votes", "Gone", "Likely"]
    first = table.get_by_role("row", name="RORem")
    expect(first.get_by_role("rowheader")).to_contain_text("RORem")
    expect(first.get_by_role("cell").nth(1)).to_contain_text(re.compile(r"1,162.*1,142 to 1,182.*4,312 votes"))
    expect(first.get_by_role("cell").nth(4)).to_contain_text(re.compile(r"80%.*6 points lower.*479 thumbs"))
    assert page.locator("#leaderboard svg:not([aria-hidden])").count() == 0


def test_intervals_lie_on_one_axis(page: Page) -> None:
    """The drawn ends of every interval are where the printed figures say, on the scale of the head of the column."""
    marks = page.locator("#leaderboard thead .strength .scale span").evaluate_all(
        """all => all.filter((mark) => mark.textContent).map((mark) => {
          const box = mark.getBoundingClientRect();
          return [Number(mark.textContent.replace(",", "")), box.x + box.width / 2];
        })"""
    )
    (low, left), (high, right) = marks[0], marks[-1]
    drawn = page.locator("#leaderboard tbody .strength .interval").evaluate_all(
        "all => all.map((line) => { const box = line.getBoundingClientRect(); return [box.left, box.right]; })"
    )
    told = page.locator("#leaderboard tbody .strength .figure small:first-of-type").all_inner_texts()
    assert len(drawn) == len(told) == 7
    for ends, words in zip(drawn, told, strict=True):
        for at, value in zip(ends, words.split(" to "), strict=True):
            expected = left + (float(value.replace(",", "")) - low) / (high - low) * (right - left)
            assert at == pytest.approx(expected, abs=2.5)


def test_a_hidden_method_is_listed_and_a_preliminary_one_is_marked(page: Page) -> None:
    expect(row(page, "new-one")).to_contain_text("no strength before 30 votes")
    assert row(page, "new-one").locator(".interval").count() == 0
    expect(row(page, "old-name")).to_contain_text("preliminary: under 300 votes")


def test_it_moves_without_a_reload_and_nothing_jumps(page: Page, app: Served) -> None:
    before = part(page, "ranking").bounding_box()
    app.is_("moved")
    page.evaluate("dispatchEvent(new CustomEvent('rorem-voted'))")  # as the Arena tells it
    ranked(page, ["lama", "rorem", *SHOWN[2:]])
    expect(part(page, "summary")).to_contain_text("1,000,500 blind votes")
    expect(part(page, "status")).to_have_text("3 votes wait to be published.", timeout=20_000)
    assert part(page, "ranking").bounding_box() == before


def test_the_same_board_is_not_drawn_again(page: Page) -> None:
    page.locator("#leaderboard [data-method]").first.evaluate("row => row.dataset.mine = 'yes'")
    with page.expect_response(lambda answer: answer.url.endswith("/rorem/leaderboard")):
        page.evaluate("dispatchEvent(new CustomEvent('rorem-voted'))")
    page.wait_for_timeout(100)
    expect(page.locator("#leaderboard [data-mine]")).to_have_count(1)


def test_nobody_is_asked_while_another_tab_is_open(page: Page) -> None:
    page.get_by_role("tab", name="Remove").click()
    expect(page.locator("#stage")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/leaderboard") else None)
    page.evaluate("dispatchEvent(new CustomEvent('rorem-voted'))")
    page.wait_for_timeout(500)
    assert asked == []


def test_without_votes_there_is_a_way_to_the_arena(open_page: OpenPage, app: Served) -> None:
    app.is_("empty")
    for options in ({}, PHONE):
        page = open_page(app.address, **options)
        enter(page)
        button = page.locator("#leaderboard").get_by_role("button", name="Vote in the Arena")
        expect(button).to_be_visible(timeout=20_000)
        expect(part(page, "full")).to_be_hidden()
        button.click()
        expect(part(page, "board")).to_be_hidden()
        expect(page.locator("#arena-tab")).to_be_visible()


def test_a_simulated_board_says_so_in_a_banner_and_a_single_opinion_is_warned_of(
    open_page: OpenPage, app: Served
) -> None:
    app.is_("simulated")
    page = open_page(app.address)
    enter(page)
    expect(page.get_by_role("note")).to_contain_text("Simulated: a program gave these answers", timeout=20_000)
    expect(part(page, "facts")).to_contain_text("this is mostly one opinion")


def test_on_a_phone_nothing_is_wider_than_the_page(open_page: OpenPage, app: Served) -> None:
    page = open_page(app.address, **PHONE)
    enter(page)
    ranked(page, SHOWN)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    outside = """() => [...document.querySelectorAll("#leaderboard *")].filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width && box.right > 391 && !one.closest(".scroll, pre, thead");
    }).map((one) => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    card = row(page, "rorem")
    for words in ("RORem", "1,162", "4,312 votes", "86%", "479 thumbs"):
        expect(card.get_by_text(words, exact=True).first).to_be_visible()
    assert page.get_by_role("columnheader", name="Strength").count() == 1, "still a table to a screen reader"


def test_wide_tables_are_scrolled_by_keyboard_within_themselves(page: Page) -> None:
    page.set_viewport_size({"width": 700, "height": 800})
    matrix = page.get_by_role("region", name="Pair by pair, a wide table")
    matrix.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")
    assert page.evaluate("document.documentElement.scrollWidth") == 700


def test_all_pairs_are_there_in_numbers(page: Page) -> None:
    page.locator("#leaderboard summary").focus()
    page.keyboard.press("Enter")
    numbers = part(page, "pairs")
    expect(numbers).to_be_visible()
    expect(numbers.get_by_role("row")).to_have_count(1 + len(board().pairs))
    first = numbers.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
    pair = board().pairs[0]
    assert first[1:6] == [
        f"{n:,}" for n in (pair.first_wins, pair.second_wins, pair.both_good, pair.both_bad, pair.votes)
    ]


def test_votes_in_the_store_make_the_board_and_move_it(open_page: OpenPage, tmp_path: Path) -> None:
    store = Store(tmp_path)
    votes(store, 40, "telea", "lama")
    with served(ROREM_DATA_DIR=str(tmp_path), ROREM_LEADERBOARD_MINUTES="0") as address:
        page = open_page(address)
        enter(page)
        ranked(page, ["telea", "lama"], seconds=60)
        expect(part(page, "summary")).to_contain_text("40 blind votes by 10 judges")
        expect(part(page, "source")).to_contain_text("this server's own answers")
        votes(store, 120, "lama", "telea")
        page.evaluate("dispatchEvent(new CustomEvent('rorem-voted'))")
        ranked(page, ["lama", "telea"], seconds=60)  # two counts, each a process of the lowest priority
        expect(part(page, "summary")).to_contain_text("160 blind votes")
    store.close()


def votes(store: Store, count: int, better: str, worse: str) -> None:
    for number in range(count):
        left, right = side(better, f"{number:064d}"), side(worse, f"{number + 1000:064d}")
        if number % 2:
            left, right = right, left
        choice = "right" if number % 2 else "left"
        columns = pairing(left=left, right=right).columns
        kept = vote(store, **columns, choice="both-good" if number % 5 == 0 else choice, rater=f"rater{number % 10}")
        store.append(kept, visitor="v", subject=kept.id, pictures=None, ready=datetime.now(UTC), review=False)


def test_the_command_can_be_copied(page: Page) -> None:
    expect(part(page, "command")).to_have_text(
        f"python -m rorem_demo leaderboard --dataset owner/answers --revision {board().revision}"
    )
    button = page.locator("#leaderboard").get_by_role("button", name="Copy")
    button.click()
    expect(part(page, "copy")).to_have_text(re.compile("Copied|Selected"))
