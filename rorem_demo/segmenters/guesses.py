"""guessed(): regions of cells that clicks or a box may mean, and how good each one looks.

A click says nothing of how large its object is. So a guess is made for every extent - a ball around the click, on
foot, so that edges keep it small - and each is drawn to what has its colours, as GrabCut does. What the regions
have in common with true objects then tells which to show: a linear rule fitted to clicks on photos of COCO.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.cells import FAR, Cells, Floats
from rorem_demo.imaging.types import Box, Size, size_of
from rorem_demo.segmenters.base import Click

EXTENTS = np.geomspace(0.003, 1, 22)[:-1]
"""Shares of the photo that balls around all clicks fill."""
CORRECTIONS = np.geomspace(0.002, 0.5, 12)
"""Shares of the photo that the last click adds to what was found before, or takes from it."""

_ROUNDS = 2
_PULL = 2.0
"""Logarithm of the odds that a seed itself has for being in its object: the middle of a ball."""
_INERTIA = 3.0
"""The same for what was found before, after it was corrected."""
_BOX_PULLS = (0.0, 1.0, 2.0)
"""The same of all that is in a box."""
_OUT = -20.0
"""The same of what is outside a box."""
_RARE = 1e-4
"""Share of an object that may have a colour never seen in it."""


@dataclass(frozen=True, eq=False)
class Pointing:
    """Prompts as cells: what is in the object, what is not, and what was found before the last click."""

    inside: npt.NDArray[np.intp]
    outside: npt.NDArray[np.intp]
    first: tuple[int, int] | None
    last: tuple[int, int] | None
    """Column and row of clicks in the reduced photo: the first in the object, and the last of all."""
    keep: bool
    """The last click says what is not in the object."""
    box: Box | None
    """In the reduced photo, rounded outwards."""
    before: Floats | None
    """n, 0 or 1."""

    @classmethod
    def at(
        cls, cells: Cells, size: Size, clicks: Sequence[Click], box: Box | None, before: npt.NDArray[np.bool_] | None
    ) -> Pointing:
        """What is pointed at on a photo of `size`, and the mask that the last click corrects."""
        height, width = cells.labels.shape
        spots = [(click.x * width // size.width, click.y * height // size.height) for click in clicks]
        inside = [spot for spot, click in zip(spots, clicks, strict=True) if not click.keep]
        outside = [spot for spot, click in zip(spots, clicks, strict=True) if click.keep]
        found = _cells_at(cells, inside)
        return cls(
            inside=found,
            outside=np.setdiff1d(_cells_at(cells, outside), found),
            first=inside[0] if inside else None,
            last=spots[-1] if spots else None,
            keep=bool(clicks) and clicks[-1].keep,
            box=None if box is None else carried(box, size, size_of(cells.labels)),
            before=None if before is None or not spots else (cells.shares(before) > 0.5).astype(np.float32),
        )


def guessed(cells: Cells, pointing: Pointing) -> tuple[Floats, Floats]:
    """Regions, n x k of 0 or 1 and none twice, and the estimated IoU of each."""
    starts = _boxed(cells, pointing.box) if pointing.box else _balls(cells, pointing)
    regions = [_settled(cells, pointing, *starts)]
    if pointing.box:
        regions.append(starts[0])
    if pointing.before is not None and pointing.last is not None:
        corrected, prior = _corrected(cells, pointing, pointing.before)
        regions += [_settled(cells, pointing, corrected, prior), _held(cells, pointing, corrected)]
    distinct = np.unique(np.concatenate(regions, axis=1), axis=1)
    return distinct, np.asarray(merits(cells, pointing, distinct) @ _WEIGHTS, np.float32)


def _cells_at(cells: Cells, spots: Sequence[tuple[int, int]]) -> npt.NDArray[np.intp]:
    return np.unique(np.array([cells.labels[y, x] for x, y in spots], np.intp))


def carried(box: Box, old: Size, new: Size) -> Box:
    """The same part of a photo of another size, rounded outwards."""
    left, top = box.left * new.width // old.width, box.top * new.height // old.height
    return Box(left, top, -(-box.right * new.width // old.width), -(-box.bottom * new.height // old.height))


def _balls(cells: Cells, pointing: Pointing) -> tuple[Floats, Floats]:
    """Balls around the clicks, without what is nearer to a click outside, and the odds that they mean."""
    near = cells.distances(pointing.inside)
    own = np.where(near <= cells.distances(pointing.outside), near, FAR)
    regions, radii = _nearest(cells, own, EXTENTS)
    return regions, np.asarray(_PULL * np.clip(1 - own[:, None] / radii, _OUT, 1), np.float32)


def _nearest(cells: Cells, distances: Floats, shares: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    """The nearest cells that together just exceed each share of the photo, and the distance of the last."""
    order = np.argsort(distances, kind="stable")[: np.count_nonzero(distances < FAR)]
    filled = np.cumsum(cells.areas[order]) / cells.areas.sum()
    counts = np.unique(np.minimum(np.searchsorted(filled, shares) + 1, len(order)))
    ranks = np.full(cells.count, cells.count)
    ranks[order] = np.arange(len(order))
    radii = np.maximum(distances[order[counts - 1]], 1e-3)
    return np.asarray(ranks[:, None] < counts, np.float32), np.asarray(radii, np.float32)


def _boxed(cells: Cells, box: Box) -> tuple[Floats, Floats]:
    """What is in the box, and how firmly it is believed to be the object."""
    filled = np.zeros_like(cells.labels)
    filled[box.slices] = 1
    shares = np.bincount(cells.labels.ravel(), filled.ravel(), cells.count) / cells.areas
    region = np.asarray(shares >= min(0.5, shares.max()), np.float32)[:, None]
    prior = np.where(region > 0, np.array(_BOX_PULLS, np.float32), np.float32(_OUT))
    return np.repeat(region, len(_BOX_PULLS), axis=1), prior


def _corrected(cells: Cells, pointing: Pointing, before: Floats) -> tuple[Floats, Floats]:
    """What was found before with balls around the last click added or taken away, and odds that hold it there."""
    last = _cells_at(cells, [pointing.last] if pointing.last else [])
    near = cells.distances(last)
    others = cells.distances(pointing.inside if pointing.keep else pointing.outside)
    own = np.where(near <= others, near, FAR)
    balls, _ = _nearest(cells, own, CORRECTIONS)
    old = before[:, None]
    regions = np.asarray(np.minimum(old, 1 - balls) if pointing.keep else np.maximum(old, balls), np.float32)
    regions[pointing.outside], regions[pointing.inside] = 0, 1
    return regions, np.asarray(_INERTIA * (2 * regions - 1), np.float32)


def _settled(cells: Cells, pointing: Pointing, regions: Floats, prior: Floats) -> Floats:
    """Regions drawn to what has their colours rather than those around, with outlines drawn to edges."""
    for _ in range(_ROUNDS):
        odds = prior + _colour_odds(cells, regions)
        belief = (1 / (1 + np.exp(-np.clip(odds, _OUT, -_OUT)))).astype(np.float32)
        belief[pointing.outside], belief[pointing.inside] = 0, 1
        regions = (cells.smoothing @ belief > 0.5).astype(np.float32)
        regions[pointing.outside], regions[pointing.inside] = 0, 1
    return _held(cells, pointing, regions)


def _held(cells: Cells, pointing: Pointing, regions: Floats) -> Floats:
    return cells.joined(regions, pointing.inside) if pointing.inside.size else regions


def _colour_odds(cells: Cells, regions: Floats) -> Floats:
    """Logarithm of how much more likely each cell's colour is inside each region than outside."""
    inside, outside = _colour_shares(cells, regions)
    return np.asarray(np.log((inside + _RARE) / (outside + _RARE)), np.float32)


