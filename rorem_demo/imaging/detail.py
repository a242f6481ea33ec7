"""Give a filling that was made small, and then enlarged, the fine detail of the photo around it.

A model that works at 512 pixels leaves a wide hole soft while the photo around is sharp. As in Yi et al.,
"Contextual Residual Aggregation for Ultra High-Resolution Image Inpainting" (2020), fine detail is what the known part
of the photo loses when it is made small and enlarged again, and the hole gets that of the places most like it. Theirs
are found by a network's attention, here they are the nearest patches of the small picture. A piece gets the
less, the less alike its place is and the less contrast of its own it has: what is smooth stays smooth, and what
has no like stays soft. At strong edges, where a wrong phase would show, pieces are brought into line at full size and
nothing goes beyond the colours on both sides.

Made small again, the filling is still what the model gave, but for `KEPT_WITHIN`: only what the model could not see is
added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.lookalikes import MARGIN, Lookalikes, lookalikes
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of

if TYPE_CHECKING:
    from rorem_demo.imaging.blend import Floats
    from rorem_demo.imaging.lookalikes import Places

KEPT_WITHIN = 2.0
"""Levels of mean difference, over the hole of a photo, between the model's answer and the detailed one made as small.

The merely enlarged one is 1 to 5 away. More than this only where black and white pixels, which can be no darker and no
lighter, are most of it.
"""

_LEAST_SHARE = 0.02
"""Of the hole's detail: where less is to be had, the picture is left as it is."""
_MOST_CONTRAST = 1.75
_EDGE = 0.05
_ALIKE, _UNLIKE = 0.15, 0.45
"""Difference of edges in line, as a share of what unrelated ones have: all is taken below, nothing above."""
_NOISE = 10.0
_BEYOND = (8.0, 200.0)
"""Levels by which detail may leave the range of the colours near it: at an edge, and in how far more where none is."""
_CORRECTIONS = 2


class _Pair(NamedTuple):
    """Question and answer of the model, enlarged; the first without detail, though it is known."""

    question: Image
    answer: Image


def detailed(window: Image, hole: Mask, question: Image, answer: Image) -> Image | None:
    """The answer at the size of the window, with fine detail in the hole; None where there is none to be had.

    Args:
        window: what was asked, at the photo's resolution; what it shows in the hole is not used.
        hole: of the same size.
        question: the window made small.
        answer: of the size of `question`, its hole filled.
    """
    marked = np.asarray(cv2.resize(hole.astype(np.float32), size_of(question), interpolation=cv2.INTER_AREA) > 0)
    found = lookalikes(np.where(marked[..., None], answer, question), marked)
    if found is None or found.shares.mean() < _LEAST_SHARE:
        return None
    size = size_of(window)
    pair = _Pair(_enlarged(question, size), _enlarged(answer, size))
    box = bounding_box(hole)
    detail = _collected(window, pair, found, box)
    gain = np.minimum(found.contrast, 1) * np.minimum(found.contrast, _MOST_CONTRAST)
    detail *= _cut(np.asarray(gain, np.float32), size, box)[..., None]
    apart = np.asarray(np.square(1 - found.strong), np.float32)
    slack = np.asarray(_BEYOND[0] + _BEYOND[1] * _cut(apart, size, box), np.float32)
    result = pair.answer
    for channel in range(3):  # one after the other: a window may have many megapixels
        result[..., channel][box.slices] = _restored(answer[..., channel], detail[..., channel], slack, (size, box))
    return result


def _enlarged(image: Image, size: Size) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _cut(small: npt.NDArray[Any], size: Size, box: Box) -> Floats:
    """What lies in `box`, after enlarging to `size`."""
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)[box.slices], np.float32)


def _restored(answer: Image, detail: Floats, slack: Floats, place: tuple[Size, Box]) -> Image:
    """One channel in the box: the answer and its detail, made such that made small it is the answer again."""
    size, box = place
    small, near = answer.astype(np.float32), np.ones((3, 3), np.uint8)
    low = np.maximum(_cut(cv2.erode(small, near), size, box) - slack, 0)
    high = np.minimum(_cut(cv2.dilate(small, near), size, box) + slack, 255)
    plane = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.float32)
    inside = plane[box.slices]
    inside += detail
    np.clip(inside, low, high, out=inside)
    for _ in range(_CORRECTIONS):
        missing = small - cv2.resize(plane, size_of(answer), interpolation=cv2.INTER_AREA)
        plane += cv2.resize(missing, size, interpolation=cv2.INTER_CUBIC)
        np.clip(inside, low, high, out=inside)
    return np.asarray(np.rint(inside), np.uint8)


