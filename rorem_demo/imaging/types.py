"""Image, Mask, Box, Size and the checks that admit them.

Everything past the border of the program is one of these, so nothing inside asks again.
Lengths are pixels; (x, y) and (width, height) in this order; boxes are half-open.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError

Image: TypeAlias = npt.NDArray[np.uint8]
"""H x W x 3, RGB, 0..255."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""H x W, True = remove."""
Alpha: TypeAlias = npt.NDArray[np.float32]
"""H x W, 0..1, 1 = take the new pixel."""


class Size(NamedTuple):
    """Width and height, in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def megapixels(self) -> float:
        return self.area / 1e6

    def scaled(self, factor: float) -> Size:
        """Both sides times `factor`, rounded, at least one pixel."""
        return Size(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(NamedTuple):
    """A half-open rectangle: `left <= x < right`, `top <= y < bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        return Size(self.right - self.left, self.bottom - self.top)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array: `array[box.slices]` is a view."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, by: int, within: Size) -> Box:
        """The box with `by` more pixels on every side, cut at the edges of `within`."""
        left, top = max(0, self.left - by), max(0, self.top - by)
        return Box(left, top, min(within.width, self.right + by), min(within.height, self.bottom + by))


def size_of(array: npt.NDArray[Any]) -> Size:
    """Size of an H x W or H x W x C array."""
    return Size(array.shape[1], array.shape[0])


def as_image(value: npt.NDArray[Any]) -> Image:
    """Admit an array as an Image: a check, never a conversion.

    Raises:
        InputError: not H x W x 3 uint8, or without pixels.
    """
    if value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3 or value.size == 0:
        raise InputError(f"Expected an H x W x 3 uint8 image, got {value.shape} {value.dtype}.")
    return value


def as_mask(value: npt.NDArray[Any], image: Image) -> Mask:
    """Admit an array as the Mask of `image`: a check, never a conversion.

    Raises:
        InputError: not H x W boolean, of another size than the image, or with nothing marked.
    """
    if value.dtype != np.bool_ or value.ndim != 2:
        raise InputError(f"Expected an H x W boolean mask, got {value.shape} {value.dtype}.")
    if value.shape != image.shape[:2]:
        raise InputError(
            f"The mask is {size_of(value)} but the photo is {size_of(image)}.",
            hint="Use a mask of exactly the photo's size.",
        )
    if not value.any():
        raise InputError("Nothing is marked.", hint="Mark the object to remove first.")
    return value
