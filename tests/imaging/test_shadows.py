"""A cast shadow is found where there is one, and seldom where there is none."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from rorem_demo.imaging.shadows import find_shadow

BOX = (slice(90, 170), slice(140, 200))


def ground(height: int = 300, width: int = 360) -> np.ndarray:
    """Grainy sand, slightly brighter towards the bottom."""
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    slope = np.linspace(-8, 8, height)[:, None, None]
    return np.array([178, 160, 132]) + grain + slope


def scene(*, shadow: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo, object and where the shadow is darkest by half; `shadow` 1 leaves the ground as it is."""
    shape = np.zeros((300, 360), np.uint8)
    cv2.fillPoly(shape, [np.array([(140, 160), (200, 160), (255, 205), (195, 208)])], 255)
    soft = cv2.GaussianBlur(shape.astype(np.float32) / 255, (0, 0), 2)
    photo = ground() * (1 - (1 - shadow) * soft[..., None])
    mask = np.zeros(shape.shape, np.bool_)
    mask[BOX] = True
    photo[BOX] = (40, 70, 160)
    return np.clip(photo, 0, 255).astype(np.uint8), mask, (soft > 0.5) & ~mask


@pytest.mark.parametrize("shadow", [0.25, 0.45, 0.6])
def test_shadow_is_found(shadow: float) -> None:
    photo, mask, truth = scene(shadow=shadow)
    before = photo.copy(), mask.copy()
    found = find_shadow(photo, mask)
    assert found is not None
    assert not (found & mask).any()
    assert (found & truth).sum() / (found | truth).sum() > 0.5
    assert np.array_equal(photo, before[0])
    assert np.array_equal(mask, before[1])


def test_no_shadow() -> None:
    photo, mask, _ = scene(shadow=1)
    assert find_shadow(photo, mask) is None


def test_dark_paint_of_another_colour_is_no_shadow() -> None:
    photo, mask, truth = scene(shadow=1)
    photo[truth] = (110, 10, 20)
    assert find_shadow(photo, mask) is None


def test_shadow_of_something_else_is_left() -> None:
    photo, mask, _ = scene(shadow=1)
    photo[240:270, 30:110] = photo[240:270, 30:110] // 2
    assert find_shadow(photo, mask) is None


def test_dark_background_above_is_no_shadow() -> None:
    photo, mask, _ = scene(shadow=1)
    photo[:120][~mask[:120]] //= 3
    assert find_shadow(photo, mask) is None


@pytest.mark.parametrize("level", [0, 9, 255])
def test_flat_photo(level: int) -> None:
    mask = np.zeros((120, 160), np.bool_)
    mask[40:80, 60:100] = True
    assert find_shadow(np.full((120, 160, 3), level, np.uint8), mask) is None


def test_object_at_the_border_and_everywhere() -> None:
    photo, mask, _ = scene(shadow=0.4)
    cut = find_shadow(photo[:180, 150:], mask[:180, 150:])
    assert cut is None or not (cut & mask[:180, 150:]).any()
    assert find_shadow(photo, np.ones_like(mask)) is None
    assert find_shadow(photo[:1, :1], np.ones((1, 1), np.bool_)) is None


def test_large_photo_is_quick() -> None:
    photo, mask, truth = scene(shadow=0.4)
    large = cv2.resize(photo, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    covered, wanted = (cv2.resize(m.view(np.uint8), (4000, 3000)) > 0 for m in (mask, truth))
    started = time.process_time()
    found = find_shadow(large, covered)
    assert time.process_time() - started < 1.5  # measured: 0.06 s of CPU
    assert found is not None
    assert (found & wanted).sum() / (found | wanted).sum() > 0.5


def test_real_cars() -> None:
    root = os.environ.get("ROREM_TEST_PHOTOS")
    if not root:
        pytest.skip("ROREM_TEST_PHOTOS names no folder of photos")
    folder = Path(root) / "pairs_highway"
    hit = false = missed = 0
    for path in sorted((folder / "label").iterdir())[::9]:
        label = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        frame = cv2.imread(str(folder / "input" / path.name.replace("gt", "in").replace(".png", ".jpg")))
        found = find_shadow(np.ascontiguousarray(frame[:, :, ::-1]), label == 255)
        claimed = (found if found is not None else np.zeros(label.shape, np.bool_)) & (label != 170)
        hit += (claimed & (label == 50)).sum()
        false += (claimed & (label != 50)).sum()
        missed += (~claimed & (label == 50)).sum()
    assert hit / (hit + false) > 0.6
    assert hit / (hit + missed) > 0.5
