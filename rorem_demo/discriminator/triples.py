"""Triples: what the discriminator looks at, decoded."""

from __future__ import annotations

from dataclasses import dataclass

from rorem_demo.errors import InputError
from rorem_demo.feedback.records import Pictures
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import Image, Mask, as_mask, size_of

MOST_PIXELS = 40_000_000
"""Larger pictures are not decoded: kept ones have a megapixel at most, but folders come from anywhere."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Triple:
    """Photo, mask and result, all of one size."""

    source: Image
    mask: Mask
    """What was to be removed; never empty."""
    result: Image


def decoded(pictures: Pictures) -> Triple:
    """The pictures of a row.

    Raises:
        InputError: one cannot be opened, their sizes differ, or nothing is marked.
    """
    source = decode_photo(pictures.source, max_pixels=MOST_PIXELS).image
    result = decode_photo(pictures.result, max_pixels=MOST_PIXELS).image
    if size_of(result) != size_of(source):
        raise InputError(
            f"The result is {size_of(result)} but the photo is {size_of(source)}.", hint="Leave the row out."
        )
    mask = decode_mask(pictures.mask, size_of(source), max_pixels=MOST_PIXELS)
    return Triple(source=source, mask=as_mask(mask, source), result=result)
