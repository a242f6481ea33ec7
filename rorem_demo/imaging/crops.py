"""Window: the part of a photo a remover works on; cut out, paste back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Alpha, Box, Image, Mask, size_of


@dataclass(frozen=True)
class Window:
    """A rectangle of a photo, at the photo's own resolution."""

    box: Box

    @classmethod
    def around(cls, mask: Mask, *, grow: int, context: float, least: int) -> Window:
        """The bounding box of the mask, wider on each side so that the remover sees enough around it.

        Args:
            mask: not empty.
            grow: pixels the mask will still grow by; they never eat the context.
            context: margin in longer sides of the mask.
            least: margin in pixels a small mask gets at least.
        """
        box = bounding_box(mask)
        margin = max(least, round(context * max(box.size)))
        return cls(box.grown(grow + margin, size_of(mask)))

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
