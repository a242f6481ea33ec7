"""Answers in Parquet files, here or on the Hub: only light columns are read, some thousand rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from rorem_demo.comparison.voted import COLUMNS, NEEDED, Kind, check_version
from rorem_demo.errors import InputError, StorageError

_ROWS_AT_ONCE = 1 << 16
_WAY_OUT = "Fetch it again, or count another revision."
_REPEATED = ("origin", "left_method", "right_method", "choice", "gold", "case", "method", "rater")
"""Columns with few values; read as numbers and a list of those."""


class Files(Protocol):
    """Where files lie, by address."""

    def open(self, address: str) -> AbstractContextManager[IO[bytes]]:
        """The file, to be read at any place."""

    def in_words(self, address: str) -> AbstractContextManager[None]:
        """What goes wrong while reading there, as RoremError."""


@dataclass(frozen=True)
class Here:
    """Files of this machine, by path."""

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


@dataclass(frozen=True, kw_only=True)
class Filed:
    """Answers of some files."""

    dataset: str
    revision: str = ""
    deletions: str = ""
    files: Files
    shards: Mapping[Kind, tuple[str, ...]]
    """Addresses of Parquet files."""
    lists: tuple[str, ...]
    """Addresses of lists of deletions."""

    def batches(self, kind: Kind) -> Iterator[pa.RecordBatch]:
        """Every row of a kind."""
        for address in self.shards[kind]:
            yield from self._rows(kind, address)

    def taken_back(self) -> Iterator[str]:
        """Receipts of answers that were deleted."""
        for address in self.lists:
            with self.files.in_words(address), self.files.open(address) as opened:
                text = opened.read()
            yield from _receipts(text, address)

    def _rows(self, kind: Kind, address: str) -> Iterator[pa.RecordBatch]:
        with self._reading(address), self.files.open(address) as opened:
            file = pq.ParquetFile(opened)
            _check(file, kind, address)
            there = [name for name in COLUMNS[kind] if name in file.schema_arrow.names]
            repeated = [name for name in there if name in _REPEATED]
            # Coalesces the light columns of a row group into one request; pictures are never asked for.
            file = pq.ParquetFile(opened, metadata=file.metadata, pre_buffer=True, read_dictionary=repeated)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=there):
                if "schema" in there:
                    check_version(batch, kind, _short(address))
                yield _fitted(batch, kind)

    @contextmanager
    def _reading(self, address: str) -> Iterator[None]:
        try:
            with self.files.in_words(address):
                yield
        except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{_short(address)} is damaged or holds no answers.", hint=_WAY_OUT) from error


def open_folder(folder: Path) -> Filed:
    """The answers of a copy of the dataset; raises InputError if there are none."""
    shards: dict[Kind, tuple[str, ...]] = {"pairs": _found(folder, "pairs"), "ratings": _found(folder, "ratings")}
    if not any(shards.values()):
        raise InputError(
            f"{folder} holds neither data/pairs/*.parquet nor data/ratings/*.parquet.",
            hint="Name a copy of the dataset.",
        )
    lists = tuple(map(str, sorted((folder / "deleted").glob("*.jsonl"))))
    return Filed(dataset=folder.resolve().name, files=Here(), shards=shards, lists=lists)


def _found(folder: Path, kind: Kind) -> tuple[str, ...]:
    return tuple(map(str, sorted((folder / "data" / kind).glob("**/*.parquet"))))


def _check(file: pq.ParquetFile, kind: Kind, address: str) -> None:
    """Refuse what lacks needed columns; where it is of a newer version, which may name them otherwise, say that."""
    names = file.schema_arrow.names
    missing = [name for name in NEEDED[kind] if name not in names]
    if not missing:
        return
    if "schema" in names:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["schema"]):
            check_version(batch, kind, _short(address))
    what = "vote" if kind == "pairs" else "rating"
    raise InputError(f"{_short(address)} lacks columns of a {what}: {', '.join(missing)}.", hint=_WAY_OUT)


def _fitted(batch: pa.RecordBatch, kind: Kind) -> pa.RecordBatch:
    """All columns, each of its type, or a dictionary of it."""
    names = batch.schema.names
    columns = {
        name: _of_type(batch.column(name), wanted) if name in names else pa.nulls(len(batch), wanted)
        for name, wanted in COLUMNS[kind].items()
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _of_type(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    known = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return column if known == wanted else column.cast(wanted)


def _receipts(text: bytes, address: str) -> list[str]:
    """Of a list of deletions; one that cannot be read is an error, as it may name what is about to be counted."""
    try:
        return [str(json.loads(line)["receipt"]) for line in text.decode().splitlines() if line.strip()]
    except (ValueError, KeyError, TypeError) as error:
        hint = "Mend it in the dataset's folder `deleted`; nothing is counted before."
        raise StorageError(f"The list of deletions {_short(address)} cannot be read.", hint=hint) from error


def _short(address: str) -> str:
    return address.rpartition("/")[2]
