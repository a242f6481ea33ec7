"""How near one picture is to another."""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Image, Mask, as_image, as_mask, size_of

_PEAK = 255.0
_SIDE, _SIGMA = 11, 1.5
"""Of the Gaussian window, in pixels."""
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
_BAND = 256
"""Rows at a time, so that memory does not grow with the picture's height."""

_Levels: TypeAlias = npt.NDArray[np.float64]


def psnr(a: Image, b: Image, where: Mask) -> float:
    """Peak signal-to-noise ratio inside a mask, in dB; infinite if the pixels are equal.

    Raises:
        InputError: the pictures or the mask differ in size, or the mask is empty.
    """
    as_mask(where, as_image(a))
    _check_alike(a, b)
    difference = a[where].astype(np.float64) - b[where]
    mean_square = float(np.mean(np.square(difference)))
    return 10 * math.log10(_PEAK**2 / mean_square) if mean_square else math.inf


def ssim_map(a: Image, b: Image) -> npt.NDArray[np.float32]:
    """Structural similarity at every pixel, H x W: the mean of the three channels, 1 where both windows are equal.

    Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity"
    (2004), with their constants: a Gaussian window of 11 x 11 pixels with sigma 1.5 around the pixel, K1 = 0.01 and
    K2 = 0.03. They measured grey levels; as in torchmetrics and scikit-image each channel is measured apart. At the
    edge of the picture the window sees it mirrored.

    A window reaches 5 pixels around its pixel, so values near the edge of a mask are of both sides of it.

    Raises:
        InputError: the pictures differ in size.
    """
    _check_alike(as_image(a), as_image(b))
    found, half = np.empty(a.shape[:2], np.float32), _SIDE // 2
    for top in range(0, len(a), _BAND):
        rows = slice(max(0, top - half), top + _BAND + half)  # what lies beyond the band is cut off again
        kept = slice(top - rows.start, top - rows.start + _BAND)
        channels = [_similar(a[rows, :, c], b[rows, :, c])[kept] for c in range(3)]
        found[top : top + _BAND] = np.mean(channels, axis=0)
    return found


def ssim(a: Image, b: Image, where: Mask) -> float:
    """Structural similarity as `ssim_map` says, averaged over the pixels of a mask; -1..1.

    Raises:
        InputError: the pictures or the mask differ in size, or the mask is empty.
    """
    as_mask(where, as_image(a))
    return float(ssim_map(a, b)[where].mean(dtype=np.float64))


def _similar(a: Image, b: Image) -> _Levels:
    """Of one channel."""
    one, other = a.astype(np.float64), b.astype(np.float64)
    mean, other_mean = _blurred(one), _blurred(other)
    covariance = _blurred(one * other) - mean * other_mean
    variances = _blurred(one * one) - mean * mean + _blurred(other * other) - other_mean * other_mean
    light = (2 * mean * other_mean + _C1) / (mean * mean + other_mean * other_mean + _C1)
    return np.asarray(light * (2 * covariance + _C2) / (variances + _C2), np.float64)


def _blurred(levels: _Levels) -> _Levels:
    return np.asarray(cv2.GaussianBlur(levels, (_SIDE, _SIDE), _SIGMA, borderType=cv2.BORDER_REFLECT_101))


def _check_alike(a: Image, b: Image) -> None:
    if as_image(b).shape != a.shape:
        raise InputError(f"One picture is {size_of(a)}, the other {size_of(b)}.")
