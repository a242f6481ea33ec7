"""METHODS: how results come about, from the project's own removers to the truth itself, each well and badly.

Every method draws its own severity, so that within each there are results to accept and results to reject: a judge
cannot do well by recognizing the method. Whatever is done, the picture outside the grown mask stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeAlias

import cv2
import numpy as np

from rorem_demo.discriminator.simulated import damages
from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.textures import Chance
from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.masks import distance_to, grow, soft_edge
from rorem_demo.imaging.types import Box, Image, Mask, size_of
from rorem_demo.removers.base import RemovalOptions, Remover
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import erase, finish
from rorem_demo.runtime.weights import Weights

EASY = "easy-"
"""Begins the keys of methods whose results nobody would accept; they are counted apart."""

_WHOLE = 0.75
"""Share of masks that cover shadow and reflection, too."""
_TIGHT = 0.125


@dataclass(frozen=True, eq=False)
class Removed:
    """A result."""

    image: Image
    mask: Mask
    """As used: grown."""
    severity: float
    """0..1: how much was spoiled on purpose; 0 for removers."""


Method: TypeAlias = Callable[[Pair, Chance], Removed]


def _marked(pair: Pair, chance: Chance) -> tuple[Mask, int, int]:
    """What somebody would mark, by how much it is grown, and the soft edge within that."""
    mask = pair.effects if chance.random() < _WHOLE else pair.thing
    slack = int(chance.integers(0, 3))
    wide, soft = int(chance.integers(2, 8)), int(chance.integers(0, 6))
    return grow(mask, slack), wide, soft


@cache
def _loaded(key: str) -> Remover:
    return REMOVERS.load(key, Weights())


@lru_cache(maxsize=16)  # the slowest step by far; methods that only change a fill share it
def _erased(key: str, pair: Pair) -> Removed:
    """By a remover, with a mask and options drawn for this pair; one mask in eight is too tight."""
    chance = np.random.default_rng([np.count_nonzero(pair.effects), *key.encode()])
    mask, wide, soft = _marked(pair, chance)
    if chance.random() < _TIGHT:
        smaller = grow(pair.thing, -int(chance.integers(1, 5)))
        mask, wide, soft = (smaller if smaller.any() else pair.thing), 0, 0
    seed, context = int(chance.integers(1 << 16)), float(chance.choice([0.3, 0.6, 1.0]))
    options = RemovalOptions(grow=wide, feather=soft, seed=seed, context=context)
    done = finish(erase(REMOVERS[key], _loaded(key), pair.source, mask, options))
    return Removed(done.image, done.mask, 0.0)


def _remover(key: str) -> Method:
    """As it is."""
    return lambda pair, chance: _erased(key, pair)  # noqa: ARG005  # what every method takes


def _after(key: str, damage: damages.Damage, most: float = 1.0) -> Method:
    """A remover, and something done to what it filled in, of a severity up to `most`."""

    def method(pair: Pair, chance: Chance) -> Removed:
        first = _erased(key, pair)
        severity = most * float(chance.random())
        image = damage(pair, first.image, first.mask, severity, chance)
        return Removed(np.where(first.mask[..., None], image, pair.source), first.mask, severity)

    return method


def _spoiled(damage: damages.Damage) -> Method:
    """The truth, and something done to it."""

    def method(pair: Pair, chance: Chance) -> Removed:
        mask, wide, soft = _marked(pair, chance)
        distance = distance_to(mask)
        severity = float(chance.random())
        image = damage(pair, pair.truth, distance <= wide, severity, chance)
        height, width = mask.shape
        pasted = Window(Box(0, 0, width, height)).paste(image, pair.source, soft_edge(distance, wide, soft))
        return Removed(pasted, distance <= wide, severity)

    return method


AS_THEY_ARE: Mapping[str, Method] = {key: _remover(key) for key in ("shift-map", "telea", "navier-stokes")}
METHODS: Mapping[str, Method] = {
    **AS_THEY_ARE,
    "shift-map-soft": _after("shift-map", damages.blurred, 0.5),
    "shift-map-tinted": _after("shift-map", damages.tinted, 0.5),
    "half-telea": _after("telea", damages.truth_through),
    "truth": _spoiled(damages.touched),
    "blurred": _spoiled(damages.blurred),
    "tinted": _spoiled(damages.tinted),
    "noisy": _spoiled(damages.noisy),
    "blocks": _spoiled(damages.blocks),
    "warped": _spoiled(damages.warped),
    "ghost": _spoiled(damages.ghost),
    "leftover": _spoiled(damages.leftover),
    "shadow": _spoiled(damages.shadow),
    "replaced": _spoiled(damages.replaced),
    "copied": _spoiled(damages.copied),
    "regrown": _spoiled(damages.regrown),
}
"""Each yields results that are accepted and results that are not."""

EASY_METHODS: Mapping[str, Method] = {
    EASY + "untouched": lambda pair, chance: _easy(pair, chance, pair.source),
    EASY + "mean": lambda pair, chance: _easy(pair, chance, _mean(pair)),
    EASY + "blur": lambda pair, chance: _easy(pair, chance, np.asarray(cv2.GaussianBlur(pair.source, (0, 0), 12))),
}


def _easy(pair: Pair, chance: Chance, filling: Image) -> Removed:
    mask, wide, _ = _marked(pair, chance)
    mask = grow(mask, wide)
    return Removed(np.where(mask[..., None], filling, pair.source), mask, 1.0)


def _mean(pair: Pair) -> Image:
    colour = pair.source.reshape(-1, 3).mean(axis=0)
    width, height = size_of(pair.source)
    return np.tile(np.rint(colour).astype(np.uint8), (height, width, 1))
