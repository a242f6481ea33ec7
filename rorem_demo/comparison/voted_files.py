"""Answers in Parquet files, here or on the Hub: only light columns are read, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rorem_demo.comparison.voted import COLUMNS, NEEDED, Kind, check_version
from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback.published import WAY_OUT, Published, files_in, short

_ROWS_AT_ONCE = 1 << 16
_REPEATED = ("origin", "left_method", "right_method", "choice", "gold", "case", "method", "rater")
"""Columns with few values; read as numbers and a list of those."""


class Filed(Published):
    """Answers of some files."""

    def batches(self, kind: Kind) -> Iterator[pa.RecordBatch]:
        """Every row of a kind."""
        for address in self.files.shards[kind]:
            yield from self._rows(kind, address)

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
                    check_version(batch, kind, short(address))
                yield _fitted(batch, kind)

    @contextmanager
    def _reading(self, address: str) -> Iterator[None]:
        try:
            with self.files.in_words(address):
                yield
        except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{short(address)} is damaged or holds no answers.", hint=WAY_OUT) from error


def open_folder(folder: Path) -> Filed:
    """The answers of a copy of the dataset; raises InputError if there are none."""
    files = files_in(folder)
    if not any(files.shards.values()):
        raise InputError(
            f"{folder} holds neither data/pairs/*.parquet nor data/ratings/*.parquet.",
            hint="Name a copy of the dataset.",
        )
    return Filed(files)


def _check(file: pq.ParquetFile, kind: Kind, address: str) -> None:
    """Refuse what lacks needed columns; where it is of a newer version, which may name them otherwise, say that."""
    names = file.schema_arrow.names
    missing = [name for name in NEEDED[kind] if name not in names]
    if not missing:
        return
    if "schema" in names:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["schema"]):
            check_version(batch, kind, short(address))
    what = "vote" if kind == "pairs" else "rating"
    raise InputError(f"{short(address)} lacks columns of a {what}: {', '.join(missing)}.", hint=WAY_OUT)


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
