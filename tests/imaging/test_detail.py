"""Fine detail: textures get theirs back, what is smooth or without a like stays as it was, and all else is kept."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.imaging.detail import KEPT_WITHIN, detailed
from rorem_demo.imaging.io import decode_photo
from rorem_demo.imaging.lookalikes import lookalikes
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Box, Image, Mask, size_of

if TYPE_CHECKING:
    from pathlib import Path


class Scene(NamedTuple):
    """A photo, its hole, and what a model that knew the truth would answer at its size."""

    truth: Image
    asked: Image
    hole: Mask
    question: Image
    answer: Image
    plain: Image

    def detailed(self) -> Image | None:
        return detailed(self.asked, self.hole, self.question, self.answer)


def scene(truth: Image, hole: Mask, longest: int) -> Scene:
    fit = SizeRule(longest=longest).fit(size_of(truth))
    asked = np.where(hole[..., None], np.uint8(9), truth)
    small = fit.image(truth)
    answer = np.where(fit.mask(hole)[..., None], small, fit.image(asked))
    return Scene(truth, asked, hole, fit.image(asked), answer, fit.undo(answer))


def boxed(height: int, width: int, box: Box) -> Mask:
    mask = np.zeros((height, width), np.bool_)
    mask[box.slices] = True
    return mask


def texture(height: int, width: int, seed: int = 0, around: int = 120) -> Image:
    """Grains of all sizes, as of gravel."""
    drawn = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    grains = sum(cv2.GaussianBlur(drawn, (0, 0), sigma) * sigma for sigma in (0.7, 1.5, 3.0, 6.0))
    levels = around + 22 * np.asarray(grains)
    return np.clip(np.stack([levels, levels - 10, levels - 25], axis=-1), 0, 255).astype(np.uint8)


def sky(height: int, width: int) -> Image:
    ramp = np.linspace(130, 220, height)[:, None] + np.linspace(0, 12, width)[None, :]
    return np.rint(np.stack([ramp - 60, ramp - 25, ramp], axis=-1)).astype(np.uint8)


def fine(image: Image, where: Mask, below: float) -> float:
    """Mean square of what is finer than that many pixels."""
    levels = image.mean(axis=2, dtype=np.float32)
    return float(np.square(levels - cv2.GaussianBlur(levels, (0, 0), below))[where].mean())


def inner(hole: Mask, by: int) -> Mask:
    return cv2.erode(hole.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


@pytest.fixture(scope="module")
def gravel() -> Scene:
    return scene(texture(360, 480), boxed(360, 480, Box(140, 110, 340, 250)), 160)


def test_a_texture_gets_its_contrast_back(gravel: Scene) -> None:
    result, where = gravel.detailed(), inner(gravel.hole, 4)
    assert result is not None
    true = fine(gravel.truth, where, 1.5)
    assert fine(gravel.plain, where, 1.5) < 0.3 * true
    assert 0.5 * true < fine(result, where, 1.5) < 1.3 * true


def test_made_small_again_it_is_what_the_model_gave(gravel: Scene) -> None:
    result, fit = gravel.detailed(), SizeRule(longest=160).fit(size_of(gravel.truth))
    assert result is not None
    where = inner(fit.mask(gravel.hole), 3)
    apart = np.abs(fit.image(result).astype(int) - gravel.answer)[where]
    assert apart.mean() < KEPT_WITHIN
    assert apart.mean() < np.abs(fit.image(gravel.plain).astype(int) - gravel.answer)[where].mean()


def test_the_same_again_gives_the_same_pixels(gravel: Scene) -> None:
    assert np.array_equal(gravel.detailed(), gravel.detailed())


def test_what_the_photo_shows_in_the_hole_is_not_used(gravel: Scene) -> None:
    other = np.where(gravel.hole[..., None], texture(360, 480, seed=5), gravel.asked)
    question = SizeRule(longest=160).fit(size_of(other)).image(other)
    result = detailed(other, gravel.hole, question, gravel.answer)
    assert result is not None
    assert np.array_equal(result[gravel.hole], gravel._replace(asked=other).detailed()[gravel.hole])


def test_nothing_but_the_box_around_the_hole_differs_from_the_enlarged_answer(gravel: Scene) -> None:
    result = gravel.detailed()
    assert result is not None
    assert np.array_equal(result[~gravel.hole], gravel.plain[~gravel.hole])  # this hole is a box


def test_the_arguments_stay_as_they_were(gravel: Scene) -> None:
    before = [array.copy() for array in gravel]
    gravel.detailed()
    assert all(np.array_equal(old, new) for old, new in zip(before, gravel, strict=True))


def test_a_smooth_sky_stays_smooth_beside_a_texture() -> None:
    truth = sky(360, 480)
    truth[220:] = texture(140, 480)
    given = scene(truth, boxed(360, 480, Box(160, 60, 320, 180)), 160)
    result = given.detailed()
    if result is not None:
        assert np.abs(result[given.hole].astype(int) - given.plain[given.hole]).max() <= 3


def test_what_has_no_like_gets_nothing() -> None:
    truth = texture(360, 480)
    truth[100:260, 140:340] = (200, 20, 30)
    red = texture(120, 160, seed=3).astype(int) - 120 + (200, 40, 60)
    truth[120:240, 160:320] = np.clip(red, 0, 255).astype(np.uint8)
    given = scene(truth, boxed(360, 480, Box(150, 110, 330, 250)), 160)
    result = given.detailed()
    if result is not None:
        where = inner(given.hole, 16)
        assert fine(result, where, 1.5) < 0.25 * fine(truth, where, 1.5)


def test_a_straight_edge_gets_no_light_beside_it() -> None:
    truth = np.full((360, 480, 3), (230, 230, 225), np.uint8)
    cv2.fillPoly(truth, [np.array([(0, 90), (479, 290), (479, 359), (0, 359)], np.int32)], (60, 50, 45))
    given = scene(truth, boxed(360, 480, Box(140, 100, 340, 270)), 160)
    result = given.detailed()
    shown = (given.plain if result is None else result)[given.hole].astype(int)
    assert shown.max() <= 230 + 9
    assert shown.min() >= 45 - 9


def test_dark_and_bright_pixels_do_not_wrap_around() -> None:
    truth = np.where(texture(240, 320) > 110, np.uint8(255), np.uint8(0))
    given = scene(truth, boxed(240, 320, Box(100, 70, 220, 170)), 100)
    result = given.detailed()
    assert result is not None
    fit = SizeRule(longest=100).fit(size_of(truth))
    where = inner(fit.mask(given.hole), 3)
    assert np.abs(fit.image(result).astype(int) - given.answer)[where].mean() < 12


@pytest.mark.parametrize(
    "box",
    [(0, 0, 100, 80), (220, 160, 320, 240), (0, 0, 60, 240), (0, 100, 320, 140), (158, 118, 160, 120), (0, 0, 1, 1)],
)
def test_holes_at_edges_across_the_picture_and_of_a_few_pixels(box: tuple[int, int, int, int]) -> None:
    given = scene(texture(240, 320), boxed(240, 320, Box(*box)), 120)
    result = given.detailed()
    assert result is not None
    assert result.shape == given.truth.shape
    assert np.array_equal(result[~given.hole], given.plain[~given.hole])


@pytest.mark.parametrize("left", [2, 10, 20])
def test_where_almost_nothing_is_known_there_is_no_detail(left: int) -> None:
    assert scene(texture(240, 320), boxed(240, 320, Box(left, 0, 320, 240)), 120).detailed() is None


@settings(max_examples=25, deadline=None)
@given(
    st.integers(20, 150),
    st.integers(20, 150),
    st.integers(12, 60),
    st.integers(0, 99),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_any_picture_and_hole(
    height: int, width: int, longest: int, seed: int, ends: tuple[float, float, float, float]
) -> None:
    top, bottom = sorted(int(end * (height - 1)) for end in ends[:2])
    left, right = sorted(int(end * (width - 1)) for end in ends[2:])
    given_ = scene(
        np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8),
        boxed(height, width, Box(left, top, right + 1, bottom + 1)),
        longest,
    )
    result = given_.detailed()
    if result is not None:
        assert result.dtype == np.uint8
        assert np.array_equal(result[~given_.hole], given_.plain[~given_.hole])


def test_neighbours_prefer_to_be_copied_from_neighbours() -> None:
    given = scene(texture(360, 480), boxed(360, 480, Box(140, 110, 340, 250)), 160)
    filled = np.roll(given.question, (0, 40), axis=(0, 1))
    hole = SizeRule(longest=160).fit(size_of(given.truth)).mask(boxed(360, 480, Box(140, 130, 230, 230)))
    found = lookalikes(np.where(hole[..., None], filled, given.question), hole)
    assert found is not None
    assert (found.shifts == (0, -40)).all(axis=1).mean() > 0.5


def test_a_wide_hole_costs_little_time() -> None:
    given = scene(texture(1600, 1600), boxed(1600, 1600, Box(300, 300, 1300, 1300)), 512)

    def seconds() -> float:
        start = process_time()
        assert given.detailed() is not None
        return process_time() - start

    assert any(seconds() < 1.5 for _ in range(5))


@pytest.mark.parametrize("number", ["01", "06", "11", "13", "21", "24"])
def test_real_textures_get_most_of_their_fine_detail(photos: Path, number: str) -> None:
    file = photos / "kodak24" / f"{number}.png"
    truth = decode_photo(file.read_bytes(), max_pixels=10**6).image
    height, width = truth.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 5, height // 4), 0, 0, 360, 1, -1)
    given = scene(truth, mask > 0, 192)
    result, where = given.detailed(), inner(given.hole, 4)
    assert result is not None
    true = fine(truth, where, 2.0)
    assert fine(given.plain, where, 2.0) < 0.2 * true
    assert 0.35 * true < fine(result, where, 2.0) < 1.2 * true
    fit = SizeRule(longest=192).fit(size_of(truth))
    small = inner(fit.mask(given.hole), 3)
    assert np.abs(fit.image(result).astype(int) - given.answer)[small].mean() < KEPT_WITHIN
