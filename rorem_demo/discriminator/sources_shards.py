"""Rows of shards, here or on the Hub.

First the columns without pictures, straight from Parquet: of a row's pictures only whether there are any is read, for
which `datasets` would have to fetch them. Then the pictures of chosen rows, streamed through `datasets`, a few rows in
memory at a time. Which rows a rating and a vote give stands in `sources_cells`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset
from pyarrow.dataset import ParquetFragmentScanOptions, field

from rorem_demo.discriminator.sources import Row, Unread
from rorem_demo.discriminator.sources_cells import CUTS, Cut
from rorem_demo.discriminator.triples import Triple, decoded
from rorem_demo.errors import InputError, RoremError, StorageError
from rorem_demo.feedback.records import Pictures

_ROWS_AT_ONCE = 4096
_PICTURES_AT_ONCE = 16
_WAY_OUT = "Fetch it again, or train on another revision."


class Files(Protocol):
    """Where shards and lists of deletions lie, by address."""

    @property
    def shards(self) -> Mapping[str, tuple[str, ...]]:
        """Addresses that `load_dataset` understands, by the name of their kind."""

    @property
    def lists(self) -> tuple[str, ...]: ...

    def open(self, address: str) -> AbstractContextManager[IO[bytes]]:
        """The file, to be read at any place."""

    def in_words(self, address: str) -> AbstractContextManager[None]:
        """What goes wrong while reading there, as RoremError."""


@dataclass(frozen=True)
class LocalFiles:
    """Files of a folder."""

    shards: Mapping[str, tuple[str, ...]]
    lists: tuple[str, ...]

    def open(self, address: str) -> AbstractContextManager[IO[bytes]]:
        """The file."""
        return Path(address).open("rb")

    @contextmanager
    def in_words(self, address: str) -> Iterator[None]:
        """What goes wrong while reading there, as StorageError."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{address} cannot be read: {error.strerror or 'damaged'}.", hint=_WAY_OUT) from error


@dataclass(frozen=True)
class Shards:
    """Rows of some shards."""

    dataset: str
    files: Files
    revision: str = ""
    deletions: str = ""

    def rows(self) -> Iterator[Row | Unread]:
        """Every row without its pictures."""
        for number, (cut, address) in enumerate(self._numbered):
            with self._reading(address), self.files.open(address) as opened:
                # Coalesces the light columns of a row group into one request; the picture columns are never asked for.
                file = pq.ParquetFile(opened, pre_buffer=True)
                _check(file, address, cut)
                columns = [*cut.light, f"{cut.kind.picture_columns[0]}.path"]
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns, use_threads=False):
                    for cells in _cells(batch, cut):
                        yield from cut.rows(cells, number)

    def taken_back(self) -> Iterator[str]:
        """Receipts of answers that were deleted."""
        for address in self.files.lists:
            with self.files.in_words(address), self.files.open(address) as opened:
                text = opened.read()
            yield from _receipts(text, address)

    def pictures(self, shard: int, ids: Collection[str]) -> Iterator[tuple[str, Triple | RoremError]]:
        """Decoded pictures of these rows, or why there are none."""
        (cut, address), left = self._numbered[shard], set(ids)
        with self._reading(address):
            for cells in _streamed(address, cut, {cut.stored(one) for one in left}):
                if all(cells[name] for name in cut.kind.picture_columns):
                    for name, pictures in cut.pictures(cells).items():
                        if name in left:
                            left.remove(name)
                            yield name, _decoded(pictures)

    @property
    def _numbered(self) -> list[tuple[Cut, str]]:
        """Shards by the number that rows give."""
        return [(CUTS[kind], address) for kind in CUTS for address in self.files.shards.get(kind, ())]

    @contextmanager
    def _reading(self, address: str) -> Iterator[None]:
        try:
            with self.files.in_words(address):
                yield
        except (pa.ArrowException, AttributeError, KeyError, TypeError, ValueError) as error:
            raise StorageError(f"{_short(address)} is damaged or no shard of answers.", hint=_WAY_OUT) from error


def _check(file: pq.ParquetFile, address: str, cut: Cut) -> None:
    """Refuse a newer schema first: its columns may well be others."""
    kind, names = cut.kind, file.schema_arrow.names
    versions = file.read(columns=["schema"], use_threads=False)["schema"].to_pylist() if "schema" in names else []
    newest = max((version for version in versions if version is not None), default=kind.schema)
    if newest > kind.schema:
        raise InputError(
            f"{_short(address)} has {kind.name} of version {newest}, and this program knows {kind.schema}.",
            hint="Update the program.",
        )
    missing = [name for name in (*cut.light, *kind.picture_columns) if name not in names]
    if missing:
        raise InputError(f"{_short(address)} lacks columns of {kind.name}: {', '.join(missing)}.", hint=_WAY_OUT)


def _cells(batch: pa.RecordBatch, cut: Cut) -> Iterator[dict[str, Any]]:
    there = batch.column(cut.kind.picture_columns[0]).is_valid().to_pylist()
    for cells, has in zip(batch.select(cut.light).to_pylist(), there, strict=True):
        yield cells | {"pictures": has}


def _streamed(address: str, cut: Cut, ids: Collection[str]) -> Iterator[dict[str, Any]]:
    """Cells of the records with these ids: the id and undecoded pictures."""
    rows = load_dataset(
        "parquet",
        data_files=[_escaped(address)],
        split="train",
        streaming=True,
        columns=["id", *cut.kind.picture_columns],
        filters=field("id").isin(sorted(ids)),
        batch_size=_PICTURES_AT_ONCE,
        # What is read ahead is kept until the file is closed: in the end, all of it.
        fragment_scan_options=ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True),
    )
    return iter(rows.decode(False))


def _escaped(address: str) -> str:
    """A local path as a pattern that finds only itself."""
    return address if "://" in address else re.sub(r"([*?\[])", r"[\1]", address)


def _decoded(pictures: Pictures) -> Triple | RoremError:
    try:
        return decoded(pictures)
    except InputError as error:
        return error


def _receipts(text: bytes, address: str) -> list[str]:
    """Of a list of deletions; one that cannot be read is an error, as it may name what is about to be used."""
    try:
        return [str(json.loads(line)["receipt"]) for line in text.decode().splitlines() if line.strip()]
    except (ValueError, KeyError, TypeError) as error:
        hint = "Mend it in the dataset's folder `deleted`; nothing is learned before."
        raise StorageError(f"The list of deletions {_short(address)} cannot be read.", hint=hint) from error


def _short(address: str) -> str:
    return address.rpartition("/")[2]
