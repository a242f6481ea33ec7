"""Rows of shards, here or on the Hub.

First the columns without pictures, straight from Parquet: of a row's pictures only whether there are any is read, for
which `datasets` would have to fetch them. Then the pictures of chosen rows, streamed through `datasets`, a few rows in
memory at a time. Which rows a rating and a vote give stands in `sources_cells`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset
from pyarrow.dataset import ParquetFragmentScanOptions, field

from rorem_demo.discriminator.sources import Row, Unread
from rorem_demo.discriminator.sources_cells import CUTS, Cut
from rorem_demo.discriminator.triples import Triple, decoded
from rorem_demo.errors import InputError, RoremError, StorageError
from rorem_demo.feedback.published import WAY_OUT, Published, short
from rorem_demo.feedback.records import Pictures

_ROWS_AT_ONCE = 4096
_PICTURES_AT_ONCE = 16


class Shards(Published):
    """Rows of some shards."""

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
            raise StorageError(f"{short(address)} is damaged or no shard of answers.", hint=WAY_OUT) from error


def _check(file: pq.ParquetFile, address: str, cut: Cut) -> None:
    """Refuse a newer schema first: its columns may well be others."""
    kind, names = cut.kind, file.schema_arrow.names
    versions = file.read(columns=["schema"], use_threads=False)["schema"].to_pylist() if "schema" in names else []
    newest = max((version for version in versions if version is not None), default=kind.schema)
    if newest > kind.schema:
        raise InputError(
            f"{short(address)} has {kind.name} of version {newest}, and this program knows {kind.schema}.",
            hint="Update the program.",
        )
    missing = [name for name in (*cut.light, *kind.picture_columns) if name not in names]
    if missing:
        raise InputError(f"{short(address)} lacks columns of {kind.name}: {', '.join(missing)}.", hint=WAY_OUT)


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
