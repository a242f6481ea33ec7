"""Rows: results with their label in the form of the dataset, and the shards they are written to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rorem_demo.discriminator.simulated import labels
from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.removals import AS_THEY_ARE, EASY_METHODS, METHODS, Removed
from rorem_demo.discriminator.simulated.textures import Chance
from rorem_demo.feedback.pictures import digest, encoded, facts, name_of
from rorem_demo.feedback.records import Batch, PictureFiles, Pictures, Rating, Subject
from rorem_demo.feedback.shards import Row, shard_path, write_shard
from rorem_demo.feedback.triplets import Triplet, imported
from rorem_demo.imaging.types import size_of

LICENCE = "Apache-2.0"
"""Of what the project renders itself; the photos beneath composites are free of rights."""
RESULTS = 8
"""Of a pair, besides easy ones."""
SHARD = 1500
"""Rows, of a third as many results."""

_EASY = 0.25
"""Easy results of a pair."""
_OFTEN = 2.0
"""How much more often a remover as it is is drawn than another method."""
_WRITTEN = datetime(2026, 11, 21, tzinfo=UTC)
"""When all of them are said to be answered: the same rows are the same bytes whenever they are made."""
_KEY = b"simulated"


def rows_of(pair: Pair, chance: Chance, results: int = RESULTS, licence: str = LICENCE) -> Iterator[Row]:
    """Remove the object of a pair by several methods and answer for each."""
    keys = list(METHODS)
    weights = np.array([_OFTEN if key in AS_THEY_ARE else 1.0 for key in keys])
    drawn = list(chance.choice(keys, min(results, len(keys)), replace=False, p=weights / weights.sum()))
    if chance.random() < _EASY:
        drawn.append(chance.choice(list(EASY_METHODS)))
    for key in map(str, drawn):
        yield from answered(pair, key, (METHODS.get(key) or EASY_METHODS[key])(pair, chance), chance, licence)


def answered(pair: Pair, method: str, removed: Removed, chance: Chance, licence: str = LICENCE) -> Iterator[Row]:
    """One result with what each of `labels.RATERS` simulated raters says of it; the first row has its pictures.

    The first rater's slips and doubts come from `chance`, those of the others from the result itself, so that another
    number of raters changes nothing else.
    """
    found = labels.faults(pair.source, pair.truth, removed.image, pair.thing, removed.mask | pair.effects)
    notes: dict[str, Any] = {"place": pair.place, "severity": round(removed.severity, 4), "yes": round(found.yes, 4)}
    notes |= {name: round(value, 3) for name, value in asdict(found).items()}
    subject = subject_of(pair, method, removed, json.dumps(notes, sort_keys=True), licence)
    pictures = subject.pictures()
    source, mask, result = map(name_of, (pictures.source, pictures.mask, pictures.result))
    first, *others = said(subject, labels.answer(found.yes, chance), notes["yes"])
    yield replace(first, files=PictureFiles(source=source, mask=mask, result=result)), pictures
    yield from ((rating, None) for rating in others)


def said(subject: Subject, first: Literal[0, 1], yes: float) -> Iterator[Rating]:
    """The answers of all raters to a result that a share `yes` of people accepts, of whom the first has answered."""
    chance = np.random.default_rng(list(bytes.fromhex(subject.result)))
    answers = [first, *(labels.answer(yes, chance) for _ in range(labels.RATERS - 1))]
    for number, label in enumerate(answers, 1):
        yield imported(Triplet(subject=subject, label=label), _KEY, _WRITTEN, rater=f"simulated-{number}")


def subject_of(pair: Pair, method: str, removed: Removed, options: str, licence: str) -> Subject:
    """What is judged; its origin is `simulated`, and how long it took is not told, so that it repeats."""
    hashes = [digest(array) for array in (pair.source, removed.mask, removed.image)]
    width, height = size_of(pair.source)
    return Subject(
        key=" ".join([method, *hashes]),
        origin="simulated",
        source=hashes[0],
        mask=hashes[1],
        result=hashes[2],
        width=width,
        height=height,
        method=method,
        revision=f"rule-{labels.VERSION}",
        options=options,
        seconds=0.0,
        device="cpu",
        facts=facts(removed.mask, ("file",)),
        licence=licence,
        issued=_WRITTEN,
        pictures=lambda: encoded(pair.source, removed.mask, removed.image, None),
    )


def write(rows: Iterable[Row], folder: Path, shard: int = SHARD) -> Iterator[Sequence[Rating]]:
    """Write shards as the dataset has them, yielding the ratings of each; a rating that comes twice is kept once.

    Raises:
        StorageError: they cannot be written.
    """
    seen: set[str] = set()
    waiting: list[Row] = []
    for rating, pictures in rows:
        if rating.id not in seen:
            seen.add(rating.id)
            waiting.append((rating, pictures))
        if len(waiting) == shard:
            yield _written(waiting, folder)
            waiting = []
    if waiting:
        yield _written(waiting, folder)


def _written(rows: Sequence[Row], folder: Path) -> Sequence[Rating]:
    files: dict[str, bytes] = {}
    for _, pictures in rows:
        files |= _named(pictures) if pictures else {}
    ratings = tuple(sorted((rating for rating, _ in rows), key=lambda rating: rating.id))
    content = sha256("\n".join(rating.id for rating in ratings).encode()).hexdigest()
    batch = Batch(name=f"{ratings[0].id}-{content[:16]}", records=ratings, sending=False)
    write_shard(batch, files.__getitem__, folder / shard_path(batch))
    return ratings


def _named(pictures: Pictures) -> dict[str, bytes]:
    return {name_of(file): file for file in (pictures.source, pictures.mask, pictures.result)}
