"""rasterise(): a drawing as a mask, on the server as it was on the screen.

It needs nothing but the drawing, the photo's size and the masks it names. OpenCV draws in integers; what could
overflow them or take many seconds is refused first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.imaging.drawings import Drawing, Lasso, Loaded, Point, Points, Rectangle, Shape, Stroke, refuse
from rorem_demo.imaging.masks import bounding_box, grow
from rorem_demo.imaging.types import Mask, Size, size_of

_REACH = 4
"""Points may lie this many sides of the photo away from it."""

_SHIFT = 4
_EDGE = 0.45
"""OpenCV also fills the pixels the outline runs through; radii smaller by this get their area right."""


# Costs measured at 12 MP, as multiples of filling a pixel (12 thousand million a second); the most is some 5 s.
_MOST_EFFORT = 5000
_ENTRY_EFFORT = 20
_GROW_EFFORT = 300


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


def _check_reach(drawing: Drawing, size: Size) -> None:
    """Refuse points so far out that OpenCV's integers could overflow."""
    for entry in drawing.entries:
        for shape in entry.shapes:
            for x, y in _points_of(shape):
                if abs(x) > _REACH * size.width or abs(y) > _REACH * size.height:
                    refuse()


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
