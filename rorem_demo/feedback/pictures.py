"""What is kept of photo, mask and results: hashes, statistics, and with consent small files without metadata."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeGuard, cast

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL import ImageCms

from rorem_demo.errors import StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.records import MaskFacts, PairPictures, Pictures
from rorem_demo.imaging.io import encode_mask
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of

LONGEST_SIDE = 1024
"""Pixels of a kept picture; RORem trains at 512."""
LARGEST_ROW = 1_900_000
"""Bytes of the files of one row: the Hub's viewer shows no rows over 2 MB."""
MOST_BOXES = 8
STALE = 3600.0
"""Seconds after which a file that no row uses is nobody's: whoever wrote it has kept its row or is dead."""

_QUALITIES = (95, 90, 80, 65, 45, 25)


def digest(array: npt.NDArray[Any]) -> str:
    """sha256 of an array's shape, type and values, as 64 hex digits."""
    value = hashlib.sha256(f"{array.shape} {array.dtype.str}\n".encode())
    value.update(np.ascontiguousarray(array).data)
    return value.hexdigest()


def is_digest(value: object) -> TypeGuard[str]:
    """Is it 64 hex digits?"""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def encoded(source: Image, mask: Mask, result: Image, icc: bytes | None) -> Pictures:
    """Files of the three, at most 1024 pixels wide and high, in sRGB, together at most 1.9 MB, pixels only.

    Source and result are JPEG files of the same quality without chroma subsampling, the best at which the row is
    small enough: a judge that learns from them must not tell them apart by their encoder.

    Args:
        source: the photo as it was given to the remover.
        mask: what was to be removed.
        result: of the photo's size and in its colour space.
        icc: the colour profile of source and result; None means sRGB.
    """
    mask_file, (source_file, result_file) = _row((source, result), mask, icc)
    return Pictures(source=source_file, mask=mask_file, result=result_file)


def encoded_pair(source: Image, mask: Mask, left: Image, right: Image, icc: bytes | None) -> PairPictures:
    """Files of the four, else as `encoded`."""
    mask_file, (source_file, left_file, right_file) = _row((source, left, right), mask, icc)
    return PairPictures(source=source_file, mask=mask_file, left=left_file, right=right_file)


def _row(pictures: Sequence[Image], mask: Mask, icc: bytes | None) -> tuple[bytes, list[bytes]]:
    """The mask's file and those of the pictures."""
    size = size_of(mask)
    size = size.scaled(min(1.0, LONGEST_SIDE / max(size)))
    # Every pixel that holds something marked: outside the kept mask the kept result is still the source.
    small_mask = encode_mask(_resized(mask.astype(np.float32), size) > 0)
    small = [_in_srgb(_resized(picture, size), icc) for picture in pictures]
    for quality in _QUALITIES:
        files = [_jpeg(picture, quality) for picture in small]
        if sum(map(len, files)) + len(small_mask) <= LARGEST_ROW:
            break
    return small_mask, files


def facts(mask: Mask, made_by: Iterable[str]) -> MaskFacts:
    """Area, boxes of the largest connected parts, and how the mask was made."""
    around = bounding_box(mask) if mask.any() else Box(0, 0, 1, 1)  # a small object in a large photo is quick
    part = mask[around.slices].astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
    parts = sorted(
        ((int(area), Box(int(x), int(y), int(x + w), int(y + h))) for x, y, w, h, area in stats[1:]),
        key=lambda part: (-part[0], part[1]),
    )
    boxes = tuple(_moved(box, around) for _, box in parts[:MOST_BOXES])
    return MaskFacts(pixels=int(np.count_nonzero(part)), boxes=boxes, made_by=tuple(sorted(set(made_by))))


def _moved(box: Box, origin: Box) -> Box:
    left, top = origin[:2]
    return Box(box.left + left, box.top + top, box.right + left, box.bottom + top)


def name_of(data: bytes) -> str:
    """The name of a picture file: the sha256 of what it holds, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


class PictureFolder:
    """Files under the sha256 of what they hold, in folders named by its first two digits.

    A file is on the disk before a row may name it and is dropped after the last row that named it is gone, so a
    crash can leave a file without a row but no row without its file.
    """

    def __init__(self, folder: Path) -> None:
        disk.make_folder(folder)
        self._folder = folder
        self._drop_unfinished()

    def put(self, data: bytes) -> str:
        """The sha256 under which `data` lies on the disk when this returns; a damaged file there is mended.

        Raises:
            StorageError: it could not be written.
        """
        sha = name_of(data)
        path = self._path(sha)
        disk.make_folder(path.parent)
        if self._read(path) != data:
            disk.write_whole(path, data)
            return sha
        with disk.refusals(path):
            # Whoever wrote it may not have come to this yet.
            disk.sync_folder(path.parent)
        return sha

    def has(self, sha: str) -> bool:
        """Is there a file of that name?"""
        return self._path(sha).is_file()

    def get(self, sha: str) -> bytes:
        """The file's bytes.

        Raises:
            StorageError: it is missing or damaged.
        """
        data = self._read(self._path(sha))
        if data is None:
            raise StorageError(f"The picture {sha[:12]} is missing.", hint=_WITHOUT)
        if name_of(data) != sha:
            raise StorageError(f"The picture {sha[:12]} is damaged.", hint=_WITHOUT)
        return data

    def drop(self, sha: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StorageError: it could not be removed.
        """
        path = self._path(sha)
        with disk.refusals(path):
            if path.parent.is_dir():
                path.unlink(missing_ok=True)
                disk.sync_folder(path.parent)

    def stale(self) -> Iterator[str]:
        """The names of files that have lain here for an hour or more."""
        for path in self._folder.glob("??/*"):
            if is_digest(path.name) and _age(path) > STALE:
                yield path.name

    def _path(self, sha: str) -> Path:
        return self._folder / sha[:2] / sha

    @staticmethod
    def _read(path: Path) -> bytes | None:
        with disk.refusals(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def _drop_unfinished(self) -> None:
        # Young ones may be another process's.
        for path in self._folder.glob(f"??/*{disk.UNFINISHED}"):
            if _age(path) > STALE:
                path.unlink(missing_ok=True)


_WITHOUT = "Its answer is kept and published without pictures."


def _age(path: Path) -> float:
    """Seconds since the file was written; 0 if it has just gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _resized(picture: npt.NDArray[Any], size: Size) -> npt.NDArray[Any]:
    if size_of(picture) == size:
        return picture
    return cast("npt.NDArray[Any]", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _in_srgb(image: Image, icc: bytes | None) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(image)
    if icc is None:
        return picture
    try:
        converted = ImageCms.profileToProfile(picture, BytesIO(icc), ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        # A profile that no converter reads is shown as sRGB by browsers, too.
        return picture
    # From the pixels alone: a converted picture carries its new profile along.
    return PIL.Image.fromarray(np.asarray(converted))


def _jpeg(picture: PIL.Image.Image, quality: int) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling="4:4:4")
    return file.getvalue()
