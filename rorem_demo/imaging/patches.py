"""Complete a small picture from its own patches, coarse to fine.

Wexler et al., "Space-time completion of video" (2007): every patch that touches the hole looks for the patch
most like it in the known part, and every pixel of the hole becomes the mean of what its patches found; and so
on, until both agree. At the sizes meant here the search is exhaustive: one product of matrices after the
patches are projected on their principal components.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from rorem_demo.imaging.blend import Floats, doubled, membrane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rorem_demo.imaging.types import Image, Mask

Positions: TypeAlias = npt.NDArray[np.intp]

_SIDE = 7
"""Of a patch, in pixels."""
_COMPONENTS = 20
_ROUNDS = (12, 8, 4, 2)
"""Of searching and averaging, from the coarsest level on; the last also for all finer ones."""
_FEWEST = 64
_LEAST_SHARE = 0.08
"""Patches without a marked pixel that there must be: so many, and this share of all."""
_BATCH = 512
_CONFIDENCE = 1.3
"""By so much a patch counts for less with every pixel further from what is known."""


class Level(NamedTuple):
    """A photo and its hole at one scale."""

    image: Image
    hole: Mask


@dataclass(frozen=True)
class Completion:
    """A plausible filling, right in its large shapes but soft, and where it was found."""

    colours: Floats
    """H x W x 3, CIELab."""
    shifts: npt.NDArray[np.int32]
    """H x W x 2, (rows, columns) from each pixel in or near the hole to the middle of the most similar patch."""


class _Matches(NamedTuple):
    """Upper left corners of patches and of those most similar to them."""

    rows: Positions
    columns: Positions
    found_rows: Positions
    found_columns: Positions
    differences: Floats
    """Mean squares."""


class _Library:
    """The known patches of one level, ready to be searched."""

    def __init__(self, colours: Floats, hole: Mask) -> None:
        around = cv2.dilate(hole.astype(np.uint8), np.ones((_SIDE, _SIDE), np.uint8)) > 0
        self.touching: Mask = around[_SIDE // 2 : -(_SIDE // 2), _SIDE // 2 : -(_SIDE // 2)]
        self._rows, self._columns = np.nonzero(~self.touching)
        patches = _patches(colours, self._rows, self._columns)
        self._mean = patches.mean(axis=0)
        sample = patches[:: len(patches) // 4000 + 1] - self._mean
        _, vectors = np.linalg.eigh(sample.T @ sample)
        self._basis = vectors[:, -_COMPONENTS:]
        projected = (patches - self._mean) @ self._basis
        # with this column, the largest product belongs to the smallest distance
        self._searched = np.column_stack([projected, -0.5 * np.square(projected).sum(axis=1)]).T.copy()

    def matches(self, colours: Floats) -> _Matches:
        """For every patch that touches the hole, the known one most like it."""
        rows, columns = np.nonzero(self.touching)
        wanted = (_patches(colours, rows, columns) - self._mean) @ self._basis
        extended = np.column_stack([wanted, np.ones(len(wanted), np.float32)])
        best, scores = np.empty(len(wanted), np.intp), np.empty(len(wanted), np.float32)
        for start in range(0, len(wanted), _BATCH):
            products = extended[start : start + _BATCH] @ self._searched
            best[start : start + _BATCH] = products.argmax(axis=1)
            scores[start : start + _BATCH] = products.max(axis=1)
        differences = np.maximum(np.square(wanted).sum(axis=1) - 2 * scores, 0) / (3 * _SIDE**2)
        return _Matches(rows, columns, self._rows[best], self._columns[best], differences)


def completed(levels: Sequence[Level]) -> Completion | None:
    """The completion of the last of the levels, which run from coarse to fine; each is half the next.

    None if the last one does not know enough patches; coarser ones that do not are passed over.
    """
    if not searchable(levels[-1].hole):
        return None
    completion = None
    usable = [level for level in levels if searchable(level.hole)]
    for level, rounds in zip(usable, (*_ROUNDS, *[_ROUNDS[-1]] * len(usable)), strict=False):
        completion = _improved(level, completion, rounds)
    return completion


def searchable(hole: Mask) -> bool:
    """Whether there are enough patches without a marked pixel."""
    if min(hole.shape) < _SIDE + 2:
        return False
    around = cv2.dilate(hole.astype(np.uint8), np.ones((_SIDE, _SIDE), np.uint8)) > 0
    known = ~around[_SIDE // 2 : -(_SIDE // 2), _SIDE // 2 : -(_SIDE // 2)]
    return bool(known.sum() >= max(_FEWEST, _LEAST_SHARE * known.size))


def lab(image: Image) -> Floats:
    """CIELab, in its own units: lightness 0..100."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)


