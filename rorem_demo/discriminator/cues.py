"""A handful of numbers about a filled hole, for a baseline that a network has to beat."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.masks import bounding_box, distance_to
from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.statistics import Floats

CUES = (
    "sharpness",
    "colour",
    "seam",
    "change",
    "likeness",
    "size",
)
"""Names, in order:

- sharpness: log of the mean Laplacian inside over that around
- colour: distance of mean colours inside and around, 0..1.7
- seam: log of the mean gradient along the mask's edge over that around
- change: mean absolute difference of source and result inside, 0..1
- likeness: correlation of source and result inside, -1..1; 1 where the object is still there
- size: log of the share of the photo that is marked
"""

_RING = 0.2
"""Width of what counts as around, in square roots of the mask's area."""
_NARROWEST_RING = 4


def cues(source: Image, mask: Mask, result: Image) -> Floats:
    """One value for each of CUES; 0 where it is not defined, as where everything is marked."""
    pixels = int(np.count_nonzero(mask))
    width = max(_NARROWEST_RING, round(_RING * pixels**0.5))
    window = bounding_box(mask).grown(width + 2, size_of(mask)).slices
    inside, old, new = mask[window], source[window], result[window]
    distance = distance_to(inside)
    around = ~inside & (distance <= width)
    edge = (distance <= 1) & (distance_to(~inside) <= 1)
    grey = cv2.cvtColor(new, cv2.COLOR_RGB2GRAY).astype(np.float32)
    was = cv2.cvtColor(old, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = (
        _log_ratio(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), inside, around),
        _colour(new, inside, around),
        _log_ratio(_gradient(grey), edge, around),
        float(np.abs(new[inside].astype(np.float32) - old[inside]).mean()) / 255,
        _correlation(grey[inside], was[inside]),
        float(np.log(pixels / mask.size)),
    )
    return np.array(found, np.float64)


def _log_ratio(value: npt.NDArray[np.float32], here: Mask, there: Mask) -> float:
    """Log of one mean over another; a grey level is added to both, so that flat parts do not blow it up."""
    if not here.any() or not there.any():
        return 0.0
    return float(np.log((value[here].mean() + 1) / (value[there].mean() + 1)))


def _colour(image: Image, here: Mask, there: Mask) -> float:
    if not there.any():
        return 0.0
    return float(np.linalg.norm(image[here].mean(axis=0) - image[there].mean(axis=0))) / 255


def _gradient(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3, scale=0.25) for order in ((1, 0), (0, 1)))
    return np.asarray(np.abs(across) + np.abs(down), np.float32)


def _correlation(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32]) -> float:
    first, second = (value.astype(np.float64) - value.mean(dtype=np.float64) for value in (one, two))
    scale = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    # Less than a tenth of a grey level of spread in both is rounding, not likeness.
    return float((first * second).sum()) / scale if scale > 0.01 * len(first) else 0.0
