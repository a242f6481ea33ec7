"""Sizes, boxes and the checks that admit arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box, Size, as_image, as_mask, size_of

sides = st.integers(1, 5000)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.floats(1e-6, 4))
def test_scaled_size_has_pixels_and_keeps_its_shape(width: int, height: int, factor: float) -> None:
    scaled = Size(width, height).scaled(factor)
    assert min(scaled) >= 1
    assert abs(scaled.width - width * factor) <= 1
    assert abs(scaled.height - height * factor) <= 1


def test_size_speaks_of_itself() -> None:
    size = Size(4000, 3000)
    assert (str(size), size.area, size.megapixels) == ("4000x3000", 12_000_000, 12.0)
    assert size_of(np.zeros((3, 5))) == size_of(np.zeros((3, 5, 3))) == Size(5, 3)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 60), st.integers(1, 60), st.integers(0, 90))
def test_grown_box_holds_the_box_and_stays_inside(data: st.DataObject, width: int, height: int, by: int) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    grown = box.grown(by, Size(width, height))
    assert 0 <= grown.left <= box.left
    assert box.right <= grown.right <= width
    assert 0 <= grown.top <= box.top
    assert box.bottom <= grown.bottom <= height
    assert size_of(np.zeros((height, width))[grown.slices]) == grown.size


def test_image_is_admitted_as_it_is() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    assert as_image(image) is image


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((2, 3, 3), np.float32),
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3, 4), np.uint8),
        np.zeros((0, 3, 3), np.uint8),
        np.zeros((1, 2, 3, 3), np.uint8),
    ],
)
def test_other_arrays_are_no_image(value: np.ndarray) -> None:
    with pytest.raises(InputError, match="Expected"):
        as_image(value)


def test_mask_is_admitted_as_it_is() -> None:
    mask = np.eye(3, dtype=np.bool_)
    assert as_mask(mask, np.zeros((3, 3, 3), np.uint8)) is mask


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((4, 4), np.uint8), "Expected"),
        (np.ones((4, 4, 1), np.bool_), "Expected"),
        (np.ones((4, 5), np.bool_), "5x4 but the photo is 4x4"),
        (np.zeros((4, 4), np.bool_), "Nothing is marked"),
    ],
)
def test_other_arrays_are_no_mask(value: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_mask(value, np.zeros((4, 4, 3), np.uint8))
