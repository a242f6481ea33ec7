"""Records in the tables: written once, read as they were."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeAlias

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback.kinds import KINDS, Kind, R, kind_of
from rorem_demo.feedback.records import Record
from rorem_demo.imaging.types import Box

Review: TypeAlias = Literal["none", "waiting", "accepted", "rejected"]
"""What a reviewer said; `none` is asked of answers whose pictures need no look."""

REJECTED = "pictures-rejected"
"""Flag of a record whose pictures a reviewer took away."""


@dataclass(frozen=True, kw_only=True)
class Held(Generic[R]):
    """A record and how far it has come."""

    record: R
    saved: str
    """UTC, ISO 8601."""
    published: str
    """The same, or "" while it lies here alone."""
    ready: datetime
    """Not published before."""
    review: Review


def stamp(moment: datetime) -> str:
    """UTC, ISO 8601 with milliseconds and `+00:00`: as text in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def body_of(record: Record) -> str:
    """The record as JSON, always the same text for the same record."""
    return json.dumps(asdict(record), sort_keys=True, separators=(",", ":"))


def record_of(kind: Kind[R, Any], body: str) -> R:
    """The record in a JSON text.

    Raises:
        StorageError: a newer version of this program wrote it.
    """
    values: dict[str, Any] = json.loads(body)
    if values["schema"] > kind.schema:
        raise StorageError("An answer was kept by a newer version of this program.", hint="Update this program.")
    for name in ("mask_made_by", "reasons", "flags"):
        values[name] = tuple(values[name])
    values["mask_boxes"] = tuple(Box(*box) for box in values["mask_boxes"])
    values["files"] = kind.files(**values["files"]) if values["files"] else None
    return kind.record(**values)


def held(row: tuple[str, str, str, str, str, Review]) -> Held[Any]:
    """The record in a row of `COLUMNS`."""
    kind, body, saved, published, ready, review = row
    record = record_of(KINDS[kind], body)
    return Held(record=record, saved=saved, published=published, ready=datetime.fromisoformat(ready), review=review)


@dataclass(frozen=True, kw_only=True)
class About:
    """What is kept of a record beside it and not published, in the order of the columns."""

    visitor: str
    subject: str
    saved: str
    ready: str
    review: Review


COLUMNS = "kind, body, saved, published, ready, review"


def insert(connection: sqlite3.Connection, record: R, about: About, sizes: Mapping[str, int]) -> R:
    """Keep a record and count its pictures, whose bytes `sizes` tells, or find that it is kept already.

    Raises:
        InputError: its author has deleted it.
        StorageError: another record has its id.
    """
    kind = kind_of(type(record))
    if connection.execute("SELECT 1 FROM tombstones WHERE receipt = ?", (record.receipt,)).fetchone():
        raise InputError("This answer was deleted.", hint=kind.again)
    known = (record.id, kind.name, body_of(record), record.rater, record.created, kind.said(record), record.receipt)
    done = connection.execute(
        """INSERT INTO records (id, kind, body, rater, created, said, receipt, visitor, subject, saved, ready, review)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING""",
        (*known, *astuple(about)),
    )
    if done.rowcount == 0:
        return _same(connection, record)
    for sha, size in sizes.items():
        connection.execute("INSERT INTO uses (record, sha, bytes) VALUES (?, ?, ?)", (record.id, sha, size))
    return record


def _same(connection: sqlite3.Connection, record: R) -> R:
    kept = find(connection, record.id)
    plain: Any = replace(record, files=None)  # kept with its pictures, which may be none of those given
    if kept is None or type(kept.record) is not type(record) or replace(kept.record, files=None) != plain:
        raise StorageError("Another answer has this one's id.", hint="Try again.")
    return kept.record


def standing(connection: sqlite3.Connection, visitor: str, subject: str) -> Record | None:
    """What this visitor said last of this subject."""
    row = connection.execute(
        "SELECT kind, body FROM records WHERE visitor = ? AND subject = ? ORDER BY id DESC LIMIT 1",
        (visitor, subject),
    ).fetchone()
    return record_of(KINDS[row[0]], row[1]) if row else None


def recent(connection: sqlite3.Connection, rater: str, since: str) -> Counter[tuple[str, int]]:
    """How many records a rater gave since then, by kind and what was said."""
    found = connection.execute(
        "SELECT kind, said, count(*) FROM records WHERE rater = ? AND created >= ? GROUP BY kind, said",
        (rater, since),
    )
    return Counter({(kind, said): count for kind, said, count in found})


def find(connection: sqlite3.Connection, id: str) -> Held[Any] | None:  # noqa: A002 the word of the dataset
    """The record of that id."""
    row = connection.execute(f"SELECT {COLUMNS} FROM records WHERE id = ?", (id,)).fetchone()  # noqa: S608 constants
    return held(row) if row else None


def page(connection: sqlite3.Connection, where: str, after: str, size: int) -> list[Held[Any]]:
    """The first `size` records with an id after `after`, in order; `where` is SQL of this program's own."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM records WHERE id > ? AND {where} ORDER BY id LIMIT ?",  # noqa: S608 constants
        (after, size),
    )
    return [held(row) for row in found]


def decide(connection: sqlite3.Connection, id: str, *, now: str, accept: bool) -> None:  # noqa: A002 as above
    """Take a reviewer's word.

    Raises:
        InputError: no record of that id waits for a reviewer.
    """
    known = find(connection, id)
    if known is None or known.review != "waiting":
        raise InputError("No answer of that id waits for review.", hint="List those that do.")
    if accept:
        # Its age for the next batch counts from now on.
        connection.execute("UPDATE records SET review = 'accepted', ready = max(ready, ?) WHERE id = ?", (now, id))
        return
    flags = tuple(sorted({*known.record.flags, REJECTED}))
    plain = replace(known.record, files=None, consent="answer", licence="", flags=flags)
    connection.execute(
        "UPDATE records SET body = ?, review = 'rejected', ready = max(ready, ?) WHERE id = ?",
        (body_of(plain), now, id),
    )
    connection.execute("DELETE FROM uses WHERE record = ?", (id,))


def doomed(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Names of picture files that lost a use."""
    return tuple(sha for (sha,) in connection.execute("SELECT sha FROM doomed"))


def used(connection: sqlite3.Connection, sha: str) -> bool:
    """Does any record use this picture?"""
    return connection.execute("SELECT 1 FROM uses WHERE sha = ? LIMIT 1", (sha,)).fetchone() is not None


def settle(connection: sqlite3.Connection, sha: str) -> None:
    """Forget that a picture file lost a use."""
    connection.execute("DELETE FROM doomed WHERE sha = ?", (sha,))
