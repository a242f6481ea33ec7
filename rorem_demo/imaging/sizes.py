"""SizeRule: what sizes a model accepts, and Fit: how a window is brought to one of them and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import ConfigError
from rorem_demo.imaging.types import Image, Mask, Size

Pixels = TypeVar("Pixels", np.uint8, np.float32)
Margins = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class SizeRule:
    """What a model asks of its input's size; the neutral rule accepts anything.

    multiple_of: both sides are padded up to a multiple of it. Neutral value: 1.
    minimum: a shorter side below it is scaled up to it. Neutral value: 0.
    longest: a longer side above it is scaled down to it. Neutral value: None.
    """

    multiple_of: int = 1
    minimum: int = 0
    longest: int | None = None

    def __post_init__(self) -> None:
        longest = self.longest or max(self.minimum, self.multiple_of)
        if self.multiple_of < 1 or self.minimum < 0 or longest < max(self.minimum, self.multiple_of):
            raise ConfigError(f"No size satisfies {self}.")

    @property
    def square(self) -> bool:
        """Whether all that the model takes is squares of one size."""
        return self.minimum == self.longest

    def fit(self, size: Size) -> Fit:
        """The nearest size the model accepts.

        `longest` wins over `minimum`: a long strip is padded at its short side, never run over the memory
        the model was measured with.
        """
        factor = max(1.0, self.minimum / min(size))
        if self.longest:
            factor = min(factor, self.longest / max(size))
        scaled = size.scaled(factor)
        return Fit(size, scaled, Size(self._padded(scaled.width), self._padded(scaled.height)))

    def _padded(self, length: int) -> int:
        wanted = max(length, self.minimum)
        return -(-wanted // self.multiple_of) * self.multiple_of


@dataclass(frozen=True)
class Fit:
    """A window of `size`, resampled to `scaled` and padded at right and bottom to `padded`."""

    size: Size
    scaled: Size
    padded: Size

    def image(self, image: Image) -> Image:
        """The image as the model takes it; padding mirrors the edge."""
        return np.pad(_resized(image, self.scaled), (*self._margins, (0, 0)), mode="symmetric")

    def mask(self, mask: Mask) -> Mask:
        """The mask as the model takes it, mirrored with the image: what is to go must not be seen in the padding.

        Downscaled by area and marked where any part was, so that thin strokes survive.
        """
        shares = _resized(mask.astype(np.float32), self.scaled)  # as bytes, a dot's share of a large cell rounds to 0
        return np.pad(shares > 0, self._margins, mode="symmetric")

    def undo(self, patch: Image) -> Image:
        """The model's answer at the window's own size."""
        return _resized(patch[: self.scaled.height, : self.scaled.width], self.size)

    @property
    def _margins(self) -> Margins:
        return (0, self.padded.height - self.scaled.height), (0, self.padded.width - self.scaled.width)


def _resized(array: npt.NDArray[Pixels], size: Size) -> npt.NDArray[Pixels]:
    """The array at `size`: averaged when it shrinks, cubic when it grows, itself when it already fits."""
    if array.shape[:2] == (size.height, size.width):
        return array
    import cv2  # noqa: PLC0415  # the catalogue names SizeRule, and reading it imports no cv2

    shrinks = size.area < array.shape[0] * array.shape[1]
    resized: npt.NDArray[Any] = cv2.resize(array, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return resized.astype(array.dtype, copy=False)
