"""ShiftMap: which shifted copy of a picture fills which pixel of its hole; found coarse, carried to fine.

He & Sun, "Statistics of patch offsets for image completion" (2012): the offsets between similar patches of a
photo are few, so a hole is well filled by the photo itself, shifted by these, with seams laid where the copies
agree. Here the offsets come from a completion of a small copy, which also says roughly what belongs where, so
that no copy brings an object along. Labels are chosen by iterated conditional modes; from scale to scale, each
shift and each seam may then move by a pixel or so. That touches only pixels at seams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.patches import Completion, Level, lab
from rorem_demo.imaging.types import Box, Mask, size_of

if TYPE_CHECKING:
    from rorem_demo.imaging.blend import Floats, Indices

Labels: TypeAlias = npt.NDArray[np.int16]
Shifts: TypeAlias = npt.NDArray[np.int32]
Pixels: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Rows and columns."""

_MOST = 60
"""Shifts to choose from."""
_SWEEPS = 12
_SEAM_WEIGHT = 2.0
_SMOOTHED_OVER = (5, 5)
_MOST_DIFFERENT = 60.0
"""CIELab units at which a difference counts in full; what is above it is no worse."""
_INCOMPARABLE = 9.0
_FORBIDDEN = 1e6
_NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_NUDGES = np.array([(0, 0), *_NEIGHBOURS, (1, 1), (1, -1), (-1, 1), (-1, -1)], np.int32)
_REACH = 2
"""Pixels a seam may move at one scale."""
_SEAM_SAMPLES = 3000
_SEAM_SWEEPS = 2
_LONGEST_BAND = 40_000
"""Pixels around seams; where there are more, the scale is so fine that the seams already lie well enough."""
_REPAIRS = 2
_REPAIRED = 6_000_000
"""Rounds of repair, but one only on more pixels than that: at 12 MP a round takes half a second."""
_OUTLIER = 90
"""Sum of RGB differences above which a pixel no longer tells how well a shift fits."""


@dataclass(frozen=True)
class ShiftMap:
    """Which shift fills which pixel."""

    labels: Labels
    """H x W, rows of `shifts`; 0 outside the hole and nowhere else."""
    shifts: Shifts
    """K x 2, (rows, columns) from a pixel to its source; the first is (0, 0)."""


class _Colours(NamedTuple):
    """RGB of n pixels; meaningless where not `known`."""

    values: npt.NDArray[np.int16]
    known: Mask


class _Candidates(NamedTuple):
    """The picture near its hole under every shift, and at last unshifted."""

    colours: Floats
    """3 x (K + 1) x h x w."""
    known: Mask
    """(K + 1) x h x w."""

    def disagreement(self, tried: int, labels: Labels, at: Pixels, there: Mask) -> Floats:
        """K x n: how far all shifts' copies are from those of `labels` at n pixels; 0 unless `there`."""
        shifted, given = self.colours[:, :tried, *at], self.colours[:, labels, *at]
        differences = np.abs(shifted - given[:, None]).sum(axis=0)
        comparable = self.known[:tried, *at] & self.known[labels, *at]
        capped = np.where(comparable, np.minimum(differences, _MOST_DIFFERENT), _INCOMPARABLE)
        return np.asarray(capped * (there & (np.arange(tried)[:, None] != labels)), np.float32)


def chosen(level: Level, completion: Completion) -> ShiftMap:
    """The shift map of a small picture that comes close to its completion with few visible seams."""
    shifts = _dominant(completion.shifts, level.hole)
    box = bounding_box(level.hole).grown(1, size_of(level.hole))
    candidates = _candidates(lab(level.image), level.hole, shifts, box)
    inside = level.hole[box.slices]
    cost = _distance_to(completion.colours[box.slices], candidates, len(shifts))
    labels = np.where(inside, cost.argmin(axis=0), len(shifts)).astype(np.int16)
    for sweep in range(_SWEEPS):
        weight = _SEAM_WEIGHT * min(1.0, 1.5 * (sweep + 1) / _SWEEPS)  # stiff from the start would freeze it
        for parity in (0, 1):
            _relabel(labels, inside & _chessboard(inside.shape, parity), cost, candidates, weight)
    everywhere = np.zeros(level.hole.shape, np.int16)
    everywhere[box.slices] = np.where(inside, labels + 1, 0)
    return ShiftMap(everywhere, np.vstack([np.zeros((1, 2), np.int32), shifts]))


def _dominant(field: Shifts, hole: Mask) -> Shifts:
    """K x 2: the peaks of the histogram of shifts in and near the hole, highest first."""
    near = cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    height, width = hole.shape
    counts = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    np.add.at(counts, tuple((field[near] + (height, width)).T), 1)
    counts = cv2.GaussianBlur(counts, (0, 0), 0.8)
    rows, columns = np.nonzero((counts > 0) & (counts >= cv2.dilate(counts, np.ones((3, 3), np.uint8))))
    highest = np.argsort(-counts[rows, columns], kind="stable")[:_MOST]
    return np.stack([rows[highest] - height, columns[highest] - width], axis=-1).astype(np.int32)


