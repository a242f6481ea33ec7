"""Triplets: source, mask and result made elsewhere, read from a folder as RORem's training code reads it.

That code joins the names in meta.json to its folder, opens whatever Pillow opens, takes white in the mask as what to
remove, passes the score through `float` and ignores other keys; so does this. Only a score of exactly 0 or 1 is an
answer: anything between is a prediction. A triplet without an answer can still be judged.

An entry of `feedback.layout` or of a curated dataset also tells `digests`: those of source, mask and result before they
were made smaller for keeping. They count, so that a photo is the same photo wherever it is met, and falls into the same
part when a discriminator is trained and tested.
"""

from __future__ import annotations

import json
from base64 import b32hexencode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias, TypeGuard

from rorem_demo import __version__
from rorem_demo.errors import InputError
from rorem_demo.feedback.identity import receipt_hash, secret_of
from rorem_demo.feedback.pictures import digest, encoded, facts, is_digest
from rorem_demo.feedback.records import Pictures, Rating, Subject
from rorem_demo.imaging.io import Photo, decode_mask, decode_photo
from rorem_demo.imaging.types import Mask, as_mask, size_of

META = "meta.json"
FOLDERS = ("source", "mask", "GT")
"""And keys of an entry."""
DIGESTS = ("source", "mask", "result")
"""Keys of an entry's `digests`."""

Paths: TypeAlias = tuple[Path, Path, Path]
"""Of source, mask and result."""

