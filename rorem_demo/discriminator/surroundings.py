"""Hole: the wide view of a result, evened to what surrounds the mask, and the arithmetic all measures share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.float32]
"""H x W, or H x W x 3 of a picture."""
Marks: TypeAlias = npt.NDArray[np.bool_]
"""H x W."""
Numbers: TypeAlias = npt.NDArray[np.floating]
"""One dimension."""

SQUARE = 4
"""Pixels: what is compared with what is around is first averaged over squares of this side."""
SIZES = (0.7, 1.4, 2.8, 5.6, 11.0)
"""Standard deviations of the blurs between which detail is measured, in pixels."""
NEIGHBOURHOOD = 8.0
"""Standard deviation of what counts as nearby, in pixels."""
FAINT = np.float32(1e-4)
"""Added to squares before their logarithm is taken: no eye sees less, evened."""
LEAST_SPREAD = 10.0
"""Grey levels: flatter surroundings count as having it, or their noise would be taken for texture."""
_ENCODED = 3
"""Pixels: so near the mask, known ones may have been changed by encoders and blended borders."""
_RING = 24
"""Pixels: how far out the surroundings reach that a fill must match."""
_FEW = 64
"""Pixels: fewer tell nothing."""


class Places(NamedTuple):
    """Which pixels, or which squares of SQUARE pixels, to look at."""

    inside: Marks
    """The hole."""
    ring: Marks
    """Known ones close around it."""
    known: Marks
    """All that the hole does not touch."""


class Band(NamedTuple):
    """Squares of the detail of one size, means over the colours: what one blur keeps and the next takes away."""

    source: Plane
    result: Plane
    product: Plane
    """Of both pictures' detail: as large as the others where the result repeats the source."""


@dataclass(frozen=True)
class Hole:
    """A result around its hole; the known surroundings have mean 0 and spread 1."""

    spread: float
    """Contrast of the surroundings, in grey levels."""
    distance: Plane
    """Pixels from the border of the hole, negative inside."""
    pixels: Places
    squares: Places
    nearness: Plane
    """How much is known nearby, 0..1."""
    source: tuple[Plane, ...]
    """As it is, then blurred with each of SIZES."""
    result: tuple[Plane, ...]
    bands: tuple[Band, ...]
    """From fine to coarse, one for each of SIZES."""

    @classmethod
    def of(cls, view: npt.NDArray[np.uint8]) -> Hole:
        """Of a wide view (`windows.windows`), S x S x 7; an empty mask counts as a full one."""
        inside = first_of(view[..., 6] > 127, view[..., 6] > 0, np.ones(view.shape[:2], bool))
        distance = signed_distance(inside)
        pixels = _pixels(inside, distance)
        spread, source, result = _evened(view, pixels.known)
        sources, results = _blurs(source), _blurs(result)
        return cls(
            spread=spread,
            distance=distance,
            pixels=pixels,
            squares=_squares(pixels),
            nearness=blurred(pixels.known.astype(np.float32), NEIGHBOURHOOD),
            source=sources,
            result=results,
            bands=tuple(band(*both) for both in zip(pairwise(sources), pairwise(results), strict=True)),
        )

    def expected(self, picture: Plane, elsewhere: float | Numbers) -> Plane:
        """What the known places nearby let expect of every place, of the picture's shape.

        Args:
            picture: what is known is taken from it.
            elsewhere: what to expect where nothing known is near: of each colour, or one number of a plane.
        """
        nearby = blurred(weighted(picture, self.pixels.known.astype(np.float32)), NEIGHBOURHOOD)
        means = weighted(nearby, np.reciprocal(self.nearness + np.float32(1e-3)))
        means[self.nearness <= 0.02] = elsewhere
        return means


def band(source: tuple[Plane, Plane], result: tuple[Plane, Plane]) -> Band:
    """Of two pictures, each blurred a little and more."""
    before, after = source[0] - source[1], result[0] - result[1]
    return Band(mean_colour(before * before), mean_colour(after * after), mean_colour(before * after))


