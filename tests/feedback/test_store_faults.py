"""The store under faults: killed processes, several at once, full disks, torn files. Nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorem_demo.errors import StorageError
from rorem_demo.feedback import store_db
from rorem_demo.feedback.records import PairPictures, Pictures, Rating, Record, Vote
from rorem_demo.feedback.store import Store
from tests.feedback.answers import rating, vote

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def unlike(number: int | str) -> Pictures:
    """Pictures that share their mask with all others, and their result with nobody's."""
    return Pictures(source=b"photo %d" % (len(str(number)) % 3), mask=b"mask", result=str(number).encode() * 100)


def pair_unlike(number: int | str) -> PairPictures:
    """The same of a vote; the left result is that of the rating with this number."""
    like = unlike(number)
    return PairPictures(source=like.source, mask=like.mask, left=like.result, right=str(number).encode() * 99)


def keep(store: Store, pictures: Pictures | PairPictures | None = None) -> Record:
    """A rating, or a vote if the pictures are a vote's."""
    made: Record = vote(store) if isinstance(pictures, PairPictures) else rating(store)
    return store.append(made, visitor="v", subject=made.id, pictures=pictures, ready=NOW, review=False)


def records(store: Store) -> list[Record]:
    return sorted((held.record for kind in (Rating, Vote) for held in store.each(kind)), key=lambda record: record.id)


def check(store: Store) -> list[str]:
    """Ids in order; every record has its pictures whole, and the file is sound."""
    found = []
    for record in records(store):
        found.append(record.id)
        assert record.files is not None
        for sha in vars(record.files).values():
            store.pictures.get(sha)
    with store._db.read() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return found


# What the processes run.


def say(line: str) -> None:
    # In one piece: threads say theirs at once.
    os.write(1, f"{line}\n".encode())


def append_until_killed(folder: str) -> None:
    store = Store(Path(folder))
    with ThreadPoolExecutor(3) as threads:
        for worker in range(3):
            threads.submit(_append, store, worker)


def _append(store: Store, worker: int) -> None:
    while True:
        for drawn in (unlike, pair_unlike):
            say(keep(store, drawn(f"{os.getpid()} {worker} {time.monotonic_ns()}")).id)


def append_some(folder: str) -> None:
    store = Store(Path(folder))
    for number in range(60):
        kept = keep(store, pair_unlike(number) if number % 2 else unlike(number))
        say(kept.id)
        # Others put the same pictures meanwhile.
        if number % 3 == 0:
            store.delete(kept.receipt, kept.id)
            say("-" + kept.id)
    store.close()


def append_until_the_disk_is_full(folder: str) -> None:
    store = Store(Path(folder))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, resource.RLIM_INFINITY))
    failures = 0
    for number in range(5000):
        try:
            say(keep(store, unlike(number)).id)
        except StorageError as error:
            failures += bool(error.hint)
            if failures == 3:
                break
    say(f"failed {failures}")


def running(work: Callable[[str], None], folder: Path) -> subprocess.Popen[str]:
    code = f"from tests.feedback.test_store_faults import {work.__name__} as work; work({str(folder)!r})"
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root)


@pytest.mark.slow
def test_whatever_moment_kills_the_process_what_it_acknowledged_is_there(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    moments = random.Random(5)
    for _ in range(6):
        with running(append_until_killed, tmp_path) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.3))
            process.kill()
            # The last line may be torn: it was not acknowledged.
            lines = (first + process.stdout.read()).splitlines(keepends=True)
        acknowledged |= {line.strip() for line in lines if line.endswith("\n")}
        store = Store(tmp_path)
        found = check(store)
        assert len(found) == len(set(found))
        assert acknowledged <= set(found)
        # Of each round at most the three appends that were under way are kept without a word.
        assert len(found) <= len(acknowledged) + 3 * 6
        store.close()
    assert len(acknowledged) > 6 * 3


def test_two_processes_and_their_deletions_share_a_folder(tmp_path: Path) -> None:
    with running(append_some, tmp_path) as one, running(append_some, tmp_path) as other:
        assert one.stdout is not None
        assert other.stdout is not None
        lines = one.stdout.read().split() + other.stdout.read().split()
    assert one.returncode == other.returncode == 0
    gone = {line[1:] for line in lines if line.startswith("-")}
    kept = {line for line in lines if not line.startswith("-")}
    assert len(kept) == 120
    store = Store(tmp_path)
    assert check(store) == sorted(kept - gone)
    used = {sha for record in records(store) if record.files for sha in vars(record.files).values()}
    assert {path.name for path in tmp_path.glob("pictures/??/*")} == used
    store.close()


def test_processes_that_open_a_new_folder_at_once_share_its_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda _: Store(tmp_path / "new"), range(8)))
    assert len({store.key for store in stores}) == 1
    for store in stores:
        store.close()


