"""Drawings: what a visitor drew, as values, parsed with distrust.

The page sends shapes instead of pixels because they are small and can be undone. `parse_drawing` admits a JSON
value or refuses it with one sentence; `imaging.draw` turns the drawing into a mask. A point (x, y) is a corner
between pixels: pixel (0, 0) covers 0 <= x, y < 1.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import NoReturn, TypeAlias, cast

from rorem_demo.errors import InputError

Point: TypeAlias = tuple[int, int]
"""(x, y) in photo pixels."""
Points: TypeAlias = tuple[Point, ...]

MOST_ENTRIES = 200
MOST_SHAPES = 2000
MOST_POINTS = 20_000
COARSEST_GRID = 64
FURTHEST_GROW = 200
RADII = (0.5, 5000.0)

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LONGEST_ID = 200
_VARINT_BYTES = 5


@dataclass(frozen=True)
class Stroke:
    """The pixels within `radius` of a line through the points; one point is a dot."""

    points: Points
    radius: float
    erases: bool = False


@dataclass(frozen=True)
class Lasso:
    """The inside of a closed line, even-odd: what it encloses twice is outside again."""

    points: Points


@dataclass(frozen=True)
class Rectangle:
    """The pixels between two opposite corners, given in any order."""

    corner: Point
    opposite: Point


@dataclass(frozen=True)
class Loaded:
    """A mask the caller of `rasterise` holds under this key."""

    key: str


Shape: TypeAlias = Stroke | Lasso | Rectangle | Loaded


@dataclass(frozen=True)
class Entry:
    """One line of the selection list: shapes in the order drawn, then grown by `grow` pixels (shrunk if negative)."""

    kind: str
    shapes: tuple[Shape, ...]
    grow: int = 0


@dataclass(frozen=True)
class Drawing:
    """The union of its entries, or all but that."""

    entries: tuple[Entry, ...]
    invert: bool = False

    @property
    def loaded(self) -> frozenset[str]:
        """Keys of the masks it names."""
        shapes = (shape for entry in self.entries for shape in entry.shapes)
        return frozenset(shape.key for shape in shapes if isinstance(shape, Loaded))


def parse_drawing(value: object) -> Drawing:
    """The drawing in a parsed JSON value of the page.

    Raises:
        InputError: anything about the value is not as the page would send it.
    """
    fields = _object(value)
    grid, invert = _whole(fields.get("grid"), 1, COARSEST_GRID), fields.get("invert")
    rows = [_object(row) for row in _list(fields.get("entries"), MOST_ENTRIES)]
    if not isinstance(invert, bool):
        refuse()
    shapes = [_list(row.get("shapes"), MOST_SHAPES) for row in rows]
    if sum(map(len, shapes)) > MOST_SHAPES:
        refuse()
    parser = _Parser(grid)
    return Drawing(tuple(map(parser.entry, rows)), invert)


def encode_points(points: Iterable[tuple[float, float]], grid: int = 1) -> str:
    """Points in photo pixels as the page writes them, rounded to the grid: the inverse of parsing."""
    data = bytearray()
    last = (0, 0)
    for x, y in points:
        here = (round(x / grid), round(y / grid))
        for now, before in zip(here, last, strict=True):
            data += _varint(now - before)
        last = here
    return base64.b64encode(data).decode().rstrip("=")


def how_made(drawing: Drawing) -> tuple[str, ...]:
    """The kinds of the entries and "brush" where strokes corrected one, in order and each once."""
    kinds = (kind for entry in drawing.entries for kind in (entry.kind, *_corrections(entry)))
    return tuple(dict.fromkeys(kinds))


def _corrections(entry: Entry) -> tuple[str, ...]:
    corrected = any(isinstance(shape, Stroke) for shape in entry.shapes[1:])
    return ("brush",) if corrected else ()


def refuse() -> NoReturn:
    """Raise the one InputError for values the page would never send."""
    raise InputError("The selection could not be read.", hint="Reload the page and mark the object again.")


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        refuse()
    return value


def _list(value: object, most: int) -> list[object]:
    if not isinstance(value, list) or len(value) > most:
        refuse()
    return value


def _whole(value: object, least: int, most: int) -> int:
    # JSON's true is an int to Python.
    if type(value) is not int or not least <= value <= most:
        refuse()
    return value


def _real(value: object, least: float, most: float) -> float:
    # Comparison refuses NaN and integers too large for a float alike.
    if type(value) not in {int, float} or not least <= cast("float", value) <= most:
        refuse()
    return float(cast("float", value))


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        refuse()
    return value


class _Parser:
    """Reads entries of one drawing, out of one allowance of points."""

    def __init__(self, grid: int) -> None:
        self._grid = grid
        self._points_left = MOST_POINTS

    def entry(self, fields: dict[str, object]) -> Entry:
        kind = fields.get("kind")
        if not isinstance(kind, str) or not _KIND.fullmatch(kind):
            refuse()
        by = _whole(fields.get("grow"), -FURTHEST_GROW, FURTHEST_GROW)
        return Entry(kind, tuple(self._shape(_object(item)) for item in _list(fields.get("shapes"), MOST_SHAPES)), by)

    def _shape(self, fields: dict[str, object]) -> Shape:
        match fields.get("tool"):
            case "brush" | "erase" as tool:
                radius = _real(fields.get("radius"), *RADII)
                return Stroke(self._points(fields.get("points")), radius, erases=tool == "erase")
            case "lasso":
                return Lasso(self._points(fields.get("points")))
            case "box":
                return self._rectangle(fields.get("points"))
            case "mask":
                return Loaded(_text(fields.get("mask"), _LONGEST_ID))
        refuse()

    def _rectangle(self, value: object) -> Rectangle:
        points = self._points(value)
        if len(points) != 2:
            refuse()
        return Rectangle(*points)

    def _points(self, value: object) -> Points:
        """At least one point; the text is refused by its length before any of it is decoded."""
        most_bytes = 2 * self._points_left * _VARINT_BYTES
        text = _text(value, -(-most_bytes // 3) * 4) if most_bytes else refuse()
        steps = _unpack(text)
        count = len(steps) // 2
        if len(steps) % 2 or count > self._points_left:
            refuse()
        self._points_left -= count
        xs, ys = (accumulate(step * self._grid for step in axis) for axis in (steps[::2], steps[1::2]))
        return tuple(zip(xs, ys, strict=True))


def _varint(value: int) -> bytes:
    """A signed number as zigzag LEB128."""
    rest = -2 * value - 1 if value < 0 else 2 * value
    data = bytearray()
    while rest > 0x7F:
        data.append(rest & 0x7F | 0x80)
        rest >>= 7
    data.append(rest)
    return bytes(data)


def _unpack(text: str) -> list[int]:
    """The signed numbers in base64 of zigzag LEB128."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        refuse()
    values = []
    value = length = 0
    for byte in data:
        value |= (byte & 0x7F) << 7 * length
        length += 1
        if length > _VARINT_BYTES:
            refuse()
        if byte < 0x80:
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value = length = 0
    if length or not values:
        refuse()
    return values
