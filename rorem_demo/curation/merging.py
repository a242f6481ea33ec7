"""Merging: finished rounds as three folders in RORem's layout, and in numbers.

accepted/ unsure/ rejected/    each with source/, mask/, GT/ and meta.json

A triplet is in one of them: where a later round judged the same pixels again, its word counts. In `unsure` those
nearest to even chances come first, which is the order in which people are asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rorem_demo.curation.recipe import BANDS, Band
from rorem_demo.curation.rounds import Round, Row
from rorem_demo.errors import InputError
from rorem_demo.feedback import disk
from rorem_demo.feedback.triplets import FOLDERS, META

Entry: TypeAlias = Mapping[str, Any]

_OURS = re.compile(rf"[0-9a-f]{{64}}\.(png|jpg)(\.[0-9a-f]+\{disk.UNFINISHED})?")
_UNFINISHED = re.compile(rf"\.(json|md)\.[0-9a-f]+\{disk.UNFINISHED}$")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A round in numbers, as a row of RORem's Table 1."""

    round: int
    title: str
    images: str
    """Name of their folder."""
    method: str
    judge: str
    """Version of the discriminator."""
    tested: int
    """Different results that were scored."""
    selected: int
    """Of these, accepted."""
    unsure: int
    rejected: int
    total: int
    """Accepted triplets after this round, of all rounds."""
    repeated: int
    """Candidates that gave a result which this round had already: their photos are the same."""
    failed: int
    """Candidates that could not be tested."""

    @property
    def rate(self) -> float | None:
        """Selected of tested, 0..1."""
        return self.selected / self.tested if self.tested else None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A candidate that could not be tested."""

    round: int
    photo: str
    mask: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An entry that no later one replaced."""

    round: int
    band: Band
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class Merged:
    """All rounds together."""

    summaries: tuple[Summary, ...]
    standing: tuple[Standing, ...]
    """Sorted by round, photo and mask."""
    failures: tuple[Failure, ...]

    def entries(self, band: Band) -> list[Entry]:
        """Those with pictures, in the order of the folder's meta.json."""
        found = [one.entry for one in self.standing if one.band == band and FOLDERS[0] in one.entry]
        return sorted(found, key=lambda entry: abs(entry["score"] - 0.5)) if band == "unsure" else found


def merged(rounds: Iterable[Round]) -> Merged:
    """What rounds come to; each must be finished."""
    standing: dict[str, Standing] = {}
    summaries: list[Summary] = []
    failures: list[Failure] = []
    for one in rounds:
        rows = sorted(one.rows(), key=lambda row: (row.photo, row.mask))
        scored = {row.key: Standing(round=one.number, band=row.band, entry=row.entry) for row in rows if row.band}
        for key in scored:
            standing.pop(key, None)  # it moves to the end
        standing |= scored
        total = sum(other.band == "accepted" for other in standing.values())
        summaries.append(_summary(one, rows, scored, total))
        failures += [
            Failure(round=one.number, photo=row.photo, mask=row.mask, sentence=row.sentence)
            for row in rows
            if row.band is None
        ]
    return Merged(summaries=tuple(summaries), standing=tuple(standing.values()), failures=tuple(failures))


def _summary(one: Round, rows: list[Row], scored: Mapping[str, Standing], total: int) -> Summary:
    failed = sum(row.band is None for row in rows)
    count = {band: sum(other.band == band for other in scored.values()) for band in BANDS}
    return Summary(
        round=one.number,
        title=one.title,
        images=Path(one.recipe["images"]).name,
        method=one.recipe["method"],
        judge=one.recipe["judge"],
        tested=len(scored),
        selected=count["accepted"],
        unsure=count["unsure"],
        rejected=count["rejected"],
        total=total,
        repeated=len(rows) - failed - len(scored),
        failed=failed,
    )


def write_folders(folder: Path, found: Merged) -> None:
    """Write each meta.json and remove what killed processes left, and pictures that no entry names any more.

    Raises:
        StorageError: the folder cannot be written.
    """
    for band in BANDS:
        entries, place = found.entries(band), folder / band
        if entries or place.exists():
            disk.make_folder(place)
            disk.write_whole(place / META, json.dumps(entries, indent=1).encode())
            _tidy(place, {str(entry[key]) for entry in entries for key in FOLDERS})


def drop_unfinished(folder: Path) -> None:
    """Remove files that killed processes were writing, other than pictures; nobody else may be at work.

    Raises:
        StorageError: one cannot be removed.
    """
    with disk.refusals(folder):
        for pattern in ("*", "*/*", "rounds/*/*"):
            for path in folder.glob(pattern + disk.UNFINISHED):
                if _UNFINISHED.search(path.name):
                    path.unlink()


def refuse_foreign(folder: Path) -> None:
    """Raise InputError if the folder, which holds no rounds, has data that merging would replace."""
    for band in BANDS:
        if (folder / band / META).exists():
            raise InputError(f"{folder / band} holds data from elsewhere.", hint="Name a new output.")


def _tidy(place: Path, named: set[str]) -> None:
    with disk.refusals(place):
        for path in _pictures(place):
            if f"{path.parent.name}/{path.name}" not in named:
                path.unlink()


def _pictures(place: Path) -> Iterator[Path]:
    """Files under names that only this program gives."""
    for name in FOLDERS:
        yield from (path for path in (place / name).glob("*") if _OURS.fullmatch(path.name))
