"""shift-map: what it restores, and that it survives any picture and mask."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from rorem_demo.imaging.patches import Level, completed, searchable
from rorem_demo.imaging.shifts import ShiftMap, enlarged, sources
from rorem_demo.removers.base import ResolvedOptions, Step
from rorem_demo.removers.shiftmap import ShiftMapRemover


def steps_of(image: np.ndarray, mask: np.ndarray, seed: int = 0) -> list[Step]:
    return list(ShiftMapRemover().fill(image, mask, ResolvedOptions(seed=seed)))


def filled(image: np.ndarray, mask: np.ndarray, seed: int = 0) -> np.ndarray:
    last = steps_of(image, mask, seed)[-1].image
    assert last is not None
    return last


def stripes(height: int, width: int, period: int = 8) -> np.ndarray:
    wave = 128 + 80 * np.sin(2 * np.pi * np.arange(width) / period)
    return np.repeat(np.tile(wave, (height, 1))[..., None], 3, axis=2).astype(np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def boxed(height: int, width: int, top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.mark.parametrize("side", [12, 40])
def test_a_periodic_texture_is_restored(side: int) -> None:
    image, mask = stripes(3 * side, 4 * side), boxed(3 * side, 4 * side, side, side, side)
    result = filled(np.where(mask[..., None], np.uint8(0), image), mask)
    assert np.abs(result[mask].astype(int) - image[mask]).mean() < 3


def test_a_horizon_is_continued() -> None:
    image = np.full((120, 160, 3), (90, 140, 220), np.uint8)
    image[60:] = (70, 120, 50)
    image = cv2.add(image, np.random.default_rng(0).integers(0, 6, image.shape, dtype=np.uint8))
    mask = boxed(120, 160, 40, 60, 40)
    result = filled(np.where(mask[..., None], np.uint8(255), image), mask)
    wrong = np.abs(result[mask].astype(int) - image[mask]).max(axis=1) > 30
    assert wrong.mean() < 0.02


def test_flat_colour_stays_flat_beside_an_object() -> None:
    image = np.full((100, 100, 3), (40, 110, 190), np.uint8)
    cv2.line(image, (0, 99), (70, 60), (230, 220, 200), 4)
    mask = boxed(100, 100, 15, 30, 35)
    assert np.abs(filled(image, mask)[mask].astype(int) - (40, 110, 190)).max() <= 2


def test_the_marked_pixels_themselves_count_for_nothing() -> None:
    image, mask = noise(50, 50), boxed(50, 50, 20, 20, 12)
    other = np.where(mask[..., None], 255 - image, image)
    assert np.array_equal(filled(image, mask)[mask], filled(other, mask)[mask])


def test_same_pixels_whatever_ran_before_and_arguments_untouched() -> None:
    image, mask = noise(50, 60), boxed(50, 60, 15, 20, 15)
    image_before, mask_before = image.copy(), mask.copy()
    first = filled(image, mask)
    cv2.setRNGSeed(99)
    filled(stripes(60, 60), boxed(60, 60, 20, 20, 15), seed=5)
    assert np.array_equal(filled(image, mask), first)
    assert np.array_equal(image, image_before)
    assert np.array_equal(mask, mask_before)


def test_steps_rise_to_one_and_only_the_last_is_required_to_carry_the_image() -> None:
    steps = steps_of(stripes(150, 150), boxed(150, 150, 45, 45, 60))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(steps) >= 3


HOLES = {
    "all but a pixel": lambda shape: ~boxed(*shape, 0, 0, 1),
    "everything": lambda shape: np.ones(shape, bool),
    "one pixel": lambda shape: boxed(*shape, shape[0] // 2, shape[1] // 2, 1),
    "chessboard": lambda shape: np.indices(shape).sum(axis=0) % 2 == 0,
    "line": lambda shape: np.arange(shape[0])[:, None] == np.arange(shape[1]) * shape[0] // shape[1],
    "frame": lambda shape: ~boxed(*shape, shape[0] // 4, shape[1] // 4, min(shape) // 2),
    "half": lambda shape: np.tile(np.arange(shape[1]) < shape[1] // 2, (shape[0], 1)),
}


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 50), (1, 3000), (9, 9), (40, 15), (30, 60), (12, 300)])
def test_no_shape_nor_mask_is_too_odd(shape: tuple[int, int], hole: str) -> None:
    image, mask = noise(*shape), HOLES[hole](shape)
    result = filled(image, mask)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert np.array_equal(result[~mask], image[~mask])


def test_time_hardly_depends_on_the_size() -> None:
    def seconds(scale: int) -> float:
        image, mask = (
            stripes(120 * scale, 150 * scale),
            boxed(120 * scale, 150 * scale, 40 * scale, 50 * scale, 40 * scale),
        )
        start = time.process_time()
        filled(image, mask)
        return time.process_time() - start

    assert any(seconds(8) < 0.5 * 16 * seconds(2) for _ in range(5))


def test_sources_are_known_even_where_the_shift_leads_astray() -> None:
    hole = boxed(40, 40, 10, 10, 20)
    for shift in ((0, 5), (0, 39), (-30, 0), (25, 25)):
        found = ShiftMap(hole.astype(np.int16), np.array([(0, 0), shift], np.int32))
        taken = sources(found, hole)
        assert not hole.ravel()[taken].any()
        assert np.array_equal(taken[~hole], np.flatnonzero(~hole))


def test_enlarging_keeps_labels_and_scales_shifts() -> None:
    coarse = ShiftMap(boxed(4, 5, 1, 1, 2).astype(np.int16), np.array([(0, 0), (-3, 2)], np.int32))
    hole = boxed(8, 10, 2, 2, 4)
    finer = enlarged(coarse, Level(noise(8, 10), hole))
    assert np.array_equal(finer.labels > 0, hole)
    assert np.array_equal(finer.shifts, [(0, 0), (-6, 4)])


def test_completion_needs_known_patches() -> None:
    hole = np.ones((30, 30), bool)
    assert not searchable(hole)
    assert completed([Level(noise(30, 30), hole)]) is None
