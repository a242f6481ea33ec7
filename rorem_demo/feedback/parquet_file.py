"""Parquet files whatever is in them: how ours are packed, and what goes wrong with them in words.

Packed as `datasets` packs: content-defined chunks, so that Xet finds again what a rewritten file shares with the old
one; a page index, so that readers get at single rows; pictures as they are, since they are compressed already.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rorem_demo.errors import StorageError
from rorem_demo.feedback import disk

WAY_OUT = "Fetch it again; older revisions of the dataset may have it whole."

CHUNKS = {"min_chunk_size": 256 << 10, "max_chunk_size": 1 << 20, "norm_level": 0}
"""As `datasets` cuts: files made by other hands share chunks with ours."""


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Give what writes a table as a row group; the file is whole and on the disk in the end, or not there.

    Raises:
        StorageError: it cannot be written.
    """
    disk.make_folder(path.parent)
    unfinished = path.with_name(f"{path.name}.{token_hex(8)}{disk.UNFINISHED}")
    with disk.refusals(path):
        try:
            with unfinished.open("xb") as file:
                with pq.ParquetWriter(
                    file,
                    schema,
                    use_content_defined_chunking=CHUNKS,
                    write_page_index=True,
                    write_page_checksum=True,
                    **_packing(schema),
                ) as writer:
                    writer.add_key_value_metadata({"content_defined_chunking": json.dumps(CHUNKS)})
                    yield lambda table: writer.write_table(table, row_group_size=table.num_rows)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        disk.sync_folder(path.parent)


def _packing(schema: pa.Schema) -> dict[str, Any]:
    """How columns are packed: pictures plainly, and without a least and a greatest one, which would be pictures."""
    pictures = [f"{field.name}.bytes" for field in schema if pa.types.is_struct(field.type)]
    rest = [leaf for field in schema for leaf in _leaves(field.name, field.type) if leaf not in pictures]
    return {
        "compression": dict.fromkeys(rest, "snappy") | dict.fromkeys(pictures, "none"),
        "use_dictionary": rest,
        "column_encoding": dict.fromkeys(pictures, "PLAIN"),
        "write_statistics": rest,
    }


def _leaves(name: str, kind: pa.DataType) -> list[str]:
    """Names of the columns in which Parquet stores a nested one."""
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(f"{name}.{field.name}", field.type)]
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return _leaves(f"{name}.list.element", kind.value_type)
    return [name]


@contextmanager
def parquet_reader(path: Path) -> Iterator[pq.ParquetFile]:
    """Give a Parquet file to read; what it holds is checked as it is read."""
    with in_words(path):
        # What pyarrow reads ahead it keeps until the file is closed: in the end, all of it.
        file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False, buffer_size=1 << 20)
    with file:
        yield file


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """What goes wrong in reading, as StorageError."""
    try:
        yield
    except OSError as error:  # from the disk they have a number, and none from a decoder
        what = f"Cannot read {path.name}: {os.strerror(error.errno)}." if error.errno else f"{path.name} is damaged."
        raise StorageError(what, hint=WAY_OUT) from error
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{path.name} is damaged or no shard of answers.", hint=WAY_OUT) from error
