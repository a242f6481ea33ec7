"""Places: the pairs of one background, which no split parts; each is made from a seed and a number alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rorem_demo.discriminator.simulated.composites import PHOTOS, composites, cutout, excerpt, photo, piece
from rorem_demo.discriminator.simulated.layouts import layout
from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.rows import rows_of
from rorem_demo.discriminator.splits import split_of
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.shards import Row

_PASTED = 2
"""Composites on a scene, and on the photo that goes with it."""


def place_rows(seed: int, number: int) -> list[Row]:
    """All rows of one scene and of the composites that go with it."""
    chance = np.random.default_rng([seed, number])
    found = [*scene_pairs(chance, seed, number), *photo_pairs(chance, number)]
    return [row for pair in found for row in rows_of(pair, chance)]


def scene_pairs(chance: np.random.Generator, seed: int, number: int) -> Iterator[Pair]:
    """A scene with each of its targets removed, and its things pasted on it somewhere else."""
    from rorem_demo.discriminator.simulated.scenes import views  # noqa: PLC0415  # the one that needs mitsuba

    place = f"scene-{seed}-{number}"
    seen = list(views(layout(chance), (seed * 100_003 + number) % 2**31))
    yield from (Pair.of(view.source, view.truth, view.thing, place) for view in seen)
    if seen:
        things = [cutout(view.source, view.thing) for view in seen]
        truths = [seen[int(chance.integers(len(seen)))].truth for _ in range(_PASTED)]
        yield from composites(chance, truths, things, place, split_of(digest(seen[0].source)))


def photo_pairs(chance: np.random.Generator, number: int) -> Iterator[Pair]:
    """Excerpts of one photo with pieces of itself pasted on them."""
    name = list(PHOTOS)[number % len(PHOTOS)]
    whole = photo(name)
    truths = [excerpt(chance, whole) for _ in range(_PASTED)]
    pieces = [piece(chance, excerpt(chance, whole)) for _ in range(6)]
    yield from composites(chance, truths, pieces, f"photo-{name}", split_of(digest(whole)))
