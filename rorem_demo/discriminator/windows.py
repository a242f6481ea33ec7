"""What a network sees of a result: the surroundings of the mask reduced to one size, and pieces of it as they are.

From far one sees whether the object or its ghost is still there, and whether anything new was drawn; from near
whether the fill is as sharp as what lies around it and meets it without a seam. Everything is measured on the photo
reduced to what the dataset keeps of it, so that a result gets the same score in the app and in the dataset.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Image, Mask, Size, as_image, as_mask, size_of

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
"""What a network takes of one row, by name; the same shapes for every row."""

LONGEST = 512
"""Pixels: larger photos are seen reduced to it. No more than `feedback.pictures.LONGEST_SIDE`, so that the dataset has
all that is seen, and about the size of what was learned from first, so that an enlarged photo scores alike."""
WIDE = 128
NEAR = 64
"""Sides of the views, in pixels."""
PIECES = 4
CONTEXT = 0.5
"""Margin around the mask, in longer sides of it."""
CHANNELS = 7
"""Of a view: source 3, result 3, mask 1 (0..255)."""

_MANY = 4096


def windows(source: Image, mask: Mask, result: Image) -> Arrays:
    """Views of one result.

    `wide`: WIDE x WIDE x 7 uint8; `near`: PIECES x NEAR x NEAR x 7 uint8, the first from the middle of the mask, the
    others from its border; `facts`: float32, log2 of the wide view's reduction and of the hole's size in its pixels.

    Raises:
        InputError: one is no picture, they are of different sizes, or nothing is marked.
    """
    as_mask(mask, as_image(source))
    as_mask(mask, as_image(result))
    size = size_of(source)
    factor = min(1.0, LONGEST / max(size))
    small = _reduced(mask, size.scaled(factor))
    wide = wide_box(small)
    layers = (source, result, mask.view(np.uint8) * np.uint8(255))
    near = [_cut(layers, square(point, NEAR, size_of(small)), small.shape, NEAR) for point in near_points(small)]
    facts = np.log2([wide.size.width / WIDE, np.count_nonzero(small) ** 0.5 / WIDE])
    return {
        "wide": _cut(layers, wide, small.shape, WIDE),
        "near": np.stack(near),
        "facts": facts.astype(np.float32),
    }


def wide_box(mask: Mask) -> Box:
    """A square around the mask with its context, never smaller than the view; may stick out of the picture."""
    box = bounding_box(mask)
    side = max(WIDE, min(round(max(box.size) * (1 + 2 * CONTEXT)), max(mask.shape)))
    return square(((box.left + box.right) // 2, (box.top + box.bottom) // 2), side, size_of(mask))


def square(centre: tuple[int, int], side: int, within: Size) -> Box:
    """A square moved into the picture as far as it fits, centred on it along a side where it does not."""
    left, top = (
        min(max(0, middle - side // 2), length - side) if side <= length else (length - side) // 2
        for middle, length in zip(centre, within, strict=True)
    )
    return Box(left, top, left + side, top + side)


def near_points(mask: Mask) -> list[tuple[int, int]]:
    """Where to look closely, PIECES of (x, y): deepest in the mask, then on its border far from those before."""
    box = bounding_box(mask).grown(1, size_of(mask))
    part = mask[box.slices].astype(np.uint8)
    depth = cv2.distanceTransform(np.pad(part, 1), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    rim = np.argwhere((part > 0) & (cv2.erode(part, np.ones((3, 3), np.uint8)) == 0))
    rim = rim if len(rim) else np.argwhere(part)  # it fills the picture
    rim = rim[:: -(-len(rim) // _MANY)]
    found = [np.array(np.unravel_index(int(depth.argmax()), depth.shape))]
    away = np.full(len(rim), np.inf)
    while len(found) < PIECES:
        away = np.minimum(away, ((rim - found[-1]) ** 2).sum(axis=1))
        found.append(rim[int(away.argmax())])
    return [(box.left + int(x), box.top + int(y)) for y, x in found]


def _reduced(mask: Mask, size: Size) -> Mask:
    """Marked where any part is, so that thin strokes survive."""
    if size == size_of(mask):
        return mask
    shares = cv2.resize(mask.view(np.uint8) * np.float32(1), size, interpolation=cv2.INTER_AREA)
    return np.asarray(shares > 0)


def _cut(layers: tuple[npt.NDArray[np.uint8], ...], box: Box, shape: tuple[int, ...], side: int) -> Image:
    """The box of all layers as one array, side x side x 7; what sticks out mirrors the picture.

    Args:
        layers: at full size.
        box: in pixels of the reduced photo.
        shape: of the reduced photo.
        side: of the view.
    """
    inside = Box(max(0, box.left), max(0, box.top), min(shape[1], box.right), min(shape[0], box.bottom))
    full = layers[0].shape
    down, across = full[0] / shape[0], full[1] / shape[1]
    rows = slice(round(inside.top * down), max(round(inside.bottom * down), round(inside.top * down) + 1))
    columns = slice(round(inside.left * across), max(round(inside.right * across), round(inside.left * across) + 1))
    scale = side / box.size.width
    left, top = round((inside.left - box.left) * scale), round((inside.top - box.top) * scale)
    width, height = inside.size.scaled(scale)
    width, height = min(width, side - left), min(height, side - top)
    parts = [_scaled(layer[rows, columns], Size(width, height)) for layer in layers]
    view = np.dstack(parts)
    if (width, height) != (side, side):
        view = np.pad(view, ((top, side - top - height), (left, side - left - width), (0, 0)), mode="symmetric")
    return view


def _scaled(layer: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """At `size`: averaged where it shrinks."""
    if size_of(layer) == size:
        return layer
    shrinks = size.area < layer.shape[0] * layer.shape[1]
    return np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
