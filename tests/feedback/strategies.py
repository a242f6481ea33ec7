"""Ratings, pictures and batches for property tests, and fixed ones for the others."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BytesIO
from typing import Any, get_args

import numpy as np
import PIL.Image
from hypothesis import strategies as st

from rorem_demo.feedback.kinds import R, parts_of
from rorem_demo.feedback.records import (
    CHOICES,
    LONGEST_COMMENT,
    REASONS,
    Batch,
    Consent,
    Gold,
    Origin,
    PairFiles,
    PairPictures,
    PictureFiles,
    Pictures,
    Rating,
    Record,
    Vote,
)
from rorem_demo.imaging.types import Box

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FLAGS = ("many", "pictures-damaged", "pictures-rejected", "repeated", "too-fast")
MADE_BY = ("box", "brush", "click", "file", "lasso", "phrase", "rectangle", "shadow")


def text(longest: int = 20) -> st.SearchStrategy[str]:
    """Whatever can be written as UTF-8."""
    return st.text(st.characters(codec="utf-8"), max_size=longest)


def ids() -> st.SearchStrategy[str]:
    """ULIDs."""
    return st.builds(str.__add__, st.sampled_from("01234567"), st.text(ALPHABET, min_size=25, max_size=25))


def hashes() -> st.SearchStrategy[str]:
    """sha256 as they are written."""
    return st.binary(min_size=32, max_size=32).map(bytes.hex)


def boxes() -> st.SearchStrategy[Box]:
    side = st.integers(0, 30_000)
    return st.builds(Box, side, side, side, side)


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of them, sorted."""
    return st.sets(st.sampled_from(values)).map(lambda chosen: tuple(sorted(chosen)))


def pictures() -> st.SearchStrategy[Pictures]:
    """Files with anything in them."""
    file = st.binary(min_size=1, max_size=400)
    return st.builds(Pictures, source=file, mask=file, result=file)


def ratings() -> st.SearchStrategy[Rating]:
    """Ratings without pictures."""
    return st.builds(
        Rating,
        id=ids(),
        schema=st.just(1),
        app=text(),
        created=st.datetimes().map(lambda when: when.isoformat(timespec="milliseconds") + "+00:00"),
        origin=st.sampled_from(get_args(Origin)),
        source=hashes(),
        mask=hashes(),
        result=hashes(),
        width=st.integers(1, 30_000),
        height=st.integers(1, 30_000),
        method=text(),
        revision=text(),
        options=text(),
        seconds=st.floats(0, 1e6),
        device=st.sampled_from(("", "cpu", "gpu")),
        mask_pixels=st.integers(0, 900_000_000),
        mask_boxes=st.lists(boxes(), max_size=8).map(tuple),
        mask_made_by=some(MADE_BY),
        label=st.sampled_from((0, 1)),
        reasons=some(REASONS),
        comment=text(LONGEST_COMMENT),
        score=st.none() | st.floats(0, 1),
        judge=text(),
        rater=text(),
        flags=some(FLAGS),
        consent=st.sampled_from(get_args(Consent)),
        licence=text(),
        supersedes=st.just("") | ids(),
        receipt=hashes(),
        files=st.none(),
    )


def pair_pictures() -> st.SearchStrategy[PairPictures]:
    file = st.binary(min_size=1, max_size=400)
    return st.builds(PairPictures, source=file, mask=file, left=file, right=file)


def votes() -> st.SearchStrategy[Vote]:
    """Votes without pictures."""
    sides = ("left", "right")
    return st.builds(
        Vote,
        id=ids(),
        schema=st.just(1),
        app=text(),
        created=st.datetimes().map(lambda when: when.isoformat(timespec="milliseconds") + "+00:00"),
        origin=st.sampled_from(get_args(Origin)),
        case=text(),
        cases=text(),
        source=hashes(),
        mask=hashes(),
        width=st.integers(1, 30_000),
        height=st.integers(1, 30_000),
        mask_pixels=st.integers(0, 900_000_000),
        mask_boxes=st.lists(boxes(), max_size=8).map(tuple),
        mask_made_by=some(MADE_BY),
        **{f"{side}_{name}": text() for side in sides for name in ("method", "revision", "options")},
        **{f"{side}_result": hashes() for side in sides},
        **{f"{side}_seconds": st.floats(0, 1e6) for side in sides},
        **{f"{side}_device": st.sampled_from(("", "cpu", "gpu")) for side in sides},
        choice=st.sampled_from(CHOICES),
        reasons=some(REASONS),
        gold=st.sampled_from(get_args(Gold)),
        policy=text(),
        rater=text(),
        flags=some(FLAGS),
        consent=st.sampled_from(get_args(Consent)),
        licence=text(),
        receipt=hashes(),
        files=st.none(),
    )


