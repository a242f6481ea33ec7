"""Blending: copies fit in, and nothing but the hole changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rorem_demo.imaging.blend import blended, doubled, halved, membrane


def own(shape: tuple[int, int]) -> np.ndarray:
    return np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)


def shifted_into(hole: np.ndarray, down: int, right: int) -> np.ndarray:
    indices = own(hole.shape)
    return np.where(hole, indices + down * hole.shape[1] + right, indices).astype(np.int32)


@pytest.fixture
def hole() -> np.ndarray:
    disc = np.zeros((90, 120), np.uint8)
    cv2.circle(disc, (60, 45), 17, 1, -1)
    return disc > 0


def test_an_offset_between_the_copy_and_its_surroundings_vanishes(hole: np.ndarray) -> None:
    image = np.full((90, 120, 3), 100, np.uint8)
    image[:, 80:] = 118
    result = blended(image, hole, shifted_into(hole, 0, 40))  # copied from the brighter part
    assert np.abs(result[hole].astype(int) - 100).max() <= 1


def test_a_linear_ramp_is_continued(hole: np.ndarray) -> None:
    ramp = np.arange(120)[None, :] // 3 + np.arange(90)[:, None] // 2
    image = np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8)
    spoilt = np.where(hole[..., None], np.uint8(255), image)
    result = blended(spoilt, hole, shifted_into(hole, 0, 38))
    assert np.abs(result.astype(int) - image).max() <= 2


def test_copies_of_different_brightness_agree_with_each_other_and_with_the_surroundings() -> None:
    image = np.full((60, 100, 3), 100, np.uint8)
    image[40:] = 112
    hole = np.zeros((60, 100), bool)
    hole[22:37, 30:70] = True
    taken = np.where(np.arange(100) < 50, shifted_into(hole, -20, 0), shifted_into(hole, 22, 0))
    assert np.abs(blended(image, hole, taken)[hole].astype(int) - 100).max() <= 2


@pytest.mark.parametrize("scale", [1, 4, 16])
def test_a_patch_in_the_middle_of_a_large_hole_takes_the_surroundings_level(scale: int) -> None:
    image = np.full((60 * scale, 80 * scale, 3), 100, np.uint8)
    image[:, 60 * scale :] = 112
    hole = np.zeros(image.shape[:2], bool)
    hole[15 * scale : 45 * scale, 12 * scale : 42 * scale] = True
    middle = np.zeros_like(hole)
    middle[25 * scale : 35 * scale, 22 * scale : 32 * scale] = True
    taken = np.where(middle, shifted_into(hole, 0, 40 * scale), shifted_into(hole, 0, -12 * scale))
    taken = np.where(hole & ~middle, own(hole.shape) - (own(hole.shape) % hole.shape[1]) + 2, taken)
    result = blended(image, hole, taken.astype(np.int32))[hole].astype(int)
    assert np.abs(result - 100).mean() < 0.7
    assert np.abs(result - 100).max() <= 3


def test_an_edge_does_not_bleed() -> None:
    image = np.full((80, 80, 3), 90, np.uint8)
    image[38:42, :30] = 255  # something left over that touches the hole
    hole = np.zeros((80, 80), bool)
    hole[30:50, 30:50] = True
    result = blended(image, hole, shifted_into(hole, 0, 25)).astype(int)
    assert np.abs(result[hole] - 90).max() <= 1


def test_nothing_outside_the_hole_changes_nor_does_the_argument(hole: np.ndarray) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    before = image.copy()
    result = blended(image, hole, shifted_into(hole, 0, 38))
    assert np.array_equal(result[~hole], before[~hole])
    assert np.array_equal(image, before)


def test_a_hole_at_the_corner_is_blended_too() -> None:
    image = np.full((50, 50, 3), 60, np.uint8)
    image[:, 25:] = 75
    hole = np.zeros((50, 50), bool)
    hole[:15, :15] = True
    assert np.abs(blended(image, hole, shifted_into(hole, 0, 30))[hole].astype(int) - 60).max() <= 1


def test_membrane_passes_through_what_is_held_and_overshoots_nowhere() -> None:
    rng = np.random.default_rng(1)
    heights = rng.uniform(-10, 10, (65, 43, 3)).astype(np.float32)
    held = rng.random((65, 43)) < 0.05
    surface = membrane(heights, held)
    assert np.array_equal(surface[held], heights[held])
    assert surface.min() >= heights[held].min() - 1e-4
    assert surface.max() <= heights[held].max() + 1e-4


def test_membrane_held_nowhere_is_flat_zero() -> None:
    assert not membrane(np.ones((9, 9, 3), np.float32), np.zeros((9, 9), bool)).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (6, 9)])
def test_halving_then_doubling_covers_the_array(shape: tuple[int, int]) -> None:
    array = np.full((*shape, 3), 7, np.float32)
    again = doubled(halved(array))
    assert again.shape[0] >= shape[0]
    assert again.shape[1] >= shape[1]
    assert (again == 7).all()
