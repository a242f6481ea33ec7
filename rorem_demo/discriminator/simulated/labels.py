"""The rule by which simulated rows are labelled: how far a removal is from the truth, as a person would see it.

A person accepts another texture of the same kind, so pixels are not compared one by one; a person rejects a smooth
smear on grass, a wall that changes its shade, a broken edge, and whatever is left of the object, so these are. Each
fault is measured in units of what half of the people would object to. `docs/discriminator-data.md` gives the reasons,
the pictures it was settled on, and the date; changing anything here needs another VERSION.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.simulated.colours import Floats, lab_of
from rorem_demo.imaging.masks import bounding_box, grow
from rorem_demo.imaging.types import Image, Mask, size_of

VERSION = 2
"""2 asks three people about each result where 1 asked one; the measures are the same."""
RATERS = 3
LAPSE = 0.02
"""Share of answers that are wrong by slip, either way, however clear the case."""
STEEPNESS = 5.0
"""How quickly people come to agree as the faults grow."""

_LONGEST = 384
"""Pixels of the side at which pictures are compared: as on a page, where nobody looks at single pixels."""
_AROUND = 3
_MARGIN = 40
_POWER = 3.0

_SHADE, _SHADES = 4.0, 12.0
"""Pixels over which colours are averaged, and over which their usual variety is taken."""
_COLOUR_TOLERANCE = 5.5
_VARIETY_TOLERANCE = 1.0
_BANDS = (0.7, 1.4, 2.8)
_CALM = 0.25
"""Share of the surroundings with less detail than what is asked for."""
_INVISIBLE = 1.0
"""Lightness of a texture that nobody sees."""
_AMPLITUDE = 0.3
"""Logarithm of a factor of contrast that half of the people object to."""
_EDGE = 1.5
_EDGE_TOLERANCE = 1.5
_EDGE_VARIETY = 1.0
_TURN = 0.7
_SPOT = 100
"""Pixels of a spot that is seen; 10 x 10."""
_PART = 0.25
"""Of the hole, that texture and lines are judged on."""
_GHOST_TOLERANCE = 2.5
_INSIDE = 0.5
"""What it counts deep inside that something is missing: nobody knows that it was there."""
_SHADE_INSIDE = 0.55
"""What a wrong shade counts there, if it is one of those around the hole."""
_DEEP = 8.0
"""Pixels from the border to where that begins, about."""
_ADDED = 1.8
"""What an edge counts that should not be there."""
_PALETTE = 32
"""Shades around the hole that are looked at."""


@dataclass(frozen=True)
class Faults:
    """What is wrong with a removal; 1 of each is what half of the people object to, 0 is nothing."""

    colour: float
    """Another shade or hue."""
    texture: float
    """Blurred, or noisy."""
    edges: float
    """Edges that are broken off, or that lead nowhere."""
    lines: float
    """Lines that run another way."""
    ghost: float
    """The object's own pattern, still there."""

    @property
    def badness(self) -> float:
        """All together; the largest counts most."""
        return float(sum(fault**_POWER for fault in astuple(self)) ** (1 / _POWER))

    @property
    def yes(self) -> float:
        """Share of people who would say that the object is gone."""
        return float(LAPSE + (1 - 2 * LAPSE) / (1 + self.badness**STEEPNESS))


def answer(yes: float, chance: np.random.Generator) -> Literal[0, 1]:
    """What one person says of a result that this share of people accepts."""
    return 1 if chance.random() < yes else 0


def faults(source: Image, truth: Image, result: Image, thing: Mask, changed: Mask) -> Faults:
    """Compare a result with the truth.

    Args:
        source: with the object.
        truth: without it.
        result: of a removal.
        thing: the object.
        changed: where the result may differ from the truth: what was removed, and the object's effects.
    """
    source, truth, result, thing, changed = (_viewed(picture) for picture in (source, truth, result, thing, changed))
    where = grow(changed, _AROUND)
    box = bounding_box(where).grown(_MARGIN, size_of(where)).slices
    before, wanted, got = (lab_of(np.ascontiguousarray(image[box])) for image in (source, truth, result))
    where = where[box]
    return Faults(
        colour=_colour(wanted, got, where),
        texture=_texture(wanted[..., 0], got[..., 0], where),
        edges=_edges(wanted, got, where),
        lines=_lines(wanted, got, where),
        ghost=_ghost(before, wanted, got, thing[box]),
    )


