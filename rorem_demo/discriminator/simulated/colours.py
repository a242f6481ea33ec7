"""Colours as they are compared: Lab, its two axes of hue counting less than lightness, as in small details."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.types import Image

Floats: TypeAlias = npt.NDArray[np.float32]

_HUE = 0.7


def lab_of(image: Image) -> Floats:
    """H x W x 3: lightness 0..100 and two weighed axes of hue."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(lab * np.array([1, _HUE, _HUE], np.float32), np.float32)
