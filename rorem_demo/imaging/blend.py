"""Copy pixels from elsewhere in a picture and even out the seams this leaves.

As in Perez et al., "Poisson image editing" (2003), what is looked for is not the colours but their correction:
given along every seam, where both sides must come to agree, and as smooth as it can be in between (a membrane).
At the hole's border the copy gives way; at a seam within the hole both sides give way by half. That differs
from the Poisson equation on the whole hole on purpose: a wrong colour never travels past the next seam.
Disagreements too high to come from the light are edges of things and are left alone.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Image, Mask, size_of

Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.int32]
"""Flat indices of pixels."""

Pixel = TypeVar("Pixel", np.uint8, np.float32)

_EDGE = 40.0
"""Levels of disagreement at which a seam counts as an edge rather than as a change of light."""
_SWEEPS = 3
_LITTLE = np.float32(1e-6)
_MEAN_OF_NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4


class _Seams(NamedTuple):
    """Pairs of adjacent pixels that are not copied from adjacent pixels; all arrays have one row per pair."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    """Of the upper or left one of the two."""
    before: Indices
    after: Indices
    """The sources of both."""
    stride: int
    """From a pixel to the one below it or to its right."""


def blended(image: Image, hole: Mask, sources: Indices) -> Image:
    """The image with its hole copied and its seams evened out; outside the hole unchanged.

    `sources` are H x W, the pixel each pixel takes its colour from: itself outside the hole, and one outside
    the hole for each pixel inside.
    """
    window = bounding_box(hole).grown(1, size_of(hole)).slices
    inside = hole[window]
    corrected = membrane(*_corrections(image, hole, sources[window], inside))
    corrected += image.reshape(-1, 3)[sources[window]]
    result = image.copy()
    np.copyto(result[window], np.rint(np.clip(corrected, 0, 255)).astype(np.uint8), where=inside[..., None])
    return result


def membrane(heights: Floats, held: Mask) -> Floats:
    """A smooth surface, H x W x 3, through `heights` where it is `held`; 0 if it is held nowhere.

    The edge of the picture is free. Solved from coarse to fine, so that a few sweeps are enough.
    """
    if min(held.shape) == 1 or not held.any():
        return _level(heights, held)
    share = halved(held.astype(np.float32))
    known = np.where(held[..., None], heights, 0).astype(np.float32)
    coarse = np.divide(halved(known), np.maximum(share, _LITTLE)[..., None], dtype=np.float32)
    surface = doubled(membrane(coarse, share > 0))[: held.shape[0], : held.shape[1]]
    pinned = held.astype(np.uint8)
    surface = _pinned(surface, heights, pinned)
    for _ in range(_SWEEPS):
        smoother = cv2.filter2D(surface, -1, _MEAN_OF_NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
        surface = _pinned(np.asarray(smoother, np.float32), heights, pinned)
    return surface


def _pinned(surface: Floats, heights: Floats, pinned: npt.NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.copyTo(heights, pinned, np.ascontiguousarray(surface)), np.float32)


def _level(heights: Floats, held: Mask) -> Floats:
    mean = heights[held].mean(axis=0) if held.any() else np.zeros(3, np.float32)
    return np.where(held[..., None], heights, mean).astype(np.float32)


def halved(array: npt.NDArray[Pixel]) -> npt.NDArray[Pixel]:
    """Means of 2 x 2 pixels; odd sides repeat their last pixel."""
    height, width = array.shape[:2]
    even = cv2.copyMakeBorder(array, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = even.shape[1] // 2, even.shape[0] // 2
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), array.dtype)


def doubled(array: Floats) -> Floats:
    """Twice the size, linearly interpolated."""
    size = 2 * array.shape[1], 2 * array.shape[0]
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _corrections(image: Image, hole: Mask, sources: Indices, inside: Mask) -> tuple[Floats, Mask]:
    """Corrections of the pixels at seams, and which these are: all at the hole's border are among them."""
    total, count = np.zeros((*sources.shape, 3), np.float32), np.zeros(sources.shape, np.float32)
    for seams in _seams(sources, hole.shape[1]):
        steps = _steps(seams, image.reshape(-1, 3), ~hole)
        here = seams.rows, seams.columns
        there = seams.rows + (seams.stride != 1), seams.columns + (seams.stride == 1)
        shared = np.where(inside[here] & inside[there], np.float32(0.5), np.float32(1))[:, None]
        total[there] += shared * steps
        total[here] -= shared * steps
        count[there] += 1
        count[here] += 1
    held = (count > 0) & inside
    return np.asarray(total / np.maximum(count, 1)[..., None], np.float32), held


def _seams(sources: Indices, width: int) -> tuple[_Seams, _Seams]:
    below = np.nonzero(sources[1:] != sources[:-1] + width)
    right = np.nonzero(sources[:, 1:] != sources[:, :-1] + 1)
    return (
        _Seams(below[0], below[1], sources[:-1][below], sources[1:][below], width),
        _Seams(right[0], right[1], sources[:, :-1][right], sources[:, 1:][right], 1),
    )


def _steps(seams: _Seams, colours: Image, known: Mask) -> Floats:
    """What the copy lacks of the step across each seam that either side, continued, would make there."""
    before, after = colours[seams.before].astype(np.float32), colours[seams.after].astype(np.float32)
    forth, forth_known = _continued(colours, known, seams.before, seams.stride)
    back, back_known = _continued(colours, known, seams.after, -seams.stride)
    wanted = forth_known * (forth - before) + back_known * (after - back)
    steps = wanted / np.maximum(forth_known + back_known, 1) - (after - before)
    height = np.abs(steps).max(axis=1, keepdims=True, initial=0)
    return np.asarray(steps * np.exp(-((height / _EDGE) ** 4)), np.float32)


def _continued(colours: Image, known: Mask, indices: Indices, stride: int) -> tuple[Floats, Floats]:
    """The colours one `stride` on, and 1 where that is a known pixel of the same row or column, else 0."""
    following = np.clip(indices + stride, 0, known.size - 1)
    aligned = following // known.shape[1] == indices // known.shape[1] if abs(stride) == 1 else True
    usable = (following == indices + stride) & aligned & known.ravel()[following]
    return colours[following].astype(np.float32), usable.astype(np.float32)[:, None]