def _viewed(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """At the size at which people see it."""
    size = size_of(picture)
    factor = _LONGEST / max(size)
    if factor >= 1:
        return picture
    small = cv2.resize(picture.astype(np.uint8), size.scaled(factor), interpolation=cv2.INTER_AREA)
    return small.astype(picture.dtype)


def _blur(field: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)


def _worst(field: Floats, where: Mask, pixels: float) -> float:
    """The mean over that many of the worst pixels: one bad spot is seen however large the hole is."""
    values = field[where]
    count = min(len(values), max(1, round(pixels)))
    return float(np.mean(np.partition(values, len(values) - count)[-count:]))


def _colour(wanted: Floats, got: Floats, where: Mask) -> float:
    """Shades that are wrong; they count less where they are deep inside and such as are found around."""
    shades, found = _blur(wanted, _SHADE), _blur(got, _SHADE)
    spread = _blur(((shades - _blur(wanted, _SHADES)) ** 2).sum(axis=2), _SHADES)
    off = np.linalg.norm(found - shades, axis=2)
    off = np.minimum(
        off, np.maximum(_foreign(shades, found, where), off * (_SHADE_INSIDE + (1 - _SHADE_INSIDE) * _rim(where)))
    )
    return _worst(off / (_COLOUR_TOLERANCE + _VARIETY_TOLERANCE * np.sqrt(spread)), where, _SPOT)


def _foreign(shades: Floats, found: Floats, where: Mask) -> Floats:
    """Distance of each shade from the nearest one around the hole."""
    around = shades[grow(where, _MARGIN // 2) & ~where]
    if not len(around):
        return np.full(where.shape, np.inf, np.float32)
    some = around[:: -(-len(around) // _PALETTE)]
    nearest = [np.linalg.norm(found - shade, axis=2) for shade in some]
    return np.asarray(np.min(nearest, axis=0), np.float32)


def _rim(where: Mask) -> Floats:
    """1 at the border of the hole, where everything has to fit, 0 deep inside."""
    inside = cv2.distanceTransform(np.pad(where, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    return np.asarray(np.clip(1.5 - inside / _DEEP, 0, 1), np.float32)


def _texture(wanted: Floats, got: Floats, where: Mask) -> float:
    """The worst of three sizes of detail; less than in the truth nearby and in the calmer parts around, or more."""
    around = grow(where, _MARGIN // 2) & ~where
    part = _PART * np.count_nonzero(where)
    worst = 0.0
    for size in _BANDS:
        reach = 2 * round(4 * size) + 1
        kernel = np.ones((reach, reach), np.uint8)
        usual, found = (np.log(_energy(light, size) + _INVISIBLE**2) / 2 for light in (wanted, got))
        least = np.minimum(cv2.erode(usual, kernel), np.quantile(usual[around], _CALM)) if around.any() else usual
        lack, excess = least - found, found - cv2.dilate(usual, kernel)
        beyond = np.asarray(np.maximum(0, np.maximum(lack, excess)), np.float32)
        worst = max(worst, _worst(beyond / _AMPLITUDE, where, part))
    return worst


def _energy(light: Floats, size: float) -> Floats:
    return _blur((_blur(light, size) - _blur(light, 2 * size)) ** 2, 3 * size + 1)


def _edges(wanted: Floats, got: Floats, where: Mask) -> float:
    usual, found = (np.sqrt(_tensor(lab)[..., :2].sum(axis=2)) for lab in (wanted, got))
    kernel = np.ones((7, 7), np.uint8)
    broken = np.maximum(0, usual - 1.2 * cv2.dilate(found, kernel))
    added = np.maximum(0, found - 1.2 * cv2.dilate(usual, kernel))
    broken = broken * (_INSIDE + (1 - _INSIDE) * _rim(where))
    tolerance = _EDGE_TOLERANCE + _EDGE_VARIETY * _blur(usual, _SHADES)
    return _worst(np.maximum(broken, _ADDED * added) / tolerance, where, _SPOT)


def _lines(wanted: Floats, got: Floats, where: Mask) -> float:
    """How far lines run another way: 0 where neither has any, the same grass blown another way is not much."""
    ways = []
    for lab in (wanted, got):
        tensor = _blur(_tensor(lab), _SHADE)
        ways.append(tensor / (tensor[..., :2].sum(axis=2, keepdims=True) + _EDGE_TOLERANCE**2))
    difference = ways[1] - ways[0]
    turned = np.sqrt(difference[..., 0] ** 2 + difference[..., 1] ** 2 + 2 * difference[..., 2] ** 2)
    turned *= _INSIDE + (1 - _INSIDE) * _rim(where)
    return _worst(turned, where, _PART * np.count_nonzero(where)) / _TURN


def _tensor(lab: Floats) -> Floats:
    """H x W x 3: squares and product of the change per pixel along both axes, of what is wider than a hair."""
    soft = _blur(lab, _EDGE)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    parts = [(one * other).sum(axis=2) for one, other in ((across, across), (down, down), (across, down))]
    return np.asarray(np.dstack(parts), np.float32)


def _ghost(before: Floats, wanted: Floats, got: Floats, thing: Mask) -> float:
    """How much of the object's own detail the result repeats, beyond what the truth happens to share with it."""
    detail = [_blur(lab, 1.0) - _blur(lab, 8.0) for lab in (before, wanted, got)]
    near = grow(thing, 2)
    old, true, new = (part[near].ravel().astype(np.float64) for part in detail)
    own = old - true * float(old @ true) / max(1e-6, float(true @ true))
    repeated = max(0.0, float(own @ new) / max(1e-6, float(own @ own)))
    contrast, beneath = (float(np.sqrt(3 * np.mean(part**2))) for part in (own, true))
    return 2 * repeated * contrast / (_GHOST_TOLERANCE + 0.5 * beneath)
