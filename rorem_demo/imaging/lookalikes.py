"""Lookalikes: for every piece of a hole that has been filled, the known place of the picture most like it.

Patches are compared by the principal components of their lightness and by their means. The search looks at
a bounded number of places and then around the best; in a few rounds pieces take over their neighbours' shifts, so that
adjacent pieces come from adjacent places wherever that is nearly as good.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.patches import lab

if TYPE_CHECKING:
    from rorem_demo.imaging.blend import Floats, Indices
    from rorem_demo.imaging.types import Image, Mask

Places: TypeAlias = npt.NDArray[np.intp]
"""N x 2, rows and columns."""

MARGIN = 0.5
"""Pixels by which what is copied is larger than its cell, on each side."""

_SIDE = 5
"""Of a patch, in pixels."""
_COMPONENTS = 18
_LIGHTNESS, _COLOUR = 0.35, 1.0
"""How much the difference of two means counts beside that of the patterns."""
_CELL = 3
_MOST_CELLS = 5000
"""Cells are larger than that many pixels where there would be more of them than these."""
_MOST_SEARCHED = 20_000
_FEWEST_KNOWN = 200
_LEAST_KNOWN = 0.08
"""Places to copy from that there must be: so many, and this share of the picture."""
_BATCH = 512
_TURNS = 8
_SEAM = 0.25
"""What a neighbour that is copied from elsewhere costs, in median differences."""
_SMALL_DIFFERENCE = 0.1
_NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_NUDGES = tuple((down, right) for down in range(-2, 3) for right in range(-2, 3) if down or right)
_FINE = 1.0
"""Below that many pixels a structure is fine."""
_FINE_OVER, _STRAIGHT_OVER = 1.2, 2.0
_STRAIGHT = (0.4, 0.8)
"""Share of one direction among the gradients: none below, an edge above."""
_STRONG = (70.0, 220.0)
"""Variance of lightness, CIELab: a texture below, the contrast of two things above."""
_FLAT = 2.0
"""Variance below which a pattern is no pattern."""
_ALIKE, _UNLIKE = (0.8, 0.3), (1.2, 0.6)
"""Difference as a share of what unrelated patches have; all is taken below, nothing above; first of textures."""


class Cells(NamedTuple):
    """The hole in N square pieces."""

    side: int
    grid: Indices
    """Rows x columns: which of the N is there, -1 where none."""
    corners: Places
    """Upper left ones."""
    middles: Places


class Lookalikes(NamedTuple):
    """Where each cell finds what it lacks."""

    cells: Cells
    shifts: Places
    """From a cell to its source."""
    shares: Floats
    """N, 0..1: how much that is to be trusted."""
    contrast: Floats
    """H x W: local contrast of the finest structures, as a share of that at the source; 0 outside the cells."""
    strong: Floats
    """H x W: 1 where things of different lightness meet, 0 in a texture."""
    edges: Floats
    """H x W: the same, but only where they meet in a straight line."""


class _Looks(NamedTuple):
    """What the surroundings of every pixel look like."""

    values: Floats
    """H x W x n: the squared distance of two is about the mean squared difference of their patches."""
    variance: Floats
    """H x W, of lightness."""
    fine: Floats
    """H x W, local mean square of the finest structures."""


def lookalikes(filled: Image, hole: Mask) -> Lookalikes | None:
    """The known places of a picture most like the filling of its hole; None if too little is known."""
    cells = _cells(hole)
    usable = _usable(hole, cells.side)
    if np.count_nonzero(usable) < max(_FEWEST_KNOWN, _LEAST_KNOWN * hole.size):
        return None
    colours = lab(filled)
    looks = _looks(colours, _basis(colours[..., 0], usable))
    search = _Search(cells, looks.values, usable)
    found, differences = search.coherent(*search.nudged(search.start()))
    shares = _shares(differences, looks.variance[*cells.middles.T], looks.variance[*found.T])
    shifts, strong = found - cells.middles, _between(looks.variance, _STRONG)
    contrast = _contrast(cells, shifts, looks.fine)
    return Lookalikes(cells, shifts, shares, contrast, strong, strong * _straight(colours[..., 0]))


def _cells(hole: Mask) -> Cells:
    box = bounding_box(hole)
    side = max(_CELL, ceil((np.count_nonzero(hole) / _MOST_CELLS) ** 0.5))
    rows, columns = -(-box.size.height // side), -(-box.size.width // side)
    padded = np.zeros((rows * side, columns * side), np.bool_)
    padded[: box.size.height, : box.size.width] = hole[box.slices]
    taken = padded.reshape(rows, side, columns, side).any(axis=(1, 3))
    grid = np.where(taken, np.cumsum(taken).reshape(taken.shape) - 1, -1).astype(np.int32)
    corners = np.argwhere(taken) * side + (box.top, box.left)
    return Cells(side, grid, corners, np.minimum(corners + side // 2, np.array(hole.shape) - 1))


def _usable(hole: Mask, side: int) -> Mask:
    """Where the middle of a piece may be taken from: its patch is known, and it, a pixel moved and resampled, too."""
    reach = max(_SIDE // 2, side // 2 + ceil(MARGIN) + 3)
    near = cv2.dilate(hole.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    usable = np.zeros_like(hole)
    usable[reach:-reach, reach:-reach] = ~near[reach:-reach, reach:-reach]
    return usable


def _basis(lightness: Floats, usable: Mask) -> Floats:
    """Components x side x side: the principal components of the usable patches' patterns."""
    rows, columns = np.nonzero(usable)
    some = slice(None, None, len(rows) // 4000 + 1)
    every = sliding_window_view(lightness, (_SIDE, _SIDE))
    patches = every[rows[some] - _SIDE // 2, columns[some] - _SIDE // 2].reshape(-1, _SIDE**2)
    patterns = patches - patches.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(patterns.T @ patterns)
    return np.asarray(vectors[:, -_COMPONENTS:].T.reshape(-1, _SIDE, _SIDE), np.float32)


def _looks(colours: Floats, basis: Floats) -> _Looks:
    lightness = np.ascontiguousarray(colours[..., 0])
    means = cv2.blur(colours, (_SIDE, _SIDE), borderType=cv2.BORDER_REFLECT_101)
    patterns = [cv2.filter2D(lightness, -1, one / _SIDE, borderType=cv2.BORDER_REFLECT_101) for one in basis]
    squares = cv2.blur(np.square(lightness), (_SIDE, _SIDE), borderType=cv2.BORDER_REFLECT_101)
    fine = np.square(lightness - cv2.GaussianBlur(lightness, (0, 0), _FINE))
    return _Looks(
        np.dstack([*patterns, means * np.array([_LIGHTNESS, _COLOUR, _COLOUR], np.float32)]),
        np.maximum(squares - np.square(means[..., 0]), 0),
        np.asarray(cv2.GaussianBlur(fine, (0, 0), _FINE_OVER), np.float32),
    )


def _straight(lightness: Floats) -> Floats:
    """H x W: 1 where the gradients have one direction, 0 where they have many."""
    across, down = cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    products = (across * across, down * down, across * down)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), _STRAIGHT_OVER) for product in products)
    straight = np.hypot(xx - yy, 2 * xy) / (xx + yy + 1)  # the 1 keeps noise on plain areas from having a direction
    return _between(straight, _STRAIGHT)


