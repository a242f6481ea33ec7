"""Files that are whole or not there, and what is said when the disk refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from rorem_demo.errors import StorageError

UNFINISHED = ".tmp"
"""Suffix of files that are being written."""


def write_whole(path: Path, data: bytes) -> None:
    """`data` under `path`, on the disk when it returns: after a crash the file is whole or not there.

    Readable by this user only.

    Raises:
        StorageError: it could not be written; nothing of it is left.
    """
    with _beside(path, data) as unfinished:
        unfinished.replace(path)


def write_new(path: Path, data: bytes) -> None:
    """As `write_whole`, but what lies under `path` already stays.

    Raises:
        StorageError: it could not be written; nothing of it is left.
    """
    with _beside(path, data) as unfinished, suppress(FileExistsError):
        os.link(unfinished, path)


def make_folder(path: Path) -> None:
    """The folder, with those above it, on the disk when it returns; readable by this user only where it is new.

    Raises:
        StorageError: it could not be made.
    """
    with refusals(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError with one sentence and a way out."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageError("The disk is full.", hint="Free some space and try again.") from error
        raise StorageError(
            f"{path} cannot be written or read: {os.strerror(error.errno or errno.EIO)}.",
            hint="Check the folder's permissions, or set ROREM_DATA_DIR to another one.",
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A file on the disk beside `path`, to be put there; gone after the block, and then the folder is on the disk."""
    unfinished = path.with_name(f"{path.name}.{token_hex(8)}{UNFINISHED}")
    with refusals(path):
        try:
            with open(unfinished, "xb", opener=_private) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield unfinished
        finally:
            unfinished.unlink(missing_ok=True)
        sync_folder(path.parent)
