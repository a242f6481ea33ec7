"""Ratings in the tables: written once, read as they were."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback.records import SCHEMA, PictureFiles, Rating
from rorem_demo.imaging.types import Box

Review: TypeAlias = Literal["none", "waiting", "accepted", "rejected"]
"""What a reviewer said; `none` is asked of answers whose pictures need no look."""

REJECTED = "pictures-rejected"
"""Flag of a rating whose pictures a reviewer took away."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A rating and how far it has come."""

    rating: Rating
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


def body_of(rating: Rating) -> str:
    """The rating as JSON, always the same text for the same rating."""
    return json.dumps(asdict(rating), sort_keys=True, separators=(",", ":"))


def rating_of(body: str) -> Rating:
    """The rating in a JSON text.

    Raises:
        StorageError: a newer version of this program wrote it.
    """
    values: dict[str, Any] = json.loads(body)
    if values["schema"] > SCHEMA:
        raise StorageError("An answer was kept by a newer version of this program.", hint="Update this program.")
    for name in ("mask_made_by", "reasons", "flags"):
        values[name] = tuple(values[name])
    values["mask_boxes"] = tuple(Box(*box) for box in values["mask_boxes"])
    values["files"] = PictureFiles(**values["files"]) if values["files"] else None
    return Rating(**values)


def held(row: tuple[str, str, str, str, Review]) -> Held:
    """The rating in a row of `COLUMNS`."""
    body, saved, published, ready, review = row
    moment = datetime.fromisoformat(ready)
    return Held(rating=rating_of(body), saved=saved, published=published, ready=moment, review=review)


@dataclass(frozen=True, kw_only=True)
class About:
    """What is kept of a rating beside it and not published, in the order of the columns."""

    visitor: str
    subject: str
    saved: str
    ready: str
    review: Review


COLUMNS = "body, saved, published, ready, review"


def insert(connection: sqlite3.Connection, rating: Rating, about: About, sizes: Mapping[str, int]) -> Rating:
    """Keep a rating and count its pictures, whose bytes `sizes` tells, or find that it is kept already.

    Raises:
        InputError: its author has deleted it.
        StorageError: another rating has its id.
    """
    if connection.execute("SELECT 1 FROM tombstones WHERE receipt = ?", (rating.receipt,)).fetchone():
        raise InputError("This answer was deleted.", hint="Answer again.")
    done = connection.execute(
        """INSERT INTO ratings (id, body, rater, created, label, receipt, visitor, subject, saved, ready, review)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING""",
        (rating.id, body_of(rating), rating.rater, rating.created, rating.label, rating.receipt, *astuple(about)),
    )
    if done.rowcount == 0:
        return _same(connection, rating)
    for sha, size in sizes.items():
        connection.execute("INSERT INTO uses (rating, sha, bytes) VALUES (?, ?, ?)", (rating.id, sha, size))
    return rating


def _same(connection: sqlite3.Connection, rating: Rating) -> Rating:
    (body,) = connection.execute("SELECT body FROM ratings WHERE id = ?", (rating.id,)).fetchone()
    kept = rating_of(body)
    if replace(kept, files=rating.files) != rating:
        raise StorageError("Another answer has this one's id.", hint="Try again.")
    return kept


def standing(connection: sqlite3.Connection, visitor: str, subject: str) -> Rating | None:
    """What this visitor said last of this result."""
    row = connection.execute(
        "SELECT body FROM ratings WHERE visitor = ? AND subject = ? ORDER BY id DESC LIMIT 1", (visitor, subject)
    ).fetchone()
    return rating_of(row[0]) if row else None


def recent(connection: sqlite3.Connection, rater: str, since: str) -> tuple[int, int, int]:
    """How many answers a rater gave since then: all, yes, no."""
    total, yes = connection.execute(
        "SELECT count(*), coalesce(sum(label), 0) FROM ratings WHERE rater = ? AND created >= ?", (rater, since)
    ).fetchone()
    return total, yes, total - yes


def find(connection: sqlite3.Connection, id: str) -> Held | None:  # noqa: A002 the word of the dataset
    """The rating of that id."""
    row = connection.execute(f"SELECT {COLUMNS} FROM ratings WHERE id = ?", (id,)).fetchone()  # noqa: S608 constants
    return held(row) if row else None


def page(connection: sqlite3.Connection, where: str, after: str, size: int) -> list[Held]:
    """The first `size` ratings with an id after `after`, in order; `where` is SQL of this program's own."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM ratings WHERE id > ? AND {where} ORDER BY id LIMIT ?",  # noqa: S608 constants
        (after, size),
    )
    return [held(row) for row in found]


def decide(connection: sqlite3.Connection, id: str, *, now: str, accept: bool) -> None:  # noqa: A002 as above
    """Take a reviewer's word.

    Raises:
        InputError: no rating of that id waits for a reviewer.
    """
    known = find(connection, id)
    if known is None or known.review != "waiting":
        raise InputError("No answer of that id waits for review.", hint="List those that do.")
    if accept:
        # Its age for the next batch counts from now on.
        connection.execute("UPDATE ratings SET review = 'accepted', ready = max(ready, ?) WHERE id = ?", (now, id))
        return
    flags = tuple(sorted({*known.rating.flags, REJECTED}))
    plain = replace(known.rating, files=None, consent="answer", licence="", flags=flags)
    connection.execute(
        "UPDATE ratings SET body = ?, review = 'rejected', ready = max(ready, ?) WHERE id = ?",
        (body_of(plain), now, id),
    )
    connection.execute("DELETE FROM uses WHERE rating = ?", (id,))


def doomed(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Names of picture files that lost a use."""
    return tuple(sha for (sha,) in connection.execute("SELECT sha FROM doomed"))


def used(connection: sqlite3.Connection, sha: str) -> bool:
    """Does any rating use this picture?"""
    return connection.execute("SELECT 1 FROM uses WHERE sha = ? LIMIT 1", (sha,)).fetchone() is not None


def settle(connection: sqlite3.Connection, sha: str) -> None:
    """Forget that a picture file lost a use."""
    connection.execute("DELETE FROM doomed WHERE sha = ?", (sha,))
