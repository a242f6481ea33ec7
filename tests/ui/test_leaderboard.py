"""The leaderboard over HTTP: what the page is told, in which words, and how cheaply it may ask again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.comparison import counting_rules
from rorem_demo.comparison.board import Board, Figure, MethodRow, Stratum
from rorem_demo.comparison.boards import Boards, Told
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui import leaderboard_words as words
from rorem_demo.ui.app import build
from rorem_demo.ui.leaderboard_axis import PERCENT, percent, strength_axis
from rorem_demo.ui.leaderboard_trust import MEANINGS, facts
from rorem_demo.ui.leaderboard_words import Named, gap, in_words
from rorem_demo.ui.methods import colour_of
from rorem_demo.ui.routes import STATIC, Routes
from tests.comparison.hand_made import EMPTY, FAILURE, HandMade, board, moved, rate

HOSTILE = '<img src=x onerror="alert(1)">"\'&${7*7}{{7*7}}'


class Page:
    def __init__(self, services: Services, tally: HandMade, boards: Boards) -> None:
        self.services, self.tally, self.boards = services, tally, boards
        self.http = TestClient(Starlette(routes=Routes(services).all()), raise_server_exceptions=False)

    def ask(self, tag: str = "") -> Any:
        return self.http.get("/rorem/leaderboard", headers={"If-None-Match": tag} if tag else {})

    def told(self) -> dict[str, Any]:
        answer = self.ask()
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["board"])


def no_store() -> NoReturn:
    raise AssertionError("the store was opened")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    services, tally = Services.assemble(Settings(data=tmp_path)), HandMade(board())
    boards = Boards(no_store, "owner/answers", tmp_path / "leaderboard", 0.0, tally=tally)
    boards._begin = lambda: None  # type: ignore[method-assign]  # a test says when it looks
    services.__dict__["boards"] = boards
    yield Page(services, tally, boards)
    boards.close()


def told(found: Board) -> dict[str, Any]:
    """In words, with keys for titles."""
    named = Named(title="", licence="", colour="")
    return in_words(found, lambda key: replace(named, title=key))


# --- over HTTP -------------------------------------------------------------------------------------------------------


def test_before_the_first_count_it_says_that_votes_are_being_counted(page: Page) -> None:
    answer = page.ask().json()
    assert (answer["board"], answer["trouble"], answer["waiting"]) == (None, "", "")


def test_methods_come_with_title_licence_and_colour_in_the_order_of_the_board(page: Page) -> None:
    page.boards.look()
    methods = page.told()["methods"]
    assert [method["key"] for method in methods] == [row.key for row in board().methods]
    first = methods[0]
    assert (first["title"], first["colour"], first["place"]) == ("RORem", colour_of("rorem"), 1)
    assert first["licence"].startswith("OpenRAIL")
    assert methods[-1]["title"] == "new-one", "no catalogue knows it"


def test_nothing_is_sent_again_where_nothing_changed(page: Page) -> None:
    page.boards.look()
    first = page.ask()
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    again = page.ask(tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert page.ask(f'"other", W/{tag}').status_code == 304
    assert page.ask('"other"').status_code == 200


def test_a_board_that_moved_has_another_tag(page: Page) -> None:
    page.boards.look()
    tag = page.ask().headers["etag"]
    page.tally.mark, page.tally.found = "second", moved(board())
    page.boards._next = -1.0
    page.boards.look()
    answer = page.ask(tag)
    assert answer.status_code == 200
    assert [method["key"] for method in answer.json()["board"]["methods"][:2]] == ["lama", "rorem"]


def test_no_request_counts_anything(page: Page) -> None:
    for _ in range(3):
        page.ask()
    assert page.tally.asked == 0


def test_trouble_is_told_beside_the_board_before(page: Page) -> None:
    page.boards.look()
    page.boards._next = -1.0
    page.tally.error = FAILURE
    page.boards.look()
    assert page.ask().json()["trouble"] == FAILURE.sentence
    assert len(page.told()["methods"]) == 8


def test_a_board_of_hundreds_of_methods_is_answered_in_a_moment(page: Page) -> None:
    names = [f"method-{number:03d}" for number in range(200)]
    rows = tuple(replace(board().methods[0], key=name, place=at + 1) for at, name in enumerate(names))
    pair = board().pairs[0]
    pairs = tuple(replace(pair, first=one, second=two) for one in names for two in names if one < two)
    page.tally.found = replace(board(), methods=rows, pairs=pairs, strata=())
    page.boards.look()
    page.ask()
    began = time.monotonic()
    assert page.ask().status_code == 200
    assert time.monotonic() - began < 0.5


# --- words -----------------------------------------------------------------------------------------------------------


def test_every_figure_says_from_how_many_votes() -> None:
    def figures(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if "range" in value:
                yield value
            for part in value.values():
                yield from figures(part)
        elif isinstance(value, list):
            for part in value:
                yield from figures(part)

    found = list(figures(told(board())))
    assert len(found) > 100
    assert all(figure["of"].split()[0].replace(",", "").isdigit() for figure in found)
    assert all(0 <= figure["low"] <= figure["x"] <= figure["high"] <= 1 for figure in found)


def test_a_hidden_method_is_listed_without_figures_from_votes() -> None:
    last = told(board())["methods"][-1]
    assert (last["key"], last["state"], last["place"], last["votes"]) == ("new-one", "hidden", None, "12")
    assert last["strength"] is None
    assert last["note"] == "no strength before 30 votes"


def test_a_hidden_method_with_many_votes_says_why() -> None:
    row = replace(board().methods[-1], votes=400)
    assert words.note(row) == "no strength yet: too few judges, or no votes that link it to the others"


def test_a_preliminary_method_says_so() -> None:
    assert words.note(board().methods[6]) == ""
    assert {words.note(row) for row in board().methods if row.state == "preliminary"} == {
        "preliminary: under 300 votes"
    }


def test_a_pair_reads_both_ways() -> None:
    first = told(board())["pairs"][0]
    assert first["share"]["x"] == pytest.approx(1 - first["other"]["x"], abs=1e-3)
    assert first["share"]["low"] == pytest.approx(1 - first["other"]["high"], abs=1e-3)
    assert first["share"]["of"] == first["other"]["of"]


def test_a_simulated_board_says_that_nobody_voted() -> None:
    assert told(board())["banner"] == ""
    assert "a program gave these answers" in told(replace(board(), simulated=True))["banner"]


def test_without_votes_it_is_empty_and_says_where_they_would_be() -> None:
    found = told(EMPTY)
    assert found["empty"]
    assert found["facts"][1]["text"] == "Nobody has voted."


def test_thumbs_alone_are_shown() -> None:
    row = MethodRow(
        key="lama", state="hidden", place=None, votes=0, strength=None, success=rate(0.5, 10), estimate=None, gap=None
    )
    found = told(replace(EMPTY, methods=(row,), ratings=10, first="2026-10-04", last="2026-10-04"))
    assert not found["empty"]
    assert found["methods"][0]["success"]["of"] == "10 thumbs"
    assert found["summary"] == "0 blind votes by 0 judges · 10 thumbs · 4 Oct 2026"


@pytest.mark.parametrize(("share", "warned"), [(0.5, False), (0.501, True), (0.9, True), (0.0, False)])
def test_a_judge_with_more_than_half_of_the_votes_is_warned_of(share: float, warned: bool) -> None:  # noqa: FBT001
    busiest = facts(replace(board(), largest_judge=share))[1]
    assert bool(busiest["warning"]) == warned
    assert told(replace(board(), largest_judge=share))["banner"] == busiest["warning"]


def test_careless_judges_are_told() -> None:
    assert "do not count" not in facts(board())[2]["text"]
    assert "Votes of 2 judges with fewer than half" in facts(replace(board(), careless=2))[2]["text"]
    assert facts(replace(board(), gold=rate(0.5, 100)))[2]["warning"]


def test_leaning_to_a_side_is_warned_of() -> None:
    assert not facts(board())[3]["warning"]
    assert facts(replace(board(), left_share=rate(0.6, 8000)))[3]["warning"]


def test_votes_left_out_are_told_with_the_commonest_reason_first() -> None:
    found = told(replace(board(), left_out={"votes: gold items": 5, "votes: too fast": 1200, "votes: odd": 0}))
    assert [(row["count"], row["why"].partition(" (")[0]) for row in found["left_out"]] == [
        ("1,200", "votes: too fast"), ("5", "votes: gold items"),
    ]  # fmt: skip


def test_reasons_that_are_explained_are_those_of_the_count() -> None:
    rules = Path(counting_rules.__file__).read_text(encoding="utf-8")
    assert [reason for reason in MEANINGS if f'"{reason}"' not in rules] == []


@pytest.mark.parametrize(("date", "said"), [("2026-10-04", "4 Oct 2026"), ("", ""), ("soon", "soon")])
def test_days_are_told_in_words(date: str, said: str) -> None:
    assert words.day(date) == said


def test_the_command_counts_the_same_revision() -> None:
    assert told(board())["source"]["command"] == (
        f"python -m rorem_demo leaderboard --dataset owner/answers --revision {board().revision}"
    )
    odd = told(board(dataset="a folder; rm -rf", revision=""))["source"]
    assert odd["command"] == "python -m rorem_demo leaderboard --dataset 'a folder; rm -rf'"
    assert odd["address"] == ""
    own = told(board(dataset="", revision=""))["source"]
    assert (own["command"], own["where"]) == ("python -m rorem_demo leaderboard", " on this server")


def test_waiting_votes_are_told_for_what_they_wait() -> None:
    published, own = board(), board(dataset="")
    assert words.waiting(Told(board=published)) == ""
    assert words.waiting(Told(board=published, waiting=1)) == "1 vote waits to be published."
    assert words.waiting(Told(board=own, waiting=1200)) == "1,200 votes wait to be counted."


def test_a_waiting_vote_is_told_without_another_version_of_the_board(page: Page) -> None:
    page.boards.look()
    before = page.ask()
    page.tally.kept, page.boards._next_waiting = 1, -1.0
    page.boards.look()
    after = page.ask(before.headers["etag"])
    assert (after.status_code, after.json()["version"]) == (200, before.json()["version"])


@pytest.mark.parametrize(
    ("points", "said"), [(None, ""), (-6.4, "6 points lower"), (1.0, "1 point higher"), (0.3, "as people say")]
)
def test_the_gap_is_told_in_points(points: float | None, said: str) -> None:
    assert gap(points) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0%"), (0.004, "0.4%"), (0.0001, "0.1%"), (0.834, "83%"), (0.9999, "99.9%"), (1.0, "100%")],
)
def test_a_rate_never_claims_none_or_all_unless_it_is(value: float, said: str) -> None:
    assert percent(value) == said


@given(st.lists(st.tuples(st.floats(-3000, 5000), st.floats(0, 2000)), max_size=8))
def test_the_axis_of_strength_holds_all_intervals_and_the_mean(ends: list[tuple[float, float]]) -> None:
    figures = [Figure(low + half / 2, low, low + half, 1) for low, half in ends]
    axis = strength_axis(figures)
    assert axis.low < 1000 < axis.high
    assert all(axis.low <= figure.low and figure.high <= axis.high for figure in figures)
    assert 2 <= len(axis.marks) <= 12
    assert 1000.0 in axis.marks
    assert any(tick["text"] == "1,000" for tick in axis.ticks)


def test_figures_beyond_an_axis_are_drawn_at_its_end() -> None:
    assert PERCENT.drawn(Figure(1.2, -0.5, 1.5, 3), "vote")["high"] == 1.0


# --- what may be hostile ---------------------------------------------------------------------------------------------


def test_a_hostile_name_stays_text(page: Page) -> None:
    row = replace(board().methods[0], key=HOSTILE)
    stratum = Stratum(group="photo", name=HOSTILE, method=HOSTILE, share=rate(0.5, 10))
    page.tally.found = replace(board(), methods=(row,), pairs=(), strata=(stratum,), left_out={HOSTILE: 1})
    page.boards.look()
    answer = page.ask()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["board"]["methods"][0]["title"] == HOSTILE
    scripts = [path.read_text(encoding="utf-8") for path in STATIC.glob("leaderboard*.js")]
    assert scripts
    assert not any("innerHTML" in script or "insertAdjacentHTML" in script for script in scripts)


def test_the_tab_is_on_the_page(page: Page) -> None:
    async def make() -> gr.Blocks:  # without a running loop gradio opens its own and never closes it
        return build(page.services)

    html = [block for block in asyncio.run(make()).blocks.values() if isinstance(block, gr.HTML)]
    assert [block.elem_id for block in html].count("leaderboard") == 1
