"""The same result as another photographer might have sent it: mirrored, lit and encoded differently, marked wider.

Source and result always change alike, so nothing of it tells a clean removal from another.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.windows import Arrays

Views: TypeAlias = npt.NDArray[np.uint8]

_WIDEST_GROWTH = 4
"""Pixels of the view."""


def varied(arrays: Arrays, chance: np.random.Generator) -> Arrays:
    """Views of `windows.windows` changed at random; the same generator state gives the same."""
    wide, near = _mirrored(arrays["wide"][None], arrays["near"], chance)
    wide = _moved(wide, chance)
    light = _light(chance)
    quality = int(chance.integers(35, 96)) if chance.random() < 0.5 else None
    softness = float(chance.uniform(0.3, 1.0)) if chance.random() < 0.2 else None
    growth = int(chance.integers(0, _WIDEST_GROWTH + 1)) if chance.random() < 0.5 else 0
    found = [_marked_wider(_seen(views, light, softness, quality), growth) for views in (wide, near)]
    return {"wide": found[0][0], "near": found[1], "facts": arrays["facts"]}


def _mirrored(wide: Views, near: Views, chance: np.random.Generator) -> tuple[Views, Views]:
    if chance.random() < 0.5:
        wide, near = wide[:, :, ::-1], near[:, :, ::-1]
    if chance.random() < 0.25:
        wide, near = wide[:, ::-1], near[:, ::-1]
    return np.ascontiguousarray(wide), np.ascontiguousarray(near)


def _moved(views: Views, chance: np.random.Generator) -> Views:
    """A little nearer or farther, and to the side; what comes in mirrors the view."""
    side = views.shape[1]
    zoom, (right, down) = chance.uniform(0.85, 1.15), chance.uniform(-0.06, 0.06, 2) * side
    move = np.array([[zoom, 0, (1 - zoom) * side / 2 + right], [0, zoom, (1 - zoom) * side / 2 + down]])
    parts = (views[0, ..., :4], views[0, ..., 4:])  # OpenCV warps at most four channels
    moved = [cv2.warpAffine(part, move, (side, side), borderMode=cv2.BORDER_REFLECT_101) for part in parts]
    return np.concatenate(moved, axis=2, dtype=np.uint8)[None]


def _light(chance: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A table 256 x 3 from grey levels to others: contrast, brightness, gamma and a cast of colour."""
    levels = np.linspace(0, 1, 256)[:, None] ** chance.uniform(0.8, 1.25)
    levels = (levels - 0.5) * chance.uniform(0.7, 1.3) + 0.5 + chance.uniform(-0.15, 0.15)
    return np.rint(np.clip(levels * chance.uniform(0.93, 1.07, 3), 0, 1) * 255).astype(np.uint8)


def _seen(views: Views, light: npt.NDArray[np.uint8], softness: float | None, quality: int | None) -> Views:
    """Source and result of every view, each encoded for itself: nothing comes from one into another."""
    out = views.copy()
    for view in out:
        for part in (view[..., :3], view[..., 3:6]):
            picture: npt.NDArray[Any] = cv2.LUT(np.ascontiguousarray(part), light[None])
            if softness:
                picture = cv2.GaussianBlur(picture, (0, 0), softness)
            if quality:
                code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
                picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
            part[...] = picture
    return out


def _marked_wider(views: Views, growth: int) -> Views:
    if growth:
        shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * growth + 1, 2 * growth + 1))
        for view in views:
            view[..., 6] = cv2.dilate(np.ascontiguousarray(view[..., 6]), shape)
    return views