def _between(values: Floats, limits: tuple[float, float]) -> Floats:
    """0 below the limits, 1 above."""
    return np.asarray(np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1), np.float32)


def _shares(differences: Floats, ours: Floats, theirs: Floats) -> Floats:
    unrelated = ours + theirs + _FLAT
    strong = _between(ours, _STRONG)
    alike, unlike = (ends[0] + (ends[1] - ends[0]) * strong for ends in (_ALIKE, _UNLIKE))
    return np.asarray(np.clip((unlike - differences / unrelated) / (unlike - alike), 0, 1), np.float32)


def _contrast(cells: Cells, shifts: Places, fine: Floats) -> Floats:
    (top, left), limits = cells.corners.min(axis=0), np.array(fine.shape)
    grid = cells.grid.repeat(cells.side, axis=0).repeat(cells.side, axis=1)[: limits[0] - top, : limits[1] - left]
    here = np.argwhere(grid >= 0)
    there = np.clip(here + (top, left) + shifts[grid[*here.T]], 0, limits - 1)
    here += (top, left)
    result = np.zeros_like(fine)
    quiet = np.float32(0.05)  # CIELab, squared: the noise of a good photo made small
    result[*here.T] = np.sqrt((fine[*here.T] + quiet) / (fine[*there.T] + quiet))
    return result


