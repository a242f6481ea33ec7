"""Datasets of ratings for the discriminator's tests, and what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorem_demo.discriminator.examples import Examples, examples_of
from rorem_demo.discriminator.sources import Row, Unread
from rorem_demo.discriminator.triples import Triple, decoded
from rorem_demo.errors import RoremError
from rorem_demo.feedback.card import Contents, card
from rorem_demo.feedback.kinds import PAIRS, RATINGS
from rorem_demo.feedback.records import Rating, Record, Vote
from rorem_demo.feedback.shards import shard_path, write_shard
from tests.feedback.strategies import Store, batch_of, rating, real_pair, real_pictures, sha256, vote


def of(number: int, *, result: int | None = None, photo: int | None = None, **changes: Any) -> Rating:
    """A rating on a result of its own, unless told which; without pictures."""
    result = number if result is None else result
    hashes = {
        "source": sha256(b"photo %d" % (result if photo is None else photo)),
        "mask": sha256(b"mask %d" % result),
        "result": sha256(b"result %d" % result),
    }
    return rating(number, **(hashes | changes))


def shown(store: Store, number: int, **changes: Any) -> Rating:
    """The same with pictures, which are those of its result."""
    seed = changes.get("result")
    return store.shared(of(number, **changes), real_pictures(number if seed is None else seed))


def voted(number: int, **changes: Any) -> Vote:
    """A vote on two results of its own, that both are good; its left result is that of the rating of that number."""
    results = {"left_result": of(number).result, "right_result": sha256(b"other %d" % number)}
    hashes = {name: getattr(of(number), name) for name in ("source", "mask")}
    return vote(1000 + number, **({"choice": "both-good"} | hashes | results | changes))


def shown_vote(store: Store, number: int, **changes: Any) -> Vote:
    """The same with pictures."""
    return store.shared(voted(number, **changes), real_pair(number))


def row_of(rating: Rating, shard: int = 0) -> Row:
    """A rating as a source gives it."""
    return Row(
        id=rating.id,
        source=rating.source,
        mask=rating.mask,
        result=rating.result,
        label=rating.label,
        rater=rating.rater,
        flags=rating.flags,
        supersedes=rating.supersedes,
        receipt=rating.receipt,
        method=rating.method,
        origin=rating.origin,
        mask_fraction=rating.mask_pixels / (rating.width * rating.height),
        pictures=rating.files is not None,
        shard=shard,
    )


@dataclass(frozen=True)
class Listed:
    """A source in memory."""

    listed: tuple[Row | Unread, ...]
    gone: tuple[str, ...] = ()
    dataset = "listed"
    revision = ""
    deletions = ""

    def rows(self) -> Iterator[Row | Unread]:
        return iter(self.listed)

    def taken_back(self) -> Iterator[str]:
        return iter(self.gone)

    def pictures(self, shard: int, ids: Iterable[str]) -> Iterator[tuple[str, Triple | RoremError]]:
        return ((one, decoded(real_pictures())) for one in ids)


def listed(*ratings: Rating, gone: tuple[str, ...] = (), **options: Any) -> Examples:
    """Examples of ratings in memory."""
    source = Listed(tuple(map(row_of, ratings)), gone)
    return examples_of(source, **({"aggregation": "majority", "origins": None} | options))


def write_dataset(folder: Path, store: Store, *batches: Iterable[Record], gone: Iterable[Record] = ()) -> Path:
    """A dataset's files: a shard for every batch, deletions, and the card."""
    for records in batches:
        batch = batch_of(*records)
        write_shard(batch, store.__getitem__, folder / shard_path(batch))
    stones = [{"id": one.id, "receipt": one.receipt, "deleted": one.created} for one in gone]
    if stones:
        (folder / "deleted").mkdir(exist_ok=True)
        (folder / "deleted" / "one.jsonl").write_text("".join(json.dumps(stone) + "\n" for stone in stones))
    kinds = {kind.name: 9 for kind in (RATINGS, PAIRS) if (folder / "data" / kind.name).exists()}
    contents = Contents(repository="owner/answers", rows=kinds, first="2026-11", last="2026-11", private=False)
    (folder / "README.md").write_text(card(contents))
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """As a hub takes them."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
