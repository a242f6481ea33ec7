"""Files of a ready case: photos as they came but without metadata, results as what of the photo they change."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import PIL.Image
from PIL import ImageCms

from rorem_demo.errors import InputError
from rorem_demo.imaging.io import Photo, decode_photo
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Image, Mask, size_of

_MOST_OF_IT = 0.8
"""Share of the photo from which on a patch saves nothing worth having."""
_STUFFED, _RESTARTS, _ENTROPY, _END = 0x00, range(0xD0, 0xD8), 0xDA, 0xD9
_NEEDED = frozenset({0xE0, 0xEE})
"""Application segments that decoders need: JFIF's, and Adobe's, which tells the colour transform."""
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE}) - _NEEDED


def in_srgb(photo: Photo) -> Image:
    """The photo's pixels in sRGB: a ready case is shown where no profile travels with it."""
    if photo.icc is None:
        return photo.image
    picture, target = PIL.Image.fromarray(photo.image), ImageCms.createProfile("sRGB")
    try:
        converted = ImageCms.profileToProfile(picture, BytesIO(photo.icc), target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return photo.image  # browsers show what no converter reads as sRGB, too
    return np.array(converted)


def source_file(data: bytes, photo: Photo, image: Image) -> tuple[str, bytes]:
    """Extension and bytes of a file with exactly these pixels: the photo's own without metadata, where it has them."""
    if photo.format == "JPEG":
        bare = b"".join(_bare(data))
        try:
            same = np.array_equal(decode_photo(bare, max_pixels=size_of(image).area).image, image)
        except InputError:
            same = False
        if same:
            return "jpg", bare
    return "png", png(image)


def png(image: Image) -> bytes:
    """The image as a small file."""
    file = BytesIO()
    PIL.Image.fromarray(image).save(file, "PNG", optimize=size_of(image).area < 1_000_000)
    return file.getvalue()


def patch_of(source: Image, result: Image, mask: Mask) -> tuple[Box | None, Image]:
    """The part of the result that holds the mask and all that differs, and where it lies; or all of it, with None."""
    box = bounding_box((source != result).any(axis=2) | mask)
    if box.size.area > _MOST_OF_IT * size_of(source).area:
        return None, result
    return box, np.ascontiguousarray(result[box.slices])


def _bare(data: bytes) -> Iterator[bytes]:
    """The segments of a JPEG file up to its end, but those with metadata; stops where it is none."""
    yield data[:2]
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _END:
            yield data[at : at + 2]
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == _ENTROPY:
            end = _after_scan(data, end)
        if marker not in _METADATA:
            yield data[at:end]
        at = end
    yield data[at : at + 2]


def _after_scan(data: bytes, start: int) -> int:
    """Where the compressed data that begins here ends: at the next marker that is part of no scan."""
    at = data.find(b"\xff", start)
    while 0 <= at < len(data) - 1 and (data[at + 1] == _STUFFED or data[at + 1] in _RESTARTS):
        at = data.find(b"\xff", at + 2)
    return at if at >= 0 else len(data)