def test_ids_follow_what_another_process_kept_with_a_faster_clock(tmp_path: Path) -> None:
    fast = Store(tmp_path, now=lambda: NOW.replace(year=2030))
    slow = Store(tmp_path, now=lambda: NOW)
    made = [keep(store).id for store in (fast, slow, fast, slow, slow)]
    assert made == sorted(made)
    fast.close()
    slow.close()


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_what_was_acknowledged_and_says_so(tmp_path: Path) -> None:
    with running(append_until_the_disk_is_full, tmp_path) as process:
        assert process.stdout is not None
        lines = process.stdout.read().split("\n")
    assert process.returncode == 0
    assert "failed 3" in lines
    acknowledged = [line for line in lines if len(line) == 26]
    assert acknowledged
    store = Store(tmp_path)
    assert check(store) == acknowledged
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, b"k" * 32, lambda: NOW)
    yield store
    store.close()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("pictures/??/*")}


def test_a_full_file_refuses_the_row_and_drops_its_pictures_again(store: Store, tmp_path: Path) -> None:
    first = keep(store, unlike(0))
    before = files(tmp_path)
    with store._db.read() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    kept = [first.id]
    with suppress(StorageError):
        while True:
            kept.append(keep(store).id)
    with pytest.raises(StorageError, match="disk is full") as caught:
        keep(store, Pictures(source=b"x" * 10, mask=b"y", result=b"z"))
    assert caught.value.hint
    assert [held.record.id for held in store.each(Rating)] == kept
    assert files(tmp_path) == before
    with store._db.read() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    keep(store, unlike(1))


def test_a_picture_that_cannot_be_written_leaves_no_row(store: Store, tmp_path: Path) -> None:
    (tmp_path / "pictures").rmdir()
    (tmp_path / "pictures").write_bytes(b"in the way")
    with pytest.raises(StorageError) as caught:
        keep(store, unlike(0))
    assert caught.value.hint
    assert store.status().kept == 0


def test_pictures_dropped_between_their_writing_and_their_row_are_written_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Store(tmp_path, b"k" * 32)
    gone = keep(other, unlike(0))
    real = store._db.write

    def late() -> object:
        monkeypatch.undo()
        other.delete(gone.receipt, gone.id)
        assert files(tmp_path) == set()
        return real()

    monkeypatch.setattr(store._db, "write", late)
    kept = keep(store, unlike(0))
    assert check(store) == [kept.id]
    other.close()


def test_a_deletion_that_was_killed_before_its_files_went_is_finished_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    kept = keep(store, pair_unlike(0))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_clear", killed)
    with suppress(KeyboardInterrupt):
        store.delete(kept.receipt, kept.id)
    assert len(files(tmp_path)) == 4
    store.close()
    again = Store(tmp_path)
    assert files(tmp_path) == set()
    assert again.find(kept.id) is None
    again.close()


def test_a_store_that_somebody_else_locks_is_busy_and_then_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_db, "PATIENCE", 0.05)
    store = Store(tmp_path)
    blocker = sqlite3.connect(tmp_path / "feedback.sqlite3", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="busy") as caught:
        keep(store)
    assert caught.value.hint
    blocker.execute("ROLLBACK")
    blocker.close()
    assert keep(store).id == next(store.each(Rating)).record.id
    store.close()


def test_a_damaged_file_is_told_and_not_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(40):
        keep(store, unlike(number))
    store.close()
    path = tmp_path / "feedback.sqlite3"
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xaa" * (len(data) - 8192))
    with pytest.raises(StorageError, match="damaged") as caught, closing(Store(tmp_path)) as damaged:
        list(damaged.each(Rating))
    assert caught.value.hint


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite3"
    path.write_bytes(b"somebody's notes" * 500)
    with pytest.raises(StorageError, match="not a database") as caught:
        Store(tmp_path)
    assert caught.value.hint
    assert path.read_bytes() == b"somebody's notes" * 500


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "feedback.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="newer") as caught:
        Store(tmp_path)
    assert caught.value.hint


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        Store(tmp_path / "file")
    assert caught.value.hint


def test_a_store_that_may_only_be_read_is_told(store: Store) -> None:
    # Tests may run as root, who may write anything: SQLite itself is told not to.
    keep(store)
    with store._db.read() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="cannot be written") as caught:
        keep(store)
    assert caught.value.hint
    assert store.status().kept == 1


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()
    with pytest.raises(StorageError, match="closed"):
        store.status()
    store.close()


def test_the_files_are_for_this_user_only(store: Store, tmp_path: Path) -> None:
    keep(store)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("feedback.sqlite3*")} == {0o600}


def test_a_commit_is_on_the_disk_and_what_is_deleted_is_overwritten(store: Store) -> None:
    # No kill of a process shows these: they are for when the machine loses power, and for who reads the file's bytes.
    with store._db.read() as connection:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "secure_delete")]
    assert found == [2, 1]