def _improved(level: Level, coarser: Completion | None, rounds: int) -> Completion:
    known = lab(level.image)
    library = _Library(known, level.hole)
    colours = membrane(known, ~level.hole) if coarser is None else _carried(coarser, known, level.hole, library)
    for _ in range(rounds):
        matches = library.matches(colours)
        colours = _voted(colours, level.hole, matches)
    return Completion(colours, _shifts(matches, level.hole))


def _patches(colours: Floats, rows: Positions, columns: Positions) -> Floats:
    every = sliding_window_view(colours, (_SIDE, _SIDE), axis=(0, 1))
    return np.asarray(every[rows, columns].reshape(len(rows), -1), np.float32)


def _carried(coarser: Completion, known: Floats, hole: Mask, library: _Library) -> Floats:
    """The coarser completion at twice its size, made of this level's own patches where these can be known."""
    height, width = hole.shape
    colours = np.where(hole[..., None], doubled(coarser.colours)[:height, :width], known)
    rows, columns = np.nonzero(library.touching)
    middle = _SIDE // 2
    shifts = 2 * coarser.shifts[(rows + middle) // 2, (columns + middle) // 2]
    limits = np.array(library.touching.shape) - 1
    found_rows, found_columns = np.clip(np.stack([rows, columns], axis=-1) + shifts, 0, limits).T
    usable = ~library.touching[found_rows, found_columns]
    alike = np.zeros(np.count_nonzero(usable), np.float32)
    carried = _Matches(rows[usable], columns[usable], found_rows[usable], found_columns[usable], alike)
    return _voted(colours, hole, carried)


def _voted(colours: Floats, hole: Mask, matches: _Matches) -> Floats:
    """The hole as the weighted mean of the patches found for it."""
    total, weight = np.zeros_like(colours), np.zeros(hole.shape, np.float32)
    votes = _weights(hole, matches)
    for down, right in np.ndindex(_SIDE, _SIDE):
        to = matches.rows + down, matches.columns + right
        total[to] += votes[:, None] * colours[matches.found_rows + down, matches.found_columns + right]
        weight[to] += votes
    voted = hole & (weight > 0)
    result = colours.copy()
    result[voted] = total[voted] / weight[voted][:, None]
    return result


def _weights(hole: Mask, matches: _Matches) -> Floats:
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    depths = depth[matches.rows + _SIDE // 2, matches.columns + _SIDE // 2]
    typical = max(float(np.percentile(matches.differences, 75)), 1.0) if len(depths) else 1.0
    votes = np.exp(-matches.differences / (2 * typical)) * _CONFIDENCE**-depths
    return np.asarray(votes + 1e-8, np.float32)


def _shifts(matches: _Matches, hole: Mask) -> npt.NDArray[np.int32]:
    """The matches as a field; pixels that are in the middle of none of the patches take the nearest one's."""
    middles = matches.rows + _SIDE // 2, matches.columns + _SIDE // 2
    unmatched = np.ones(hole.shape, np.uint8)
    unmatched[middles] = 0
    _, areas = cv2.distanceTransformWithLabels(unmatched, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    of_area = np.zeros((int(areas.max()) + 1, 2), np.int32)
    of_area[areas[middles], 0] = matches.found_rows - matches.rows
    of_area[areas[middles], 1] = matches.found_columns - matches.columns
    return np.asarray(of_area[areas], np.int32)
