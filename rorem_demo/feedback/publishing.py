"""Steps of publishing: each may be killed at any point, repeated, and raced by other replicas.

Every commit names its parent: the head at which the dataset was looked at. So a commit lands only if nothing came in
between, and a request whose answer was lost, which may still land minutes later, can no longer land once anything else
has. Three things follow that commits without a parent cannot promise:

- A batch lands once, however often it is sent: two requests with one parent cannot both land, and before there is a
  new parent the dataset is asked what arrived.
- No row lands after its deletion: the tombstones read at a head are all there are when the commit lands on it.
- A batch from which a deletion took a row may be sent again without it: either that lands or the older request with
  the row, which the deletion then finds.

The price is a conflict (412) when two replicas publish in the same second. Whoever lost looks again and sends the same
bytes to the same path, and they are uploaded already.

This module imports `datasets` and is to be imported where it is used only.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rorem_demo.errors import StorageError, UnavailableError
from rorem_demo.feedback.card import Contents, card
from rorem_demo.feedback.hub import Dataset, Listing
from rorem_demo.feedback.kinds import KINDS
from rorem_demo.feedback.records import Batch, Tombstone
from rorem_demo.feedback.shards import content_path, kind_at, rewrite_shard, shard_path, write_shard
from rorem_demo.feedback.store import Store

if TYPE_CHECKING:
    from rorem_demo.feedback.publisher import Done

CARD = "README.md"
_FOLDERS = tuple(f"data/{name}/" for name in KINDS)


def unfinished(store: Store, now: datetime) -> Batch | None:
    """The batch that somebody froze and nobody knows to have arrived."""
    return store.freeze(now, rows=0, picture_bytes=0)  # no rows make no new one


def shards(seen: Listing) -> tuple[str, ...]:
    """Paths of the shards: those of a kind together, oldest first."""
    return tuple(sorted(path for path in seen.files if path.startswith(_FOLDERS) and path.endswith(".parquet")))


def tombstone_files(seen: Listing) -> tuple[str, ...]:
    """Paths of the lists of deletions."""
    return tuple(sorted(path for path in seen.files if path.startswith("deleted/") and path.endswith(".jsonl")))


def write_tombstones(tombstones: Iterable[Tombstone], folder: Path) -> tuple[str, Path]:
    """Write a list of deletions; returns its path in the dataset, named after its content, and the file."""
    lines = [json.dumps(asdict(stone), sort_keys=True) for stone in sorted(tombstones, key=lambda stone: stone.id)]
    text = "".join(f"{line}\n" for line in lines)
    name = f"{json.loads(lines[0])['id']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
    file = folder / name
    file.write_text(text, "utf-8")
    return f"deleted/{name}", file


def read_tombstones(file: Path) -> tuple[Tombstone, ...]:
    """The deletions of a list.

    Raises:
        StorageError: it cannot be read. Nothing may be published then, as it may be what was taken back.
    """
    try:
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        return tuple(
            Tombstone(id=str(row["id"]), receipt=str(row["receipt"]), deleted=str(row["deleted"])) for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "Mend or remove it in the dataset's folder `deleted`."
        raise StorageError(f"The list of deletions {file.name} cannot be read.", hint=hint) from error


@dataclass
class Memory:
    """What a process remembers of the dataset to ask less; it is as well to forget it."""

    applied: set[str] = field(default_factory=set)
    """Lists of deletions the store knows already; they never change."""
    sent: tuple[str, str] = ("", "")
    """The batch that was sent last, and its commit's parent."""


