"""Deletions: rows go, tombstones stay."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from rorem_demo.feedback import store_batches as batches
from rorem_demo.feedback.records import Tombstone


def delete(connection: sqlite3.Connection, stone: Tombstone) -> Tombstone:
    """Drop every row of a receipt; the tombstone that stands for it.

    The dataset may hold such rows even where this store never did, so the deletion has to be applied there.
    """
    connection.execute(
        """INSERT INTO tombstones (receipt, id, deleted, published, applied) VALUES (?, ?, ?, 0, 0)
        ON CONFLICT (receipt) DO NOTHING""",
        (stone.receipt, stone.id, stone.deleted),
    )
    _drop_rows(connection, stone.receipt)
    found = connection.execute("SELECT id, receipt, deleted FROM tombstones WHERE receipt = ?", (stone.receipt,))
    return _stone(found.fetchone())


def take_over(connection: sqlite3.Connection, stone: Tombstone, *, published: bool) -> None:
    """Follow a deletion that was made elsewhere.

    Whoever published it applied it to what the dataset held then; a row of this store may have arrived later.
    """
    sent = _drop_rows(connection, stone.receipt)
    applied = published and not sent
    connection.execute(
        """INSERT INTO tombstones (receipt, id, deleted, published, applied) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (receipt) DO UPDATE SET published = max(published, excluded.published)""",
        (stone.receipt, stone.id, stone.deleted, published, applied),
    )
    if sent:
        connection.execute("UPDATE tombstones SET applied = 0 WHERE receipt = ?", (stone.receipt,))


def mark_published(connection: sqlite3.Connection, receipts: Iterable[str]) -> None:
    """Note that the dataset lists these deletions and no shard of it holds their rows."""
    connection.executemany(
        "UPDATE tombstones SET published = 1, applied = 1 WHERE receipt = ?", [(receipt,) for receipt in receipts]
    )


def every(connection: sqlite3.Connection) -> tuple[Tombstone, ...]:
    """All tombstones, by id."""
    return _all(connection, "1")


def unpublished(connection: sqlite3.Connection) -> tuple[Tombstone, ...]:
    """Tombstones that the dataset does not list, by id."""
    return _all(connection, "published = 0")


def unapplied(connection: sqlite3.Connection) -> tuple[Tombstone, ...]:
    """Tombstones whose rows a shard of the dataset may hold, by id."""
    return _all(connection, "applied = 0")


def _all(connection: sqlite3.Connection, which: str) -> tuple[Tombstone, ...]:
    found = connection.execute(
        f"SELECT id, receipt, deleted FROM tombstones WHERE {which} ORDER BY id, receipt"  # noqa: S608 a constant
    )
    return tuple(_stone(row) for row in found)


def _drop_rows(connection: sqlite3.Connection, receipt: str) -> bool:
    """Remove a receipt's rows; may the dataset hold any of them?

    A frozen batch that held one is let go: its name was made from what it held. One that is being sent stays, and
    what arrives of it is removed from the dataset as of any shard.
    """
    frozen = connection.execute(
        "SELECT DISTINCT name FROM batches JOIN records ON batch = name WHERE receipt = ? AND state = 'frozen'",
        (receipt,),
    )
    for (name,) in frozen.fetchall():
        batches.dissolve(connection, name, set(), "")
    gone = connection.execute("DELETE FROM records WHERE receipt = ? RETURNING published, batch", (receipt,))
    return any(published or batch for published, batch in gone.fetchall())


def _stone(row: tuple[str, str, str]) -> Tombstone:
    return Tombstone(id=row[0], receipt=row[1], deleted=row[2])
