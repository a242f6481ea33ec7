"""The store in one process: what is kept, superseded, deleted, frozen and published, and that the sums hold."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from rorem_demo.errors import InputError, StorageError, UnavailableError
from rorem_demo.feedback import pictures as kept_pictures
from rorem_demo.feedback import store_schema
from rorem_demo.feedback.identity import receipt_hash
from rorem_demo.feedback.kinds import PAIRS, RATINGS, R
from rorem_demo.feedback.records import (
    CHOICES,
    Batch,
    PairFiles,
    PictureFiles,
    Pictures,
    Rating,
    Record,
    Shown,
    Tombstone,
    Vote,
)
from rorem_demo.feedback.store import Held, Store
from rorem_demo.feedback.store_rows import body_of, record_of
from tests.feedback.answers import PAIR_PICTURES, rating, vote
from tests.feedback.strategies import ratings, votes

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
PICTURES = Pictures(source=b"source", mask=b"mask", result=b"result")
USUAL: dict[str, Any] = {"visitor": "v", "subject": "s", "pictures": None, "ready": NOW, "review": False}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, b"k" * 32, lambda: NOW)
    yield store
    store.close()


def keep(store: Store, **given: Any) -> Rating:
    """A rating that was kept; `given` are changes of the rating or of how it is kept."""
    how = {name: given.pop(name, usual) for name, usual in USUAL.items()}
    return store.append(rating(store, **given), **how)


def keep_vote(store: Store, **given: Any) -> Vote:
    """The same of a vote."""
    how = {name: given.pop(name, usual) for name, usual in USUAL.items()}
    return store.append(vote(store, **given), **how)


def on_disk(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("pictures/??/*")}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ids(batch: Batch | None) -> list[str]:
    assert batch is not None
    return [rating.id for rating in batch.records]


def published(store: Store) -> Batch:
    batch = store.freeze(NOW, 500, 1 << 30)
    assert batch is not None
    store.mark_sending(batch.name)
    store.mark_published(batch.name, "commit", NOW)
    return batch


def test_what_was_kept_is_there_after_reopening(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = keep(store, pictures=PICTURES, consent="pictures", licence="CC-BY-4.0", ready=LATER, review=True)
    key = store.key
    store.close()
    again = Store(tmp_path)
    held = again.find(kept.id)
    assert held is not None
    assert (held.record, held.published, held.ready, held.review) == (kept, "", LATER, "waiting")
    assert datetime.fromisoformat(held.saved).tzinfo == UTC
    assert kept.files == PictureFiles(source=sha(b"source"), mask=sha(b"mask"), result=sha(b"result"))
    assert [again.pictures.get(name) for name in (kept.files.source, kept.files.mask, kept.files.result)] == [
        b"source", b"mask", b"result",
    ]  # fmt: skip
    assert again.key == key
    again.close()


FILES = PictureFiles(source="a" * 64, mask="b" * 64, result="c" * 64)


@settings(deadline=None)
@given(ratings(), st.sampled_from([None, FILES]))
def test_nothing_of_a_rating_is_lost_in_its_body(given_: Rating, files: PictureFiles | None) -> None:
    whole = replace(given_, files=files)
    assert record_of(RATINGS, body_of(whole)) == whole


PAIR_FILES = PairFiles(source="a" * 64, mask="b" * 64, left="c" * 64, right="d" * 64)


@settings(deadline=None)
@given(votes(), st.sampled_from([None, PAIR_FILES]))
def test_nothing_of_a_vote_is_lost_in_its_body(given_: Vote, files: PairFiles | None) -> None:
    whole = replace(given_, files=files)
    assert record_of(PAIRS, body_of(whole)) == whole


@pytest.mark.parametrize(("made", "kind"), [(rating, RATINGS), (vote, PAIRS)])
def test_a_record_of_a_newer_schema_is_not_misread(store: Store, made: Any, kind: Any) -> None:
    newer = body_of(made(store, schema=99))
    with pytest.raises(StorageError, match="newer") as caught:
        record_of(kind, newer)
    assert caught.value.hint


# Votes


def test_a_vote_is_kept_with_its_four_pictures(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = keep_vote(store, pictures=PAIR_PICTURES, choice="both-good", consent="public", licence="CC0-1.0")
    store.close()
    again = Store(tmp_path)
    held = again.find(kept.id)
    assert held is not None
    assert held.record == kept
    assert kept.files == PairFiles(source=sha(b"source"), mask=sha(b"mask"), left=sha(b"left"), right=sha(b"right"))
    assert on_disk(tmp_path) == set(vars(kept.files).values())
    again.delete(kept.receipt, kept.id)
    assert on_disk(tmp_path) == set()
    again.close()


def test_pictures_that_a_rating_and_a_vote_share_stay_for_the_other(store: Store, tmp_path: Path) -> None:
    rated = keep(store, pictures=PICTURES)
    voted = keep_vote(store, pictures=PAIR_PICTURES)
    store.delete(rated.receipt, rated.id)
    assert on_disk(tmp_path) == {sha(part) for part in (b"source", b"mask", b"left", b"right")}
    store.delete(voted.receipt, voted.id)
    assert on_disk(tmp_path) == set()


def test_two_equal_results_are_one_file(store: Store, tmp_path: Path) -> None:
    voted = keep_vote(store, pictures=replace(PAIR_PICTURES, right=b"left"))
    assert voted.files is not None
    assert voted.files.left == voted.files.right
    assert len(on_disk(tmp_path)) == 3


def test_each_kind_is_read_by_itself_and_ids_go_through_both(store: Store) -> None:
    made: list[Record] = [keep(store), keep_vote(store), keep(store), keep_vote(store)]
    assert [one.id for one in made] == sorted(one.id for one in made)
    assert [held.record for held in store.each(Rating)] == made[::2]
    assert [held.record for held in store.each(Vote)] == made[1::2]
    published(store)
    assert [held.record for held in store.each(Vote, published=False)] == made[1::2]
    assert list(store.published_ids()) == [one.id for one in made[::2]]
    published(store)
    assert list(store.published_ids()) == [one.id for one in made]


def test_the_standing_answer_may_be_a_vote(store: Store) -> None:
    voted = keep_vote(store, subject="round")
    assert store.standing("v", "round") == voted


def test_a_vote_under_a_ratings_id_is_refused(store: Store) -> None:
    kept = keep(store)
    with pytest.raises(StorageError, match="id"):
        store.append(replace(vote(store), id=kept.id), **USUAL)


def test_a_batch_is_of_the_kind_of_the_first_that_is_ready_and_of_no_other(store: Store) -> None:
    keep(store, ready=LATER)
    first, rated, second = keep_vote(store), keep(store), keep_vote(store)
    batch = published(store)
    assert ids(batch) == [first.id, second.id]
    assert ids(published(store)) == [rated.id]
    assert store.freeze(NOW, 500, 1 << 30) is None


def test_four_pictures_count_towards_the_size_of_a_batch(store: Store) -> None:
    kept = [keep_vote(store, pictures=replace(PAIR_PICTURES, left=bytes([n]) * 500)).id for n in range(3)]
    assert ids(store.freeze(NOW, 10, 1200)) == kept[:2]


def test_a_deleted_vote_is_refused_with_a_way_out(store: Store) -> None:
    gone = keep_vote(store)
    store.delete(gone.receipt, gone.id)
    with pytest.raises(InputError, match="deleted") as caught:
        keep_vote(store, receipt=gone.receipt)
    assert caught.value.hint == "Judge another pair."


def test_rejected_pictures_of_a_vote_are_gone_and_the_vote_stays(store: Store, tmp_path: Path) -> None:
    kept = keep_vote(store, review=True, pictures=PAIR_PICTURES, consent="pictures", licence="CC-BY-4.0")
    assert [held.record for held in store.to_review()] == [kept]
    store.decide(kept.id, accept=False)
    held = store.find(kept.id)
    assert held is not None
    assert held.record == replace(kept, files=None, consent="answer", licence="", flags=("pictures-rejected",))
    assert on_disk(tmp_path) == set()


# An older file


def older(folder: Path) -> list[Rating]:
    """A file as version 1 wrote it: a published rating, one in a batch, a loose one with pictures, and a deletion."""
    new = Store(folder)
    made = [rating(new, label=number % 2) for number in range(3)]
    new.pictures.put(b"result")
    new.close()
    for path in folder.glob("feedback.sqlite3*"):
        path.unlink()
    files = PictureFiles(**dict.fromkeys(("source", "mask", "result"), sha(b"result")))
    made[2] = replace(made[2], files=files)
    with closing(sqlite3.connect(folder / "feedback.sqlite3", isolation_level=None)) as connection:
        for statement in store_schema._VERSIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO batches (name, state) VALUES ('old', 'published'), ('under-way', 'sending')")
        for one, batch in zip(made, ("old", "under-way", None), strict=True):
            connection.execute(
                """INSERT INTO ratings (id, body, rater, created, label, receipt, visitor, subject, saved, ready,
                review, batch, published) VALUES (?, ?, ?, ?, ?, ?, 'v', ?, ?, ?, 'none', ?, ?)""",
                (
                    one.id, body_of(one), one.rater, one.created, one.label, one.receipt, one.id, one.created,
                    one.created, batch, one.created if batch == "old" else "",
                ),
            )  # fmt: skip
        connection.execute("INSERT INTO uses (rating, sha, bytes) VALUES (?, ?, 6)", (made[2].id, sha(b"result")))
        connection.execute("INSERT INTO tombstones VALUES (?, 'x', '2026', 0, 0)", ("e" * 64,))
    return made


def test_a_file_of_version_1_is_taken_over_whole(tmp_path: Path) -> None:
    made = older(tmp_path)
    store = Store(tmp_path)
    assert [held.record for held in store.each(Rating)] == made
    assert list(store.each(Vote)) == []
    assert list(store.published_ids()) == [made[0].id]
    assert store.standing("v", made[1].id) == made[1]
    assert store.recent("rater0", NOW - timedelta(days=9999)) == {("ratings", 0): 2, ("ratings", 1): 1}
    assert [stone.receipt for stone in store.tombstones()] == ["e" * 64]
    voted = keep_vote(store, pictures=PAIR_PICTURES)
    assert voted.id > made[2].id
    under_way = store.freeze(datetime.now(UTC), 10, 1 << 20)
    assert under_way is not None
    assert (under_way.sending, under_way.records) == (True, (made[1],))
    store.mark_published("under-way", "commit", NOW)
    assert ids(store.freeze(datetime.now(UTC), 10, 1 << 20)) == [made[2].id]
    store.delete(made[2].receipt, made[2].id)
    assert on_disk(tmp_path) == set(vars(voted.files).values())
    store.close()
    again = Store(tmp_path)
    assert again.status().votes == 1
    with again._db.read() as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    again.close()


def test_an_old_and_a_new_file_have_the_same_tables(tmp_path: Path) -> None:
    older(tmp_path / "old")
    tables = []
    for name in ("old", "new"):
        store = Store(tmp_path / name)
        with store._db.read() as connection:
            tables.append(connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall())
        store.close()
    assert tables[0] == tables[1]


def test_a_kind_is_read_and_raters_are_counted_by_an_index(store: Store) -> None:
    questions = {
        "SELECT body FROM records WHERE id > '' AND kind = 'pairs' AND 1 ORDER BY id LIMIT 9": "records_by_kind",
        "SELECT kind, said, count(*) FROM records WHERE rater = 'r' AND created >= '' GROUP BY 1, 2": "COVERING INDEX",
    }
    for question, index in questions.items():
        with store._db.read() as connection:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
        assert index in plan[0][-1]


def test_the_same_rating_twice_is_kept_once(store: Store) -> None:
    made = rating(store)
    first = store.append(made, visitor="v", subject="s", pictures=PICTURES, ready=NOW, review=False)
    assert store.append(made, visitor="v", subject="s", pictures=PICTURES, ready=NOW, review=False) == first
    assert store.status().kept == 1


def test_another_rating_with_a_kept_id_is_refused_and_the_first_stays(store: Store) -> None:
    first = keep(store)
    with pytest.raises(StorageError, match="id"):
        store.append(replace(first, label=0), visitor="v", subject="s", pictures=None, ready=NOW, review=False)
    held = store.find(first.id)
    assert held is not None
    assert held.record == first


def test_the_standing_answer_is_the_last_of_this_visitor_on_this_result(store: Store) -> None:
    first = keep(store)
    second = keep(store, label=0, supersedes=first.id, receipt=first.receipt)
    keep(store, visitor="other")
    keep(store, subject="other")
    assert store.standing("v", "s") == second
    assert store.standing("nobody", "s") is None
    store.delete(second.receipt, second.id)
    assert store.standing("v", "s") is None


def test_recent_answers_are_counted_by_rater_and_time(store: Store) -> None:
    def at(hours: int) -> str:
        return (NOW - timedelta(hours=hours)).isoformat(timespec="milliseconds")

    for hours, label in [(3, 1), (1, 1), (0, 0), (0, 1)]:
        keep(store, created=at(hours), label=label)
    keep(store, rater="another")
    keep_vote(store, created=at(0), choice="both-bad")
    keep_vote(store, created=at(2))
    found = store.recent("rater0", NOW - timedelta(hours=1))
    assert found == {("ratings", 1): 2, ("ratings", 0): 1, ("pairs", CHOICES.index("both-bad")): 1}
    assert store.recent("nobody", NOW).total() == 0


def test_ids_grow_while_the_clock_goes_back_and_after_reopening(tmp_path: Path) -> None:
    made: list[str] = []
    for hours in (0, -5, 3, -100):
        store = Store(tmp_path, b"k" * 32, lambda hours=hours: NOW + timedelta(hours=hours))
        made += [keep(store).id, store.new_id(), keep(store).id]
        store.close()
    assert made == sorted(set(made))


def test_threads_get_different_growing_ids_and_lose_nothing(store: Store) -> None:
    made: dict[int, list[str]] = {thread: [] for thread in range(8)}

    def work(thread: int) -> None:
        for _ in range(25):
            made[thread].append(keep(store, subject=str(thread)).id)

    threads = [Thread(target=work, args=(thread,)) for thread in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(kept == sorted(kept) for kept in made.values())
    assert sorted(id_ for kept in made.values() for id_ in kept) == [held.record.id for held in store.each(Rating)]
    assert store.status().kept == 200


def test_ratings_are_read_page_by_page_while_others_are_kept(store: Store) -> None:
    first = [keep(store).id for _ in range(250)]
    reader = store.each(Rating)
    seen = [next(reader).record.id]
    store.delete(receipt_hash("nobody's"), first[0])
    late = keep(store).id
    assert seen + [held.record.id for held in reader] == [*first, late]


# Deletions


def test_a_deletion_takes_every_answer_of_its_receipt_and_no_other(store: Store, tmp_path: Path) -> None:
    first = keep(store, pictures=PICTURES)
    second = keep(store, pictures=PICTURES, receipt=first.receipt, supersedes=first.id)
    other = keep(store, pictures=replace(PICTURES, result=b"another result"))
    stone = store.delete(first.receipt, second.id)
    assert stone == Tombstone(id=second.id, receipt=first.receipt, deleted="2026-11-21T12:00:00.000+00:00")
    assert [held.record for held in store.each(Rating)] == [other]
    assert on_disk(tmp_path) == {sha(b"source"), sha(b"mask"), sha(b"another result")}
    assert store.tombstones() == store.tombstones(unpublished=True) == store.needs_rewrite() == (stone,)


def test_a_deletion_again_changes_nothing(store: Store) -> None:
    kept = keep(store)
    assert store.delete(kept.receipt, kept.id) == store.delete(kept.receipt, "another id")
    assert len(store.tombstones()) == 1


def test_an_answer_this_store_never_saw_can_be_deleted(store: Store) -> None:
    stone = store.delete("f" * 64, "01J")
    assert store.needs_rewrite() == (stone,)


def test_a_deleted_answer_is_not_kept_again(store: Store, tmp_path: Path) -> None:
    kept = keep(store)
    store.delete(kept.receipt, kept.id)
    with pytest.raises(InputError, match="deleted") as caught:
        keep(store, receipt=kept.receipt, supersedes=kept.id, pictures=PICTURES)
    assert caught.value.hint
    assert store.status().kept == 0
    assert on_disk(tmp_path) == set()


def test_no_byte_of_a_deleted_answer_stays_in_the_files(store: Store, tmp_path: Path) -> None:
    marks = [f"mark{number:04d}" * 3 for number in range(120)]
    kept = [keep(store, comment=mark, rater=mark, visitor=mark, subject=mark, label=0) for mark in marks]
    for gone in kept[::2]:
        store.delete(gone.receipt, gone.id)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("feedback.sqlite3*"))
    assert not [mark for mark in marks[::2] if mark.encode() in content]
    assert all(mark.encode() in content for mark in marks[1::2])


def test_a_deletion_dissolves_the_frozen_batch_that_held_the_answer(store: Store) -> None:
    first, second = keep(store), keep(store)
    frozen = store.freeze(NOW, 10, 1 << 20)
    assert ids(frozen) == [first.id, second.id]
    assert frozen is not None
    store.delete(first.receipt, first.id)
    with pytest.raises(UnavailableError):
        store.mark_sending(frozen.name)
    assert ids(store.freeze(NOW, 10, 1 << 20)) == [second.id]


def test_a_deletion_leaves_the_batch_that_is_being_sent_to_be_reconciled(store: Store) -> None:
    first, second, third = keep(store), keep(store), keep(store)
    frozen = store.freeze(NOW, 10, 1 << 20)
    assert frozen is not None
    store.mark_sending(frozen.name)
    store.delete(first.receipt, first.id)
    under_way = store.freeze(NOW, 10, 1 << 20)
    assert under_way is not None
    assert (under_way.name, under_way.sending, ids(under_way)) == (frozen.name, True, [second.id, third.id])
    store.reconcile(frozen.name, {first.id, second.id})
    assert list(store.published_ids()) == [second.id]
    assert ids(store.freeze(NOW, 10, 1 << 20)) == [third.id]


def test_a_deletion_made_elsewhere_takes_the_rows_here(store: Store, tmp_path: Path) -> None:
    loose = keep(store, pictures=PICTURES)
    stone = Tombstone(id=loose.id, receipt=loose.receipt, deleted="2026-01-01T00:00:00.000+00:00")
    store.add_tombstones([stone, stone])
    assert store.find(loose.id) is None
    assert on_disk(tmp_path) == set()
    assert store.tombstones() == (stone,)
    assert store.tombstones(unpublished=True) == store.needs_rewrite() == ()


def test_a_deletion_made_elsewhere_is_applied_again_where_the_row_may_have_arrived_later(store: Store) -> None:
    kept = keep(store)
    published(store)
    stone = Tombstone(id=kept.id, receipt=kept.receipt, deleted="2026-01-01T00:00:00.000+00:00")
    store.add_tombstones([stone])
    assert store.needs_rewrite() == (stone,)
    assert store.tombstones(unpublished=True) == ()
    store.mark_deletions_published([kept.receipt])
    assert store.needs_rewrite() == ()


def test_a_published_deletion_is_not_published_again(store: Store) -> None:
    kept = keep(store)
    published(store)
    store.delete(kept.receipt, kept.id)
    store.mark_deletions_published([kept.receipt])
    assert store.tombstones(unpublished=True) == store.needs_rewrite() == ()
    store.delete(kept.receipt, kept.id)
    assert store.needs_rewrite() == ()


# Batches


def test_a_batch_stays_the_same_until_it_is_published(store: Store) -> None:
    first = keep(store)
    batch = store.freeze(NOW, 10, 1 << 20)
    second = keep(store)
    assert store.freeze(LATER, 10, 1 << 20) == batch
    assert ids(batch) == [first.id]
    assert published(store).name == batch.name if batch else None
    held = store.find(first.id)
    assert held is not None
    assert held.published == "2026-11-21T12:00:00.000+00:00"
    assert ids(store.freeze(NOW, 10, 1 << 20)) == [second.id]


def test_asking_for_no_rows_finds_only_the_unfinished_batch(store: Store) -> None:
    keep(store)
    assert store.freeze(NOW, 0, 0) is None
    batch = store.freeze(NOW, 1, 0)
    assert batch is not None
    assert store.freeze(NOW, 0, 0) == batch


def test_the_name_of_a_batch_comes_from_its_content(store: Store) -> None:
    kept = keep(store)
    batch = store.freeze(NOW, 10, 1 << 20)
    assert batch is not None
    assert batch.name == f"{kept.id}-{sha(f'{kept.id} {body_of(kept)}{chr(10)}'.encode())[:16]}"
    store.reconcile(batch.name, set())
    again = store.freeze(NOW, 10, 1 << 20)
    assert again == batch
    store.reconcile(batch.name, set())
    keep(store)
    grown = store.freeze(NOW, 10, 1 << 20)
    assert grown is not None
    assert grown.name != batch.name


def test_a_batch_is_bounded_by_rows_and_by_bytes_but_never_empty(store: Store) -> None:
    large = Pictures(source=b"s" * 500, mask=b"m", result=b"r" * 500)
    kept = [keep(store, pictures=large).id for _ in range(5)]
    assert ids(store.freeze(NOW, 3, 2500)) == kept[:2]
    published(store)
    assert ids(store.freeze(NOW, 2, 1 << 20)) == kept[2:4]
    published(store)
    assert ids(store.freeze(NOW, 2, 1)) == kept[4:]


def test_nothing_is_frozen_before_it_is_ready_or_while_it_waits_for_a_reviewer(store: Store) -> None:
    keep(store, ready=LATER)
    keep(store, review=True)
    assert store.freeze(NOW, 10, 1 << 20) is None
    assert store.oldest_loose(NOW) is None
    assert not store.due(NOW, 0 + 1, 0)
    assert store.freeze(LATER, 10, 1 << 20) is not None


def test_a_batch_is_due_by_size_or_by_age(store: Store) -> None:
    keep(store)
    keep(store, ready=NOW + timedelta(seconds=10))
    after = NOW + timedelta(seconds=20)
    assert store.oldest_loose(after) == NOW
    assert store.due(after, 2, 1000)
    assert not store.due(after, 3, 21)
    assert store.due(after, 3, 20)
    store.freeze(after, 10, 1 << 20)
    assert not store.due(after, 1, 0)


def test_a_batch_is_sent_by_one_and_published_only_if_it_was_sent(store: Store) -> None:
    keep(store)
    batch = store.freeze(NOW, 10, 1 << 20)
    assert batch is not None
    with pytest.raises(UnavailableError):
        store.mark_published(batch.name, "commit", NOW)
    assert store.status().published == 0
    store.mark_sending(batch.name)
    with pytest.raises(UnavailableError) as caught:
        store.mark_sending(batch.name)
    assert caught.value.hint


def test_a_published_batch_is_not_reconciled_any_more(store: Store) -> None:
    kept = keep(store)
    batch = published(store)
    store.reconcile(batch.name, set())
    assert list(store.published_ids()) == [kept.id]


# Review


def test_accepted_pictures_are_published_and_their_age_counts_from_then(store: Store) -> None:
    kept = keep(store, ready=NOW - timedelta(hours=1), review=True, pictures=PICTURES, consent="pictures")
    assert [held.record for held in store.to_review()] == [kept]
    store.decide(kept.id, accept=True)
    assert list(store.to_review()) == []
    assert store.oldest_loose(NOW) == NOW
    frozen = store.freeze(NOW, 10, 1 << 20)
    assert frozen is not None
    assert frozen.records == (kept,)


def test_rejected_pictures_are_gone_and_the_answer_stays(store: Store, tmp_path: Path) -> None:
    kept = keep(
        store, review=True, pictures=PICTURES, consent="pictures", licence="CC-BY-4.0", flags=("repeated", "many")
    )
    other = keep(store, pictures=replace(PICTURES, source=b"other"))
    store.decide(kept.id, accept=False)
    held = store.find(kept.id)
    assert held is not None
    flags = ("many", "pictures-rejected", "repeated")
    assert held.record == replace(kept, files=None, consent="answer", licence="", flags=flags)
    assert held.review == "rejected"
    assert on_disk(tmp_path) == {sha(b"other"), sha(b"mask"), sha(b"result")}
    assert ids(store.freeze(NOW, 10, 1 << 20)) == [kept.id, other.id]


@pytest.mark.parametrize("accept", [True, False])
def test_only_what_waits_can_be_decided(store: Store, accept: bool) -> None:  # noqa: FBT001
    kept = keep(store)
    for id_ in (kept.id, "unknown"):
        with pytest.raises(InputError) as caught:
            store.decide(id_, accept=accept)
        assert caught.value.hint


# Numbers


def test_the_status_counts_what_there_is(store: Store) -> None:
    assert store.status().kept == 0
    keep(store)
    published(store)
    keep(store, review=True)
    keep(store, ready=LATER)
    store.note_error("The dataset does not answer.")
    store.count_refusal("unknown")
    store.count_refusal("unknown")
    store.count_refusal("limit")
    keep_vote(store, ready=LATER)
    found = store.status()
    assert (found.votes, found.votes_waiting) == (1, 1)
    assert (found.kept, found.published, found.waiting, found.in_review) == (4, 1, 3, 1)
    assert found.oldest_waiting == found.last_published == "2026-11-21T12:00:00.000+00:00"
    assert found.last_error == "The dataset does not answer."
    assert found.refused == {"limit": 1, "unknown": 2}
    store.note_success()
    assert store.status().last_error == ""


# Orphans


def test_an_opening_sweeps_old_files_without_a_row_and_leaves_young_ones(store: Store, tmp_path: Path) -> None:
    kept = keep(store, pictures=PICTURES)
    old, young = store.pictures.put(b"old orphan"), store.pictures.put(b"young orphan")
    long_ago = time.time() - 2 * kept_pictures.STALE
    for name in (old, sha(b"source")):
        os.utime(tmp_path / "pictures" / name[:2] / name, (long_ago, long_ago))
    Store(tmp_path, b"k" * 32).close()
    assert kept.files is not None
    assert on_disk(tmp_path) == {young, kept.files.source, kept.files.mask, kept.files.result}


# All of it at once


class Feedback(RuleBasedStateMachine):
    """A store beside a model of it: what is kept, where each rating is, and what was deleted."""

    kept = Bundle("kept")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.minutes = count()
        self.open()
        self.rows: dict[str, Record] = {}
        self.place: dict[str, str] = {}
        self.unreviewed: set[str] = set()
        self.deleted: set[str] = set()
        self.batch: str | None = None
        self.sending = False

    def open(self) -> None:
        # The clock goes back a minute at every reading.
        self.store = Store(Path(self.folder.name), b"k" * 32, lambda: NOW - timedelta(minutes=next(self.minutes)))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=kept, content=st.none() | st.sampled_from([b"a", b"b"]), review=st.booleans())
    def answer(self, content: bytes | None, review: bool) -> Rating:  # noqa: FBT001
        made = rating(self.store)
        return self._append(made, content, review)

    @rule(target=kept, content=st.none() | st.sampled_from([b"a", b"b"]), review=st.booleans())
    def judge(self, content: bytes | None, review: bool) -> Vote:  # noqa: FBT001
        pictures = replace(PAIR_PICTURES, source=content, left=b"r" + content) if content else None
        return self._kept(vote(self.store), pictures, review)

    @rule(target=kept, first=kept)
    def change_of_mind(self, first: Record) -> Record:
        made = rating(self.store, supersedes=first.id, receipt=first.receipt, label=0)
        if first.receipt in self.deleted:
            with pytest.raises(InputError):
                self.store.append(made, visitor="v", subject="s", pictures=None, ready=NOW, review=False)
            return first
        return self._append(made, None, review=False)

    def _append(self, made: Rating, content: bytes | None, review: bool) -> Rating:  # noqa: FBT001
        pictures = Pictures(source=content, mask=b"mask", result=b"r" + content) if content else None
        return self._kept(made, pictures, review)

    def _kept(self, made: R, pictures: Shown | None, review: bool) -> R:  # noqa: FBT001
        kept = self.store.append(made, visitor="v", subject="s", pictures=pictures, ready=NOW, review=review)
        assert all(kept.id > id_ for id_ in self.rows)
        self.rows[kept.id], self.place[kept.id] = kept, "loose"
        self.unreviewed |= {kept.id} if review else set()
        return kept

    @rule(gone=kept)
    def delete(self, gone: Record) -> None:
        self._forget(gone.receipt)
        self.store.delete(gone.receipt, gone.id)

    @rule(gone=kept)
    def delete_elsewhere(self, gone: Record) -> None:
        self._forget(gone.receipt)
        self.store.add_tombstones([Tombstone(id=gone.id, receipt=gone.receipt, deleted="2026")])

    def _forget(self, receipt: str) -> None:
        gone = {id_ for id_, row in self.rows.items() if row.receipt == receipt}
        if any(self.place[id_] == "batched" for id_ in gone) and not self.sending:
            self._dissolve(set())
        for id_ in gone:
            del self.rows[id_], self.place[id_]
        self.unreviewed -= gone
        self.deleted.add(receipt)

    @rule(rows=st.integers(1, 4))
    def freeze(self, rows: int) -> None:
        batch = self.store.freeze(LATER, rows, 1 << 20)
        if self.batch is None:
            loose = sorted(id_ for id_, place in self.place.items() if place == "loose" and id_ not in self.unreviewed)
            loose = [id_ for id_ in loose if type(self.rows[id_]) is type(self.rows[loose[0]])]
            assert ([] if batch is None else ids(batch)) == loose[:rows]
            assert (batch is None) == (not loose)
            for id_ in loose[:rows]:
                self.place[id_] = "batched"
            self.batch = batch.name if batch else None
        else:
            assert batch is not None
            assert (batch.name, batch.sending) == (self.batch, self.sending)
            assert ids(batch) == sorted(id_ for id_, place in self.place.items() if place == "batched")

    @rule()
    def send(self) -> None:
        if self.batch and not self.sending:
            self.store.mark_sending(self.batch)
            self.sending = True

    @rule()
    def arrive(self) -> None:
        if self.batch and self.sending:
            self.store.mark_published(self.batch, "commit", NOW)
            self._dissolve({id_ for id_, place in self.place.items() if place == "batched"})

    @rule(data=st.data())
    def reconcile(self, data: st.DataObject) -> None:
        if self.batch:
            batched = sorted(id_ for id_, place in self.place.items() if place == "batched")
            present = {id_ for id_ in batched if data.draw(st.booleans(), label=id_)}
            self.store.reconcile(self.batch, present)
            self._dissolve(present)

    def _dissolve(self, present: set[str]) -> None:
        for id_, place in self.place.items():
            if place == "batched":
                self.place[id_] = "published" if id_ in present else "loose"
        self.batch, self.sending = None, False

    @rule(of=kept, accept=st.booleans())
    def review(self, of: Record, accept: bool) -> None:  # noqa: FBT001
        if of.id not in self.unreviewed:
            with pytest.raises(InputError):
                self.store.decide(of.id, accept=accept)
            return
        self.store.decide(of.id, accept=accept)
        self.unreviewed.remove(of.id)
        if not accept:
            self.rows[of.id] = replace(of, files=None, flags=("pictures-rejected",))

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()

    @invariant()
    def every_rating_is_in_one_place(self) -> None:
        found = (*self.store.each(Rating), *self.store.each(Vote))
        held: dict[str, Held[Any]] = {held.record.id: held for held in found}
        assert {id_: row.record for id_, row in held.items()} == self.rows
        assert {id_ for id_, row in held.items() if row.published} == {
            id_ for id_, place in self.place.items() if place == "published"
        }
        status = self.store.status()
        places = list(self.place.values())
        assert status.kept == len(places)
        assert status.published == places.count("published")
        assert status.waiting == places.count("loose") + places.count("batched")

    @invariant()
    def the_folder_holds_the_pictures_of_what_is_kept(self) -> None:
        used = [row.files for row in self.rows.values() if row.files]
        assert on_disk(Path(self.folder.name)) == {name for files in used for name in vars(files).values()}

    @invariant()
    def what_was_deleted_has_its_tombstone_and_nothing_else(self) -> None:
        assert {stone.receipt for stone in self.store.tombstones()} == self.deleted
        assert not {row.receipt for row in self.rows.values()} & self.deleted


TestFeedback = Feedback.TestCase
TestFeedback.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
