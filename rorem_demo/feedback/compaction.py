"""Keeping the dataset small: fewer files, and a past that is forgotten. Run by hand, now and then.

This module imports `datasets` and is to be imported where it is used only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path, PurePosixPath

from rorem_demo.feedback.hub import ConflictError, Listing
from rorem_demo.feedback.publishing import Steps, read_tombstones, shards, tombstone_files, write_tombstones
from rorem_demo.feedback.shards import content_path, kind_at, merge_shards

FULL_ROWS = 5_000
FULL_BYTES = 256 << 20
"""A shard is merged into one with at most so many rows and bytes."""
TRIES = 8
"""Conflicts with other replicas in a row before it is given up."""


def compact(steps: Steps) -> int:
    """Merge small shards of one kind and month, and lists of deletions; returns how many files became fewer.

    Each merge is one commit on the head it was made from: whoever publishes meanwhile wins, and the merge is made anew.
    """
    fewer, conflicts = 0, 0
    while True:
        seen = steps.look()
        try:
            merged = _merge_shards(steps, seen) or _merge_lists(steps, seen)
        except ConflictError:
            conflicts += 1
            if conflicts == TRIES:
                raise
            continue
        if not merged:
            return fewer
        fewer, conflicts = fewer + merged - 1, 0


def _merge_shards(steps: Steps, seen: Listing) -> int:
    group = _group(steps, seen)
    if not group:
        return 0
    gone = {stone.receipt for stone in steps.store.tombstones()}
    new = steps.outbox / "merged.parquet"
    left = merge_shards([file for _, file in group], new, gone.__contains__)
    old = [path for path, _ in group]
    path = content_path(kind_at(old[0]), new) if left else ""
    add = {path: new} if left else {}
    add |= steps.card(seen, {path: left} if left else {}, old)
    steps.dataset.commit(add, delete=old, parent=seen.head, message=f"Merge {len(old)} shards")
    return len(group)


def _group(steps: Steps, seen: Listing) -> list[tuple[str, Path]]:
    """The first two or more shards of a kind and month that fit into one, with their files; none if there are none."""
    for _, month in groupby(shards(seen), key=lambda path: PurePosixPath(path).parent):
        group: list[tuple[str, Path]] = []
        rows = size = 0
        for path in month:
            more = len(steps.dataset.rows(path, seen.head))
            if more > FULL_ROWS // 2:  # to rewrite it would gain little
                continue
            file = steps.fetch(seen, path)
            if group and (rows + more > FULL_ROWS or size + file.stat().st_size > FULL_BYTES):
                if len(group) > 1:
                    break
                group, rows, size = [], 0, 0
            group.append((path, file))
            rows, size = rows + more, size + file.stat().st_size
        if len(group) > 1:
            return group
    return []


def _merge_lists(steps: Steps, seen: Listing) -> int:
    old = tombstone_files(seen)
    if len(old) < 2:
        return 0
    stones = {stone.receipt: stone for path in old for stone in read_tombstones(steps.dataset.fetch(path, seen.head))}
    path, file = write_tombstones(stones.values(), steps.outbox)
    steps.dataset.commit({path: file}, delete=_without(old, path), parent=seen.head, message=f"Merge {len(old)} lists")
    return len(old)


def _without(paths: Sequence[str], path: str) -> list[str]:
    return [one for one in paths if one != path]


def purge(steps: Steps, now: datetime) -> int:
    """Rewrite the dataset's history into one commit; returns how many revisions die.

    They are noted before they die: after a crash in between the note names revisions that still live, and the next
    purge ends them. The other way round nobody would know what died. The commit of the note dies unnamed.

    Raises:
        RoremError: as each step.
    """
    seen = steps.look()
    if steps.delete(seen):
        seen = steps.look()
    dead = steps.dataset.commits()
    stamp = now.isoformat(timespec="seconds")
    note = steps.outbox / "purge.json"
    note.write_text(json.dumps({"purged": stamp, "revisions": dead}, indent=1), "utf-8")
    name = f"purges/{stamp.replace(':', '')}-{dead[0][:8]}.json"
    steps.dataset.commit({name: note}, parent=seen.head, message=f"Forget {len(dead)} revisions")
    steps.dataset.squash()
    return len(dead)
