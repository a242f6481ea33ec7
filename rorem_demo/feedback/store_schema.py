"""The tables, and how an older file gets them."""

from __future__ import annotations

import sqlite3

from rorem_demo.errors import StorageError

# One tuple of statements for each version; never change one that was released, add the next.
_VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        # `body` is the Rating as it is published; the columns beside it are what is asked for here.
        """CREATE TABLE ratings (
            id TEXT NOT NULL PRIMARY KEY,
            body TEXT NOT NULL,
            saved TEXT NOT NULL,
            visitor TEXT NOT NULL,
            subject TEXT NOT NULL,
            rater TEXT NOT NULL,
            created TEXT NOT NULL,
            label INTEGER NOT NULL,
            receipt TEXT NOT NULL,
            ready TEXT NOT NULL,
            review TEXT NOT NULL CHECK (review IN ('none', 'waiting', 'accepted', 'rejected')),
            batch TEXT REFERENCES batches (name),
            published TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE INDEX ratings_by_visitor ON ratings (visitor, subject, id)",
        "CREATE INDEX ratings_by_rater ON ratings (rater, created, label)",
        "CREATE INDEX ratings_by_receipt ON ratings (receipt)",
        "CREATE INDEX ratings_by_batch ON ratings (batch) WHERE batch IS NOT NULL",
        "CREATE INDEX ratings_waiting ON ratings (id, saved, ready, review, batch) WHERE published = ''",
        # One row for each use of a picture file: these are what its references are counted by.
        """CREATE TABLE uses (
            rating TEXT NOT NULL REFERENCES ratings (id) ON DELETE CASCADE,
            sha TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            PRIMARY KEY (rating, sha)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX uses_by_sha ON uses (sha)",
        # Files whose last use may be gone: to be looked at, and dropped, once that is on the disk.
        "CREATE TABLE doomed (sha TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID",
        """CREATE TRIGGER use_ends AFTER DELETE ON uses BEGIN
            INSERT INTO doomed (sha) VALUES (old.sha) ON CONFLICT DO NOTHING;
        END""",
        # Dissolved batches are removed, published ones stay to tell which commit brought a row.
        """CREATE TABLE batches (
            name TEXT NOT NULL PRIMARY KEY,
            state TEXT NOT NULL CHECK (state IN ('frozen', 'sending', 'published')),
            revision TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE UNIQUE INDEX one_unfinished_batch ON batches ((1)) WHERE state != 'published'",
        # `published`: the dataset lists it. `applied`: no shard of the dataset holds a row with it.
        """CREATE TABLE tombstones (
            receipt TEXT NOT NULL PRIMARY KEY,
            id TEXT NOT NULL,
            deleted TEXT NOT NULL,
            published INTEGER NOT NULL,
            applied INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX tombstones_due ON tombstones (receipt) WHERE published = 0 OR applied = 0",
        "CREATE TABLE notes (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT",
        "CREATE TABLE refusals (why TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL) STRICT",
    ),
    (
        # A record is a rating or a vote, as `kind` says; `said` is a rating's label or the number of a vote's choice.
        "ALTER TABLE ratings RENAME TO records",
        "ALTER TABLE records RENAME COLUMN label TO said",
        "ALTER TABLE records ADD COLUMN kind TEXT NOT NULL DEFAULT 'ratings'",
        "ALTER TABLE uses RENAME COLUMN rating TO record",
        *(f"DROP INDEX ratings_{name}" for name in ("by_visitor", "by_rater", "by_receipt", "by_batch", "waiting")),
        "CREATE INDEX records_by_visitor ON records (visitor, subject, id)",
        "CREATE INDEX records_by_rater ON records (rater, created, kind, said)",
        "CREATE INDEX records_by_receipt ON records (receipt)",
        "CREATE INDEX records_by_batch ON records (batch) WHERE batch IS NOT NULL",
        "CREATE INDEX records_by_kind ON records (kind, id)",
        "CREATE INDEX records_waiting ON records (id, kind, saved, ready, review, batch) WHERE published = ''",
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, inside the caller's transaction.

    Raises:
        StorageError: the file was written by a newer version of this program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_VERSIONS):
        raise StorageError(
            "The feedback store was written by a newer version of this program.",
            hint="Update this program, or set ROREM_DATA_DIR to another folder.",
        )
    for statements in _VERSIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")
