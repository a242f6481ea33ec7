"""What happens across the border of a hole: a seam, a halo, another shade, or a fill that meets it unseen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from rorem_demo.discriminator.surroundings import (
    FAINT,
    Hole,
    Marks,
    Numbers,
    Plane,
    blurred,
    mean_colour,
    quantiles,
    weighted,
)

BORDERS = (0.0, 8.0, 16.0)
"""Pixels by which the border of the hole is moved outwards. The moved ones are placebos: no removal made the steps
across them, a photo has some everywhere, and only what the real border has beyond them is a fault."""
_DEEP = 12
"""Pixels: how far inwards of a border one side of a step reaches."""
_DEVIATIONS = (2.0, 4.0)
"""Of the means to either side of it, in pixels."""
_ENOUGH = 0.25
"""Weight on either side from which a place lies on the border."""


class Sides(NamedTuple):
    """Of every place on a border, N of them, the means to either side."""

    inner: Numbers
    """N, or N x 3 of a picture."""
    outer: Numbers

    @property
    def step(self) -> Numbers:
        return self.inner - self.outer


def sides_of(pictures: Sequence[Plane], inner: Marks, outer: Marks, deviation: float) -> list[Sides]:
    """Of each picture, the means on either side of where `inner` and `outer` meet.

    Args:
        pictures: each S x S or S x S x 3.
        inner: one side.
        outer: the other.
        deviation: of the Gaussian that they are weighted by, in pixels.
    """
    marks = [side.astype(np.float32) for side in (inner, outer)]
    weights = [blurred(side, deviation) for side in marks]
    border = np.minimum(*weights) > _ENOUGH
    shares = [weight[border] for weight in weights]

    def means(picture: Plane, side: Plane, share: Numbers) -> Numbers:
        return np.asarray((blurred(weighted(picture, side), deviation)[border].T / share).T)

    return [Sides(*(means(picture, *each) for each in zip(marks, shares, strict=True))) for picture in pictures]


def steps(hole: Hole) -> Numbers:
    """Steps across the border of the hole and across placebos: a tint, a seam, a fill smoother than the photo.

    Each of colour, of the result and of the source (the object's own border), and of the finest detail.
    """
    finest = hole.result[0] - hole.result[2]
    pictures = (hole.result[0], hole.source[0], mean_colour(finest * finest))
    found: list[Numbers] = []
    for out in BORDERS:
        outer = hole.distance > out
        inner = ~outer & (hole.distance > out - _DEEP)
        for deviation in _DEVIATIONS:
            after, before, noise = sides_of(pictures, inner, outer, deviation)
            found += [_of_colour(after.step), _of_colour(before.step), _of_detail(noise)]
    return np.concatenate(found)


def edges(hole: Hole) -> Numbers:
    """Gradients of the result on the border, and beside those just outside: a seam shows as edges only on it.

    Then those inside beside those just outside, where a smear has fewer and a ghost more, and those just outside
    beside those farther out, which no removal made.
    """
    return np.concatenate([_edges(hole, picture) for picture in hole.result[1:3]])


def _of_colour(step: Numbers) -> Numbers:
    """Length of the mean step, and quantiles of the steps' lengths."""
    if not len(step):
        return np.zeros(5)
    return np.hstack(
        [np.linalg.norm(step.mean(axis=0)), quantiles(np.linalg.norm(step, axis=1), (0.25, 0.5, 0.75, 0.95))]
    )


def _of_detail(sides: Sides) -> Numbers:
    inner, outer = (np.log(side + FAINT) for side in sides)
    return quantiles((inner - outer) / 2, (0.05, 0.25, 0.5, 0.75, 0.95))


def _edges(hole: Hole, picture: Plane) -> Numbers:
    across, down = (cv2.Sobel(picture, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    norm = np.sqrt(3 * mean_colour(across * across + down * down))
    away = hole.distance
    regions = (np.abs(away) <= 2.5, (away > 2.5) & (away < 10), away < -2.5, (away > 10) & (away < 20))
    border, close, inside, far = (
        np.log(quantiles(norm[region], (0.5, 0.75, 0.9, 0.98, 0.995)) + 0.01) for region in regions
    )
    return np.concatenate([border, border - close, inside - close, close - far])
