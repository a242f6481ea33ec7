"""Boards: what they keep, when they count, and what they say when they cannot."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import NoReturn

import pytest

import rorem_demo.comparison.boards as module
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.boards import FAILED, FILE, WAITING_SECONDS, Boards
from rorem_demo.feedback.store import Store
from tests.comparison.hand_made import FAILURE, HandMade, board, moved

DATASET = "owner/answers"
MINUTES = 5.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def no_store() -> NoReturn:
    raise AssertionError("the store was opened")


def boards_of(
    folder: Path, tally: HandMade, clock: Callable[[], float] = time.monotonic, minutes: float = MINUTES
) -> Boards:
    return Boards(no_store, DATASET, folder, minutes, tally=tally, clock=clock)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def tally() -> HandMade:
    return HandMade(board())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHERING", 0.01)


def test_the_first_question_is_answered_at_once_and_counts_in_the_background(tmp_path: Path, tally: HandMade) -> None:
    boards = boards_of(tmp_path, tally)
    assert tally.asked == 0, "nobody asked"
    boards.current()
    eventually(lambda: boards.current() == board())
    boards.close()


def test_a_question_never_waits_for_a_count(tmp_path: Path) -> None:
    held, begun = Event(), Event()

    class Slow(HandMade):
        def count(self, newest: str) -> Board:
            begun.set()
            held.wait(10)
            return super().count(newest)

    boards = boards_of(tmp_path, Slow(board()))
    assert boards.current() is None
    begun.wait(10)
    began = time.monotonic()
    assert boards.current() is None
    assert time.monotonic() - began < 0.2
    held.set()
    eventually(lambda: boards.current() is not None)
    boards.close()


def test_nothing_is_counted_where_nothing_is_new(tmp_path: Path, tally: HandMade, clock: Clock) -> None:
    boards = boards_of(tmp_path, tally, clock)
    for _ in range(3):
        boards.look()
        clock.now += 60 * MINUTES
    assert (tally.asked, tally.counted) == (3, 1)
    tally.mark, tally.found = "second", moved(board())
    boards.look()
    assert boards.told.board == moved(board())
    assert tally.counted == 2


def test_it_does_not_even_look_before_the_time_is_up(tmp_path: Path, tally: HandMade, clock: Clock) -> None:
    boards = boards_of(tmp_path, tally, clock)
    boards.look()
    tally.mark = "second"
    clock.now += 60 * MINUTES - 1
    boards.look()
    assert tally.asked == 1
    clock.now += 1
    boards.look()
    assert (tally.asked, tally.counted) == (2, 2)


def test_a_long_count_is_followed_by_a_longer_rest(tmp_path: Path, clock: Clock) -> None:
    class Slow(HandMade):
        def count(self, newest: str) -> Board:
            clock.now += 100.0
            return super().count(newest)

    tally = Slow(board())
    boards = boards_of(tmp_path, tally, clock, minutes=0.0)
    boards.look()
    clock.now += 99.0
    boards.look()
    assert tally.asked == 1
    clock.now += 1.0
    boards.look()
    assert tally.asked == 2


def test_only_one_count_is_under_way_however_many_ask(tmp_path: Path) -> None:
    class Watched(HandMade):
        now = most = 0

        def count(self, newest: str) -> Board:
            self.now += 1
            self.most = max(self.most, self.now)
            time.sleep(0.02)
            self.now -= 1
            self.mark = f"{self.counted}"
            return super().count(newest)

    tally = Watched(board())
    boards = boards_of(tmp_path, tally, minutes=0.0)
    threads = [Thread(target=boards.look) for _ in range(8)] + [Thread(target=boards.current) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    boards.close()
    assert tally.most == 1


def test_the_board_is_there_at_once_after_a_restart(tmp_path: Path, tally: HandMade) -> None:
    boards_of(tmp_path, tally).look()
    again = HandMade(moved(board()))
    restarted = boards_of(tmp_path, again)
    assert restarted._told.board == board()
    restarted.look()
    assert (again.asked, again.counted) == (1, 0), "nothing is new"


def test_another_version_of_the_program_counts_anew_and_shows_the_old_board_until_then(
    tmp_path: Path, tally: HandMade, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards_of(tmp_path, tally).look()
    monkeypatch.setattr(module, "__version__", "999")
    again = HandMade(moved(board()))
    restarted = boards_of(tmp_path, again)
    assert restarted._told.board == board()
    restarted.look()
    assert restarted._told.board == moved(board())


def test_the_board_of_another_dataset_is_not_shown(tmp_path: Path, tally: HandMade) -> None:
    boards_of(tmp_path, tally).look()
    assert Boards(no_store, "owner/others", tmp_path, MINUTES, tally=tally)._told.board is None
    assert Boards(no_store, None, tmp_path, MINUTES, tally=tally)._told.board is None


@pytest.mark.parametrize("spoil", [b"", b"\xff\xfe", b"[]", b'{"mark": 3, "board": {}}', b"[" * 100_000])
def test_a_broken_file_is_ignored_with_a_line_in_the_log(
    tmp_path: Path, tally: HandMade, caplog: pytest.LogCaptureFixture, spoil: bytes
) -> None:
    (tmp_path / FILE).write_bytes(spoil)
    boards = boards_of(tmp_path, tally)
    assert boards._told.board is None
    assert "is no kept leaderboard" in caplog.text
    boards.look()
    assert boards._told.board == board()
    assert boards_of(tmp_path, tally)._told.board == board()


def test_a_torn_file_is_ignored_too(tmp_path: Path, tally: HandMade) -> None:
    boards_of(tmp_path, tally).look()
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    assert boards_of(tmp_path, tally)._told.board is None


def test_a_failure_keeps_the_board_and_is_told_in_a_sentence(
    tmp_path: Path, tally: HandMade, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    boards = boards_of(tmp_path, tally, clock)
    boards.look()
    clock.now += 60 * MINUTES
    tally.mark, tally.error = "second", FAILURE
    boards.look()
    assert boards._told.board == board()
    assert boards._told.trouble == FAILURE.sentence
    assert FAILURE.sentence in caplog.text
    clock.now += 60 * MINUTES
    tally.error = None
    boards.look()
    assert boards._told.trouble == ""


def test_an_unforeseen_failure_is_told_without_its_details(
    tmp_path: Path, tally: HandMade, caplog: pytest.LogCaptureFixture
) -> None:
    tally.error = RuntimeError("secret detail")
    boards = boards_of(tmp_path, tally)
    with caplog.at_level(logging.ERROR):
        boards.look()
    assert (boards._told.board, boards._told.trouble) == (None, FAILED)
    assert "secret detail" in caplog.text


def test_paths_of_this_machine_are_not_shown(tmp_path: Path, tally: HandMade) -> None:
    tally.error = type(FAILURE)(f"{tmp_path}/feedback.sqlite3 is damaged.")
    boards = boards_of(tmp_path / "leaderboard", tally)
    boards.look()
    assert boards._told.trouble == "feedback.sqlite3 is damaged."


def test_a_disk_that_refuses_costs_the_file_alone(tmp_path: Path, tally: HandMade) -> None:
    (tmp_path / "leaderboard").write_text("not a folder")
    boards = boards_of(tmp_path / "leaderboard", tally)
    boards.look()
    assert boards._told.board == board()
    assert boards._told.trouble == ""


def test_votes_that_wait_are_told_sooner_than_the_board(tmp_path: Path, tally: HandMade, clock: Clock) -> None:
    boards = boards_of(tmp_path, tally, clock)
    boards.look()
    tally.kept = 3
    clock.now += WAITING_SECONDS
    boards.look()
    assert boards._told.waiting == 3
    assert tally.asked == 1


def test_after_close_nothing_is_counted_any_more(tmp_path: Path, tally: HandMade) -> None:
    boards = boards_of(tmp_path, tally, minutes=0.0)
    boards.current()
    eventually(lambda: tally.counted == 1)
    boards.close()
    thread = boards._thread
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()
    asked = tally.asked
    boards.current()
    time.sleep(0.05)
    assert tally.asked == asked


def test_closed_before_anybody_asked_it_starts_no_thread(tmp_path: Path, tally: HandMade) -> None:
    boards = boards_of(tmp_path, tally)
    boards.close()
    boards.current()
    assert boards._thread is None


@pytest.mark.slow
def test_without_a_tally_the_settings_decide_what_is_counted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    try:
        boards = Boards(lambda: store, None, tmp_path / "leaderboard", MINUTES)
        boards.look()
        found = boards._told.board
        assert found is not None
        assert (found.dataset, found.votes, found.methods) == ("", 0, ())
        assert replace(found, made="") == replace(boards_again(store, tmp_path), made="")
    finally:
        store.close()


def boards_again(store: Store, folder: Path) -> Board:
    found = Boards(lambda: store, None, folder / "leaderboard", MINUTES)._told.board
    assert found is not None
    return found
