"""Windows: cut out, pasted back, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Size, size_of

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=30)).filter(np.any)
margins = st.integers(0, 10)


@settings(deadline=None)
@given(masks, margins, st.floats(0, 2), margins)
def test_window_holds_the_mask_with_its_margin(mask: np.ndarray, grow: int, context: float, least: int) -> None:
    inner, window = bounding_box(mask), Window.around(mask, grow=grow, context=context, least=least)
    assert window.cut_mask(mask).sum() == mask.sum()
    for side, wanted, limit in zip(window.box[2:], inner[2:], size_of(mask), strict=True):
        assert side == limit or side >= wanted + grow + least
    for side, wanted in zip(window.box[:2], inner[:2], strict=True):
        assert side == 0 or side <= wanted - grow - least


@settings(deadline=None)
@given(masks, margins, st.floats(0, 2), margins)
def test_a_square_window_holds_the_mask_with_half_its_margin(
    mask: np.ndarray, grow: int, context: float, least: int
) -> None:
    inner, photo = bounding_box(mask), size_of(mask)
    wide = Window.around(mask, grow=grow, context=context, least=least)
    window = Window.around(mask, grow=grow, context=context, least=least, square=True)
    half = max(least, round(context * max(inner.size)) // 2)
    near = inner.grown(grow + half, photo)
    both = Box(*map(min, window.box[:2], near[:2]), *map(max, window.box[2:], near[2:]))
    assert window.box == both.grown(0, photo)
    assert window.box.size.width == window.box.size.height or min(window.box.size) == min(photo)
    assert max(window.box.size) <= max(wide.box.size)


@pytest.mark.parametrize(
    ("photo", "marked", "window"),
    [
        (Size(300, 300), Box(140, 130, 160, 170), Box(86, 86, 214, 214)),  # room all around, more at the narrow side
        (Size(300, 100), Box(140, 30, 160, 70), Box(100, 0, 200, 100)),  # as high as the photo, not as wide as asked
        (Size(300, 300), Box(0, 260, 20, 300), Box(0, 216, 84, 300)),  # in a corner: as long as what is seen there
        (Size(300, 60), Box(140, 10, 160, 50), Box(116, 0, 184, 60)),  # half the margin is kept: no square
        (Size(300, 60), Box(10, 10, 290, 30), Box(0, 0, 300, 60)),
    ],
)
def test_square_windows(photo: Size, marked: Box, window: Box) -> None:
    mask = np.zeros((photo.height, photo.width), np.bool_)
    mask[marked.slices] = True
    assert Window.around(mask, grow=4, context=1.0, least=2, square=True).box == window


def test_a_cut_is_contiguous_and_apart_from_the_photo() -> None:
    image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    window = Window(Box(2, 3, 6, 9))
    cut = window.cut_image(image)
    assert cut.flags.c_contiguous
    assert np.array_equal(cut, image[3:9, 2:6])
    cut[:] = 0
    assert image[3:9, 2:6].any()


@settings(max_examples=50, deadline=None)
@given(masks, st.integers(0, 2**32 - 1))
def test_paste_touches_only_where_alpha_is_above_0(mask: np.ndarray, seed: int) -> None:
    chance = np.random.default_rng(seed)
    photo = chance.integers(0, 256, (*mask.shape, 3), np.uint8)
    window = Window.around(mask, grow=0, context=0, least=1)
    patch = chance.integers(0, 256, (window.box.size.height, window.box.size.width, 3), np.uint8)
    alpha = chance.choice(np.array([0, 0.25, 0.9, 1], np.float32), patch.shape[:2])
    before = photo.copy(), patch.copy(), alpha.copy()
    result = window.paste(patch, photo, alpha)
    for array, copy in zip((photo, patch, alpha), before, strict=True):
        assert np.array_equal(array, copy)
    weight = np.zeros(mask.shape, np.float32)
    weight[window.box.slices] = alpha
    assert np.array_equal(result[weight == 0], photo[weight == 0])
    assert np.array_equal(result[window.box.slices][alpha == 1], patch[alpha == 1])
    mixed = photo[window.box.slices] * (1 - alpha[..., None]) + patch * alpha[..., None]
    assert np.abs(result[window.box.slices] - mixed).max() <= 0.51
    assert result.dtype == np.uint8


@settings(max_examples=50, deadline=None)
@given(masks)
def test_pasting_the_cut_back_changes_nothing(mask: np.ndarray) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8)
    window = Window.around(mask, grow=1, context=0.3, least=2)
    for level in (0.0, 0.3, 1.0):
        alpha = np.full((window.box.size.height, window.box.size.width), level, np.float32)
        assert np.array_equal(window.paste(window.cut_image(photo), photo, alpha), photo)
