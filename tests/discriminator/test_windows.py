"""Windows: of one shape whatever the photo, and of the places that matter."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.windows import (
    LONGEST,
    NEAR,
    PIECES,
    WIDE,
    near_points,
    square,
    wide_box,
    windows,
)
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import LONGEST_SIDE
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Size


def boxed(size: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_photo_and_mask_gives_the_same_shapes(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 300), st.integers(1, 300)))
    top, left = data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)))
    mask = boxed((height, width), top, left, data.draw(st.integers(1, 300)), data.draw(st.integers(1, 300)))
    found = windows(noise(height, width), mask, noise(height, width, 1))
    assert {name: (array.shape, array.dtype.name) for name, array in found.items()} == {
        "wide": ((WIDE, WIDE, 7), "uint8"),
        "near": ((PIECES, NEAR, NEAR, 7), "uint8"),
        "facts": ((2,), "float32"),
    }
    assert np.isfinite(found["facts"]).all()
    assert found["wide"][..., 6].any()
    assert all(piece[..., 6].any() for piece in found["near"])


def test_small_masks_are_seen_pixel_by_pixel_from_far_and_from_near() -> None:
    source, result, mask = noise(300, 400), noise(300, 400, 1), boxed((300, 400), 100, 150, 20, 30)
    found = windows(source, mask, result)
    left, top, right, bottom = wide_box(mask)
    assert np.array_equal(found["wide"][..., :3], source[top:bottom, left:right])
    assert np.array_equal(found["wide"][..., 3:6], result[top:bottom, left:right])
    assert np.array_equal(found["wide"][..., 6] > 0, mask[top:bottom, left:right])
    for piece, point in zip(found["near"], near_points(mask), strict=True):
        left, top, right, bottom = square(point, NEAR, Size(400, 300))
        assert np.array_equal(piece[..., 3:6], result[top:bottom, left:right])


def test_the_far_view_holds_the_whole_mask_and_what_is_around_it() -> None:
    mask = boxed((500, 700), 100, 200, 150, 220)
    wide, hole = wide_box(mask), bounding_box(mask)
    assert wide.left <= hole.left - 100
    assert wide.right >= hole.right + 100
    assert wide.size.width == wide.size.height == 440


def test_near_views_look_into_the_hole_and_at_its_edges_far_apart() -> None:
    mask = boxed((500, 500), 100, 100, 300, 300)
    deep, *edges = near_points(mask)
    assert np.hypot(deep[0] - 250, deep[1] - 250) < 5
    depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 3)
    assert all(depth[y, x] <= 1 for x, y in edges)
    apart = [np.hypot(a[0] - b[0], a[1] - b[1]) for a in edges for b in edges if a != b]
    assert min(apart) > 200


def test_no_more_is_seen_than_the_dataset_keeps() -> None:
    assert LONGEST <= LONGEST_SIDE


def test_a_large_photo_is_seen_as_the_dataset_keeps_it() -> None:
    """Scored in the app at full size, learned from at LONGEST_SIDE: what is seen must be alike."""
    rough = cv2.GaussianBlur(noise(1536, 2048), (0, 0), 3)
    mask = boxed((1536, 2048), 512, 640, 256, 384)
    small = cv2.resize(rough, (LONGEST_SIDE, 768), interpolation=cv2.INTER_AREA)
    small_mask = boxed((768, LONGEST_SIDE), 256, 320, 128, 192)
    full, kept = windows(rough, mask, rough), windows(small, small_mask, small)
    assert np.array_equal(full["facts"], kept["facts"])
    for name in ("wide", "near"):
        assert np.abs(full[name].astype(int) - kept[name]).max() <= 1


def test_a_thin_stroke_of_a_large_photo_is_not_lost() -> None:
    mask = boxed((3000, 4000), 1000, 1000, 1, 900)
    assert windows(noise(3000, 4000), mask, noise(3000, 4000))["wide"][..., 6].any()


def test_what_sticks_out_of_a_small_photo_mirrors_it() -> None:
    source = noise(40, 100)
    found = windows(source, boxed((40, 100), 10, 10, 20, 20), source)["wide"][..., :3]
    top, left = (WIDE - 40) // 2, (WIDE - 100) // 2
    assert np.array_equal(found[top : top + 40, left : left + 100], source)
    assert np.array_equal(found[top - 1, left : left + 100], source[0])
    assert np.array_equal(found[top + 40, left : left + 100], source[-1])


@pytest.mark.parametrize("wrong", ["size", "empty", "type"])
def test_what_does_not_belong_together_is_refused(wrong: str) -> None:
    source, mask = noise(60, 60), boxed((60, 60), 10, 10, 9, 9)
    result = {"size": noise(60, 61), "type": source.astype(np.float32)}.get(wrong, source)
    with pytest.raises(InputError):
        windows(source, mask & (wrong != "empty"), result)