_CROCKFORD = str.maketrans("0123456789ABCDEFGHIJKLMNOPQRSTUV", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@dataclass(frozen=True, kw_only=True)
class Triplet:
    """A result somebody made elsewhere, and what was answered."""

    subject: Subject
    """Its key is made of the pixels in the files: the same triplet has it wherever it is read."""
    label: Literal[0, 1] | None
    """None: without an answer."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """An entry that could not be used."""

    entry: int
    """Its place in meta.json, from 0."""
    why: Literal["malformed", "missing", "unusable"]
    sentence: str


def read_folder(folder: Path, *, max_pixels: int, licence: str = "", method: str = "") -> Iterator[Triplet | Skipped]:
    """Yield every entry as a triplet, or as skipped with the reason.

    One entry at a time is in memory; the subject's `pictures` read the files again.

    Args:
        folder: with meta.json.
        max_pixels: larger pictures are not decoded.
        licence: of the pictures, which may then be published; "" if nobody knows, and then they are not kept.
        method: what made the results.

    Raises:
        InputError: there is no meta.json, or it holds no list.
    """
    for number, entry in enumerate(entries(folder)):
        names = [entry.get(key) for key in FOLDERS] if isinstance(entry, dict) else []
        paths = [folder / name for name in names if _is_name_inside(name)]
        if len(paths) < len(FOLDERS):
            sentence = f"Entry {number} names no source, mask and GT inside the folder."
            yield Skipped(entry=number, why="malformed", sentence=sentence)
            continue
        try:
            subject = _subject(
                (paths[0], paths[1], paths[2]), max_pixels, licence, method, told_digests(entry.get("digests"))
            )
            yield Triplet(subject=subject, label=_label(entry.get("score")))
        except OSError as error:
            sentence = f"Entry {number}: {error.filename} cannot be read: {error.strerror}."
            yield Skipped(entry=number, why="missing", sentence=sentence)
        except InputError as error:
            yield Skipped(entry=number, why="unusable", sentence=f"Entry {number}: {error}")


def entries(folder: Path) -> list[Any]:
    """What meta.json lists.

    Raises:
        InputError: there is none, or it holds no list.
    """
    try:
        found = json.loads((folder / META).read_bytes())
    except OSError as error:
        raise InputError(f"{folder / META} cannot be read: {error.strerror}.", hint=_LAYOUT) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / META} is no JSON.", hint=_LAYOUT) from error
    if not isinstance(found, list):
        raise InputError(f"{folder / META} holds no list.", hint=_LAYOUT)
    return found


_LAYOUT = "Name a folder with source/, mask/, GT/ and a meta.json as RORem's data set has."


def told_digests(given: Any) -> tuple[str, str, str] | None:
    """What an entry tells under `digests`, of source, mask and result: all three, or nothing.

    A mixture of told and own digests would join what does not belong together.
    """
    source, mask, result = (given.get(name) if isinstance(given, dict) else None for name in DIGESTS)
    return (source, mask, result) if is_digest(source) and is_digest(mask) and is_digest(result) else None


def _is_name_inside(name: Any) -> TypeGuard[str]:
    """A file's name that leads nowhere outside its folder; links are whoever's who put the folder together of them."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def inside(folder: Path, name: Any) -> Path | None:
    """A file of the folder, which may be missing; None of what is no name, or leads out of the folder, links followed.

    For folders of strangers whose pictures are shown to others.
    """
    if not isinstance(name, str) or not name:
        return None
    try:
        leads_in = (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, characters that no name has
        return None
    return folder / name if leads_in else None


def decoded(paths: Paths, max_pixels: int) -> tuple[Photo, Mask, Photo]:
    """Source, mask and result, of one size; the mask marks something.

    Args:
        paths: their files.
        max_pixels: larger pictures are refused before they are decoded.

    Raises:
        OSError: a file cannot be read.
        InputError: a file is damaged or too large, sizes differ, or nothing is marked.
    """
    source, result = (decode_photo(path.read_bytes(), max_pixels=max_pixels) for path in (paths[0], paths[2]))
    size = size_of(source.image)
    if size_of(result.image) != size:
        raise InputError(f"The result is {size_of(result.image)} but the photo is {size}.")
    mask = decode_mask(paths[1].read_bytes(), size, max_pixels=max_pixels)
    return source, as_mask(mask, source.image), result


def _label(score: Any) -> Literal[0, 1] | None:
    try:
        return {0.0: 0, 1.0: 1}.get(float(score))  # type: ignore[return-value]
    except (TypeError, ValueError):
        return None


def _subject(paths: Paths, max_pixels: int, licence: str, method: str, told: tuple[str, str, str] | None) -> Subject:
    source, mask, result = decoded(paths, max_pixels)
    hashes = digest(source.image), digest(mask), digest(result.image)
    digests = told or hashes
    width, height = size_of(source.image)
    return Subject(
        key=_id(*hashes),
        origin="imported",
        source=digests[0],
        mask=digests[1],
        result=digests[2],
        width=width,
        height=height,
        method=method,
        revision="",
        options="{}",
        seconds=0.0,
        device="",
        facts=facts(mask, ("file",)),
        licence=licence,
        issued=datetime.now(UTC),
        pictures=partial(_pictures, paths, max_pixels),
    )


def _pictures(paths: Paths, max_pixels: int) -> Pictures:
    source, mask, result = decoded(paths, max_pixels)
    return encoded(source.image, mask, result.image, source.icc)


def _id(*parts: str) -> str:
    """A ULID of the beginning of time, the rest of it made from the parts."""
    return "0" * 10 + b32hexencode(sha256(" ".join(parts).encode()).digest()[:10]).decode().translate(_CROCKFORD)


def imported(triplet: Triplet, key: bytes, now: datetime, rater: str = "") -> Rating:
    """The answer of a triplet as it is kept, without its pictures; its id is always the same, so it is kept once.

    The same answer to the same pixels by several annotators who are not told apart counts once, too.

    Args:
        triplet: with an answer.
        key: the store's; its receipt is `receipt_of(id, secret_of(key, id))`.
        now: when it is imported; when it was answered nobody knows.
        rater: who answered, where that is told.
    """
    subject = triplet.subject
    if triplet.label is None:
        raise InputError("The triplet has no answer.", hint="Have it judged in the Annotate tab.")
    name = _id(subject.key, str(triplet.label), *filter(None, [rater]))
    return Rating(
        id=name,
        app=__version__,
        created=now.astimezone(UTC).isoformat(timespec="milliseconds"),
        **subject.columns,
        label=triplet.label,
        reasons=(),
        comment="",
        score=None,
        judge="",
        rater=rater,
        flags=(),
        consent="public" if subject.licence else "answer",
        licence=subject.licence,
        supersedes="",
        receipt=receipt_hash(secret_of(key, name)),
    )
