"""Whether the object seems to cast a shadow just outside its mask, and where.

A heuristic that would rather miss one than claim one: a shadow must start at the object, lie below or beside
its middle, be clearly darker than the ground around it but of no other colour, and end before the search
does, with ground of one kind behind it. All of that is looked for in a small copy of the surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.masks import bounding_box, distance_to
from rorem_demo.imaging.types import size_of

if TYPE_CHECKING:
    from rorem_demo.imaging.types import Box, Image, Mask

_Lab: TypeAlias = npt.NDArray[np.float32]
"""H x W x 3, lightness 0..100 and two signed chroma axes."""

_LONGEST = 320
"""Sides of the small copy; shadows are large, and this takes 0.06 s of CPU at 12 MP."""
_SMALLEST_OBJECT = 60
_REACH = 0.7
"""How far a shadow is looked for, in longer sides of the object."""
_DARK = 0.72
"""Lightness of a shadow, at most, as a share of the ground's."""
_LEAST_LIGHT = 15
"""Ground darker than this cannot show a shadow."""
_ONE_KIND = 0.45
"""Share of the place that must look like the lit ground; elsewhere nothing can be said."""
_CHROMA = 10.0
"""How far the shadow's chroma may be from between neutral and the ground's."""
_AREA = (0.03, 1.2)
"""Least and most area of a shadow, in areas of the object."""
_CONTACT = 0.2
"""Length along which it touches the object, at least, in widths of the object."""
_NEAR = 4
"""Pixels of the small copy that count as touching: masks are rarely exact."""
_MIDDLE, _FOOT = 0.4, 0.7
"""How far down the object its shadow may lie, and must touch it, in its heights."""
_GROUND_AROUND = 0.8
"""Share of the pixels just outside the shadow that must look like lit ground."""
_RIM = 4, 7
"""Where "just outside" begins and ends, in pixels of the small copy: a soft shadow fades before that."""


def find_shadow(image: Image, mask: Mask) -> Mask | None:
    """The region to add to the mask so that it covers the cast shadow too, or None if none is seen.

    Each separate object of the mask is judged for itself.

    Args:
        image: the photo.
        mask: the objects, not empty.

    Returns:
        A mask of the photo's size that shares no pixel with `mask`.
    """
    window = Window.around(mask, grow=0, context=_REACH, least=8)
    scene = _Scene.of(window.cut_image(image), window.cut_mask(mask))
    small = np.zeros_like(scene.mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(scene.mask.view(np.uint8))
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] >= _SMALLEST_OBJECT:
            _add_shadow_of(labels == label, scene, small)
    if not small.any():
        return None
    levels = cv2.resize(small.astype(np.float32), window.box.size, interpolation=cv2.INTER_LINEAR)
    found = np.zeros_like(mask)
    found[window.box.slices] = (levels >= 0.5) & ~mask[window.box.slices]
    return found if found.any() else None


class _Scene(NamedTuple):
    """A small copy of the surroundings."""

    lab: _Lab
    mask: Mask

    @classmethod
    def of(cls, image: Image, mask: Mask) -> _Scene:
        size = size_of(mask).scaled(min(1.0, _LONGEST / max(mask.shape)))
        small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (3, 3), 0)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        covered = cv2.resize(mask.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
        return cls(np.asarray(lab, np.float32), covered > 0)


@dataclass(frozen=True)
class _Ground:
    """The usual look of the lit ground."""

    light: float
    chroma: npt.NDArray[np.float32]

    @classmethod
    def of(cls, pixels: _Lab) -> _Ground:
        """From N x 3 pixels of which up to two thirds may lie in shadow."""
        light = float(np.percentile(pixels[:, 0], 67))
        usual = np.abs(pixels[:, 0] - light) < 0.15 * light + 1
        return cls(light, np.asarray(np.median(pixels[usual, 1:], axis=0), np.float32))

    def shaded(self, lab: _Lab) -> Mask:
        """Where the same ground may lie in shadow: darker, its chroma between the lit one and none."""
        dark = lab[..., 0] < _DARK * self.light
        share = np.clip(lab[..., 1:] @ self.chroma / max(1.0, float(self.chroma @ self.chroma)), 0, 1)
        off = np.linalg.norm(lab[..., 1:] - share[..., None] * self.chroma, axis=-1)
        return np.asarray(dark & (off < _CHROMA), np.bool_)

    def lit(self, lab: _Lab) -> Mask:
        light = np.abs(lab[..., 0] / self.light - 1) < 0.2
        return np.asarray(light & (np.linalg.norm(lab[..., 1:] - self.chroma, axis=-1) < _CHROMA), np.bool_)


@dataclass(frozen=True)
class _Place:
    """Where the shadow of one object may lie: an excerpt of the scene."""

    lab: _Lab
    free: Mask
    zone: Mask
    foot: Mask
    distance: npt.NDArray[np.float32]
    object_area: int
    object_width: int


def _add_shadow_of(one: Mask, scene: _Scene, found: Mask) -> None:
    box = bounding_box(one)
    reach = max(6, round(_REACH * max(box.size)))
    around = box.grown(reach, size_of(one))
    place = _place(one, box, around, reach, scene)
    if np.count_nonzero(place.zone) < _SMALLEST_OBJECT:
        return
    ground = _Ground.of(place.lab[place.zone])
    if ground.light < _LEAST_LIGHT or ground.lit(place.lab[place.zone]).mean() < _ONE_KIND:
        return
    dark = (ground.shaded(place.lab) & place.zone).view(np.uint8)
    count, labels = cv2.connectedComponents(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)))
    for label in range(1, count):
        if _is_shadow(labels == label, place, ground):
            found[around.slices] |= labels == label


def _place(one: Mask, box: Box, around: Box, reach: int, scene: _Scene) -> _Place:
    distance, free = distance_to(one[around.slices]), ~scene.mask[around.slices]
    height = (np.arange(around.top, around.bottom)[:, None] - box.top) / box.size.height
    zone = free & (distance <= reach) & (height > _MIDDLE)
    return _Place(scene.lab[around.slices], free, zone, height > _FOOT, distance, int(one.sum()), box.size.width)


def _is_shadow(region: Mask, place: _Place, ground: _Ground) -> bool:
    least, most = (share * place.object_area for share in _AREA)
    if not least <= np.count_nonzero(region) <= most:
        return False
    touching = region & (place.distance < _NEAR) & place.foot
    if np.count_nonzero(touching) < _NEAR * _CONTACT * place.object_width:
        return False
    inner, outer = _RIM
    rim = _wider(region, outer) & ~_wider(region, inner) & place.free
    return bool(rim.any()) and float(ground.lit(place.lab)[rim].mean()) >= _GROUND_AROUND


def _wider(region: Mask, by: int) -> Mask:
    return cv2.dilate(region.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0
