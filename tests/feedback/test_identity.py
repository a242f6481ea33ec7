"""Ids sort as they were made, receipts survive being copied, hashes tell people apart for a day."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback import identity
from tests.feedback.strategies import ids

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants them so


def milliseconds(id_: str) -> int:
    return int("".join(f"{ALPHABET.index(c):05b}" for c in id_), 2) >> 80


@settings(deadline=None)
@given(MOMENTS)
def test_an_id_holds_the_moment_it_was_made(moment: datetime) -> None:
    made = identity.new_id(moment)
    assert len(made) == 26
    assert set(made) <= set(ALPHABET)
    assert milliseconds(made) == int(moment.timestamp() * 1000)


@settings(deadline=None)
@given(st.sets(ids(), min_size=2, max_size=20))
def test_each_side_of_a_pair_has_an_id_of_its_own_that_leads_back(pairs: set[str]) -> None:
    sides = {identity.side_id(one, side): one for one in pairs for side in ("left", "right")}
    assert len(sides) == 2 * len(pairs)
    assert {len(one) for one in sides} == {26}
    assert all(identity.is_id(one) for one in pairs)
    assert not any(identity.is_id(one) for one in sides)
    assert {side: identity.pair_id(side) for side in sides} == sides


@pytest.mark.parametrize("text", ["", "0" * 25, "8" + "0" * 25, "0" * 25 + "U", "o" * 26])
def test_what_is_no_id_is_told(text: str) -> None:
    assert not identity.is_id(text)


@settings(deadline=None)
@given(st.lists(MOMENTS, min_size=2, max_size=20))
def test_ids_grow_whatever_the_clock_does(moments: list[datetime]) -> None:
    made = [""]
    for moment in moments:
        made.append(identity.new_id(moment, made[-1]))
    assert made == sorted(set(made))


@settings(deadline=None)
@given(st.integers(0, 31))
def test_an_id_with_no_room_left_in_its_millisecond_is_followed_by_a_greater_one(last: int) -> None:
    full = identity.new_id(NOW)[:10] + "Z" * 15 + ALPHABET[last]
    after = identity.new_id(NOW, full)
    assert after > full
    assert milliseconds(after) == milliseconds(full) + 1


def test_two_processes_that_follow_the_same_id_with_the_clock_back_make_different_ones() -> None:
    last = identity.new_id(NOW)
    made = {identity.new_id(NOW - timedelta(days=1), last) for _ in range(1000)}
    assert len(made) == 1000


@settings(deadline=None)
@given(ids(), st.binary(min_size=32, max_size=32), st.text(st.characters(codec="utf-8")), st.data())
def test_a_receipt_is_read_however_it_was_copied(id_: str, key: bytes, thread: str, data: st.DataObject) -> None:
    secret = identity.secret_of(key, thread)
    shown = identity.receipt_of(id_, secret)
    sloppy = "".join(
        data.draw(st.sampled_from([c, c.lower(), f" {c}", {"0": "o", "1": "l"}.get(c, c)]), label=c) for c in shown
    )
    assert identity.read_receipt(sloppy) == identity.read_receipt(shown) == (id_, secret)


@pytest.mark.parametrize("text", ["", "hello", "0" * 47, "0" * 49, "U" * 48, "8" * 48, "é" * 48, "\0" * 48])
def test_what_is_no_receipt_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InputError) as caught:
        identity.read_receipt(text)
    assert caught.value.hint


def test_secrets_tell_threads_and_keys_apart() -> None:
    secrets = {identity.secret_of(key, thread) for key in (b"a" * 32, b"b" * 32) for thread in ("one", "two")}
    assert {len(secret) for secret in secrets} == {22}
    assert len(secrets) == 4


def test_the_published_hash_is_the_sha256_of_the_secret() -> None:
    assert identity.receipt_hash("SECRET") == hashlib.sha256(b"SECRET").hexdigest()


def test_a_rater_is_the_same_for_a_day_and_somebody_else_on_the_next() -> None:
    today, tomorrow = date(2026, 11, 21), date(2026, 11, 22)
    first = identity.rater_of(b"key", "203.0.113.9", today)
    assert first == identity.rater_of(b"key", "203.0.113.9", today)
    others = {
        identity.rater_of(b"key", "203.0.113.9", tomorrow),
        identity.rater_of(b"key", "203.0.113.8", today),
        identity.rater_of(b"other", "203.0.113.9", today),
        identity.visitor_of(b"key", f"{today.isoformat()} 203.0.113.9")[:16],
    }
    assert len(others - {first}) == 4
    assert len(first) == 16
    assert int(first, 16) >= 0


def test_visits_are_told_apart() -> None:
    assert identity.visitor_of(b"key", "one") != identity.visitor_of(b"key", "two")


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "rater.key"
    key = identity.kept_key(path)
    assert len(key) == 32
    assert identity.kept_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["rater.key"]


def test_a_torn_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "rater.key").write_bytes(b"short")
    with pytest.raises(StorageError, match="damaged") as caught:
        identity.kept_key(tmp_path / "rater.key")
    assert caught.value.hint
