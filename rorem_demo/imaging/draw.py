"""Strokes to a mask: what a visitor drew, parsed with distrust and rasterised.

The page sends shapes instead of pixels because they are small and can be undone. `parse_drawing` admits a
JSON value or refuses it with one sentence; `rasterise` needs nothing but the drawing, the photo's size and
the masks it names. A point (x, y) is a corner between pixels: pixel (0, 0) covers 0 <= x, y < 1.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.imaging.masks import bounding_box, grow
from rorem_demo.imaging.types import Mask, Size, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
_REACH = 4
"""Points may lie this many sides of the photo away from it."""

_SHIFT = 4
_EDGE = 0.45
"""OpenCV also fills the pixels the outline runs through; radii smaller by this get their area right."""


# Costs measured at 12 MP, as multiples of filling a pixel (12 thousand million a second); the most is some 5 s.
_MOST_EFFORT = 5000
_ENTRY_EFFORT = 20
_GROW_EFFORT = 300


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
        _refuse()
    shapes = [_list(row.get("shapes"), MOST_SHAPES) for row in rows]
    if sum(map(len, shapes)) > MOST_SHAPES:
        _refuse()
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
    """The kinds of the entries, in order and each once."""
    return tuple(dict.fromkeys(entry.kind for entry in drawing.entries))


def rasterise(selection: Drawing, size: Size, masks: Mapping[str, Mask]) -> Mask:
    """The mask a drawing marks on a photo of `size`; may be empty or full.

    Args:
        selection: its parts outside the photo are cut off.
        size: of the photo.
        masks: what `Loaded` shapes may name, each of the photo's size.

    Raises:
        InputError: a mask is unknown or of another size, a point lies absurdly far outside the photo, or
            drawing would take many seconds.
    """
    _check_reach(selection, size)
    union, effort = np.zeros((size.height, size.width), np.uint8), _Effort(size)
    for entry in selection.entries:
        effort.spend(_ENTRY_EFFORT * size.area)
        canvas = np.zeros_like(union)
        for shape in entry.shapes:
            _draw(shape, canvas, masks, effort)
        cv2.bitwise_or(union, _grown(canvas, entry.grow, effort), union)
    marked = union.view(np.bool_)
    return ~marked if selection.invert else marked


def _refuse() -> NoReturn:
    raise InputError("The selection could not be read.", hint="Reload the page and mark the object again.")


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse()
    return value


def _list(value: object, most: int) -> list[object]:
    if not isinstance(value, list) or len(value) > most:
        _refuse()
    return value


def _whole(value: object, least: int, most: int) -> int:
    # JSON's true is an int to Python.
    if type(value) is not int or not least <= value <= most:
        _refuse()
    return value


def _real(value: object, least: float, most: float) -> float:
    # Comparison refuses NaN and integers too large for a float alike.
    if type(value) not in {int, float} or not least <= cast("float", value) <= most:
        _refuse()
    return float(cast("float", value))


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        _refuse()
    return value


class _Parser:
    """Reads entries of one drawing, out of one allowance of points."""

    def __init__(self, grid: int) -> None:
        self._grid = grid
        self._points_left = MOST_POINTS

    def entry(self, fields: dict[str, object]) -> Entry:
        kind = fields.get("kind")
        if not isinstance(kind, str) or not _KIND.fullmatch(kind):
            _refuse()
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
        _refuse()

    def _rectangle(self, value: object) -> Rectangle:
        points = self._points(value)
        if len(points) != 2:
            _refuse()
        return Rectangle(*points)

    def _points(self, value: object) -> Points:
        """At least one point; the text is refused by its length before any of it is decoded."""
        most_bytes = 2 * self._points_left * _VARINT_BYTES
        text = _text(value, -(-most_bytes // 3) * 4) if most_bytes else _refuse()
        steps = _unpack(text)
        count = len(steps) // 2
        if len(steps) % 2 or count > self._points_left:
            _refuse()
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
        _refuse()
    values = []
    value = length = 0
    for byte in data:
        value |= (byte & 0x7F) << 7 * length
        length += 1
        if length > _VARINT_BYTES:
            _refuse()
        if byte < 0x80:
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value = length = 0
    if length or not values:
        _refuse()
    return values


def _check_reach(drawing: Drawing, size: Size) -> None:
    """Refuse points so far out that OpenCV's integers could overflow."""
    for entry in drawing.entries:
        for shape in entry.shapes:
            for x, y in _points_of(shape):
                if abs(x) > _REACH * size.width or abs(y) > _REACH * size.height:
                    _refuse()


def _points_of(shape: Shape) -> Points:
    match shape:
        case Stroke(points=points) | Lasso(points=points):
            return points
        case Rectangle(corner, opposite):
            return corner, opposite
        case Loaded():
            return ()


