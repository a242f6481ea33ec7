"""One SQLite file: how it is opened, its transactions, and what is said when it cannot be written."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from rorem_demo.errors import StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.store_schema import migrate

PATIENCE = 10.0
"""Seconds that one process waits for another's transaction."""

_SETTINGS = ("synchronous = FULL", "secure_delete = ON", "foreign_keys = ON", "temp_store = MEMORY")


class Database:
    """One connection that threads take turns on.

    A turn is one transaction and one fsync of the log, so turns are short and a pool would not make them more: the
    file has one writer anyway.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        with self._told():
            self._connection = _opened(path)
        try:
            with self.write() as connection:
                migrate(connection)
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that may change things: on the disk when the block ends, undone when it raises.

        Raises:
            StorageError: SQLite refused; nothing of the block is kept.
        """
        with self._turn("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the file.

        Raises:
            StorageError: SQLite refused.
        """
        with self._turn("BEGIN") as connection:
            yield connection

    def scrub(self) -> None:
        """Take what was deleted out of the log too; in the file itself `secure_delete` overwrites it.

        Where another process still reads the log after `PATIENCE`, the next scrub does it, or the last close.

        Raises:
            StorageError: SQLite refused.
        """
        with self._lock, self._told():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the connection; the last one of all processes empties the log."""
        with self._lock, self._told():
            self._connection.close()

    @contextmanager
    def _turn(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        with self._lock, self._told():
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _sentence(error, self._path) from error


def _opened(path: Path) -> sqlite3.Connection:
    with disk.refusals(path):
        if not path.exists():
            # SQLite gives its other files the rights of this one.
            path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _log_ahead(connection, path)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _log_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Switch the file to WAL; SQLite does not wait by itself where two processes do so at once."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if _kind(error) not in {"SQLITE_BUSY", "SQLITE_LOCKED"} or time.monotonic() > until:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StorageError(
            f"{path.parent} cannot hold a database.", hint="Set ROREM_DATA_DIR to a folder on a local disk."
        )


def _kind(error: sqlite3.Error) -> str:
    """SQLite's primary result code: SQLITE_IOERR for SQLITE_IOERR_WRITE."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])


def _sentence(error: sqlite3.Error, path: Path) -> StorageError:
    wrong, hint = _SENTENCES.get(_kind(error), ("The feedback store failed: {error}.", "Look into {path.parent}."))
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        wrong, hint = "The feedback store is closed.", "Start the program again."
    return StorageError(wrong.format(path=path, error=error), hint=hint.format(path=path))


_RIGHTS = "Check the folder's permissions, or set ROREM_DATA_DIR to another one."
_DAMAGED = "Move it and its -wal file away to start anew; what was published is in the dataset."
_SENTENCES = {
    "SQLITE_FULL": ("The disk is full.", "Free some space and try again."),
    "SQLITE_IOERR": ("The disk of the feedback store fails or is full.", "Free some space, then check the disk."),
    "SQLITE_READONLY": ("{path} cannot be written.", _RIGHTS),
    "SQLITE_PERM": ("{path} cannot be written.", _RIGHTS),
    "SQLITE_CANTOPEN": ("{path} cannot be opened.", _RIGHTS),
    "SQLITE_BUSY": ("The feedback store is busy.", "Try again in a moment."),
    "SQLITE_LOCKED": ("The feedback store is busy.", "Try again in a moment."),
    "SQLITE_CORRUPT": ("{path} is damaged.", _DAMAGED),
    "SQLITE_NOTADB": ("{path} is not a database.", _DAMAGED),
}
