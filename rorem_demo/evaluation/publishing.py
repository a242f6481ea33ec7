"""What it costs to publish many answers: bytes, seconds, memory.

The answers are made up, and their origin says so (`simulated`); their pictures, if any, are noise in no format.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from rorem_demo import __version__
from rorem_demo.feedback.hub import Dataset
from rorem_demo.feedback.identity import receipt_hash
from rorem_demo.feedback.publisher import Publisher, Rules
from rorem_demo.feedback.records import REASONS, Pictures, Rating
from rorem_demo.feedback.store import Store
from rorem_demo.imaging.types import Box

_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class PublishingCost:
    """What was measured."""

    rows: int
    commits: int
    seconds: float
    shard_bytes: int
    """Of the dataset's new shards."""
    growth_mb: float
    """What this process's peak grew by from the first batch to the last."""
    child_growth_mb: float
    """The same of the largest process that sent one; none is smaller than this one, which it begins as."""


def measured_publishing(
    dataset: Dataset, folder: Path, rows: int, picture_kb: int = 0, told: Callable[[int], None] | None = None
) -> PublishingCost:
    """Keep so many made-up answers in a folder, and publish them in batches of 500.

    Args:
        dataset: where to; one that may be thrown away.
        folder: for the store; empty.
        rows: at least two batches, or nothing can be said of memory.
        picture_kb: size of each of the three pictures of a row; 0 is none.
        told: called after each commit with how many there were.

    Raises:
        RoremError: as publishing does.
    """
    store = Store(folder)
    try:
        _fill(store, rows, picture_kb << 10)
        before = set(dataset.listing().files)
        publisher = Publisher(store, dataset, folder / "outbox", Rules(rows=_BATCH))
        start, commits, first = perf_counter(), 0, (0.0, 0.0)
        while publisher.step(force=True) != "nothing":
            commits += 1
            first = first if commits > 1 else _peaks()
            if told is not None:
                told(commits)
        seconds, last = perf_counter() - start, _peaks()
    finally:
        store.close()
    seen = dataset.listing()
    new = [path for path in seen.files if path.endswith(".parquet") and path not in before]
    return PublishingCost(
        rows=rows,
        commits=commits,
        seconds=seconds,
        shard_bytes=sum(dataset.fetch(path, seen.head).stat().st_size for path in new),
        growth_mb=last[0] - first[0],
        child_growth_mb=last[1] - first[1],
    )


def simulated(key: str, chance: random.Random, *, public: bool = False) -> Rating:
    """A made-up answer under this id, as varied as real ones are."""
    label = chance.randrange(2)
    x, y = chance.randrange(1000), chance.randrange(1000)
    return Rating(
        id=key,
        app=__version__,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        origin="simulated",
        source=_digest(chance),
        mask=_digest(chance),
        result=_digest(chance),
        width=4000,
        height=3000,
        method=chance.choice(("shift-map", "telea", "rorem")),
        revision=__version__,
        options=f'{{"context": 1.0, "feather": 4, "grow": 8, "guidance": 1.0, "seed": {chance.randrange(2**32)}}}',
        seconds=round(chance.uniform(0.1, 20), 3),
        device="cpu",
        mask_pixels=chance.randrange(1, 10**6),
        mask_boxes=(Box(x, y, x + 200, y + 300),),
        mask_made_by=("brush",),
        label=1 if label else 0,
        reasons=() if label else (chance.choice(REASONS),),
        comment="",
        score=None,
        judge="",
        rater=_digest(chance)[:16],
        flags=(),
        consent="public" if public else "answer",
        licence="CC0-1.0" if public else "",
        supersedes="",
        receipt=receipt_hash(key),
    )


def _fill(store: Store, rows: int, picture_bytes: int) -> None:
    chance = random.Random(0)  # noqa: S311  # nothing secret
    ready = datetime.now(UTC) - timedelta(days=1)
    for _ in range(rows):
        rating = simulated(store.new_id(), chance, public=picture_bytes > 0)
        pictures = _noise(chance, picture_bytes) if picture_bytes else None
        store.append(rating, visitor="bench", subject=rating.id, pictures=pictures, ready=ready, review=False)


def _noise(chance: random.Random, size: int) -> Pictures:
    source, mask, result = (chance.randbytes(size) for _ in range(3))
    return Pictures(source=source, mask=mask, result=result)


def _digest(chance: random.Random) -> str:
    return f"{chance.getrandbits(256):064x}"


def _peaks() -> tuple[float, float]:
    """Megabytes that this process and its largest child so far took at most."""
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    own, child = (resource.getrusage(kind).ru_maxrss / 1024 for kind in kinds)
    return own, child
