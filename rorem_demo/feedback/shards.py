"""Shards: Parquet files of records as `datasets` reads them, written and read a few megabytes at a time.

All rows of a shard are of one kind. A column for every field of Rating or Vote, in its order, but pictures in the
place of `files`: the sha256 of a picture file is found again from its bytes. A rating's `label` is the score of RORem's
training row, `result_picture` its GT. The choice of a vote is a word: class names would be lost to whoever reads
the file without `datasets`. The schema names the features, so `load_dataset` gives pictures and class names without
being told. The same records are the same bytes as long as pyarrow stays the same.

Imports `datasets`, so it is to be imported only where shards are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Features, Image, List, Value

from rorem_demo.errors import StorageError
from rorem_demo.feedback.kinds import KINDS, PAIRS, RATINGS, Kind, R, S, kind_of, parts_of
from rorem_demo.feedback.parquet_file import WAY_OUT, in_words, parquet_reader, parquet_writer
from rorem_demo.feedback.records import Batch, Pictures, Rating, Record, Shown
from rorem_demo.imaging.types import Box

Row: TypeAlias = tuple[Rating, Pictures | None]
"""A rating and its pictures, as the dataset has them."""

LABELS = ("not removed", "removed")
_PLAIN: dict[str, Any] = {
    **dict.fromkeys(("schema", "width", "height"), Value("int32")),
    **dict.fromkeys(("seconds", "left_seconds", "right_seconds", "score"), Value("float64")),
    **dict.fromkeys(("mask_made_by", "reasons", "flags"), List(Value("string"))),
    "mask_pixels": Value("int64"),
    "mask_boxes": List(List(Value("int32"), length=4)),
    "label": ClassLabel(names=list(LABELS)),
}
"""Columns that are neither text nor pictures."""


def _features(kind: Kind[Any, Any]) -> Features:
    usual = dict.fromkeys(kind.columns, Value("string")) | dict.fromkeys(kind.picture_columns, Image())
    return Features({name: _PLAIN.get(name, feature) for name, feature in usual.items()})


FEATURES = _features(RATINGS)
"""Of the columns, in their order; pictures are null where they are not kept."""
PAIR_FEATURES = _features(PAIRS)
"""The same of votes."""

_FEATURES = {RATINGS.name: FEATURES, PAIRS.name: PAIR_FEATURES}
_GROUP = 8 << 20
"""Bytes of a row group, about: what is held in memory at once."""
_REST_OF_ROW = 1 << 10
"""Bytes that a row is taken to have beside its pictures."""
_ROWS_AT_ONCE = 16
"""Rows read at once: with the largest pictures they are 32 MB."""


def shard_path(batch: Batch) -> str:
    """Where the shard of a batch lies in the dataset."""
    first = batch.records[0]
    return _path(kind_of(type(first)), first.created, batch.name)


def kind_at(path: str) -> Kind[Any, Any]:
    """The kind of the rows of a shard that lies there in the dataset."""
    return KINDS[path.split("/")[1]]


def content_path(kind: Kind[Any, Any], shard: Path) -> str:
    """Where a shard that was rewritten lies in the dataset: as for a batch, but named after the file's own bytes.

    Raises:
        StorageError: it is no shard, damaged, or empty.
    """
    with parquet_reader(shard) as file, in_words(shard):
        first = next(file.iter_batches(1, columns=["id", "created"], use_threads=False), None)
        if first is None:
            raise StorageError(f"{shard.name} has no rows.", hint="Leave it out.")
        with shard.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return _path(kind, first["created"][0].as_py(), f"{first['id'][0].as_py()}-{digest[:16]}")


def _path(kind: Kind[Any, Any], created: str, name: str) -> str:
    return f"data/{kind.name}/{created[:7]}/{name}.parquet"


def write_shard(batch: Batch, picture: Callable[[str], bytes], path: Path) -> None:
    """Write a batch; whole or not at all.

    A record whose pictures cannot be had any more goes without them and is flagged `pictures-damaged`: the answer
    is still good.

    Args:
        batch: what to write.
        picture: gives a picture file by its sha256; it raises StorageError if it cannot.
        path: of the shard; replaced if there is one.

    Raises:
        StorageError: it cannot be written.
    """
    kind = kind_of(type(batch.records[0]))
    with parquet_writer(path, _FEATURES[kind.name].arrow_schema) as write:
        for table in _tables(kind, (_with_pictures(kind, record, picture) for record in batch.records)):
            write(table)


def _tables(kind: Kind[Any, Any], rows: Iterable[tuple[Record, Shown | None]]) -> Iterator[pa.Table]:
    schema, pictures = _FEATURES[kind.name].arrow_schema, kind.picture_columns
    plain = [name for name in kind.columns if name not in pictures]
    group: list[dict[str, Any]] = []
    size = 0
    for record, shown in rows:
        cells = {name: getattr(record, name) for name in plain}
        files = parts_of(shown).values() if shown else ()
        group.append(cells | {name: {"bytes": file} for name, file in zip(pictures, files, strict=False)})
        size += _REST_OF_ROW + sum(map(len, files))
        if size >= _GROUP:
            yield pa.Table.from_pylist(group, schema)
            group, size = [], 0
    if group:
        yield pa.Table.from_pylist(group, schema)


def _with_pictures(kind: Kind[R, S], record: R, picture: Callable[[str], bytes]) -> tuple[R, S | None]:
    if record.files is None:
        return record, None
    try:
        return record, kind.pictures(**{part: picture(getattr(record.files, part)) for part in kind.parts})
    except StorageError:
        flags = tuple(sorted({*record.flags, "pictures-damaged"}))
        return replace(record, files=None, licence="", flags=flags), None


def rewrite_shard(path_in: Path, path_out: Path, drop: Callable[[str], bool]) -> int:
    """Write a shard anew without the rows whose receipt is to be dropped; return how many are left.

    If none is left, nothing is written. Other cells stay as they are, those of columns this program does not know
    too: a deletion does not wait for an update.

    Raises:
        StorageError: the one cannot be read or the other not be written.
    """
    return merge_shards((path_in,), path_out, drop)


def merge_shards(paths_in: Sequence[Path], path_out: Path, drop: Callable[[str], bool]) -> int:
    """Write the rows of some shards into one, in their order; else as `rewrite_shard`.

    Raises:
        StorageError: as there, or the shards have different columns.
    """
    with parquet_reader(paths_in[0]) as first:
        schema = first.schema_arrow
    pictures = [field.name for field in schema if pa.types.is_struct(field.type)]
    tables = _regrouped(_remaining(paths_in, schema, drop), pictures)
    head = next(tables, None)
    if head is None:
        return 0
    left = 0
    with parquet_writer(path_out, schema) as write:
        for table in chain((head,), tables):
            write(table)
            left += table.num_rows
    return left


def _remaining(paths: Sequence[Path], schema: pa.Schema, drop: Callable[[str], bool]) -> Iterator[pa.Table]:
    """Row group by row group, so that those without a dropped row keep their bytes."""
    for path in paths:
        with parquet_reader(path) as file, in_words(path):
            if not file.schema_arrow.equals(schema):
                raise StorageError(f"{path.name} has other columns than {paths[0].name}.", hint="Merge like with like.")
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, use_threads=False)
                kept = [not drop(receipt) for receipt in table["receipt"].to_pylist()]
                yield table.filter(pa.array(kept, pa.bool_()))


def _regrouped(tables: Iterable[pa.Table], pictures: Sequence[str]) -> Iterator[pa.Table]:
    """The same rows in tables from half the size of a row group on; none without rows."""
    group: list[pa.Table] = []
    size = 0
    for table in tables:
        group.append(table)
        size += table.num_rows * _REST_OF_ROW + sum(table[name].nbytes for name in pictures)
        if size >= _GROUP // 2:
            yield pa.concat_tables(group)
            group, size = [], 0
    if size:
        yield pa.concat_tables(group)


def read_shard(path: Path, kind: Kind[R, S]) -> Iterator[tuple[R, S | None]]:
    """The rows of a shard of that kind; columns that are not known are left out.

    Raises:
        StorageError: it is no such shard, damaged, or of a newer version of this program.
    """
    with parquet_reader(path) as file, in_words(path):
        _check_schema(file, path, kind)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(kind.columns), use_threads=False):
            yield from (_row(kind, cells) for cells in batch.to_pylist())


def _check_schema(file: pq.ParquetFile, path: Path, kind: Kind[Any, Any]) -> None:
    """Newer first: its columns may well be others, and the way out is to update."""
    versions = file.read(columns=["schema"])["schema"].to_pylist()
    newest = max((version for version in versions if version is not None), default=kind.schema)
    if newest > kind.schema:
        raise StorageError(
            f"{path.name} has {kind.name} of version {newest}, and this program knows {kind.schema}.",
            hint="Update the program.",
        )
    missing = [name for name in kind.columns if name not in file.schema_arrow.names]
    if missing:
        raise StorageError(f"{path.name} lacks columns of {kind.name}: {', '.join(missing)}.", hint=WAY_OUT)


def _row(kind: Kind[R, S], cells: dict[str, Any]) -> tuple[R, S | None]:
    found = [cells.pop(name) for name in kind.picture_columns]
    cells["mask_boxes"] = tuple(Box(*box) for box in cells["mask_boxes"])
    cells |= {name: tuple(cells[name]) for name in ("mask_made_by", "reasons", "flags")}
    if not all(found):
        return kind.record(**cells), None
    files = {part: cell["bytes"] for part, cell in zip(kind.parts, found, strict=True)}
    names = kind.files(**{part: _sha256(file) for part, file in files.items()})
    return kind.record(**cells, files=names), kind.pictures(**files)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
