"""What can be measured of a result without learning: each group of numbers shows a fault that a person sees.

All are taken of pictures evened to the surroundings of the mask, so that brightness and contrast of the photo say
nothing, and most compare the hole with what is around it, for a photo that is blurred or noisy all over must be
filled by the like. Many are quantiles: one bad spot is seen however large the hole is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.measures_border import edges, steps
from rorem_demo.discriminator.measures_near import closely
from rorem_demo.discriminator.measures_squares import novelty
from rorem_demo.discriminator.surroundings import (
    FAINT,
    NEIGHBOURHOOD,
    Band,
    Hole,
    Numbers,
    Plane,
    blurred,
    lengths,
    logarithm,
    quantiles,
    squared,
)

MEASURES = 400
"""How many numbers there are."""
_DEEP = 64
"""Pixels: depths are told in it."""
_SEEN = 0.1
"""Detail that is weaker, evened, counts less where one asks what the result repeats of it."""


def measures(wide: npt.NDArray[np.uint8], near: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """MEASURES finite numbers about one result, most about the size of 1.

    Args:
        wide: S x S x 7, as `windows.windows` cuts it.
        near: P x S x S x 7; the first from the middle of the mask.
    """
    hole = Hole.of(wide)
    found = [shape(hole)]
    for number, band in enumerate(hole.bands):
        local = Band(*(blurred(plane, 1.4 * 2 ** (number / 2)) for plane in band))
        found += [detail(hole, local), repeated(hole, band), repeated_places(hole, local)]
    found += [colour(hole, hole.result), colour(hole, hole.source)]
    found += [steps(hole), edges(hole), novelty(hole), closely(near)]
    return np.concatenate(found).astype(np.float32)


def shape(hole: Hole) -> Numbers:
    """Contrast of the surroundings, size and depth of the hole: what every other number must be seen beside."""
    share = np.mean(hole.pixels.inside)
    return np.array([np.log(hole.spread), np.log(share), -hole.distance.min() / _DEEP])


def detail(hole: Hole, local: Band) -> Numbers:
    """Detail of one size in the hole beside the ring around it: below where a fill is blurred, above where noisy.

    And how far it departs from what the surroundings next to each place have, and what the source had there.

    Args:
        hole: where.
        local: means around every pixel.
    """
    plane = logarithm(local.result)
    after, before = squared(plane), squared(logarithm(local.source))
    around = quantiles(after[hole.squares.ring], (0.02, 0.1, 0.5, 0.9, 0.98))
    usual = around[2]
    inside = quantiles(after[hole.squares.inside], (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98))
    departing = squared(plane - hole.expected(plane, usual))[hole.squares.inside]
    return np.hstack(
        [
            inside - usual,
            around[[0, 1, 3, 4]] - usual,
            usual,
            inside[-1] - around[-1],
            inside[0] - around[0],
            quantiles(before[hole.squares.inside], (0.5, 0.9)) - usual,
            quantiles(departing, (0.02, 0.1, 0.5, 0.9, 0.98)),
        ]
    )


def repeated(hole: Hole, band: Band) -> Numbers:
    """How much of the source's detail in the hole the result repeats: a ghost, or an object left as it was.

    Correlation, the share that is repeated, and how much there was to repeat.
    """
    before, after, both = (float(plane[hole.pixels.inside].mean()) for plane in band)
    return np.array([both / np.sqrt(before * after + 1e-6), both / (before + 1e-3), np.log(before + FAINT) / 2])


def repeated_places(hole: Hole, local: Band) -> Numbers:
    """The same correlation around every pixel, where there was detail to repeat: part of an object that was left.

    Args:
        hole: where.
        local: means around every pixel.
    """
    detail_before = np.sqrt(local.source + FAINT)
    alike = local.product / np.sqrt(local.source * local.result + FAINT)
    told = squared(alike * detail_before / (detail_before + _SEEN))
    return quantiles(told[hole.squares.inside], (0.25, 0.5, 0.75, 0.9, 0.98))


def colour(hole: Hole, pictures: tuple[Plane, ...]) -> Numbers:
    """How far colours in the hole are from those next to it: another shade, a smear, or the object as it was.

    And how much colours around vary anyhow, and how far the mean of the hole is from that of the ring.

    Args:
        hole: where.
        pictures: its `source` or its `result`.
    """
    plain, smooth = pictures[0], pictures[2]
    ring, inside = (plain[hole.pixels.ring].mean(axis=0), smooth[hole.pixels.inside].mean(axis=0))
    away = squared(lengths(smooth - hole.expected(plain, ring)))[hole.squares.inside]
    usual = squared(lengths(smooth - blurred(smooth, NEIGHBOURHOOD)))[hole.squares.ring]
    shift = np.abs(inside - ring)
    return np.hstack(
        [
            quantiles(away, (0.1, 0.5, 0.75, 0.9, 0.98)),
            quantiles(usual, (0.5, 0.9)),
            np.sort(shift),
            np.linalg.norm(shift),
        ]
    )
