"""RORem's folder of training data: ratings written as one, and one read as ratings.

source/ mask/ GT/    pictures; in the discriminator's data GT is the result that was judged
meta.json            a list of {"source": "source/x.png", "mask": ..., "GT": ..., "score": 0 or 1}

What is written says more of each entry than RORem reads: `digests`, those that the dataset has of source, mask and
result, which put it into the same split from both; `method`, `origin`, `rater` and `flags`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.records import Rating
from rorem_demo.feedback.triplets import FOLDERS, META, Skipped, Triplet, entries, imported, read_folder

__all__ = ["Exported", "Skipped", "Triplet", "export_folder", "imported", "read_folder"]

_SUFFIXES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}
_OURS = re.compile(rf"[0-9a-f]{{64}}\.(png|jpg|webp)(\.[0-9a-f]+\{disk.UNFINISHED})?")


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What became of ratings that were to be written; the first four are all of them."""

    rows: int
    """Written."""
    without_pictures: int
    superseded: int
    """Their authors changed their minds."""
    damaged: int
    """Their pictures could not be read."""
    removed: int
    """Picture files of an earlier export, which no row names any more."""


def export_folder(
    ratings: Iterable[Rating], picture: Callable[[str], bytes], folder: Path, *, superseded: bool = False
) -> Exported:
    """Write the ratings that have pictures.

    May be repeated: what is there stays, and what no rating names any more goes, so that deletions arrive. Files are
    named by the sha256 of their bytes, each is whole or not there, and meta.json comes last.

    Args:
        ratings: each once, in any order.
        picture: gives a picture file by its sha256; it raises StorageError if it cannot.
        folder: a new one, or one of an earlier export.
        superseded: keep answers that were replaced by later ones, too.

    Raises:
        InputError: the folder holds data from elsewhere.
        StorageError: it cannot be written.
    """
    _refuse_foreign(folder)
    shared, bare, replaced = _sorted_out(ratings, superseded=superseded)
    rows: list[dict[str, Any]] = []
    for rating in shared:
        files = _files(rating, picture)
        if files is not None:
            for name, data in files.items():
                _put(folder / name, data)
            rows.append(dict(zip(FOLDERS, files, strict=True)) | {"score": rating.label} | _about(rating))
    disk.make_folder(folder)
    disk.write_whole(folder / META, json.dumps(rows, indent=1).encode())
    return Exported(
        rows=len(rows),
        without_pictures=bare,
        superseded=replaced,
        damaged=len(shared) - len(rows),
        removed=_tidied(folder, {name for row in rows for name in map(row.__getitem__, FOLDERS)}),
    )


def _sorted_out(ratings: Iterable[Rating], *, superseded: bool) -> tuple[list[Rating], int, int]:
    """Those with pictures, how many have none, and how many were replaced, with pictures or without."""
    found: dict[str, Rating | None] = {}
    replaced: set[str] = set()
    for rating in ratings:
        found[rating.id] = rating if rating.files else None
        if rating.supersedes and not superseded:
            replaced.add(rating.supersedes)
    standing = [rating for key, rating in found.items() if key not in replaced]
    shared = [rating for rating in standing if rating]
    return shared, len(standing) - len(shared), len(found) - len(standing)


def _about(rating: Rating) -> dict[str, Any]:
    digests = {"source": rating.source, "mask": rating.mask, "result": rating.result}
    about = {"method": rating.method, "origin": rating.origin, "rater": rating.rater, "flags": list(rating.flags)}
    return {"digests": digests} | about


def _files(rating: Rating, picture: Callable[[str], bytes]) -> dict[str, bytes] | None:
    """The three files by their names in the folder; None if one cannot be had or is of no known kind."""
    if rating.files is None:
        return None
    hashes = (rating.files.source, rating.files.mask, rating.files.result)
    found = {}
    for folder, name in zip(FOLDERS, hashes, strict=True):
        try:
            data = picture(name)
        except StorageError:
            return None
        suffix = next((suffix for magic, suffix in _SUFFIXES.items() if data.startswith(magic)), None)
        if suffix is None:
            return None
        found[f"{folder}/{name}.{suffix}"] = data
    return found


def _put(path: Path, data: bytes) -> None:
    if not path.exists():
        disk.make_folder(path.parent)
        disk.write_whole(path, data)


def _refuse_foreign(folder: Path) -> None:
    """Raise InputError if a meta.json is there that names other files than an export's."""
    if not (folder / META).exists():
        return
    names = (entry.get(key) for entry in entries(folder) if isinstance(entry, dict) for key in FOLDERS)
    if not all(isinstance(name, str) and _OURS.fullmatch(PurePosixPath(name).name) for name in names):
        raise InputError(f"{folder} holds data from elsewhere.", hint="Name a new folder.")


def _tidied(folder: Path, named: set[str]) -> int:
    """Remove files of earlier exports; return how many."""
    paths = [path for name in FOLDERS for path in (folder / name).glob("*")]
    gone = [path for path in paths if _OURS.fullmatch(path.name) and f"{path.parent.name}/{path.name}" not in named]
    with disk.refusals(folder):
        for path in gone:
            path.unlink()
    return len(gone)