def pair_rows() -> st.SearchStrategy[tuple[Vote, PairPictures | None]]:
    """Votes with the pictures their `files` name, or without."""
    return st.builds(_joined, votes(), st.none() | pair_pictures())


def rows() -> st.SearchStrategy[tuple[Rating, Pictures | None]]:
    """Ratings with the pictures their `files` name, or without."""
    return st.builds(_joined, ratings(), st.none() | pictures())


def file_names(kept: Pictures | PairPictures) -> PictureFiles | PairFiles:
    """What the files are called in a store."""
    names = {part: sha256(file) for part, file in parts_of(kept).items()}
    return PictureFiles(**names) if isinstance(kept, Pictures) else PairFiles(**names)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _joined(record: Any, kept: Any) -> Any:
    return replace(record, files=file_names(kept) if kept else None), kept


def batch_of(*records: Record) -> Batch:
    return Batch(name=f"{records[0].id}-0123456789abcdef", records=records, sending=False)


def rating(number: int = 0, **changes: Any) -> Rating:
    """An ordinary one."""
    fields: dict[str, Any] = {
        "id": f"01K9{number:022d}",
        "app": "0.1.0",
        "created": "2026-11-21T15:00:00.000+00:00",
        "origin": "app",
        "source": "a" * 64,
        "mask": "b" * 64,
        "result": "c" * 64,
        "width": 640,
        "height": 480,
        "method": "shift-map",
        "revision": "0.1.0",
        "options": '{"seed": 0}',
        "seconds": 1.5,
        "device": "cpu",
        "mask_pixels": 1200,
        "mask_boxes": (Box(1, 2, 31, 42),),
        "mask_made_by": ("brush",),
        "label": number % 2,
        "reasons": (),
        "comment": "",
        "score": None,
        "judge": "",
        "rater": "0123456789abcdef",
        "flags": (),
        "consent": "answer",
        "licence": "",
        "supersedes": "",
        "receipt": sha256(b"%d" % number),
    }
    return Rating(**fields | changes)


def vote(number: int = 0, **changes: Any) -> Vote:
    """An ordinary one."""
    fields: dict[str, Any] = {
        "id": f"01K9{number:022d}",
        "app": "0.1.0",
        "created": "2026-11-21T15:00:00.000+00:00",
        "origin": "app",
        "case": "",
        "cases": "",
        "source": "a" * 64,
        "mask": "b" * 64,
        "width": 640,
        "height": 480,
        "mask_pixels": 1200,
        "mask_boxes": (Box(1, 2, 31, 42),),
        "mask_made_by": ("brush",),
        "left_method": "shift-map",
        "right_method": "telea",
        "left_result": "c" * 64,
        "right_result": "d" * 64,
        **{f"{side}_revision": "0.1.0" for side in ("left", "right")},
        **{f"{side}_options": '{"seed": 0}' for side in ("left", "right")},
        **{f"{side}_seconds": 1.5 for side in ("left", "right")},
        **{f"{side}_device": "cpu" for side in ("left", "right")},
        "choice": CHOICES[number % 4],
        "reasons": (),
        "gold": "",
        "policy": "even-1",
        "rater": "0123456789abcdef",
        "flags": (),
        "consent": "answer",
        "licence": "",
        "receipt": sha256(b"vote %d" % number),
    }
    return Vote(**fields | changes)


def real_pictures(seed: int = 0, width: int = 24, height: int = 16) -> Pictures:
    """Picture files that open."""
    random = np.random.default_rng(seed)
    photo, result = (random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))
    mask = np.zeros((height, width), bool)
    mask[2:6, 3:9] = True
    return Pictures(source=_file(photo, "JPEG"), mask=_file(mask, "PNG"), result=_file(result, "JPEG"))


def real_pair(seed: int = 0, width: int = 24, height: int = 16) -> PairPictures:
    """Picture files that open; source, mask and left result are those of `real_pictures`."""
    one, other = real_pictures(seed, width, height), real_pictures(seed + 1000, width, height)
    return PairPictures(source=one.source, mask=one.mask, left=one.result, right=other.result)


def _file(array: np.ndarray, kind: str) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(array).save(file, kind)
    return file.getvalue()


class Store(dict[str, bytes]):
    """Picture files by their sha256, as a store gives them."""

    def shared(self, kept: R, files: Pictures | PairPictures) -> R:
        """The record with these pictures, which are put here."""
        self |= {sha256(data): data for data in parts_of(files).values()}
        return replace(kept, files=file_names(files), consent="pictures", licence="CC-BY-4.0")
