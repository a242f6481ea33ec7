"""How near one picture is to another."""

from __future__ import annotations

import math

import numpy as np

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Image, Mask, as_image, as_mask, size_of

_PEAK = 255.0


def psnr(a: Image, b: Image, where: Mask) -> float:
    """Peak signal-to-noise ratio inside a mask, in dB; infinite if the pixels are equal.

    Raises:
        InputError: the pictures or the mask differ in size, or the mask is empty.
    """
    as_mask(where, as_image(a))
    if as_image(b).shape != a.shape:
        raise InputError(f"One picture is {size_of(a)}, the other {size_of(b)}.")
    difference = a[where].astype(np.float64) - b[where]
    mean_square = float(np.mean(np.square(difference)))
    return 10 * math.log10(_PEAK**2 / mean_square) if mean_square else math.inf
