"""Items: one result that waits for a yes or no, read from a folder in RORem's layout and checked.

A row of its meta.json names three pictures, `{"source": "source/1.png", "mask": "mask/1.png", "GT": "GT/1.png"}`,
where GT is the result to be judged. It may say how that was made: method, revision, options, seed, seconds, device,
mask_made_by, licence; which pictures its files were made from: digests (`feedback.triplets`); and what a discriminator
thinks of it: score. Folders and datasets come from elsewhere, so a row can do no more than be wrong about itself.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import digest, facts
from rorem_demo.feedback.records import MaskFacts
from rorem_demo.feedback.triplets import Paths, decoded, inside, told_digests
from rorem_demo.imaging.types import Image, Mask, Size, size_of

Picture: TypeAlias = Literal["source", "mask", "result"]
PICTURES: tuple[Picture, ...] = get_args(Picture)
UNKNOWN = "unknown"
"""Method or licence of a result whose folder does not say."""

_FIELDS: Mapping[Picture, str] = {"source": "source", "mask": "mask", "result": "GT"}
_LARGEST_FILE = 256 << 20
_LONGEST_TEXT = 200
_LONGEST_OPTIONS = 2000


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a result was made, as far as its row says."""

    method: str
    revision: str
    options: str
    """JSON with sorted keys, the seed among them."""
    seconds: float
    device: str
    made_by: tuple[str, ...]
    """Of the mask."""
    licence: str


@dataclass(frozen=True, kw_only=True)
class Triplet:
    """The pictures of an item, of one size and in one colour space."""

    source: Image
    mask: Mask
    result: Image
    icc: bytes | None
    """None means sRGB."""

    @property
    def digests(self) -> tuple[str, str, str]:
        """sha256 of the pixels of source, mask and result."""
        return digest(self.source), digest(self.mask), digest(self.result)


@dataclass(frozen=True, kw_only=True)
class Item:
    """A result that waits for answers; its pictures stay in their files."""

    number: int
    """Its place in the file, from 0."""
    paths: Paths
    """Of source, mask and result."""
    digests: tuple[str, str, str]
    """Of source, mask and result: those that the row tells, else those of the files' pixels."""
    in_files: tuple[str, str, str]
    """sha256 of the files' pixels, which are to be the same when an answer comes."""
    size: Size
    facts: MaskFacts
    origin: Origin
    score: float | None = None
    """Between 0 and 1: what a discriminator said of it; None if none did."""

    @property
    def key(self) -> str:
        return key_of(*self.digests)


def key_of(source: str, mask: str, result: str) -> str:
    """What stands for a result in the store: of its digests, so that it stays when a folder is moved or sorted."""
    return "annotate:" + hashlib.sha256(f"{source} {mask} {result}".encode()).hexdigest()[:32]


def read_item(folder: Path, row: Mapping[str, Any], number: int, *, licence: str, max_pixels: int) -> Item:
    """The item a row describes.

    Args:
        folder: the row's paths are relative to it.
        row: an object of meta.json.
        number: the row's place.
        licence: for rows that name none.
        max_pixels: larger pictures are refused.

    Raises:
        InputError: a file is missing, damaged or outside the folder, sizes differ, or nothing is marked.
    """
    source, mask, result = (_file(folder, row.get(_FIELDS[picture])) for picture in PICTURES)
    paths = source, mask, result
    triplet = read_triplet(paths, max_pixels)
    origin = _origin(row, licence)
    return Item(
        number=number,
        paths=paths,
        digests=told_digests(row.get("digests")) or triplet.digests,
        in_files=triplet.digests,
        size=size_of(triplet.source),
        facts=facts(triplet.mask, origin.made_by),
        origin=origin,
        score=_score(row.get("score")),
    )


def read_triplet(paths: Paths, max_pixels: int) -> Triplet:
    """The pictures in three files.

    Raises:
        InputError: a file is missing or damaged, sizes differ, or nothing is marked.
    """
    try:
        source, mask, result = decoded(paths, max_pixels)
    except OSError as error:
        raise InputError(f"{Path(error.filename or paths[0]).name} cannot be read.") from error
    # A remover that drops the profile leaves the values as they were: read alike, they look alike.
    icc = source.icc if source.icc == result.icc else None
    return Triplet(source=source.image, mask=mask, result=result.image, icc=icc)


def _file(folder: Path, name: object) -> Path:
    """The file of this name, where it really lies, so that a link put there later leads nowhere else."""
    path = inside(folder, name)
    if path is None:
        raise InputError(f"A row names no picture inside the folder: {name!r:.80}.")
    try:
        fits = path.is_file() and path.stat().st_size <= _LARGEST_FILE
    except OSError:  # a name longer than any
        fits = False
    if not fits:
        raise InputError(f"{name!s:.80} is no file of a picture.")
    return path.resolve()


def _origin(row: Mapping[str, Any], licence: str) -> Origin:
    made_by = row.get("mask_made_by")
    named = [_text(name) for name in made_by[:16]] if isinstance(made_by, list) else []
    return Origin(
        method=_text(row.get("method")) or UNKNOWN,
        revision=_text(row.get("revision")),
        options=_options(row),
        seconds=_seconds(row.get("seconds")),
        device=_text(row.get("device")),
        made_by=tuple(name for name in named if name) or ("file",),
        licence=_text(row.get("licence") or row.get("license")) or licence,
    )


def _text(value: object) -> str:
    """One line of it, or nothing."""
    if not isinstance(value, str):
        return ""
    kept = "".join(character for character in value if character.isprintable() or character.isspace())
    return " ".join(kept.split())[:_LONGEST_TEXT].strip()


def _options(row: Mapping[str, Any]) -> str:
    options = row.get("options", {})
    try:
        options = json.loads(options) if isinstance(options, str) else options
        options = dict(options) if isinstance(options, dict) else {}
        if type(row.get("seed")) is int:
            options.setdefault("seed", row["seed"])
        text = json.dumps(options, sort_keys=True, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return "{}"
    return text if len(text) <= _LONGEST_OPTIONS else "{}"


def _score(value: object) -> float | None:
    """A prediction; 0 and 1 are people's answers."""
    return value if isinstance(value, float) and 0 < value < 1 else None


def _seconds(value: object) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return max(0.0, float(value)) if known else 0.0  # type: ignore[arg-type]  # it is a number
