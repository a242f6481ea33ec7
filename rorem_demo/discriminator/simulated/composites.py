"""Composites: things cut out of one picture and pasted on another, whose truth is the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rorem_demo.discriminator.simulated.layouts import SIZES
from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.textures import Chance, Floats, colour, noise
from rorem_demo.discriminator.splits import Split, split_of
from rorem_demo.feedback.pictures import digest
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Image, Mask, size_of

PHOTOS = {
    "astronaut": "public domain (NASA)",
    "chelsea": "CC0 (Stefan van der Walt)",
    "coffee": "CC0 (Rachel Michetti)",
    "rocket": "public domain (SpaceX)",
    "camera": "CC0 (Lav Varshney)",
    "brick": "CC0 (CC0Textures)",
    "grass": "CC0 (linolafett)",
    "gravel": "CC0 (CC0Textures)",
}
"""Photos inside the wheel of scikit-image and what it says of their rights; others there say less or nothing."""

_TRIES = 400
_LONGEST, _SHORTEST = 0.4, 0.08
"""Longest and shortest a pasted thing is, in shorter sides of the picture."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """A thing without its surroundings."""

    colours: Image
    form: Floats
    """H x W, 0..1: how much of it is there."""


def photo(name: str) -> Image:
    """One of PHOTOS, in colour or in grey."""
    from skimage import data  # noqa: PLC0415  # only where pictures are made

    picture: Any = getattr(data, name)()
    return np.dstack([picture] * 3) if picture.ndim == 2 else np.ascontiguousarray(picture[..., :3])


def excerpt(chance: Chance, whole: Image) -> Image:
    """A part of a photo at any scale, mirrored or not, grey ones in any tint."""
    size = SIZES[int(chance.integers(len(SIZES)))]
    least = max(size.width / whole.shape[1], size.height / whole.shape[0])
    factor = chance.uniform(least, max(1.0, least))
    scaled = size_of(whole).scaled(factor)
    scaled = type(size)(max(scaled.width, size.width), max(scaled.height, size.height))
    small = cv2.resize(whole, scaled, interpolation=cv2.INTER_AREA)
    left = int(chance.integers(scaled.width - size.width + 1))
    top = int(chance.integers(scaled.height - size.height + 1))
    part = small[top : top + size.height, left : left + size.width]
    if chance.random() < 0.5:
        part = part[:, ::-1]
    if np.array_equal(part[..., 0], part[..., 2]):
        part = np.clip(part * (colour(chance, (110, 170), 0.2) / 128), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(part)


def cutout(picture: Image, thing: Mask) -> Cutout:
    """What a mask covers."""
    box = bounding_box(thing).grown(2, size_of(thing)).slices
    return Cutout(picture[box], _soft(thing[box]))


def piece(chance: Chance, picture: Image) -> Cutout:
    """A smooth shape cut out of a picture anywhere."""
    side = int(chance.integers(60, 140))
    top, left = (int(chance.integers(max(1, length - side))) for length in picture.shape[:2])
    part = picture[top : top + side, left : left + side]
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    middle = np.array(part.shape[:2]) / 2
    bumps = 1 + 0.2 * cv2.resize(noise(chance, 1.8)[:96, :96], part.shape[1::-1])
    form = np.hypot((y - middle[0]) / middle[0], (x - middle[1]) / middle[1]) * bumps < 0.85
    return Cutout(part, _soft(form))


def _soft(form: Mask) -> Floats:
    return np.asarray(cv2.GaussianBlur(form.astype(np.float32), (0, 0), 0.7), np.float32)


def composites(
    chance: Chance, truths: Sequence[Image], cutouts: Sequence[Cutout], place: str, split: Split
) -> Iterator[Pair]:
    """Yield a pair for each of the truths, drawn again until its source falls into the split of its background."""
    for truth in truths:
        for _ in range(_TRIES):
            source, thing = _pasted(chance, truth, cutouts[int(chance.integers(len(cutouts)))])
            if np.count_nonzero(thing) > 60 and split_of(digest(source)) == split:
                yield Pair.of(source, truth, thing, place)
                break


def _pasted(chance: Chance, truth: Image, one: Cutout) -> tuple[Image, Mask]:
    """The truth with the thing somewhere, perhaps with a shadow, and where the thing is."""
    side = min(truth.shape[:2])
    factor = chance.uniform(_SHORTEST, _LONGEST) * side / max(one.form.shape)
    height, width = (max(4, round(length * factor)) for length in one.form.shape)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    colours, form = (cv2.resize(part, (width, height), interpolation=how) for part in (one.colours, one.form))
    if chance.random() < 0.5:
        colours, form = colours[:, ::-1], form[:, ::-1]
    top = int(chance.integers(2, truth.shape[0] - height - 1))
    left = int(chance.integers(2, truth.shape[1] - width - 1))
    canvas, where = np.zeros(truth.shape, np.float32), np.zeros(truth.shape[:2], np.float32)
    canvas[top : top + height, left : left + width] = colours.astype(np.float32) * chance.uniform(0.8, 1.15)
    where[top : top + height, left : left + width] = form
    ground = truth.astype(np.float32)
    if chance.random() < 0.6:
        ground *= 1 - _shadow(chance, where, (top + height, left + width / 2))[..., None]
    source = ground + (canvas - ground) * where[..., None]
    return np.clip(np.rint(source), 0, 255).astype(np.uint8), where > 0.05


def _shadow(chance: Chance, form: Floats, foot: tuple[float, float]) -> Floats:
    """The form laid on the ground at its foot, leaning and soft."""
    flat, lean = chance.uniform(-0.5, 0.5), chance.uniform(-1, 1)
    flat += 0.15 * np.sign(flat)
    laid = np.array([[1, lean, -lean * foot[0]], [0, flat, foot[0] * (1 - flat) - 2]], np.float32)
    cast = cv2.warpAffine(form, laid, form.shape[::-1])
    return np.asarray(chance.uniform(0.2, 0.6) * cv2.GaussianBlur(cast, (0, 0), chance.uniform(1, 4)), np.float32)
