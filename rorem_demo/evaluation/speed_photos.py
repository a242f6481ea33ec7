"""Scene: made-up photos with one thing marked, as files; and how much longer large ones take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from rorem_demo.evaluation.benchmark import textured
from rorem_demo.evaluation.speed_process import Asked
from rorem_demo.evaluation.speed_report import Photos
from rorem_demo.imaging.io import encode_image, encode_mask
from rorem_demo.imaging.types import Image, Mask, Size


@dataclass(frozen=True)
class Scene:
    """Photos of one size, a disc marked in the middle."""

    size: Size
    hole: int
    """Its width in pixels."""

    def image(self, number: int) -> Image:
        """Another photo for each number: what a VAE made of the last ones is kept."""
        return textured(self.size, seed=number)

    @property
    def mask(self) -> Mask:
        rows, columns = np.ogrid[: self.size.height, : self.size.width]
        distance = (rows - self.size.height / 2) ** 2 + (columns - self.size.width / 2) ** 2
        return np.asarray(4 * distance <= self.hole**2, np.bool_)

    def files(self, number: int) -> tuple[bytes, bytes]:
        """The photo as JPEG, the mask as PNG."""
        return encode_image(self.image(number), "JPEG"), encode_mask(self.mask)


def photos_compared(
    side: Asked, sizes: tuple[Size, Size], hole: int, repeats: int, told: Callable[[str], None]
) -> Photos:
    """Median seconds on a small and on a large photo, in turns, with a mask of as many pixels."""
    scenes = [Scene(size, hole) for size in sizes]
    seconds = []
    for number in range(1000, 1000 + repeats):
        seconds.append([side.ask("run", *scene.files(number), number).seconds for scene in scenes])
        told(f"photos of {sizes[0]} and {sizes[1]}: {seconds[-1][0]:.2f} s and {seconds[-1][1]:.2f} s")
    small, large = map(median, zip(*seconds, strict=True))
    return Photos(small=str(sizes[0]), large=str(sizes[1]), hole=hole, small_seconds=small, large_seconds=large)
