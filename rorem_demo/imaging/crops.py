"""Window: the part of a photo a remover works on; cut out, paste back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Alpha, Box, Image, Mask, Size, size_of


@dataclass(frozen=True)
class Window:
    """A rectangle of a photo, at the photo's own resolution."""

    box: Box

    @classmethod
    def around(cls, mask: Mask, *, grow: int, context: float, least: int, square: bool = False) -> Window:
        """The bounding box of the mask, wider on each side so that the remover sees enough around it.

        Args:
            mask: not empty.
            grow: pixels the mask will still grow by; they never eat the context.
            context: margin in longer sides of the mask.
            least: margin in pixels a small mask gets at least.
            square: a square, for a model that takes nothing else and would only see padding in the rest of one. For
                that up to half of the margin is given up where the photo's shorter side has no room for all of it; if
                the mask needs more than that side, the window is as near to a square as the photo.
        """
        box, photo = bounding_box(mask), size_of(mask)
        margin = max(least, round(context * max(box.size)))
        wide = box.grown(grow + margin, photo)
        if not square:
            return cls(wide)
        near = box.grown(grow + max(least, margin // 2), photo)
        return cls(_squared(box, min(max(wide.size), max(*near.size, min(photo))), photo))

    def cut_image(self, image: Image) -> Image:
        return image[self.box.slices].copy()

    def cut_mask(self, mask: Mask) -> Mask:
        return mask[self.box.slices].copy()

    def paste(self, patch: Image, into: Image, alpha: Alpha) -> Image:
        """A new image; where `alpha` is 0 its pixels equal those of `into` exactly.

        Args:
            patch: the new pixels, of the window's size.
            into: the photo.
            alpha: weight of the patch, of the window's size.
        """
        result = into.copy()
        target = result[self.box.slices]
        soft = np.nonzero((alpha > 0) & (alpha < 1))
        weight = alpha[soft][:, None]
        mixed = np.rint(target[soft] * (1 - weight) + patch[soft] * weight).astype(np.uint8)
        cv2.copyTo(patch, (alpha == 1).view(np.uint8), target)
        target[soft] = mixed
        return result


def _squared(box: Box, side: int, within: Size) -> Box:
    """A square with the box in its middle, or as near to that as the edges allow; no longer than they are apart."""
    left, right = _span(box.left, box.right, side, within.width)
    top, bottom = _span(box.top, box.bottom, side, within.height)
    return Box(left, top, right, bottom)


def _span(start: int, end: int, length: int, limit: int) -> tuple[int, int]:
    length = min(length, limit)
    first = min(max(0, (start + end - length) // 2), limit - length)
    return first, first + length
