"""What is counted: this server's store, or a dataset on a Hub; by a real child process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from rorem_demo.comparison import tallies as module
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.counting import count
from rorem_demo.comparison.tallies import CHILD, Local, Published
from rorem_demo.comparison.voted import open_answers, stored_answers
from rorem_demo.errors import UnavailableError
from rorem_demo.feedback.records import Rating, Vote
from rorem_demo.feedback.store import Store
from tests.comparison import polls
from tests.feedback.answers import rating, vote
from tests.hub import WRITER, LoopbackHub

NAME, KEY = "owner/answers", "datasets/owner/answers"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def local(store: Store, tmp_path: Path) -> Local:
    return Local(tmp_path / "data", lambda: store)


def keep(store: Store, record: Vote | Rating) -> Vote | Rating:
    now = datetime.now(UTC)
    return store.append(record, visitor="anna", subject=record.id, pictures=None, ready=now, review=False)


def timeless(board: Board) -> Board:
    return replace(board, made="")


@pytest.mark.slow
def test_the_store_is_counted_as_the_command_counts_it(store: Store, local: Local) -> None:
    for _ in range(3):
        keep(store, vote(store))
    keep(store, rating(store))
    board = local.count(local.newest())
    assert timeless(board) == timeless(count(stored_answers(store)))
    assert (board.votes, board.ratings) == (3, 1)


def test_every_answer_and_every_deletion_is_something_new(store: Store, local: Local) -> None:
    seen = [local.newest()]
    kept = keep(store, vote(store))
    seen.append(local.newest())
    keep(store, rating(store))
    seen.append(local.newest())
    store.delete(kept.receipt, kept.id)
    seen.append(local.newest())
    keep(store, vote(store))
    seen.append(local.newest())
    assert len(set(seen)) == len(seen)
    assert local.newest() == seen[-1]


def test_votes_kept_since_a_count_wait(store: Store, local: Local) -> None:
    keep(store, vote(store))
    local.newest()
    assert local.waiting() == 0
    keep(store, vote(store))
    keep(store, rating(store))
    assert local.waiting() == 1


@pytest.mark.slow
def test_counting_a_store_leaves_nothing_behind_in_its_folder(store: Store, local: Local, tmp_path: Path) -> None:
    before = sorted(path.name for path in (tmp_path / "data").iterdir())
    local.count(local.newest())
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == before


class OnHub:
    def __init__(self, hub: LoopbackHub, store: Store, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.tally = Published(NAME, lambda: store)

    def publish(self, *rows: Vote) -> str:
        polls.write(self.folder, "shard", rows)
        files = {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*.parquet")}
        return self.hub.commit(KEY, files)


@pytest.fixture
def on_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Store) -> Iterator[OnHub]:
    with LoopbackHub() as hub:
        known = {"HF_ENDPOINT": hub.address, "HF_TOKEN": WRITER, "HF_HOME": str(tmp_path / "hf")}
        for name, value in known.items():
            monkeypatch.setenv(name, value)
        yield OnHub(hub, store, tmp_path / "copy")


@pytest.mark.slow
def test_a_dataset_is_counted_at_its_newest_revision_and_a_copy_of_it_gives_the_same(on_hub: OnHub) -> None:
    first = on_hub.publish(polls.vote(1), polls.vote(2, choice="right"))
    assert on_hub.tally.newest() == first
    board = on_hub.tally.count(first)
    again = count(open_answers(str(on_hub.folder)))
    assert (board.dataset, board.revision, board.votes) == (NAME, first, 2)
    assert replace(timeless(board), dataset=again.dataset, revision="", deletions="") == timeless(again)
    second = on_hub.publish(polls.vote(1), polls.vote(2, choice="right"), polls.vote(3))
    assert on_hub.tally.newest() == second
    assert on_hub.tally.count(second).votes == 3


@pytest.mark.slow
def test_of_a_dataset_votes_wait_that_are_not_published(on_hub: OnHub, store: Store) -> None:
    keep(store, vote(store))
    keep(store, rating(store))
    assert on_hub.tally.waiting() == 1


@pytest.mark.slow
def test_a_dataset_that_is_not_there_is_told_in_a_sentence(on_hub: OnHub) -> None:
    with pytest.raises(UnavailableError, match=f"The Hub has no dataset {NAME}, or hides it"):
        on_hub.tally.newest()


def test_a_child_that_takes_too_long_is_ended(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTING", 0.05)
    with pytest.raises(UnavailableError, match=r"The votes were not counted within 0\.05 s"):
        local.count("")


def test_a_child_that_dies_is_told_in_a_sentence(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHILD", "rorem_demo.nothing")
    with pytest.raises(UnavailableError, match="ended with 1 before it was done"):
        local.count("")


def test_where_no_process_can_be_started_it_says_so(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> NoReturn:
        raise OSError("no memory")

    monkeypatch.setattr(subprocess, "run", refused)
    with pytest.raises(UnavailableError, match="No process can be started"):
        local.count("")


@pytest.mark.slow
def test_a_child_whose_parent_is_gone_ends_by_itself() -> None:
    lifeline, end = os.pipe()
    child = subprocess.Popen([sys.executable, "-m", CHILD, str(lifeline)], stdin=subprocess.PIPE, pass_fds=[lifeline])
    os.close(lifeline)
    try:
        time.sleep(0.2)
        assert child.poll() is None, "it waits for its job"
        os.close(end)
        assert child.wait(10) == 1
    finally:
        child.kill()
        assert child.stdin
        child.stdin.close()
        child.wait()
