"""Strips and the sheet: what numbers are of, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.types import Image, Mask, Size, size_of

TILE = Size(200, 150)
"""Of each of the three pictures of a strip, at most."""
_GAP, _LINE, _TITLE = 8, 18, 26
_OUTLINE = (255, 40, 120)
_QUALITY = 85
_PAPER, _INK = "#ffffff", "#18181b"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A strip and what stands under it."""

    path: Path
    text: str


def strip(source: Image, mask: Mask, truth: Image, result: Image) -> bytes:
    """A JPEG of the place: the source with the mask's outline, the truth, the result, side by side."""
    window = Window.around(mask, grow=0, context=0.5, least=32)
    size = window.box.size
    size = size.scaled(min(TILE.width / size.width, TILE.height / size.height))
    tiles = [_fitted(window.cut_image(picture), size) for picture in (source, truth, result)]
    small = cv2.resize(window.cut_mask(mask).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    outlines, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tiles[0], outlines, -1, _OUTLINE, 1)
    whole = PIL.Image.new("RGB", (3 * TILE.width, TILE.height), _PAPER)
    for number, tile in enumerate(tiles):
        left = number * TILE.width + (TILE.width - size.width) // 2
        whole.paste(PIL.Image.fromarray(tile), (left, (TILE.height - size.height) // 2))
    return _jpeg(whole)


def sheet(methods: Sequence[tuple[str, Sequence[Shown], Sequence[Shown]]]) -> bytes:
    """A JPEG: for each method its best strips in the left column, its worst in the right one.

    Args:
        methods: title, best and worst; one at least.
    """
    width = 2 * 3 * TILE.width + 3 * _GAP
    heights = [_TITLE + max(len(best), len(worst)) * (TILE.height + _LINE) for _, best, worst in methods]
    page = PIL.Image.new("RGB", (width, sum(heights) + _TITLE), _PAPER)
    draw, top = ImageDraw.Draw(page), _TITLE
    for side, heading in enumerate(("best by PSNR in the hole", "worst")):
        draw.text((_left(side), 4), f"{heading}: source, truth, result", _INK, ImageFont.load_default(14))
    for (title, *sides), height in zip(methods, heights, strict=True):
        draw.text((_GAP, top + 4), title, _INK, ImageFont.load_default(17))
        for side, strips in enumerate(sides):
            for row, shown in enumerate(strips):
                _put(page, draw, shown, (_left(side), top + _TITLE + row * (TILE.height + _LINE)))
        top += height
    return _jpeg(page)


def _put(page: PIL.Image.Image, draw: ImageDraw.ImageDraw, shown: Shown, place: tuple[int, int]) -> None:
    left, top = place
    if shown.path.is_file():
        with PIL.Image.open(shown.path) as picture:
            page.paste(picture, place)
    draw.text((left, top + TILE.height + 1), shown.text, _INK, ImageFont.load_default(12))


def _left(side: int) -> int:
    return _GAP + side * (3 * TILE.width + _GAP)


def _fitted(image: Image, size: Size) -> Image:
    how = cv2.INTER_AREA if size.area < size_of(image).area else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _jpeg(picture: PIL.Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