class _Search:
    """Looks for every cell's place among the usable ones."""

    def __init__(self, cells: Cells, looks: Floats, usable: Mask) -> None:
        self._cells, self._looks, self._usable = cells, looks, usable
        self._wanted = looks[*cells.middles.T]

    def start(self) -> Places:
        """The best of evenly spread places."""
        places = np.argwhere(self._usable)
        places = places[:: len(places) // _MOST_SEARCHED + 1]
        known = self._looks[*places.T]
        # with this column, the largest product belongs to the smallest distance
        searched = np.column_stack([known, -0.5 * np.square(known).sum(axis=1)]).T.copy()
        wanted = np.column_stack([self._wanted, np.ones(len(self._wanted), np.float32)])
        batches = (wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH))
        return np.asarray(places[np.concatenate([(batch @ searched).argmax(axis=1) for batch in batches])], np.intp)

    def nudged(self, found: Places) -> tuple[Places, Floats]:
        """The best places next to those found, and how different they are."""
        best, least = found.copy(), self._differences(found)
        for nudge in _NUDGES:
            differences = self._differences(found + nudge)
            better = differences < least
            best[better], least[better] = (found + nudge)[better], differences[better]
        return best, least

    def coherent(self, found: Places, differences: Floats) -> tuple[Places, Floats]:
        """The same with fewer seams: chessboard-wise, a cell may take over a neighbour's shift."""
        grid = np.pad(self._cells.grid, 1, constant_values=-1)
        at = np.argwhere(grid >= 0)
        beside = [grid[*(at + step).T] for step in _NEIGHBOURS]
        price = np.float32(_SEAM * (np.median(differences) + _SMALL_DIFFERENCE))
        shifts, differences = found - self._cells.middles, differences.copy()
        for turn in range(_TURNS):
            before, mine = shifts.copy(), at.sum(axis=1) % 2 == turn % 2
            total = differences + price * _seams(before, before, beside)
            for neighbour in beside:
                tried = before[neighbour]
                apart = self._differences(self._cells.middles + tried)
                offered = apart + price * _seams(tried, before, beside)
                better = mine & (neighbour >= 0) & (offered < total)
                shifts[better], differences[better], total[better] = tried[better], apart[better], offered[better]
        return self._cells.middles + shifts, differences

    def _differences(self, places: Places) -> Floats:
        """N, infinite where a place may not be taken."""
        within = np.clip(places, 0, np.array(self._usable.shape) - 1)
        usable = self._usable[*within.T] & (within == places).all(axis=1)
        apart = np.square(self._looks[*within.T] - self._wanted).sum(axis=1)
        return np.where(usable, apart, np.float32(np.inf))


def _seams(tried: Places, shifts: Places, beside: list[Indices]) -> Indices:
    """N: how many neighbours have another shift."""
    differ = [(neighbour >= 0) & (shifts[neighbour] != tried).any(axis=1) for neighbour in beside]
    return np.asarray(np.sum(differ, axis=0), np.int32)
