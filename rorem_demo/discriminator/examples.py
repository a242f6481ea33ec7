"""Examples: results with a label and their pictures, out of rows that count."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.aggregation import Aggregation, aggregate
from rorem_demo.discriminator.ledger import USED, Ledger, givers
from rorem_demo.discriminator.ratings_filter import FILTER
from rorem_demo.discriminator.sources import Source, open_source
from rorem_demo.discriminator.splits import SALT, Part, part_of
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import InputError, RoremError

__all__ = ["Example", "Examples", "Triple", "examples_of", "read_examples"]

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A result and what was answered."""

    key: str
    """Of photo, mask and result together, 64 hex digits (see `ledger.key_of`)."""
    photo: str
    """Digest of the photo, 64 hex digits; its split hangs on it."""
    method: str
    """What made the result; "" if unknown."""
    origin: str
    """Of its first answer."""
    label: float
    """0..1: how likely the object is gone, by those who answered."""
    weight: float
    """0..1: less where all answers are doubtful."""
    mask_fraction: float
    """Of the photo."""
    ratings: int
    """Answers that count."""
    pictures: Callable[[], Triple] = field(compare=False, repr=False)
    """Reads and decodes them: slow from the Hub, so for many use `Examples.triples` or `prepare`."""

    @property
    def truth(self) -> Literal[0, 1] | None:
        """The label as yes or no; None for a tie."""
        return None if self.label == 0.5 else 1 if self.label > 0.5 else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples(Sequence[Example]):
    """Results sorted by key, about 100 bytes of memory each; their pictures stay where they are."""

    source: Source
    counts: dict[str, int]
    """Answers read and used, and left out by reason; of the whole place, even where this is a part of it. A vote that
    both results are good, or bad, is two."""
    aggregation: Aggregation
    origins: tuple[str, ...] | None
    methods: tuple[str, ...]
    """Names by number."""
    origin_names: tuple[str, ...]
    rows: Array
    """One for each: key, photo, id, shard, method, origin, label, weight, fraction, ratings."""

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Examples: ...
    def __getitem__(self, index: int | slice) -> Example | Examples:
        if isinstance(index, slice):
            return replace(self, rows=self.rows[index])
        row = self.rows[index]
        return Example(
            key=_hex(row["key"]),
            photo=_hex(row["photo"]),
            method=self.methods[row["method"]],
            origin=self.origin_names[row["origin"]],
            label=float(row["label"]),
            weight=float(row["weight"]),
            mask_fraction=float(row["fraction"]),
            ratings=int(row["ratings"]),
            pictures=partial(_pictures, self.source, int(row["shard"]), row["id"].decode()),
        )

    @property
    def labels(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.rows["label"])

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.rows["weight"])

    @property
    def told(self) -> str:
        """The counts in words, for a terminal."""
        left_out = [f"{count} {why}" for why, count in self.counts.items() if why not in {"read", "used"}]
        return f"{self.counts['read']} answers read, {self.counts['used']} used; left out: {', '.join(left_out) or 0}"

    def where(self, chosen: npt.NDArray[np.bool_]) -> Examples:
        """Those marked."""
        return replace(self, rows=self.rows[chosen])

    def part(self, name: Part, held_out: Collection[str] = ()) -> Examples:
        """A split, or what is held out with methods; see `part_of`."""
        photos, place = np.unique(self.rows["photo"], return_inverse=True)
        hexes = [_hex(photo) for photo in photos]
        pairs = zip(place.tolist(), self.rows["method"].tolist(), strict=True)
        chosen = [part_of(hexes[photo], self.methods[method], held_out) == name for photo, method in pairs]
        return self.where(np.array(chosen, bool))

    def share(self, index: int, of: int) -> Examples:
        """One of `of` shares that hold every example once; those of a file together, so that few fetch it twice."""
        order = np.lexsort((self.rows["id"], self.rows["shard"]))
        return replace(self, rows=self.rows[np.sort(np.array_split(order, of)[index])])

    def triples(self) -> Iterator[tuple[int, Triple | RoremError]]:
        """Index and pictures of each, or why it has none; in the order in which they lie, which is the quick one."""
        order = np.argsort(self.rows["shard"], kind="stable")
        edges = np.flatnonzero(np.diff(self.rows["shard"][order])) + 1
        for group in np.split(order, edges) if len(order) else ():
            left = {self.rows["id"][number].decode(): int(number) for number in group}
            for name, triple in self.source.pictures(int(self.rows["shard"][group[0]]), tuple(left)):
                yield left.pop(name), triple
            yield from ((number, _missing()) for number in left.values())

    def lineage(self) -> dict[str, Any]:
        """What a model's card says of what it was trained on; JSON."""
        return {
            "dataset": self.source.dataset,
            "revision": self.source.revision,
            "deletions": self.source.deletions,
            "filter": FILTER,
            "aggregation": self.aggregation,
            "origins": self.origins and list(self.origins),
            "split": SALT,
            "examples": self.digest(),
            "counts": dict(self.counts),
        }

    def digest(self) -> str:
        """Of keys, labels and weights: equal where the same is learned."""
        value = hashlib.sha256()
        for name in ("key", "label", "weight"):
            value.update(np.ascontiguousarray(self.rows[name]).data)
        return value.hexdigest()

    def check_trainable(self) -> None:
        """Raise InputError if nothing can be learned: there is none, or all say the same."""
        if not len(self):
            raise InputError(
                f"Nothing can be learned from: {self.told}.", hint="Collect answers with shared pictures first."
            )
        yes = int((self.labels > 0.5).sum())
        no = int((self.labels < 0.5).sum())
        if not (yes and no):
            said = "removed" if yes else "not removed" if no else "undecided"
            raise InputError(f"All {len(self)} results are {said}.", hint="Both kinds are needed; collect the other.")