class Steps:
    """What one store has to do with one dataset.

    Args:
        store: where the answers are kept.
        dataset: where they go.
        outbox: an empty folder.
        memory: of this process.
    """

    def __init__(self, store: Store, dataset: Dataset, outbox: Path, memory: Memory) -> None:
        self.store, self.dataset, self.outbox = store, dataset, outbox
        self._memory = memory

    def step(self, now: Callable[[], datetime], new: Callable[[], Batch | None]) -> Done:
        """Do what comes first: a batch that may have arrived, then deletions, and only then a batch is sent.

        Args:
            now: the time, UTC.
            new: a batch of answers nobody has tried to send, if any are due.
        """
        seen = self.look()
        batch = unfinished(self.store, now())
        if batch is not None and batch.sending and self.reconcile(seen, batch):
            return "reconciled"
        if self.delete(seen):
            return "deleted"
        batch = unfinished(self.store, now()) or new()
        if batch is None:
            return "nothing"
        return "published" if self.send(seen, batch, now) else "reconciled"

    def look(self) -> Listing:
        """What the dataset holds now; answers that were taken back anywhere have left the store when it returns."""
        seen = self.dataset.listing()
        for path in tombstone_files(seen):
            if path not in self._memory.applied:
                self.store.add_tombstones(read_tombstones(self.dataset.fetch(path, seen.head)))
                self._memory.applied.add(path)
        return seen

    def fetch(self, seen: Listing, path: str) -> Path:
        """A shard, in the outbox: nowhere else may stay what somebody takes back."""
        file = self.outbox / path.replace("/", "-")
        if not file.exists():  # it never changes
            shutil.move(self.dataset.fetch(path, seen.head), file)
        return file

    def reconcile(self, seen: Listing, batch: Batch) -> bool:
        """Note what arrived of a batch whose answer was lost; False if nothing did.

        Then it stays as it is, to be sent again under the same name: a request may still be under way.
        """
        present = self._arrived(seen, batch)
        if present or not batch.records:
            self.store.reconcile(batch.name, present)
            return True
        return False

    def _arrived(self, seen: Listing, batch: Batch) -> set[str]:
        """Ids of a batch that the dataset has, be it in a shard that was rewritten since."""
        ids = {record.id for record in batch.records}
        if not ids or shard_path(batch) in seen.files:
            return ids
        if self._memory.sent == (batch.name, seen.head):
            return set()  # nothing landed since
        self.dataset.read_ahead(shards(seen), seen.head)
        return {key for path in shards(seen) for key, _ in self.dataset.rows(path, seen.head) if key in ids}

    def delete(self, seen: Listing) -> bool:
        """Publish deletions and take what they name out of the shards, in one commit; False if there are none."""
        pending = self.store.needs_rewrite()
        if not pending:
            return False
        add: dict[str, Path] = {}
        if unlisted := self.store.tombstones(unpublished=True):
            path, file = write_tombstones(unlisted, self.outbox)
            add[path] = file
        holders = self._holders(seen, {stone.receipt for stone in pending})
        if add or holders:
            left = self._rewritten(seen, holders)
            add |= {path: file for path, (file, _) in left.items()}
            if holders:
                add |= self.card(seen, {path: rows for path, (_, rows) in left.items()}, holders)
            message = f"Delete {len(pending)} answers"
            self.dataset.commit(add, delete=holders, parent=seen.head, message=message)
        self.store.mark_deletions_published(stone.receipt for stone in pending)
        return True

    def _holders(self, seen: Listing, receipts: set[str]) -> tuple[str, ...]:
        """Shards with a row under one of these receipts."""
        self.dataset.read_ahead(shards(seen), seen.head)
        return tuple(
            path
            for path in shards(seen)
            if any(receipt in receipts for _, receipt in self.dataset.rows(path, seen.head))
        )

    def _rewritten(self, seen: Listing, holders: tuple[str, ...]) -> dict[str, tuple[Path, int]]:
        """What is left of some shards without anything that was ever taken back, by its new path: file and rows."""
        gone = {stone.receipt for stone in self.store.tombstones()}
        left: dict[str, tuple[Path, int]] = {}
        for number, path in enumerate(holders):
            new = self.outbox / f"rewritten-{number}.parquet"
            if rows := rewrite_shard(self.fetch(seen, path), new, gone.__contains__):
                left[content_path(kind_at(path), new)] = new, rows
        return left

    def send(self, seen: Listing, batch: Batch, now: Callable[[], datetime]) -> bool:
        """Send a batch; False if a deletion dissolved it just now.

        Its shard is written anew each time: what lies in the outbox may be torn, what the store gives is checked.
        """
        shard = self.outbox / f"{batch.name}.parquet"
        write_shard(batch, self.store.pictures.get, shard)
        path = shard_path(batch)
        add = {path: shard, **self.card(seen, {path: len(batch.records)})}
        if not batch.sending:
            try:
                self.store.mark_sending(batch.name)
            except UnavailableError:
                return False
        self._memory.sent = (batch.name, seen.head)
        commit = self.dataset.commit(add, parent=seen.head, message=f"Add {len(batch.records)} answers")
        self.store.mark_published(batch.name, commit, now())
        return True

    def card(self, seen: Listing, add: Mapping[str, int], delete: Collection[str] = ()) -> dict[str, Path]:
        """The card as it has to be after a commit, if it is not so already; else nothing.

        It names kinds, since a configuration without files could not be loaded, and months.

        Args:
            seen: before the commit.
            add: paths of new shards and how many rows they have.
            delete: paths of shards that go.
        """
        before = shards(seen)
        after = {*before, *add} - {*delete}.difference(add)
        if CARD in seen.files and _named(after) == _named(before):
            return {}
        self.dataset.read_ahead(before, seen.head)
        rows: Counter[str] = Counter()
        for path in after:
            rows[kind_at(path).name] += add[path] if path in add else len(self.dataset.rows(path, seen.head))
        return self._card_of(rows, {PurePosixPath(path).parent.name for path in after})

    def _card_of(self, rows: Mapping[str, int], months: Collection[str]) -> dict[str, Path]:
        contents = Contents(
            repository=self.dataset.repository,
            rows=rows,
            first=min(months, default=""),
            last=max(months, default=""),
            private=self.dataset.private,
        )
        file = self.outbox / CARD
        file.write_text(card(contents), "utf-8")
        return {CARD: file}


def _named(paths: Iterable[str]) -> set[str]:
    """What a card says of shards: their kinds, and months."""
    return {name for path in paths for name in (kind_at(path).name, PurePosixPath(path).parent.name)}
