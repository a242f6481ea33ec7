"""Numbers and sentences about the store."""

from __future__ import annotations

import sqlite3

from rorem_demo.feedback.kinds import PAIRS
from rorem_demo.feedback.records import Status


def write(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Keep one value under a name."""
    connection.execute(
        "INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def count_refusal(connection: sqlite3.Connection, why: str) -> None:
    """One more answer that was not taken for this reason."""
    connection.execute(
        "INSERT INTO refusals (why, count) VALUES (?, 1) ON CONFLICT (why) DO UPDATE SET count = count + 1", (why,)
    )


def status(connection: sqlite3.Connection) -> Status:
    """Everything the status line shows."""
    kept, votes = connection.execute(
        "SELECT count(*), coalesce(sum(kind = ?), 0) FROM records", (PAIRS.name,)
    ).fetchone()
    waiting, votes_waiting, in_review, oldest = connection.execute(
        """SELECT count(*), coalesce(sum(kind = ?), 0), coalesce(sum(review = 'waiting'), 0), coalesce(min(saved), '')
        FROM records WHERE published = ''""",
        (PAIRS.name,),
    ).fetchone()
    said = dict(connection.execute("SELECT name, value FROM notes"))
    return Status(
        kept=kept,
        published=kept - waiting,
        waiting=waiting,
        in_review=in_review,
        votes=votes,
        votes_waiting=votes_waiting,
        oldest_waiting=oldest,
        last_published=said.get("last_published", ""),
        last_error=said.get("last_error", ""),
        refused=dict(connection.execute("SELECT why, count FROM refusals ORDER BY why")),
    )
