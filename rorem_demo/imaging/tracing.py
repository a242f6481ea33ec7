"""A mask as outlines: the small, editable form of what a heuristic or a model proposes."""

from __future__ import annotations

import cv2
import numpy as np

from rorem_demo.imaging.drawings import Lasso
from rorem_demo.imaging.types import Mask

TOLERANCE = 1 / 400
"""An outline strays from the mask by at most this part of the mask's longer side."""


def trace(mask: Mask) -> tuple[Lasso, ...]:
    """Outlines that fill to about the mask, largest first and without holes; empty if nothing is marked."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    lines = [cv2.approxPolyDP(contour, TOLERANCE * max(mask.shape), closed=True)[:, 0] for contour in contours]
    largest_first = sorted((line for line in lines if len(line) > 2), key=cv2.contourArea, reverse=True)
    return tuple(Lasso(tuple((int(x), int(y)) for x, y in line)) for line in largest_first)