def _collected(window: Image, pair: _Pair, found: Lookalikes, box: Box) -> Floats:
    """The detail of every piece's source, at its piece; pieces fade into each other where they overlap."""
    ratio = np.divide(window.shape[:2], found.contrast.shape)
    limits = np.array(window.shape[:2])
    starts = np.maximum(np.rint((found.cells.corners - MARGIN) * ratio).astype(np.intp), (box.top, box.left))
    ends = np.rint((found.cells.corners + found.cells.side + MARGIN) * ratio).astype(np.intp)
    ends = np.minimum(ends, (box.bottom, box.right))
    shifts = np.rint(found.shifts * ratio).astype(np.intp)
    shifts, shares = _in_line(pair, found, (starts, ends, shifts))
    over = 2 * MARGIN * ratio
    total = np.zeros((box.size.height, box.size.width, 3), np.float32)
    weight = np.full(total.shape[:2], 1e-6, np.float32)
    for start, end, shift, share in zip(starts, ends, shifts, shares, strict=True):
        first, last = np.maximum(start, -shift), np.minimum(end, limits - shift)
        if (first >= last).any():
            continue
        source = _slices(first + shift, last + shift)
        fading = np.outer(_ramp(last[0] - first[0], over[0]), _ramp(last[1] - first[1], over[1]))
        here = _slices(first - (box.top, box.left), last - (box.top, box.left))
        total[here] += (
            cv2.subtract(window[source], pair.question[source], dtype=cv2.CV_32F) * (fading * share)[..., None]
        )
        weight[here] += fading
    total /= weight[..., None]
    return total


def _slices(first: Places, last: Places) -> tuple[slice, slice]:
    return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))


def _ramp(length: int, over: float) -> Floats:
    """1 in the middle, falling over that many pixels at both ends, nowhere 0."""
    at = np.arange(length, dtype=np.float32) + np.float32(0.5)
    return np.asarray(np.minimum(np.minimum(at, at[::-1]) / over, 1), np.float32)


def _in_line(pair: _Pair, found: Lookalikes, pieces: tuple[Places, Places, Places]) -> tuple[Places, Floats]:
    """The shifts, moved by less than a pixel of the small picture where there are edges, and the shares, likewise."""
    starts, ends, shifts = pieces
    shifts, shares = shifts.copy(), found.shares.copy()
    edges = found.edges[*found.cells.middles.T]
    reach = int(max(np.divide(pair.answer.shape[:2], found.edges.shape)) / 2) + 1
    for number in np.flatnonzero((edges > _EDGE) & (shares + edges > 0)):
        nudge, share = _aligned(pair, starts[number], ends[number], shifts[number], reach)
        shifts[number] += nudge
        shares[number] += edges[number] * (share - shares[number])
    return shifts, shares


def _aligned(pair: _Pair, start: Places, end: Places, shift: Places, reach: int) -> tuple[tuple[int, int], float]:
    """By how much more to shift, so that the edges of a piece and of its source meet, and how well they do."""
    first, last = start + shift - reach, end + shift + reach
    if (end <= start).any() or (first < 0).any() or (last > pair.question.shape[:2]).any():
        return (0, 0), 0.0
    wanted = pair.answer[_slices(start, end)]
    apart = cv2.matchTemplate(pair.question[_slices(first, last)], wanted, cv2.TM_SQDIFF)
    least, _, (right, down), _ = cv2.minMaxLoc(apart)
    unrelated = 2 * float(wanted.reshape(-1, 3).var(axis=0).mean()) + _NOISE
    share = (_UNLIKE - least / wanted.size / unrelated) / (_UNLIKE - _ALIKE)
    return (down - reach, right - reach), min(max(share, 0.0), 1.0)