class _Effort:
    """What rasterising may still cost, in pixels touched; what people draw stays far below it."""

    def __init__(self, size: Size) -> None:
        self._left = float(_MOST_EFFORT * size.area)

    def spend(self, pixels: float) -> None:
        self._left -= pixels
        if self._left < 0:
            raise InputError("The selection is too intricate.", hint="Mark the object with fewer strokes.")


_Canvas: TypeAlias = npt.NDArray[np.uint8]
"""H x W, 1 = marked: what OpenCV can draw on and NumPy can view as a Mask."""


def _draw(shape: Shape, canvas: _Canvas, masks: Mapping[str, Mask], effort: _Effort) -> None:
    match shape:
        case Stroke():
            _draw_stroke(shape, canvas, effort)
        case Lasso(points):
            # Per row OpenCV sorts the edges that cross it, in time quadratic in their number.
            climb = sum(abs(end[1] - start[1]) for start, end in pairwise(points))
            effort.spend(climb**2 / canvas.shape[0])
            cv2.fillPoly(canvas, [_fixed(points)], 1, cv2.LINE_8, _SHIFT)
        case Rectangle(corner, opposite):
            left, top = (max(0, min(ends)) for ends in zip(corner, opposite, strict=True))
            right, bottom = (max(0, *ends) for ends in zip(corner, opposite, strict=True))
            canvas[top:bottom, left:right] = 1
        case Loaded(key):
            canvas |= _loaded(key, canvas, masks).view(np.uint8)


def _loaded(key: str, canvas: _Canvas, masks: Mapping[str, Mask]) -> Mask:
    mask = masks.get(key)
    if mask is None:
        raise InputError("A mask of the selection is no longer here.", hint="Load the mask file again.")
    if mask.shape != canvas.shape:
        raise InputError(
            f"A mask of the selection is {size_of(mask)} but the photo is {size_of(canvas)}.",
            hint="Load a mask of exactly the photo's size.",
        )
    return mask


def _draw_stroke(stroke: Stroke, canvas: _Canvas, effort: _Effort) -> None:
    """Discs at the points and a bar along each segment: polylines() knows whole widths up to 32767 only."""
    level, reach = int(not stroke.erases), max(0.0, stroke.radius - _EDGE)
    points = _thinned(stroke.points, stroke.radius)
    effort.spend(_stroke_effort(points, 2 * stroke.radius, canvas.size))
    for centre in _fixed(points).tolist():
        cv2.circle(canvas, centre, round(reach * 2**_SHIFT), level, cv2.FILLED, cv2.LINE_8, _SHIFT)
    for start, end in pairwise(points):
        cv2.fillConvexPoly(canvas, _bar(start, end, reach), level, cv2.LINE_8, _SHIFT)


def _stroke_effort(points: Points, width: float, area: int) -> float:
    """Pixels in the discs and in the bars, none of which can fill more than the canvas."""
    return len(points) * min(area, width**2) + min(len(points) * area, _length(points) * width)


def _thinned(points: Points, radius: float) -> Points:
    """The points without those the stroke hides, for a wide brush moved slowly has thousands."""
    line = cv2.approxPolyDP(np.asarray(points, np.int32)[:, None], radius / 64, closed=False)
    return tuple((int(x), int(y)) for x, y in line[:, 0])


def _bar(start: Point, end: Point, reach: float) -> npt.NDArray[np.int32]:
    """Corners of the rectangle within `reach` of a segment."""
    along = np.subtract(end, start)
    across = np.array([-along[1], along[0]]) * (reach / max(1.0, math.hypot(*along)))
    return _fixed([start + across, end + across, end - across, start - across])


def _fixed(points: Any) -> npt.NDArray[np.int32]:
    """Points, N x 2 of any numbers, as OpenCV takes them: in fractions of a pixel, from the centre of the first one."""
    return np.asarray(np.rint((np.asarray(points, np.float64) - 0.5) * 2**_SHIFT), np.int32)


def _length(points: Points) -> float:
    return sum(math.dist(start, end) for start, end in pairwise(points))


def _grown(canvas: _Canvas, by: int, effort: _Effort) -> _Canvas:
    """The canvas grown or shrunk, at the cost of the marked part only."""
    mask = canvas.view(np.bool_)
    if not by or not mask.any():
        return canvas
    # One unmarked pixel all around is what a mask shrinks from, except at the photo's own edge.
    box = bounding_box(mask).grown(max(by, 1), size_of(mask))
    effort.spend(_GROW_EFFORT * box.size.area)
    mask[box.slices] = grow(mask[box.slices], by)
    return canvas
