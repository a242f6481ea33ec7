"""What is measured of the near views, at the photo's own sharpness: blur, noise, ghosts, seams that wide ones lose."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.measures_border import sides_of
from rorem_demo.discriminator.surroundings import (
    LEAST_SPREAD,
    SIZES,
    Band,
    Marks,
    Numbers,
    Plane,
    band,
    blurred,
    logarithm,
)

_SIZES = SIZES[:3]
_DEVIATIONS = (1.5, 3.0)
"""Of the means to either side of the border, in pixels."""
_FEW = 64
"""Pixels: fewer are not compared."""


def closely(views: npt.NDArray[np.uint8]) -> Numbers:
    """Of the first piece, from the middle of the mask, then mean, least and most of those from its border.

    Args:
        views: P x S x S x 7, at least one.
    """
    inside = views[..., 6] > 127
    source, result = (views[..., at : at + 3].astype(np.float32) for at in (0, 3))
    known = ((source + result) / 2)[~inside]
    spread = np.float32(max(LEAST_SPREAD, known.std() if known.size else 0))
    pieces = np.stack([_piece(*each) for each in zip(source / spread, result / spread, inside, strict=True)])
    middle, border = pieces[0], pieces[1:] if len(pieces) > 1 else pieces
    return np.concatenate([middle, border.mean(axis=0), border.min(axis=0), border.max(axis=0)])


def _piece(source: Plane, result: Plane, inside: Marks) -> Numbers:
    known = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    sources, results = ((picture, *(blurred(picture, size) for size in _SIZES)) for picture in (source, result))
    found = [_detail(band(*both), inside, known) for both in zip(pairwise(sources), pairwise(results), strict=True)]
    return np.concatenate([*found, *(_seam(result, inside, deviation) for deviation in _DEVIATIONS)])


def _detail(energies: Band, inside: Marks, known: Marks) -> Numbers:
    """Detail inside beside the known (blur, noise) and alone, and how much of it repeats the source's (ghosts)."""
    if not inside.any():
        return np.zeros(3)
    plane = logarithm(blurred(energies.result, 1.4))
    filled = plane[inside].mean()
    enough = min(np.count_nonzero(inside), np.count_nonzero(known)) > _FEW
    before, after, both = (plane[inside].mean() for plane in energies)
    return np.array([filled - plane[known].mean() if enough else 0.0, filled, both / np.sqrt(before * after + 1e-5)])


def _seam(result: Plane, inside: Marks, deviation: float) -> Numbers:
    """Length of the mean step of colour across the border, and mean length of the steps: seams and halos."""
    (sides,) = sides_of([result], inside, ~inside, deviation)
    if not len(sides.step):
        return np.zeros(2)
    return np.array([np.linalg.norm(sides.step.mean(axis=0)), np.linalg.norm(sides.step, axis=1).mean()])
