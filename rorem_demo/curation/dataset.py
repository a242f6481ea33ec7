"""Curated triplets as datasets on the Hub: what is accepted and rejected in one, what people should judge in another.

Two, because the Annotate tab takes whole datasets. A Parquet file holds rows of one round and one band, with RORem's
names for the columns, and is named by what is in it: a file that is there is not made again. Scores are a program's,
so no row is one of the dataset of answers.

Imports `datasets`, so it is to be imported only where it is used.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from datasets import Features, Image, List, Value

from rorem_demo.curation.merging import Entry, Merged
from rorem_demo.curation.recipe import Band
from rorem_demo.curation.table import JSON, markdown
from rorem_demo.errors import StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.card import PAPER
from rorem_demo.feedback.hub import Dataset
from rorem_demo.feedback.parquet_file import parquet_writer
from rorem_demo.feedback.triplets import DIGESTS, FOLDERS

T = TypeVar("T")

UNSURE = "-unsure"
"""What the name of the second dataset ends in."""
_WORDS = ("origin", "judge", "method", "revision", "device", "licence", "photo")
FEATURES = Features(
    {
        **{name: Image() for name in FOLDERS},
        **dict.fromkeys(("score", "seconds"), Value("float64")),
        **dict.fromkeys((*_WORDS, "options"), Value("string")),
        **{f"{name}_digest": Value("string") for name in DIGESTS},
        "seed": Value("int64"),
        "round": Value("int32"),
        "mask_made_by": List(Value("string")),
    }
)
"""Of the columns."""

_ROWS_A_FILE = 500
_ROWS_A_GROUP = 16
_FILES_A_COMMIT = 10


@dataclass(frozen=True)
class _File:
    """Some entries that become a Parquet file."""

    band: Band
    round: int
    entries: tuple[Entry, ...]

    @property
    def path(self) -> str:
        """In the dataset."""
        digest = sha256(json.dumps(self.entries, sort_keys=True).encode()).hexdigest()
        return f"data/{self.band}/round-{self.round:04}-{digest[:16]}.parquet"


def publish(folder: Path, found: Merged, dataset: Dataset, bands: Sequence[Band], licence: str) -> str:
    """Bring a dataset to what rounds came to; returns its commit. May be repeated: what is there is not sent again.

    Args:
        folder: of the rounds, with their pictures.
        found: what they came to.
        dataset: created if there is none.
        bands: that go into it, the first under its default configuration.
        licence: of the pictures; "" if nobody knows.

    Raises:
        RoremError: what `Dataset` raises.
        StorageError: a picture cannot be read, or there is no room.
    """
    listing = dataset.listing()
    files = {file.path: file for band in bands for file in _files(found, band)}
    outbox = folder / "outbox"
    try:
        for paths in _batched([path for path in files if path not in listing.files], _FILES_A_COMMIT):
            shutil.rmtree(outbox, ignore_errors=True)
            for path in paths:
                _write(folder, files[path], outbox / path)
            dataset.commit({path: outbox / path for path in paths}, message=f"{len(paths)} files of triplets")
        about = {"README.md": _card(dataset.repository, found, files, bands, licence), JSON: _numbers(folder)}
        for name, text in about.items():
            disk.make_folder(outbox)
            disk.write_whole(outbox / name, text.encode())
        old = [path for path in listing.files if path.startswith("data/") and path not in files]
        return dataset.commit({name: outbox / name for name in about}, delete=old, message="Table of rounds")
    finally:
        shutil.rmtree(outbox, ignore_errors=True)


def _files(found: Merged, band: Band) -> Iterator[_File]:
    rounds = {id(one.entry): one.round for one in found.standing}
    entries = sorted(found.entries(band), key=lambda entry: rounds[id(entry)])  # their order in a round stays
    for number, some in groupby(entries, key=lambda entry: rounds[id(entry)]):
        for part in _batched(some, _ROWS_A_FILE):
            yield _File(band, number, part)


def _write(folder: Path, file: _File, path: Path) -> None:
    with parquet_writer(path, FEATURES.arrow_schema) as write:
        for group in _batched(file.entries, _ROWS_A_GROUP):
            rows = [_row(folder / file.band, file.round, entry) for entry in group]
            write(pa.Table.from_pylist(rows, FEATURES.arrow_schema))


def _row(folder: Path, number: int, entry: Entry) -> dict[str, Any]:
    try:
        pictures = {name: {"bytes": (folder / entry[name]).read_bytes()} for name in FOLDERS}
    except OSError as error:
        raise StorageError(f"{error.filename} cannot be read: {error.strerror}.", hint="Curate it again.") from error
    return {
        **pictures,
        **{name: entry[name] for name in (*_WORDS, "score", "seconds", "seed", "mask_made_by")},
        **{f"{name}_digest": entry["digests"][name] for name in DIGESTS},
        "options": json.dumps(entry["options"], sort_keys=True),
        "round": number,
    }


def _batched(values: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """So many at a time; itertools has it from Python 3.12 on."""
    rest = iter(values)
    while some := tuple(islice(rest, size)):
        yield some


def _numbers(folder: Path) -> str:
    return (folder / JSON).read_text(encoding="utf-8")


def _card(repository: str, found: Merged, files: Mapping[str, _File], bands: Sequence[Band], licence: str) -> str:
    """README.md; a configuration without files could not be loaded, so there is none."""
    there = [band for band in bands if any(file.band == band for file in files.values())]
    names = ["default", *bands[1:]]
    configs = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: train\n    path: data/{band}/*.parquet\n"
        for name, band in zip(names, bands, strict=True)
        if band in there
    )
    head = (
        _licence(licence)
        + "tags:\n- object-removal\n- image-inpainting\n"
        + (f"configs:\n{configs}" if configs else "")
    )
    return _BODY.format(
        head=head, name=repository, paper=PAPER, bands=", ".join(bands), table=markdown(found.summaries)
    )


def _licence(licence: str) -> str:
    """Lines of the head; the Hub refuses names it does not know."""
    plain = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
    if plain in _LICENCES:
        return f"license: {plain}\n"
    return f"license: other\nlicense_name: {plain}\n" if plain else ""


_LICENCES = frozenset({"apache-2.0", "mit", "cc0-1.0"} | {f"cc-by{kind}-4.0" for kind in ("", "-sa", "-nc", "-nc-sa")})

_BODY = """\
---
{head}---

# {name}

Triplets for object removal, made by removers and sorted by a discriminator, as stage 3 of [RORem]({paper}) does it.
This dataset has those that are: {bands}. `source` is the photo, `mask` what was to be removed, `GT` the result.

`score` is what the discriminator `judge` said, 0 to 1: a prediction, and no person's answer. A row may be wrong.

{table}"""