def _candidates(colours: Floats, hole: Mask, shifts: Shifts, box: Box) -> _Candidates:
    height, width = hole.shape
    rows, columns = np.arange(box.top, box.bottom)[:, None], np.arange(box.left, box.right)
    moved, known = [], []
    for down, right in (*shifts, (0, 0)):
        y, x = rows + down, columns + right
        within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        moved.append(colours[y, x])
        known.append(within & ~hole[y, x])
    return _Candidates(np.ascontiguousarray(np.moveaxis(np.stack(moved), -1, 0)), np.stack(known))


def _distance_to(wanted: Floats, candidates: _Candidates, shifts: int) -> Floats:
    """K x h x w: how different every shift's copy is from what is wanted, over a small neighbourhood."""
    differences = np.abs(candidates.colours[:, :shifts] - np.moveaxis(wanted, -1, 0)[:, None]).sum(axis=0)
    known = candidates.known[:shifts]
    capped = np.where(known, np.minimum(differences, _MOST_DIFFERENT), _MOST_DIFFERENT).astype(np.float32)
    smoothed = [cv2.boxFilter(plane, -1, _SMOOTHED_OVER, borderType=cv2.BORDER_REFLECT) for plane in capped]
    return np.where(known, np.stack(smoothed), np.float32(_FORBIDDEN))


def _chessboard(shape: tuple[int, ...], parity: int) -> Mask:
    return np.asarray(np.indices(shape).sum(axis=0) % 2 == parity)


def _relabel(labels: Labels, turn: Mask, cost: Floats, candidates: _Candidates, weight: float) -> None:
    """Give each pixel whose turn it is its best label, its neighbours' being as they are."""
    rows, columns = np.nonzero(turn)
    here = rows, columns
    total = cost[:, rows, columns]
    for step in _NEIGHBOURS:
        beside, there = _beside(here, step, turn.shape)
        theirs = labels[beside]
        total += weight * candidates.disagreement(len(cost), theirs, here, there)
        total += weight * candidates.disagreement(len(cost), theirs, beside, there)
    labels[here] = total.argmin(axis=0)


def _beside(at: Pixels, step: tuple[int, int], shape: tuple[int, ...]) -> tuple[Pixels, Mask]:
    """The pixels one step away, and whether they are in the picture; those that are not are moved into it."""
    y, x = at[0] + step[0], at[1] + step[1]
    rows, columns = np.clip(y, 0, shape[0] - 1), np.clip(x, 0, shape[1] - 1)
    return (rows, columns), (rows == y) & (columns == x)


def enlarged(coarse: ShiftMap, finer: Level) -> ShiftMap:
    """The same shift map on a finer level."""
    box = bounding_box(finer.hole)
    ratios = np.divide(finer.hole.shape, coarse.labels.shape)
    rows = (np.arange(box.top, box.bottom) / ratios[0]).astype(np.intp)
    columns = (np.arange(box.left, box.right) / ratios[1]).astype(np.intp)
    labels = np.zeros(finer.hole.shape, np.int16)
    labels[box.slices] = coarse.labels[np.ix_(rows, columns)] * finer.hole[box.slices]
    return ShiftMap(labels, np.rint(coarse.shifts * ratios).astype(np.int32))


def refined(coarse: ShiftMap, level: Level) -> ShiftMap:
    """Better shifts, then better seams, as only this scale can tell them."""
    band = _around_seams(coarse.labels, bounding_box(level.hole).grown(_REACH, size_of(level.hole)))
    shifts = _nudged(coarse, level, band)
    labels = coarse.labels.copy()
    for sweep in range(_SEAM_SWEEPS if len(band[0]) <= _LONGEST_BAND else 0):
        for step in _NEIGHBOURS:
            _move_seams(ShiftMap(labels, shifts), level, band, step, sweep % 2)
    return ShiftMap(labels, shifts)


def _around_seams(labels: Labels, box: Box) -> Pixels:
    """The pixels within reach of another label, the hole's border included."""
    window = labels[box.slices]
    near = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    rows, columns = np.nonzero(cv2.dilate(window, near) != cv2.erode(window, near))
    return rows + box.top, columns + box.left


def _seam(labels: Labels, band: Pixels, step: tuple[int, int]) -> tuple[Pixels, Labels]:
    """Those pixels of the band whose neighbour one step on has another label, and that label."""
    beside, there = _beside(band, step, labels.shape)
    across = labels[beside]
    differs = there & (labels[band] != across)
    return (band[0][differs], band[1][differs]), across[differs]


