"""psnr: known values, and what it refuses."""

import math

import numpy as np
import pytest

from rorem_demo.errors import InputError
from rorem_demo.imaging.metrics import psnr

GREY = np.full((6, 8, 3), 100, np.uint8)
EVERYWHERE = np.ones((6, 8), np.bool_)


def test_equal_pictures_are_infinitely_near() -> None:
    assert psnr(GREY, GREY.copy(), EVERYWHERE) == math.inf


def test_a_difference_of_ten_levels() -> None:
    assert psnr(GREY, GREY + np.uint8(10), EVERYWHERE) == pytest.approx(20 * math.log10(25.5))


def test_order_does_not_matter_though_pixels_are_unsigned() -> None:
    other = GREY - np.uint8(90)
    assert psnr(GREY, other, EVERYWHERE) == psnr(other, GREY, EVERYWHERE)


def test_black_against_white_is_zero() -> None:
    assert psnr(np.zeros_like(GREY), np.full_like(GREY, 255), EVERYWHERE) == 0


def test_only_the_mask_counts() -> None:
    other, where = GREY.copy(), EVERYWHERE.copy()
    other[0, 0] = 0
    where[0, 0] = False
    assert psnr(GREY, other, where) == math.inf


@pytest.mark.parametrize(
    ("other", "where"),
    [(GREY[:5], EVERYWHERE), (GREY, EVERYWHERE[:5]), (GREY, ~EVERYWHERE), (GREY.astype(np.float32), EVERYWHERE)],
)
def test_what_cannot_be_compared_is_refused(other: np.ndarray, where: np.ndarray) -> None:
    with pytest.raises(InputError):
        psnr(GREY, other, where)