def read_examples(
    place: str,
    revision: str | None = None,
    *,
    aggregation: Aggregation = "majority",
    origins: Collection[str] | None = None,
) -> Examples:
    """The examples of a dataset `owner/name`, a folder of shards, or a folder with meta.json.

    Reads every row once without its pictures. Nothing is dropped that `counts` does not tell.

    Args:
        place: where the rows lie; a folder goes before a dataset of that name.
        revision: a dataset's commit, branch or tag; None is the newest.
        aggregation: of several answers on one result.
        origins: answers of these only; None is all.

    Raises:
        InputError: there is nothing of that name, or it is of a newer schema.
        UnavailableError: the Hub cannot be reached, or does not show it.
        StorageError: something there is damaged.
    """
    return examples_of(open_source(place, revision), aggregation=aggregation, origins=origins)


def examples_of(source: Source, *, aggregation: Aggregation, origins: Collection[str] | None) -> Examples:
    """The examples of a source; else as `read_examples`."""
    ledger = Ledger(source.rows(), source.taken_back(), origins)
    return Examples(
        source=source,
        counts=ledger.counts(),
        aggregation=aggregation,
        origins=None if origins is None else tuple(sorted(origins)),
        methods=ledger.methods.all(),
        origin_names=ledger.origins.all(),
        rows=_rows(ledger, aggregation),
    )


_KIND = np.dtype(
    [
        ("key", "S32"),
        ("photo", "S32"),
        ("id", "S26"),
        ("shard", "u4"),
        ("method", "u4"),
        ("origin", "u4"),
        ("label", "f4"),
        ("weight", "f4"),
        ("fraction", "f4"),
        ("ratings", "u4"),
    ]
)


def _rows(ledger: Ledger, aggregation: Aggregation) -> Array:
    answers = ledger.rows[ledger.verdicts == USED]
    answers = answers[np.lexsort((answers["id"], answers["key"]))]
    _, first, item = np.unique(answers["key"], return_index=True, return_inverse=True)
    rows = np.zeros(len(first), _KIND)
    if not len(rows):
        return rows
    for name in ("key", "photo", "fraction", "method", "origin"):
        rows[name] = answers[name][first]
    found = aggregate(item, answers["rater"], answers["label"], answers["weight"].astype(float), aggregation)
    rows["label"], rows["weight"], rows["ratings"] = found
    giving = ledger.rows[givers(ledger)]
    rows["id"], rows["shard"] = giving["id"], giving["shard"]
    return rows


def _pictures(source: Source, shard: int, name: str) -> Triple:
    _, triple = next(iter(source.pictures(shard, (name,))), (name, _missing()))
    if isinstance(triple, RoremError):
        raise triple
    return triple


def _missing() -> RoremError:
    return InputError("The row has no pictures any more.", hint="Read the dataset anew.")


def _hex(digest: bytes) -> str:
    return digest.ljust(32, b"\0").hex()