def _nudged(coarse: ShiftMap, level: Level, band: Pixels) -> Shifts:
    """Every shift moved by up to one pixel to where its copies best continue what is around them."""
    shifts = coarse.shifts.copy()
    seams = [_seam(coarse.labels, band, step) for step in _NEIGHBOURS]
    rows, columns = (np.concatenate([at[axis] for at, _ in seams]) for axis in (0, 1))
    owners = np.concatenate([across for _, across in seams])
    for label in np.unique(owners[owners > 0]):
        mine = np.flatnonzero(owners == label)
        mine = mine[:: len(mine) // _SEAM_SAMPLES + 1]
        at = rows[mine], columns[mine]
        wanted = _taken(level, at, coarse.shifts[coarse.labels[at]]).values
        tried = coarse.shifts[label] + _NUDGES
        shifts[label] = tried[int(np.argmin([_misfit(level, at, wanted, shift) for shift in tried]))]
    return shifts


def _misfit(level: Level, at: Pixels, wanted: npt.NDArray[np.int16], shift: Shifts) -> float:
    taken, known = _taken(level, at, shift)
    return float(np.where(known, np.minimum(_apart(wanted, taken), _OUTLIER), _OUTLIER).mean())


def _taken(level: Level, at: Pixels, shifts: Shifts) -> _Colours:
    """The colours at pixels moved by shifts."""
    height, width = level.hole.shape
    y, x = at[0] + shifts[..., 0], at[1] + shifts[..., 1]
    within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    flat = np.where(within, y * width + x, 0)
    return _Colours(level.image.reshape(-1, 3)[flat].astype(np.int16), within & ~level.hole.ravel()[flat])


def _apart(one: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> npt.NDArray[np.int32]:
    difference = np.abs(one - other)
    return np.asarray(difference[:, 0].astype(np.int32) + difference[:, 1] + difference[:, 2], np.int32)


def _move_seams(found: ShiftMap, level: Level, band: Pixels, step: tuple[int, int], parity: int) -> None:
    """Give pixels next to a seam the label across it where that lowers the energy; one colour of a chessboard."""
    (rows, columns), across = _seam(found.labels, band, step)
    turn = (found.labels[rows, columns] > 0) & (across > 0) & ((rows + columns) % 2 == parity)
    at, across = (rows[turn], columns[turn]), across[turn]
    present, proposed = _energies(found, level, at, (found.labels[at], across))
    better = proposed < present
    found.labels[at[0][better], at[1][better]] = across[better]


def _energies(found: ShiftMap, level: Level, at: Pixels, options: tuple[Labels, ...]) -> list[npt.NDArray[np.int32]]:
    """For each option, how much pixels copied that way disagree with their four neighbours."""
    copies = [_taken(level, at, found.shifts[own]) for own in options]
    totals = [np.where(known, 0, int(_FORBIDDEN)).astype(np.int32) for _, known in copies]
    for step in _NEIGHBOURS:
        beside, _ = _beside(at, step, level.hole.shape)
        shifts = found.shifts[found.labels[beside]]
        here, there = _taken(level, at, shifts), _taken(level, beside, shifts)
        for number, own in enumerate(options):
            totals[number] += _disagreement(copies[number], here)
            totals[number] += _disagreement(_taken(level, beside, found.shifts[own]), there)
    return totals


def _disagreement(one: _Colours, other: _Colours) -> npt.NDArray[np.int32]:
    """0 where either is unknown."""
    return _apart(one.values, other.values) * (one.known & other.known)


def sources(found: ShiftMap, hole: Mask) -> Indices:
    """The pixel each pixel is copied from: itself outside the hole, and a known one inside without exception.

    Where a shift leads off the picture or into the hole, the nearest pixel's shift stands in for it, and at
    last the nearest known pixel itself.
    """
    result = np.arange(hole.size, dtype=np.int32).reshape(hole.shape)
    box = bounding_box(hole).grown(1, size_of(hole))
    rows, columns = np.nonzero(hole[box.slices])
    inside = rows, columns
    labels = found.labels[box.slices].astype(np.int32)
    taken, good = _followed(inside, box, found.shifts[labels[inside]], hole)
    for _ in range(_REPAIRS if hole[box.slices].size <= _REPAIRED else 1):
        bad = np.flatnonzero(~good)
        if not len(bad):
            break
        settled = np.zeros(labels.shape, bool)
        settled[inside] = good
        labels, astray = _nearest(labels, settled), (rows[bad], columns[bad])
        taken[bad], good[bad] = _followed(astray, box, found.shifts[labels[astray]], hole)
    if not good.all():
        taken[~good] = _nearest(result[box.slices], ~hole[box.slices])[inside][~good]
    result[box.slices][inside] = taken
    return result


def _followed(at: Pixels, box: Box, shifts: Shifts, hole: Mask) -> tuple[Indices, Mask]:
    """Where the shifts lead from pixels of the box, and whether that is a known pixel."""
    height, width = hole.shape
    y = at[0].astype(np.int32) + (shifts[:, 0] + np.int32(box.top))
    x = at[1].astype(np.int32) + (shifts[:, 1] + np.int32(box.left))
    within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    taken = (y * np.int32(width) + x) * within
    return taken, within & ~hole.ravel()[taken]


def _nearest(values: Indices, settled: Mask) -> Indices:
    """The values, and where none is settled that of the nearest settled pixel; 0 if there is none."""
    _, areas = cv2.distanceTransformWithLabels(
        (~settled).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_area = np.zeros(int(areas.max()) + 1, np.int32)
    of_area[areas[settled]] = values[settled]
    return np.asarray(of_area[areas], np.int32)
