"""shift-map: fill a hole with a few shifted copies of its surroundings; needs no weights.

After He & Sun, "Statistics of patch offsets for image completion" (2012). All that takes long happens on a copy
reduced to a bounded number of pixels: a completion from patches says what belongs where, and a shift map that
comes close to it is chosen. Then only seams are looked at, one doubling after the other, and at full size each
pixel is copied once and the seams are evened out. So the time hardly depends on the size of the photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rorem_demo.imaging.blend import blended, halved, membrane
from rorem_demo.imaging.patches import Level, completed
from rorem_demo.imaging.shifts import chosen, doubled, refined, sources
from rorem_demo.removers.base import RemoverSpec, ResolvedOptions, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rorem_demo.imaging.types import Image, Mask

_LARGEST_HOLE = 2000
_LARGEST_WINDOW = 32_000
"""Pixels of hole and of window in the reduced copy, at most."""
_SMALLEST_HOLE = 60
_SMALLEST_SIDE = 12
"""The completion starts from a copy reduced until it has no more of these."""


def load(spec: RemoverSpec) -> ShiftMapRemover:  # noqa: ARG001  # every loader takes its row
    """Nothing to load."""
    return ShiftMapRemover()


class ShiftMapRemover:
    """Where too little is known to copy from, a smooth surface through the surroundings fills the hole.

    Nothing is drawn at random: the result is the same whatever the seed.
    """

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:  # noqa: ARG002
        """Yield progress and at last the image; no option changes it."""
        levels = _pyramid(image, mask)
        searched = sum(_exceeds(level) for level in levels)
        completion = completed(levels[searched:][::-1]) if searched < len(levels) else None
        if completion is None:
            yield Step(1.0, _smooth(image, mask))
            return
        yield Step(0.5)
        found = refined(chosen(levels[searched], completion), levels[searched])
        for number, finer in enumerate(levels[:searched][::-1], start=1):
            yield Step(0.5 + 0.4 * number / (searched + 1))
            found = refined(doubled(found, finer), finer)
        yield Step(1.0, blended(image, mask, sources(found, mask)))


def _exceeds(level: Level) -> bool:
    return level.hole.size > _LARGEST_WINDOW or int(level.hole.sum()) > _LARGEST_HOLE


def _pyramid(image: Image, mask: Mask) -> list[Level]:
    """The window and its halves; a cell with any marked pixel is marked."""
    levels = [Level(image, mask)]
    while np.count_nonzero(levels[-1].hole) > _SMALLEST_HOLE and min(levels[-1].hole.shape) > _SMALLEST_SIDE:
        finer = levels[-1]
        levels.append(Level(halved(finer.image), halved(finer.hole.astype(np.uint8) * 255) > 0))
    return levels


def _smooth(image: Image, mask: Mask) -> Image:
    surface = np.rint(np.clip(membrane(image.astype(np.float32), ~mask), 0, 255)).astype(np.uint8)
    return np.where(mask[..., None], surface, image)
