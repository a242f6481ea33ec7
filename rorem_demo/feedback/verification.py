"""Store against dataset, row by row.

This module imports `datasets` and is to be imported where it is used only.
"""

from __future__ import annotations

from dataclasses import dataclass

from rorem_demo.feedback.publishing import Steps, shards
from rorem_demo.feedback.shards import kind_at, read_shard


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a comparison found; ids, sorted."""

    same: int
    """Rows that both hold alike."""
    missing: tuple[str, ...]
    """The store counts them as published, and the dataset has them not."""
    extra: tuple[str, ...]
    """The dataset has them and this store has not: other replicas', or of a disk that is gone."""
    different: tuple[str, ...]
    """Both have them, with other values; flagged `pictures-damaged` where pictures were lost before they were sent."""
    twice: tuple[str, ...]
    """More than one row of the dataset has this id."""
    taken_back: tuple[str, ...]
    """The dataset has them though their authors deleted them."""

    @property
    def sound(self) -> bool:
        """Nothing is wrong; extra rows are not."""
        return not (self.missing or self.different or self.twice or self.taken_back)


def verify(steps: Steps) -> Verification:
    """Compare all rows of the dataset with the store; reads every shard whole, one after the other."""
    seen = steps.look()
    gone = {stone.receipt for stone in steps.store.tombstones()}
    found: dict[str, set[str]] = {name: set() for name in ("same", "extra", "different", "twice", "taken_back")}
    met: set[str] = set()
    for path in shards(seen):
        file = steps.fetch(seen, path)
        for record, _ in read_shard(file, kind_at(path)):
            key = record.id
            held = steps.store.find(key)
            verdict = "extra" if held is None else "same" if held.record == record else "different"
            found["taken_back" if record.receipt in gone else verdict].add(key)
            if key in met:
                found["twice"].add(key)
            met.add(key)
        file.unlink()  # there may be more of them than fit on the disk
    missing = sorted(set(steps.store.published_ids()) - met)
    same = len(found.pop("same"))
    return Verification(same=same, missing=tuple(missing), **{name: tuple(sorted(ids)) for name, ids in found.items()})
