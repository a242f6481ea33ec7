"""Damages: ways in which a filled hole can be less than right, each from nothing (severity 0) to plain to see (1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.textures import Chance
from rorem_demo.imaging.masks import bounding_box, distance_to
from rorem_demo.imaging.types import Image, Mask

Damage: TypeAlias = Callable[[Pair, Image, Mask, float, Chance], Image]
"""Takes the pair, the filled picture, the hole and the severity; gives the picture, of which the hole is used."""
Floats: TypeAlias = npt.NDArray[np.float32]


def touched(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """Several faults at once, most of them slight: shade, sharpness, grain, place."""
    some = [damage for damage in (tinted, blurred, noisy, warped) if chance.random() < 0.6]
    for damage in some:
        filled = damage(pair, filled, hole, 0.6 * severity * float(chance.random()), chance)
    return filled


def blurred(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:  # noqa: ARG001
    """Out of focus, everywhere or along the border only."""
    soft = cv2.GaussianBlur(filled, (0, 0), 0.3 + 5 * severity**1.5)
    if chance.random() < 0.3:
        near = np.clip(1.2 - distance_to(~hole) / 6, 0, 1)[..., None]
        return _levels(soft * near + filled * (1 - near))
    return np.asarray(soft, np.uint8)


def tinted(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:  # noqa: ARG001
    """Another shade or hue, even or fading across the hole."""
    shift = chance.standard_normal(3)
    shift = 60 * severity**1.5 * (shift / np.abs(shift).max() if chance.random() < 0.5 else np.sign(shift[:1]))
    return _levels(filled + shift * _fading(hole, chance)[..., None])


def noisy(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:  # noqa: ARG001
    """Grain of any size that is not in the photo."""
    grain = _grain(hole.shape, float(chance.choice([0.0, 0.8, 2.0])), chance)
    return _levels(filled + 60 * severity**1.5 * grain)


def blocks(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:  # noqa: ARG001
    """A pattern of squares, as of a decoder, or strong compression."""
    if chance.random() < 0.5:
        _, file = cv2.imencode(".jpg", filled, (cv2.IMWRITE_JPEG_QUALITY, int(40 - 38 * severity)))
        return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    period = int(chance.choice([4, 8, 16]))
    wave = np.sign(np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period))
    return _levels(filled + (50 * severity**1.5 * wave)[..., None])


def warped(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:  # noqa: ARG001
    """Bent: right as a texture, wrong where there are lines."""
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]].astype(np.float32)
    size = chance.uniform(6, 30)
    down, across = (_grain(hole.shape, size, chance)[..., 0] for _ in range(2))
    reach = np.float32(14 * severity**1.5)
    mapped = cv2.remap(
        filled, x + reach * across, y + reach * down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(mapped, np.uint8)


def ghost(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """The object shining through."""
    return _mixed(filled, pair.source, 0.7 * severity**2 * _fading(hole, chance))


def leftover(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """A part of the object still there, as after a mask that missed it; at severity 0 some pixels of it."""
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    turn = chance.uniform(0, 2 * np.pi)
    along = x * np.cos(turn) + y * np.sin(turn) + 2 * _grain(hole.shape, 6, chance)[..., 0]
    inside = along[pair.thing]
    left = pair.thing & (along > np.quantile(inside, 1 - 0.4 * severity**3 - 0.0005))
    return _mixed(filled, pair.source, cv2.GaussianBlur(left.astype(np.float32), (0, 0), 0.7))


def shadow(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """What the object did to its surroundings, still there; made up where it did nothing."""
    beside = pair.effects & ~pair.thing
    if np.count_nonzero(beside) > 0.15 * np.count_nonzero(pair.thing):
        soft = cv2.GaussianBlur(beside.astype(np.float32), (0, 0), 1.0)
        return _mixed(filled, pair.source, severity**1.5 * soft)
    box = bounding_box(pair.thing)
    cast = np.zeros(hole.shape, np.float32)
    middle = (box.left + box.right) // 2 + int(chance.integers(-6, 7)), box.bottom - box.size.height // 6
    cv2.ellipse(cast, middle, (box.size.width // 2 + 2, box.size.height // 6 + 2), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(cast, (0, 0), chance.uniform(1, 5))
    return _mixed(filled, np.zeros_like(filled), 0.6 * severity**1.5 * soft)


def replaced(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """Something new in the place of the object: small and pale, or large and plain."""
    box = bounding_box(hole)
    size = np.sqrt(np.count_nonzero(hole)) * (0.04 + 0.45 * severity**2)
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    rows, columns = np.nonzero(hole & (distance_to(~hole) > min(3.0, min(box.size) / 6)))
    place = int(chance.integers(len(rows)))
    bumps = 1 + 0.25 * _grain(hole.shape, 5, chance)[..., 0]
    stretch = chance.uniform(0.6, 1.6)
    inside = np.hypot((x - columns[place]) * stretch, (y - rows[place]) / stretch) * bumps < size / 2
    form = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8)
    if chance.random() < 0.5:
        other = np.roll(pair.source, tuple(int(chance.integers(20, side)) for side in hole.shape), axis=(0, 1))
    else:
        light = 0.8 + 0.4 * (x - columns[place] + y - rows[place]) / (4 * size)
        other = _levels(chance.uniform(20, 235, 3) * light[..., None])
    return _mixed(filled, other, min(1.0, 0.1 + 1.2 * severity) * form)


def copied(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """Another part of the picture, the best fitting of some, or of only one where the severity is 1."""
    rim = (distance_to(hole) <= 3) & ~hole
    best, least = filled, np.inf
    for _ in range(1 + int(150 * (1 - severity))):
        offset = tuple(int(chance.integers(-side // 3, side // 3 + 1)) for side in hole.shape)
        moved = np.roll(pair.truth, offset, axis=(0, 1))
        misfit = float(np.abs(moved[rim].astype(np.float32) - pair.source[rim]).mean())
        if max(map(abs, offset)) > 8 and misfit < least:
            best, least = moved, misfit
    return best


def regrown(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:
    """Right shades under the fine detail of another part of the picture, of which the less is left the severer."""
    offset = tuple(int(chance.integers(-side // 3, side // 3 + 1)) for side in hole.shape)
    moved = np.roll(pair.truth.astype(np.float32), offset, axis=(0, 1))
    size = 1 + 5 * float(chance.random())
    detail = (1 - severity**2) * (moved - cv2.GaussianBlur(moved, (0, 0), size))
    return _levels(cv2.GaussianBlur(filled.astype(np.float32), (0, 0), size) + detail)


def truth_through(pair: Pair, filled: Image, hole: Mask, severity: float, chance: Chance) -> Image:  # noqa: ARG001
    """Partly the truth: all of it at severity 0, none at 1."""
    return _mixed(pair.truth, filled, np.full(hole.shape, severity**2, np.float32))


def _levels(values: npt.NDArray[Any]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _mixed(one: Image, other: Image, share: Floats) -> Image:
    return _levels(one + (other.astype(np.float32) - one) * share[..., None])


def _grain(shape: tuple[int, ...], size: float, chance: Chance) -> Floats:
    """H x W x 3 of deviation 1, the same in all channels or not; `size` is what it is blurred by."""
    grain = chance.standard_normal((*shape[:2], 3)).astype(np.float32)
    if chance.random() < 0.5:
        grain = np.repeat(grain[..., :1], 3, axis=2)
    if size:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), size), np.float32)
    return np.asarray(grain / grain.std(), np.float32)


def _fading(hole: Mask, chance: Chance) -> Floats:
    """1 everywhere, or falling to 0 across the hole."""
    if chance.random() < 0.6:
        return np.ones(hole.shape, np.float32)
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    turn = chance.uniform(0, 2 * np.pi)
    along = x * np.cos(turn) + y * np.sin(turn)
    low, high = along[hole].min(), along[hole].max()
    return np.asarray(np.clip((along - low) / max(1.0, high - low), 0, 1), np.float32)
