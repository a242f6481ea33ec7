"""shift-map: fill a hole with a few shifted copies of its surroundings; needs no weights.

After He & Sun, "Statistics of patch offsets for image completion" (2012). All that takes long happens on a copy
reduced to a bounded number of pixels: a completion from patches says what belongs where, and a shift map that
comes close to it is chosen. Then only seams are looked at, one doubling after the other, and at full size each
pixel is copied once and the seams are evened out. So the time hardly depends on the size of the photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from rorem_demo.imaging.blend import blended, halved, membrane
from rorem_demo.imaging.patches import Level, completed
from rorem_demo.imaging.shifts import chosen, enlarged, refined, sources
from rorem_demo.removers.base import RemoverSpec, ResolvedOptions, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rorem_demo.imaging.types import Image, Mask

_LARGEST_HOLE = 2000
_LARGEST_WINDOW = 32_000
"""Pixels of hole and of window in the reduced copy, at most."""
_SLACK = 1.3
"""By how much a copy made to have just these may exceed them: cells that are marked in part count as marked."""
_SMALLEST_HOLE = 60
_SMALLEST_SIDE = 12
"""The completion starts from a copy reduced until it has no more of these."""


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> ShiftMapRemover:  # noqa: ARG001  # what every loader takes
    """Nothing to load."""
    return ShiftMapRemover()


class ShiftMapRemover:
    """Where too little is known to copy from, a smooth surface through the surroundings fills the hole.

    Nothing is drawn at random: the result is the same whatever the seed.
    """

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:  # noqa: ARG002
        """Yield progress and at last the image; no option changes it."""
        levels = _pyramid(image, mask)
        searched = sum(_excess(level.hole) > _SLACK for level in levels)
        completion = completed(levels[searched:][::-1]) if searched < len(levels) else None
        if completion is None:
            yield Step(1.0, _smooth(image, mask))
            return
        yield Step(0.5)
        found = refined(chosen(levels[searched], completion), levels[searched])
        for number, finer in enumerate(levels[:searched][::-1], start=1):
            yield Step(0.5 + 0.4 * number / (searched + 1))
            found = refined(enlarged(found, finer), finer)
        yield Step(1.0, blended(image, mask, sources(found, mask)))


def _excess(hole: Mask) -> float:
    """By how much the area is too large to search."""
    return max(hole.size / _LARGEST_WINDOW, np.count_nonzero(hole) / _LARGEST_HOLE)


def _pyramid(image: Image, mask: Mask) -> list[Level]:
    """The window and smaller copies; a cell with any marked pixel is marked.

    Each is half the one before, but for the second, which is reduced by just so much that some copy after it
    has as many pixels as can be searched: the result then does not depend on how that number is met.
    """
    levels = [Level(image, mask)]
    if _excess(mask) > _SLACK:
        levels.append(_reduced(levels[0]))
    while np.count_nonzero(levels[-1].hole) > _SMALLEST_HOLE and min(levels[-1].hole.shape) > _SMALLEST_SIDE:
        finer = levels[-1]
        levels.append(Level(halved(finer.image), _halved_hole(finer.hole)))
    return levels


def _reduced(level: Level) -> Level:
    """At most half a doubling away, and of sides that can be halved evenly until they are searched."""
    hole, halvings = level.hole, 0
    while _excess(hole) > 1:
        hole, halvings = _halved_hole(hole), halvings + 1
    grid = 2 ** (halvings - 1)
    factor = 0.5 * min(2.0, _excess(hole) ** -0.5)
    height, width = (max(1, int(side * factor / grid)) * grid for side in level.hole.shape)
    # By way of the half: averaging over odd areas is slow, and the target is never larger than that.
    image = cv2.resize(halved(level.image), (width, height), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(_halved_hole(level.hole).view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
    return Level(np.asarray(image, np.uint8), np.asarray(cover > 0))


def _halved_hole(hole: Mask) -> Mask:
    return halved(hole.astype(np.uint8) * 255) > 0


def _smooth(image: Image, mask: Mask) -> Image:
    surface = np.rint(np.clip(membrane(image.astype(np.float32), ~mask), 0, 255)).astype(np.uint8)
    return np.where(mask[..., None], surface, image)