def first_of(*choices: Marks, least: int = 1) -> Marks:
    """The first of which at least so many places are marked, or the last."""
    return next((choice for choice in choices if np.count_nonzero(choice) >= least), choices[-1])


def signed_distance(inside: Marks) -> Plane:
    """Pixels from the border, negative inside; a full mask is as deep as two sides of it are long."""
    outwards, inwards = (
        cv2.distanceTransform(marks.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) for marks in (~inside, inside)
    )
    return np.where(inside, -np.minimum(inwards, np.float32(sum(inside.shape))), outwards)


def blurred(picture: Plane, deviation: float) -> Plane:
    """By a Gaussian, mirrored at the border of the view."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation, borderType=cv2.BORDER_REFLECT_101), np.float32)


def squared(picture: Plane | Marks) -> Plane:
    """Means of squares of SQUARE pixels."""
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture.astype(np.float32, copy=False), (width // SQUARE, height // SQUARE), interpolation=cv2.INTER_AREA
    )
    return np.asarray(small, np.float32)


def mean_colour(picture: Plane) -> Plane:
    """Mean of the three colours of every pixel."""
    return np.asarray(cv2.transform(picture, np.full((1, 3), 1 / 3, np.float32)), np.float32)


def lengths(picture: Plane) -> Plane:
    """Euclidean length of the three colours of every pixel."""
    return np.sqrt(3 * mean_colour(picture * picture))


def weighted(picture: Plane, weight: Plane) -> Plane:
    """The picture or plane times a plane."""
    layers = weight if picture.ndim == 2 else np.asarray(cv2.merge([weight] * 3), np.float32)
    return picture * layers


def logarithm(squares: Plane) -> Plane:
    """Natural logarithm of the roots of squares."""
    return np.asarray(np.log(squares + FAINT) / 2, np.float32)


def quantiles(values: Numbers, shares: Sequence[float]) -> Numbers:
    """The values which these shares of all lie below, interpolated; 0 where there are none.

    As `np.quantile`, in half its time: some 75 are taken of a result.
    """
    if not values.size:
        return np.zeros(len(shares), np.float32)
    rising = np.sort(values)
    places = np.asarray(shares) * (len(rising) - 1)
    lower = places.astype(np.intp)
    upper = np.minimum(lower + 1, len(rising) - 1)
    return rising[lower] + (rising[upper] - rising[lower]) * (places - lower)


def _pixels(inside: Marks, distance: Plane) -> Places:
    known = first_of(distance > _ENCODED, ~inside, np.ones_like(inside), least=_FEW)
    return Places(inside, first_of(known & (distance < _RING), known, least=_FEW + 1), known)


def _squares(pixels: Places) -> Places:
    share = squared(pixels.inside)
    inside = first_of(share > 0.5, share > 0)
    known = first_of(squared(pixels.known) > 0.99, np.ones_like(inside))
    return Places(inside, first_of(squared(pixels.ring) > 0.9, ~inside, inside), known)


def _evened(view: npt.NDArray[np.uint8], known: Marks) -> tuple[float, Plane, Plane]:
    """Spread of what is known, in grey levels, and both pictures without its mean and spread."""
    source, result = (np.ascontiguousarray(view[..., at : at + 3], np.float32) for at in (0, 3))
    mean, deviation = cv2.meanStdDev((source + result) / 2, mask=known.view(np.uint8))
    spread = max(LEAST_SPREAD, float(deviation.mean()))
    flat = np.empty_like(source)
    flat[:] = mean[:, 0]
    return spread, (source - flat) / np.float32(spread), (result - flat) / np.float32(spread)


def _blurs(picture: Plane) -> tuple[Plane, ...]:
    return picture, *(blurred(picture, size) for size in SIZES)
