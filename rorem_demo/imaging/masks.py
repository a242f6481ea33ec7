"""Grow and shrink masks, soften their edge, bound them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.types import Alpha, Box, Mask


def distance_to(mask: Mask) -> npt.NDArray[np.float32]:
    """Euclidean distance of every pixel to the nearest marked one, in pixels; 0 inside the mask."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def grow(mask: Mask, radius: int) -> Mask:
    """The mask wider by `radius` pixels, with round corners; narrower if it is negative.

    The edge of the picture is no edge of the object: a mask that touches it does not shrink there.
    """
    if radius == 0 or not mask.any() or mask.all():
        return mask
    if radius > 0:
        return distance_to(mask) <= radius
    return distance_to(~mask) > -radius


def soft_edge(distance: npt.NDArray[np.float32], grown_by: int, feather: int) -> Alpha:
    """Weights of the new pixels, from the distances to the original mask.

    1 on the whole original mask; falls over the last `feather` pixels of the ring by which the mask was
    grown; 0 outside the ring. With `grown_by` 0 the edge is hard.
    """
    softness = min(feather, grown_by)
    ramp = np.clip((grown_by + 1 - distance) / (softness + 1), 0.0, 1.0)
    return np.where(distance <= grown_by, ramp, 0.0).astype(np.float32)


def bounding_box(mask: Mask) -> Box:
    """The smallest box that holds every marked pixel; the mask must not be empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
