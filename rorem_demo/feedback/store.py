"""The store: every answer, rating or vote, on disk before anybody is thanked for it.

    folder/feedback.sqlite3   answers, batches, tombstones (tables in `store_schema`)
    folder/pictures/          picture files by their sha256
    folder/rater.key          the key of the hashes that stand for people, where no setting gives one

Several processes may have one folder open. A method either did all it says or raised and did nothing; only a deletion
may have removed the rows and then find that files cannot be removed, which the next one or the next opening mends.
Pictures are on the disk before the row that names them and are removed after it, under the file's one write lock, so
no crash and no other process leaves a row without its pictures; a file whose row was never kept is swept at an
opening after an hour.

`freeze` never waits (`due` tells when to call it). `mark_sending` and `mark_published` raise UnavailableError where a
deletion or another process dissolved the batch. `append` refuses a receipt that was deleted, or the answer would come
back. Ids are drawn before `append`: they follow every record that was kept when they were drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rorem_demo.errors import StorageError, UnavailableError
from rorem_demo.feedback import disk, identity
from rorem_demo.feedback import store_batches as batches
from rorem_demo.feedback import store_deletions as deletions
from rorem_demo.feedback import store_notes as notes
from rorem_demo.feedback import store_rows as table
from rorem_demo.feedback.kinds import R, kind_of, parts_of
from rorem_demo.feedback.pictures import PictureFolder, name_of
from rorem_demo.feedback.records import Batch, Record, Shown, Status, Tombstone
from rorem_demo.feedback.store_db import Database
from rorem_demo.feedback.store_rows import Held, stamp

__all__ = ["Held", "Store"]

_PAGE = 200


def _utc() -> datetime:
    return datetime.now(UTC)


class Store:
    """What is kept of answers, in one folder on a local disk."""

    def __init__(self, folder: Path, key: bytes | None = None, now: Callable[[], datetime] = _utc) -> None:
        """Open the store of a folder, or make it.

        Args:
            folder: on a disk that obeys fsync; made if missing.
            key: of the hashes that stand for people; without it one is made and kept in the folder.
            now: the clock; with a time zone.

        Raises:
            StorageError: the folder or the file cannot be written, is damaged, or is a newer version's.
        """
        disk.make_folder(folder)
        self._now = now
        self.key = identity.kept_key(folder / "rater.key") if key is None else key
        self.pictures = PictureFolder(folder / "pictures")
        self._last_id = ""
        self._db = Database(folder / "feedback.sqlite3")
        try:
            self._sweep()
            self._clear()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the files; nothing else works after it."""
        self._db.close()

    def new_id(self) -> str:
        """An id greater than that of every record kept so far, by any process, and than every other drawn here."""
        with self._db.read() as connection:
            (largest,) = connection.execute("SELECT coalesce(max(id), '') FROM records").fetchone()
            self._last_id = identity.new_id(self._now(), max(largest, self._last_id))
            return self._last_id

    def append(  # noqa: PLR0913  each is asked for by name
        self, record: R, *, visitor: str, subject: str, pictures: Shown | None, ready: datetime, review: bool
    ) -> R:
        """The record as it lies on the disk; the same one again is kept once.

        Args:
            record: with an id from `new_id`.
            visitor: who may change their mind or say it twice; not published.
            subject: key of what was judged; not published.
            pictures: those of its kind, kept with it, if any.
            ready: not published before.
            review: not published before a reviewer has accepted it.

        Raises:
            InputError: its author has deleted the answer it would supersede.
            StorageError: it could not be kept; nothing of it is.
        """
        parts = parts_of(pictures) if pictures else {}
        names = {part: name_of(file) for part, file in parts.items()}
        files = kind_of(type(record)).files(**names) if names else None
        data = {names[part]: file for part, file in parts.items()}
        about = table.About(
            visitor=visitor,
            subject=subject,
            saved=self._stamp(),
            ready=stamp(ready),
            review="waiting" if review else "none",
        )
        try:
            self._put(data)
            with self._db.write() as connection:
                sizes = {sha: len(part) for sha, part in data.items()}
                kept = table.insert(connection, replace(record, files=files), about, sizes)
                # A deletion may have dropped one since it was put; during a write nobody drops any.
                self._put({sha: part for sha, part in data.items() if not self.pictures.has(sha)})
                return kept
        except BaseException:
            with suppress(StorageError):
                self._drop_unused(data)
            raise

    def standing(self, visitor: str, subject: str) -> Record | None:
        """What this visitor said last of this subject, if it was not deleted."""
        with self._db.read() as connection:
            return table.standing(connection, visitor, subject)

    def recent(self, rater: str, since: datetime) -> Counter[tuple[str, int]]:
        """How many records a rater gave since then, by the name of their kind and what was said (`Kind.said`)."""
        with self._db.read() as connection:
            return table.recent(connection, rater, stamp(since))

    def find(self, id: str) -> Held[Any] | None:  # noqa: A002 the word of the dataset
        """The record of that id, if it is here."""
        with self._db.read() as connection:
            return table.find(connection, id)

    def each(self, kind: type[R], *, published: bool | None = None) -> Iterator[Held[R]]:
        """Records of a kind by id, read page by page: all, or only those that are published, or not."""
        where = {None: "1", True: "published > ''", False: "published = ''"}[published]
        return self._pages(f"kind = '{kind_of(kind).name}' AND {where}")

    def published_ids(self) -> Iterator[str]:
        """Ids of the records that are in the dataset, in order."""
        return (held.record.id for held in self._pages("published > ''"))

    def delete(self, receipt: str, id: str) -> Tombstone:  # noqa: A002 the word of the dataset
        """Remove every answer of a receipt with the pictures nobody else uses; what stands for them from now on.

        Works for receipts this store has never seen: the dataset may hold their rows. Again, it changes nothing.

        Args:
            receipt: sha256 of the receipt's secret.
            id: of the record the receipt names.
        """
        with self._db.write() as connection:
            stone = deletions.delete(connection, Tombstone(id=id, receipt=receipt, deleted=self._stamp()))
        self._clear()
        return stone

    def tombstones(self, *, unpublished: bool = False) -> tuple[Tombstone, ...]:
        """What was deleted; or only what the dataset does not list yet."""
        with self._db.read() as connection:
            return deletions.unpublished(connection) if unpublished else deletions.every(connection)

    def add_tombstones(self, stones: Iterable[Tombstone], *, published: bool = True) -> None:
        """Follow deletions that were made elsewhere: their rows go from here too."""
        with self._db.write() as connection:
            for stone in stones:
                deletions.take_over(connection, stone, published=published)
        self._clear()

    def needs_rewrite(self) -> tuple[Tombstone, ...]:
        """Deletions whose rows a shard of the dataset may hold."""
        with self._db.read() as connection:
            return deletions.unapplied(connection)

    def mark_deletions_published(self, receipts: Iterable[str]) -> None:
        """Note that the dataset lists these deletions and holds none of their rows."""
        with self._db.write() as connection:
            deletions.mark_published(connection, receipts)

    def due(self, now: datetime, rows: int, age: float) -> bool:
        """Are there so many loose records that are ready, or one that has been for `age` seconds?"""
        with self._db.read() as connection:
            count, oldest = batches.loose(connection, stamp(now))
        return count >= rows or (bool(oldest) and (now - datetime.fromisoformat(oldest)).total_seconds() >= age)

    def oldest_loose(self, now: datetime) -> datetime | None:
        """Since when the first record that is in no batch is ready; None if none is."""
        with self._db.read() as connection:
            _, oldest = batches.loose(connection, stamp(now))
        return datetime.fromisoformat(oldest) if oldest else None

    def freeze(self, now: datetime, rows: int, picture_bytes: int) -> Batch | None:
        """The unfinished batch, or a new one; None if no record is ready.

        A new one begins with the first record that is ready and goes on with those of its kind, in the order of ids.

        Args:
            now: records that are ready later stay loose.
            rows: at most so many; with 0 only an unfinished batch is found.
            picture_bytes: at most so many bytes of pictures, but always one record.
        """
        with self._db.write() as connection:
            found = batches.unfinished(connection)
            if found is None:
                batches.freeze(connection, stamp(now), rows, picture_bytes)
                found = batches.unfinished(connection)
            return found

    def mark_sending(self, name: str) -> None:
        """Note that a frozen batch is sent, before it is.

        Raises:
            UnavailableError: a deletion dissolved the batch, or somebody else sends it: it must not be sent.
        """
        with self._db.write() as connection:
            if not batches.begin(connection, name):
                raise UnavailableError("The batch was changed before it was sent.", hint="Freeze one again.")

    def mark_published(self, name: str, commit: str, at: datetime) -> None:
        """Note that a batch arrived in a commit.

        Raises:
            UnavailableError: nobody was sending it, as far as the store knows.
        """
        with self._db.write() as connection:
            if not batches.publish(connection, name, commit, stamp(at)):
                raise UnavailableError("The batch was dissolved while it was sent.", hint="Freeze one again.")
            notes.write(connection, "last_published", stamp(at))

    def reconcile(self, name: str, present: Collection[str]) -> None:
        """Dissolve a batch of which nobody knows what arrived: rows that are `present` are published, others loose."""
        with self._db.write() as connection:
            batches.dissolve(connection, name, set(present), self._stamp())

    def to_review(self) -> Iterator[Held[Any]]:
        """Records of any kind that wait for a reviewer, by id."""
        return self._pages("published = '' AND review = 'waiting'")

    def decide(self, id: str, accept: bool) -> None:  # noqa: A002, FBT001 the word of the dataset; called by name
        """Take a reviewer's word: publish it with its pictures, or keep the answer alone and drop them.

        Raises:
            InputError: no record of that id waits for a reviewer.
        """
        with self._db.write() as connection:
            table.decide(connection, id, now=self._stamp(), accept=accept)
        self._clear()

    def note_error(self, sentence: str) -> None:
        """Remember why publishing failed last."""
        with self._db.write() as connection:
            notes.write(connection, "last_error", sentence)

    def note_success(self) -> None:
        """Forget why publishing failed."""
        self.note_error("")

    def count_refusal(self, why: str) -> None:
        """Count an answer that was not taken."""
        with self._db.write() as connection:
            notes.count_refusal(connection, why)

    def status(self) -> Status:
        """The store in numbers."""
        with self._db.read() as connection:
            return notes.status(connection)

    def _put(self, data: Mapping[str, bytes]) -> None:
        for part in data.values():
            self.pictures.put(part)

    def _stamp(self) -> str:
        return stamp(self._now())

    def _pages(self, where: str) -> Iterator[Held[Any]]:
        # Each page is a transaction of its own: a reader that stops half-way holds nothing back.
        last = ""
        while True:
            with self._db.read() as connection:
                page = table.page(connection, where, last, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].record.id

    def _clear(self) -> None:
        """Remove what was deleted from the disk: picture files first, then what the log still says of it."""
        with self._db.read() as connection:
            doomed = table.doomed(connection)
        self._drop_unused(doomed)
        self._db.scrub()

    def _sweep(self) -> None:
        """Remove the files of those who died before they kept a row."""
        with self._db.read() as connection:
            orphans = [sha for sha in self.pictures.stale() if not table.used(connection, sha)]
        self._drop_unused(orphans)

    def _drop_unused(self, files: Collection[str]) -> None:
        """Remove those picture files that no row uses, while nobody can add one."""
        if not files:
            return
        with self._db.write() as connection:
            for sha in files:
                if not table.used(connection, sha):
                    self.pictures.drop(sha)
                table.settle(connection, sha)