def _colour_shares(cells: Cells, regions: Floats) -> tuple[Floats, Floats]:
    """How common each cell's colour is inside each region, and outside, 0..1."""
    inside, areas = cells.likeness @ regions, cells.areas @ regions
    outside = np.maximum(cells.likeness.sum(axis=1)[:, None] - inside, 0)
    return inside / np.maximum(areas, 1), outside / np.maximum(cells.areas.sum() - areas, 1)


def merits(cells: Cells, pointing: Pointing, regions: Floats) -> Floats:
    """What tells a true object from another region, k x 9; see `_WEIGHTS`."""
    areas = np.maximum(cells.areas @ regions, 1)
    lengths = cells.cut(regions, cells.lengths)
    weights = [cells.lengths * cells.contrasts, cells.lengths * cells.gradients]
    contrast, gradient = (np.minimum(cells.cut(regions, weight) / (lengths + 1e-3), 6) for weight in weights)
    changes = regions if pointing.before is None else np.abs(regions - pointing.before[:, None])
    last = pointing.first if pointing.before is None else pointing.last
    columns = [
        np.ones_like(areas),
        np.log(areas / cells.areas.sum()),
        cells.rims @ regions / cells.rims.sum(),
        contrast,
        gradient,
        np.minimum(lengths / np.sqrt(areas), 20),
        _purity(cells, regions),
        _centrality(cells, regions, pointing.first),
        _centrality(cells, changes, last),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _purity(cells: Cells, regions: Floats) -> Floats:
    """How much likelier the region's own colours are inside than outside: 0 alike, 1 quite apart."""
    inside, outside = _colour_shares(cells, regions)
    own = inside / (inside + outside + 1e-9)
    areas = cells.areas[:, None]
    means = [(areas * part * own).sum(axis=0) / np.maximum(cells.areas @ part, 1) for part in (regions, 1 - regions)]
    return np.asarray(means[0] - means[1], np.float32)


def _centrality(cells: Cells, regions: Floats, spot: tuple[int, int] | None) -> Floats:
    """Depth of a click in each region, over that of its deepest pixel: people click the middle."""
    if spot is None:
        return np.ones(regions.shape[1], np.float32)
    found = []
    for region in regions.T.astype(np.uint8):
        depth = cv2.distanceTransform(np.pad(region[cells.labels], 1), cv2.DIST_L2, 3)
        found.append(depth[spot[1] + 1, spot[0] + 1] / max(1.0, float(depth.max())))
    return np.array(found, np.float32)


_WEIGHTS = np.array([0.24, 0.047, -0.5, 0.077, -0.038, -0.039, 0.258, 0.446, 0.08], np.float32)
"""Of 1, log of area, share of the picture's edge, contrast, gradient, outline by root of area, purity, centralities."""
