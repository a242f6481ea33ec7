"""Votes and thumbs for tests of the leaderboard: made one by one, or drawn for methods of known strength."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rorem_demo.comparison.voted import COLUMNS, Kind
from rorem_demo.feedback.records import CHOICES, Rating, Vote
from rorem_demo.imaging.types import Box

R = TypeVar("R", Vote, Rating)

_COMMON: dict[str, Any] = {
    "app": "0.9",
    "created": "2026-11-21T10:00:00.000+00:00",
    "origin": "app",
    "width": 100,
    "height": 100,
    "mask_pixels": 1000,
    "mask_boxes": (Box(0, 0, 10, 10),),
    "mask_made_by": ("brush",),
    "reasons": (),
    "flags": (),
    "consent": "answer",
    "licence": "",
}


def digest(*what: object) -> str:
    """64 hex digits for a name."""
    return sha256(repr(what).encode()).hexdigest()


def ulid(number: int) -> str:
    """An id; later numbers are later ids."""
    return f"{number:026d}"


def vote(number: int, left: str = "lama", right: str = "mat", choice: str = "left", **changes: Any) -> Vote:
    """A vote of a judge of its own, on results of its own, unless told otherwise."""
    photo = changes.pop("photo", number)
    sides = {"left": left, "right": right}
    own = {
        f"{side}_{name}": value
        for side, method in sides.items()
        for name, value in {
            "method": method,
            "revision": "1",
            "options": "{}",
            "result": digest(photo, method),
            "seconds": 1.0,
            "device": "cpu",
        }.items()
    }
    values = {
        **_COMMON,
        **own,
        "id": ulid(number),
        "case": f"case-{photo}",
        "cases": "0" * 16,
        "source": digest("photo", photo),
        "mask": digest("mask", photo),
        "choice": choice,
        "gold": "",
        "policy": "uniform/1",
        "rater": f"{number:016x}",
        "receipt": digest("receipt", number),
        **changes,
    }
    return Vote(**values)


def gold(number: int, *, right: bool, rater: str, **changes: Any) -> Vote:
    """An answer to a pair that is known."""
    side = "left" if right else "right"
    return vote(number, "truth", "untouched", side, gold="left", rater=rater, **changes)


def thumb(number: int, method: str = "lama", label: int = 1, **changes: Any) -> Rating:
    """A rating by a rater of its own, on a result of its own, unless told otherwise."""
    values = {
        **_COMMON,
        "id": ulid(10**9 + number),
        "source": digest("photo", number),
        "mask": digest("mask", number),
        "result": digest(number, method),
        "method": method,
        "revision": "1",
        "options": "{}",
        "seconds": 1.0,
        "device": "cpu",
        "label": label,
        "comment": "",
        "score": None,
        "judge": "",
        "rater": f"{number:016x}",
        "supersedes": "",
        "receipt": digest("thumb", number),
        **changes,
    }
    return Rating(**values)


@dataclass(frozen=True)
class Listed:
    """Answers in memory."""

    votes: Sequence[Vote] = ()
    ratings: Sequence[Rating] = ()
    gone: tuple[str, ...] = ()

    dataset = "listed"
    revision = ""
    deletions = ""

    def batches(self, kind: Kind) -> Iterable[pa.RecordBatch]:
        schema = pa.schema(dict(COLUMNS[kind]))
        rows: Sequence[Vote | Rating] = self.votes if kind == "pairs" else self.ratings
        for start in range(0, len(rows), 1000):
            some = rows[start : start + 1000]
            columns = {name: [getattr(row, name) for row in some] for name in schema.names}
            yield pa.RecordBatch.from_pydict(columns, schema)

    def taken_back(self) -> Iterable[str]:
        return iter(self.gone)


def write(folder: Path, name: str, rows: Sequence[Vote] | Sequence[Rating], drop: Iterable[str] = ()) -> Path:
    """A shard of the dataset in a folder, without its pictures and without the columns to `drop`."""
    kind = "pairs" if isinstance(rows[0], Vote) else "ratings"
    path = folder / "data" / kind / "2026-11" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in fields(rows[0]) if field.name not in {"files", *drop}]
    cells = [{name: value for name, value in asdict(row).items() if name in names} for row in rows]
    pq.write_table(pa.Table.from_pylist(cells), path, row_group_size=100)
    return path


@dataclass(frozen=True, kw_only=True)
class Poll:
    """Judges who vote for methods of known strength; all of it simulated."""

    strengths: tuple[float, ...]
    """Of method-0, method-1, ...; natural logarithms of odds."""
    judges: int = 100
    votes: int = 20
    """Of each judge."""
    ties: float = 0.0
    """Share of votes that are one, half of them both good."""
    taste: float = 0.0
    """How much a judge's own strengths differ from these (standard deviation)."""
    careless: float = 0.0
    """Share of judges who answer at random."""
    biased: float = 0.0
    """Share of judges who take the left side whatever it is."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"method-{number}" for number in range(len(self.strengths)))

    def drawn(self, seed: int) -> list[Vote]:
        """All votes."""
        random = np.random.default_rng(seed)
        found = []
        for judge in range(self.judges):
            liked = np.array(self.strengths) + self.taste * random.standard_normal(len(self.strengths))
            manner = random.random()
            for _ in range(self.votes):
                left, right = random.choice(len(self.strengths), 2, replace=False)
                found.append(
                    vote(
                        len(found),
                        self.names[left],
                        self.names[right],
                        self._choice(liked[left] - liked[right], manner, random),
                        rater=f"{judge:016x}",
                        origin="simulated",
                    )
                )
        return found

    def _choice(self, better: float, manner: float, random: np.random.Generator) -> str:
        if manner < self.careless:
            return str(random.choice(CHOICES))
        if manner < self.careless + self.biased:
            return "left"
        if random.random() < self.ties:
            return str(random.choice(CHOICES[2:]))
        return "left" if random.random() < 1 / (1 + np.exp(-better)) else "right"
