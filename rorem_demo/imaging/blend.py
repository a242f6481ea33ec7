"""Copy pixels from elsewhere in a picture and even out the seams this leaves.

As in Perez et al., "Poisson image editing" (2003), what is looked for is not the colours but their correction: it
takes a step along every seam, so that both sides come to agree, is as smooth as it can be in between, and is
nothing outside the hole. Disagreements too high to come from the light are edges of things and are left alone.
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
_SWEEPS = 2
_DEEPEST = 6
_COARSEST = 12
"""The coarsest copy is that many halvings away, or has a side no longer than this."""
_RELAXATIONS = (60, 500)
"""Most sweeps at each copy, and those at the coarsest, where they must carry all the way."""
_EFFORT = 4_000_000
"""Pixels relaxed at each copy at most; larger ones keep what the coarser one found, seams soft by some pixels."""
_LITTLE = np.float32(1e-6)
_MEAN_OF_NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
_RELAXED = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32) / 5
"""A Jacobi step, damped to 0.8 so that checkerboards die out too."""


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


class _Steps(NamedTuple):
    """By how much the correction must rise from pixels to their neighbours on the right, or, transposed, below.

    One row per pair; pairs that are not listed take no step, those listed twice take both.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    heights: Floats
    """N x 3."""

    def coarser(self, cells: int) -> _Steps:
        """The same between the centres of cells of 2 x 2 pixels, `cells` of them in a row.

        A step between two cells counts whole, one within a cell half for each of the cell's sides; either is
        one of two rows.
        """
        within = self.columns % 2 == 0
        rows = np.concatenate([self.rows, self.rows[within]]) // 2
        columns = np.concatenate([self.columns // 2, self.columns[within] // 2 - 1])
        share = np.where(within, np.float32(0.25), np.float32(0.5))[:, None]
        heights = np.concatenate([self.heights * share, self.heights[within] * np.float32(0.25)])
        kept = (columns >= 0) & (columns < cells - 1)
        return _Steps(rows[kept], columns[kept], heights[kept])


def blended(image: Image, hole: Mask, sources: Indices) -> Image:
    """The image with its hole copied and its seams evened out; outside the hole unchanged.

    `sources` are H x W, the pixel each pixel takes its colour from: itself outside the hole, and one outside
    the hole for each pixel inside.
    """
    box = bounding_box(hole)
    window = box.grown(min(2**_DEEPEST, max(2, min(box.size) // 4)), size_of(hole)).slices
    inside = hole[window]
    down, right = (_wanted(seams, image.reshape(-1, 3), ~hole) for seams in _seams(sources[window], hole.shape[1]))
    corrected = _correction(_Steps(down.columns, down.rows, down.heights), right, inside)
    copied = image.reshape(-1, 3)[sources[window]]
    cv2.add(corrected, copied, dst=copied, dtype=cv2.CV_8U)  # rounds and saturates
    result = image.copy()
    cv2.copyTo(copied, inside.view(np.uint8), result[window])
    return result


def _correction(down: _Steps, right: _Steps, inside: Mask, depth: int = 0) -> Floats:
    """The smoothest correction that takes these steps and is 0 outside the hole: a Poisson equation.

    Solved from coarse to fine. A coarse cell counts as inside if any of its pixels is, so that no step at the
    border is lost; what that blurs, the relaxation of the finer level repairs.
    """
    height, width = inside.shape
    if min(inside.shape) <= _COARSEST or depth == _DEEPEST:
        surface, sweeps = np.zeros((height, width, 3), np.float32), _RELAXATIONS[1]
    else:
        cells = _any_of_four(inside)
        coarse = _correction(down.coarser(cells.shape[0]), right.coarser(cells.shape[1]), cells, depth + 1)
        surface, sweeps = doubled(coarse)[:height, :width], min(_EFFORT // inside.size, _RELAXATIONS[0])
        if not sweeps:
            return surface
    weights = np.repeat(inside.astype(np.float32)[..., None], 3, axis=2)
    pull = cv2.multiply(_divergence(down, right, inside.shape), weights, scale=1 / 5)
    for _ in range(sweeps):
        surface = np.asarray(cv2.filter2D(surface, -1, _RELAXED, borderType=cv2.BORDER_REPLICATE), np.float32)
        cv2.multiply(surface, weights, dst=surface)
        cv2.add(surface, pull, dst=surface)
    return surface


def _divergence(down: _Steps, right: _Steps, shape: tuple[int, int]) -> Floats:
    total = np.zeros((shape[0] * shape[1], 3), np.float32)
    for first, beyond, heights in (
        (down.columns * shape[1] + down.rows, shape[1], down.heights),
        (right.rows * shape[1] + right.columns, 1, right.heights),
    ):
        for channel in range(3):  # numpy adds at repeated places quickly along one axis only
            np.add.at(total[:, channel], first, -heights[:, channel])
            np.add.at(total[:, channel], first + beyond, heights[:, channel])
    return total.reshape(*shape, 3)


def _any_of_four(inside: Mask) -> Mask:
    return halved(inside.astype(np.float32)) > 0


def membrane(heights: Floats, held: Mask) -> Floats:
    """A smooth surface, H x W x 3, through `heights` where it is `held`; 0 if it is held nowhere.

    The edge of the picture is free. Solved from coarse to fine, so that a few sweeps are enough.
    """
    if min(held.shape) == 1 or not held.any():
        return _level(heights, held)
    share = halved(held.astype(np.float32))
    known = np.where(held[..., None], heights, 0).astype(np.float32)
    coarse = np.divide(halved(known), np.maximum(share, _LITTLE)[..., None], dtype=np.float32)
    surface = cv2.resize(membrane(coarse, share > 0), held.shape[::-1], interpolation=cv2.INTER_LINEAR)
    pinned = held.astype(np.uint8)
    for _ in range(_SWEEPS):
        cv2.copyTo(heights, pinned, surface)
        surface = cv2.filter2D(surface, -1, _MEAN_OF_NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.copyTo(heights, pinned, surface), np.float32)


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


def _seams(sources: Indices, width: int) -> tuple[_Seams, _Seams]:
    below = np.nonzero(sources[1:] != sources[:-1] + width)
    right = np.nonzero(sources[:, 1:] != sources[:, :-1] + 1)
    return (
        _Seams(below[0], below[1], sources[:-1][below], sources[1:][below], width),
        _Seams(right[0], right[1], sources[:, :-1][right], sources[:, 1:][right], 1),
    )


def _wanted(seams: _Seams, colours: Image, known: Mask) -> _Steps:
    """What the copy lacks of the step across each seam that either side, continued, would make there."""
    before, after = colours[seams.before].astype(np.float32), colours[seams.after].astype(np.float32)
    forth, forth_known = _continued(colours, known, seams.before, seams.stride)
    back, back_known = _continued(colours, known, seams.after, -seams.stride)
    wanted = forth_known * (forth - before) + back_known * (after - back)
    steps = wanted / np.maximum(forth_known + back_known, 1) - (after - before)
    height = np.abs(steps).max(axis=1, keepdims=True, initial=0)
    return _Steps(seams.rows, seams.columns, np.asarray(steps * np.exp(-((height / _EDGE) ** 4)), np.float32))


def _continued(colours: Image, known: Mask, indices: Indices, stride: int) -> tuple[Floats, Floats]:
    """The colours one `stride` on, and 1 where that is a known pixel of the same row or column, else 0."""
    following = np.clip(indices + stride, 0, known.size - 1)
    aligned = following // known.shape[1] == indices // known.shape[1] if abs(stride) == 1 else True
    usable = (following == indices + stride) & aligned & known.ravel()[following]
    return colours[following].astype(np.float32), usable.astype(np.float32)[:, None]
