"""Pair: a picture with an object and the same without it, and what the object changed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rorem_demo.discriminator.simulated.colours import lab_of
from rorem_demo.imaging.types import Image, Mask

_NOTICED = 4.0
"""Lab units between both pictures, blurred, that count as an effect of the object."""
_LEAST = 24
"""Pixels of an effect; less is the noise of rendering."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What removals are made from and judged by."""

    source: Image
    truth: Image
    """The source without the object."""
    thing: Mask
    """The object alone."""
    effects: Mask
    """The object, its shadow and its reflection."""
    place: str
    """Names the background; pairs of one background are never parted by a split."""

    @classmethod
    def of(cls, source: Image, truth: Image, thing: Mask, place: str) -> Pair:
        """The pair with its effects, which are found by comparing."""
        return cls(source, truth, thing, thing | _effects(source, truth), place)


def _effects(source: Image, truth: Image) -> Mask:
    difference = cv2.GaussianBlur(lab_of(source) - lab_of(truth), (0, 0), 1.5)
    noticed = (np.linalg.norm(difference, axis=2) > _NOTICED).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(noticed)
    large = stats[:, cv2.CC_STAT_AREA] >= _LEAST
    large[0] = False
    return np.asarray(large[labels], np.bool_)
