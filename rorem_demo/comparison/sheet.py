"""contact_sheet(): tiles with their names in one picture, to print or to pass on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt

import PIL.Image
from PIL import ImageDraw, ImageFont

from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Image, size_of

TILE = 480
"""Longer side of a tile's picture, in pixels."""
_GAP, _MARK, _LINE = 16, 14, 22
_TITLE, _TEXT = 18, 14
_PAPER, _INK, _QUIET = "#ffffff", "#18181b", "#52525b"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture with what stands under it."""

    image: Image
    title: str
    colour: str
    """Of the mark before the title, as `#rrggbb`."""
    lines: tuple[str, ...] = ()


def contact_sheet(tiles: Sequence[Tile], heading: str, credit: str) -> bytes:
    """A PNG of all tiles, which show pictures of one size; there is at least one.

    Args:
        tiles: in the order they are shown, row by row.
        heading: stands above them.
        credit: whose photo it is, and its licence; stands below.
    """
    columns = min(len(tiles), max(2, ceil(sqrt(len(tiles)))))
    shown = SizeRule(longest=TILE).fit(size_of(tiles[0].image)).scaled
    room = max(shown.width, 240)
    height = shown.height + _LINE * (2 + max(len(tile.lines) for tile in tiles))
    rows = ceil(len(tiles) / columns)
    width = _GAP + columns * (room + _GAP)
    page = PIL.Image.new("RGB", (width, _GAP * 2 + _LINE * 3 + rows * (height + _GAP)), _PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, (_GAP, _GAP), heading, _TITLE, width - 2 * _GAP)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        place = _GAP + column * (room + _GAP), _GAP + 2 * _LINE + row * (height + _GAP)
        _put(page, draw, tile, place, room)
    _write(draw, (_GAP, page.height - _GAP - _LINE), credit, _TEXT, width - 2 * _GAP, _QUIET)
    file = BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


def reduced(image: Image) -> Image:
    """The image no larger than a tile shows it, for whoever holds many."""
    return SizeRule(longest=TILE).fit(size_of(image)).image(image)


def _put(page: PIL.Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, place: tuple[int, int], room: int) -> None:
    left, top = place
    picture = reduced(tile.image)
    page.paste(PIL.Image.fromarray(picture), place)
    below = top + size_of(picture).height + 8
    draw.rectangle((left, below + 3, left + _MARK - 1, below + _MARK + 2), fill=tile.colour)
    _write(draw, (left + _MARK + 8, below), tile.title, _TITLE, room - _MARK - 8)
    for number, line in enumerate(tile.lines, 1):
        _write(draw, (left, below + number * _LINE + 2), line, _TEXT, room, _QUIET)


def _write(  # noqa: PLR0913, PLR0917  # a place, a text, and how it is drawn
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, room: int, ink: str = _INK
) -> None:
    """One line, shortened to its room."""
    font = ImageFont.load_default(size)
    text = " ".join(text.split())[:400]
    if draw.textlength(text, font) > room:
        while text and draw.textlength(text + "...", font) > room:
            text = text[:-1]
        text += "..."
    draw.text(place, text, ink, font)
