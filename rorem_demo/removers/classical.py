"""Telea's and the Navier-Stokes inpainting of OpenCV: instant on small holes, smooth and without texture.

Telea, "An image inpainting technique based on the fast marching method" (2004); Bertalmio, Bertozzi and Sapiro,
"Navier-Stokes, fluid dynamics, and image and video inpainting" (2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RADIUS = 3
"""Pixels around each one that are looked at."""
_LARGEST_HOLE = 1_000_000
"""Pixels filled at full size, at most; a larger hole is filled on a reduced copy, smooth as it is anyway."""


def load_telea(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:  # noqa: ARG001  # what every loader takes
    """Telea's fast marching; nothing to load."""
    return _Diffusion(cv2.INPAINT_TELEA)


def load_navier_stokes(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:  # noqa: ARG001
    """Navier-Stokes; nothing to load."""
    return _Diffusion(cv2.INPAINT_NS)


@dataclass(frozen=True)
class _Diffusion:
    algorithm: int
    """One of `cv2.INPAINT_TELEA` and `cv2.INPAINT_NS`."""

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:  # noqa: ARG002
        """Yield the finished image; no option changes it."""
        box = bounding_box(mask).grown(2 * _RADIUS, size_of(mask))
        result = image.copy()
        filled = self._filled(np.ascontiguousarray(image[box.slices]), mask[box.slices])
        np.copyto(result[box.slices], filled, where=mask[box.slices][..., None])
        yield Step(1.0, result)

    def _filled(self, image: Image, mask: Mask) -> Image:
        factor = (_LARGEST_HOLE / max(1, int(mask.sum()))) ** 0.5
        if factor >= 1:
            return np.asarray(cv2.inpaint(image, mask.astype(np.uint8), _RADIUS, self.algorithm), np.uint8)
        size = size_of(mask)
        small_image = cv2.resize(image, size.scaled(factor), interpolation=cv2.INTER_AREA)
        small_mask = cv2.resize(mask.astype(np.uint8) * 255, size.scaled(factor), interpolation=cv2.INTER_AREA)
        small = cv2.inpaint(small_image, (small_mask > 0).astype(np.uint8), _RADIUS, self.algorithm)
        return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)
