"""Batches: what is frozen, sent, published or let go again.

A row is loose (no batch), in the one unfinished batch, or published. The column `batch` holds one name, so no row is
ever in two. All rows of a batch are of one kind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256

from rorem_demo.feedback.kinds import KINDS
from rorem_demo.feedback.records import Batch
from rorem_demo.feedback.store_rows import record_of

_LOOSE = "published = '' AND batch IS NULL AND review != 'waiting' AND ready <= ?"


def unfinished(connection: sqlite3.Connection) -> Batch | None:
    """The batch that was frozen and is not published yet."""
    row = connection.execute("SELECT name, state FROM batches WHERE state != 'published'").fetchone()
    if row is None:
        return None
    name, state = row
    rows = connection.execute("SELECT kind, body FROM records WHERE batch = ? ORDER BY id", (name,))
    return Batch(
        name=name, records=tuple(record_of(KINDS[kind], body) for kind, body in rows), sending=state == "sending"
    )


def freeze(connection: sqlite3.Connection, now: str, rows: int, picture_bytes: int) -> None:
    """Put the first loose row that is ready into a batch, and those of its kind after it; it may be over the bytes."""
    chosen = list(_chosen(connection, now, rows, picture_bytes))
    if not chosen:
        return
    content = "".join(f"{id_} {body}\n" for id_, body in chosen)
    name = f"{chosen[0][0]}-{sha256(content.encode()).hexdigest()[:16]}"
    connection.execute("INSERT INTO batches (name, state) VALUES (?, 'frozen')", (name,))
    connection.executemany("UPDATE records SET batch = ? WHERE id = ?", [(name, id_) for id_, _ in chosen])


def _chosen(connection: sqlite3.Connection, now: str, rows: int, limit: int) -> Iterator[tuple[str, str]]:
    total = 0
    found = connection.execute(
        f"""SELECT id, body, (SELECT coalesce(sum(bytes), 0) FROM uses WHERE record = records.id)
        FROM records WHERE {_LOOSE} AND kind = (SELECT kind FROM records WHERE {_LOOSE} ORDER BY id LIMIT 1)
        ORDER BY id LIMIT ?""",  # noqa: S608 a constant
        (now, now, rows),
    )
    for count, (id_, body, size) in enumerate(found):
        total += size
        if count and total > limit:
            return
        yield id_, body


def loose(connection: sqlite3.Connection, now: str) -> tuple[int, str]:
    """How many rows are ready to be frozen, and since when the first is; "" if there is none."""
    count, oldest = connection.execute(
        f"SELECT count(*), coalesce(min(ready), '') FROM records WHERE {_LOOSE}",  # noqa: S608 a constant
        (now,),
    ).fetchone()
    return count, oldest


def begin(connection: sqlite3.Connection, name: str) -> bool:
    """Note that sending begins; False if the batch is gone or somebody else sends it."""
    done = connection.execute("UPDATE batches SET state = 'sending' WHERE name = ? AND state = 'frozen'", (name,))
    return done.rowcount == 1


def publish(connection: sqlite3.Connection, name: str, revision: str, at: str) -> bool:
    """Note that a batch arrived; False if nobody was sending it."""
    done = connection.execute(
        "UPDATE batches SET state = 'published', revision = ? WHERE name = ? AND state = 'sending'", (revision, name)
    )
    if done.rowcount == 0:
        return False
    connection.execute("UPDATE records SET published = ? WHERE batch = ?", (at, name))
    return True


def dissolve(connection: sqlite3.Connection, name: str, present: set[str], at: str) -> None:
    """Let an unfinished batch go: its rows that are `present` in the dataset are published, the others loose."""
    if not connection.execute("SELECT 1 FROM batches WHERE name = ? AND state != 'published'", (name,)).fetchone():
        return
    for (id_,) in connection.execute("SELECT id FROM records WHERE batch = ?", (name,)).fetchall():
        published = at if id_ in present else ""
        connection.execute("UPDATE records SET batch = NULL, published = ? WHERE id = ?", (published, id_))
    connection.execute("DELETE FROM batches WHERE name = ?", (name,))
