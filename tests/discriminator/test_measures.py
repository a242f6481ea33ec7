"""Measures: what they must not care about, and of each group the fault that it shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.measures import MEASURES, colour, detail, measures, repeated, repeated_places, shape
from rorem_demo.discriminator.measures_border import BORDERS, edges, steps
from rorem_demo.discriminator.measures_near import closely
from rorem_demo.discriminator.measures_squares import Novelties, foreign, left, nearest, novelty, usual
from rorem_demo.discriminator.surroundings import Band, Hole, Numbers, blurred, quantiles
from rorem_demo.discriminator.windows import WIDE, Arrays, windows
from rorem_demo.imaging.types import Image, Mask
from tests.discriminator.scenes import triple

SEEDS = range(6)
FINEST = 0


@cache
def seen(kind: str, seed: int = 0) -> Arrays:
    return windows(*triple(np.random.default_rng(seed), kind))


@cache
def hole(kind: str, seed: int = 0) -> Hole:
    return Hole.of(seen(kind, seed)["wide"])


def each(kind: str, group: Callable[[Hole], Numbers]) -> np.ndarray:
    """The group's numbers of some scenes, the same but for the fill whatever the kind."""
    return np.stack([group(hole(kind, seed)) for seed in SEEDS])


def closely_of(kind: str) -> np.ndarray:
    """Scenes x (middle, mean, least and most of the border) x numbers."""
    return np.stack([closely(seen(kind, seed)["near"]) for seed in SEEDS]).reshape(len(SEEDS), 4, -1)


def local(found: Hole, number: int) -> Band:
    return Band(*(blurred(plane, 2) for plane in found.bands[number]))


def steps_of(found: Hole) -> Numbers:
    """Borders x deviations x (result, source, detail) x numbers."""
    return steps(found).reshape(len(BORDERS), 2, 3, 5)


def boxed(side: int = WIDE) -> Mask:
    mask = np.zeros((side, side), bool)
    mask[48:80, 48:80] = True
    return mask


def view(source: Image, mask: Mask, result: Image) -> np.ndarray:
    return np.dstack([source, result, mask.astype(np.uint8) * 255])


def noise(seed: int = 0, side: int = WIDE) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@st.composite
def views(draw: st.DrawFn, side: int) -> np.ndarray:
    """Flat, noisy or half and half pictures; nothing, a pixel, a box, specks or everything marked, perhaps softly."""
    chance = np.random.default_rng(draw(st.integers(0, 99)))
    found = np.zeros((side, side, 7), np.uint8)
    for at in (0, 3):
        found[..., at : at + 3] = draw(st.sampled_from([0, 128, 255]))
        if draw(st.booleans()):
            found[: side // draw(st.integers(1, 2)), :, at : at + 3] = chance.integers(0, 256, 3)
        if draw(st.booleans()):
            found[..., at : at + 3] = chance.integers(0, 256, (side, side, 3))
    marks = draw(st.sampled_from(["nothing", "pixel", "box", "specks", "everything"]))
    top, start = (int(place) for place in chance.integers(0, side, 2))
    height, width = {"nothing": (0, 0), "pixel": (1, 1), "everything": (side, side)}.get(marks, (side // 3, side // 2))
    top, start = (0, 0) if marks == "everything" else (top, start)
    found[top : top + height, start : start + width, 6] = draw(st.sampled_from([1, 127, 128, 255]))
    if marks == "specks":
        found[..., 6] = 255 * (chance.random((side, side)) < 0.02)
    return found


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_view_gives_as_many_finite_numbers_as_told(data: st.DataObject) -> None:
    wide = data.draw(views(64))
    near = np.stack([data.draw(views(32)) for _ in range(data.draw(st.integers(1, 3)))])
    found = measures(wide, near)
    assert found.shape == (MEASURES,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 1e4


def test_the_same_views_give_the_same_numbers() -> None:
    row = seen("new")
    first, second = (measures(row["wide"], row["near"]) for _ in range(2))
    assert np.array_equal(first, second)


def moved(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """By how much each number changes with the views, of scenes with enough contrast to even out."""
    rows = [seen(kind, seed) for seed in (0, 1, 3, 6) for kind in ("good", "colour")]
    pairs = [(row["wide"], row["near"]) for row in rows]
    return np.mean(
        [np.abs(measures(change(wide), change(near)) - measures(wide, near)) for wide, near in pairs], axis=0
    )


def mirrored(views: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.flip(views, axis=-2))


def dull(views: np.ndarray) -> np.ndarray:
    changed = views.copy()
    changed[..., :6] = np.rint(views[..., :6] * 0.8 + 20)
    return changed


def test_mirrored_views_measure_the_same() -> None:
    assert moved(mirrored).max() < 0.02


def test_brightness_and_contrast_of_the_photo_are_told_once_and_change_nothing_else() -> None:
    spread, *others = moved(dull)
    assert spread == pytest.approx(-np.log(0.8), abs=0.01)
    assert max(others) < 0.05


def test_a_larger_hole_is_told() -> None:
    small, large = (boxed(), cv2.dilate(boxed().view(np.uint8), np.ones((33, 33), np.uint8)) > 0)
    one, other = (shape(Hole.of(view(noise(), mask, noise()))) for mask in (small, large))
    assert other[1] - one[1] == pytest.approx(np.log(64**2 / 32**2))
    assert other[2] == pytest.approx(2 * one[2], rel=0.1)


def test_an_empty_mask_measures_as_a_full_one() -> None:
    nothing, everything = (Hole.of(view(noise(), np.full((WIDE, WIDE), full), noise(1))) for full in (False, True))
    assert np.array_equal(novelty(nothing), novelty(everything))
    assert nothing.pixels.inside.all()


def test_a_blurred_fill_has_less_detail_than_is_around() -> None:
    def of_finest(found: Hole) -> Numbers:
        return detail(found, local(found, FINEST))

    middle, departing = 3, -3  # medians
    good, blurred_fill = each("good", of_finest), each("blur", of_finest)
    for number in (middle, departing):
        assert np.abs(good[:, number]).max() < 0.3
        assert (blurred_fill[:, number] < good[:, number] - 0.4).all()


def test_a_noisy_fill_has_more_detail_than_is_around() -> None:
    smooth = np.rint(cv2.GaussianBlur(noise(), (0, 0), 2)).astype(np.uint8)
    found = Hole.of(view(smooth, boxed(), np.where(boxed()[..., None], noise(1), smooth)))
    assert detail(found, local(found, FINEST))[0] > 1


@pytest.mark.parametrize(("kind", "least"), [("ghost", 0.7), ("left", 0.99)])
def test_what_is_left_of_an_object_repeats_its_detail(kind: str, least: float) -> None:
    def of_fine(found: Hole) -> Numbers:
        return repeated(found, found.bands[1])

    assert (each(kind, of_fine)[:, 0] > least).all()
    assert (each(kind, of_fine)[:, :2] > each("good", of_fine)[:, :2] + 0.2).all()


def test_a_part_that_is_left_is_found_in_places() -> None:
    """A quarter of the hole stays: it hardly shows in the mean, and fully in the quantile that it fills."""
    result = np.where(boxed()[..., None], noise(1), noise())
    partly = result.copy()
    partly[48:64, 48:64] = noise()[48:64, 48:64]
    whole, quarter = (Hole.of(view(noise(), boxed(), each)) for each in (result, partly))
    clean, found = (repeated_places(each, local(each, FINEST)) for each in (whole, quarter))
    assert repeated(quarter, quarter.bands[FINEST])[0] < 0.3
    assert found[-1] > 0.8 > clean[-1] + 0.3


def test_a_tint_is_another_colour_than_around() -> None:
    good, tinted = (each(kind, lambda found: colour(found, found.result)) for kind in ("good", "colour"))
    median, shift = 1, -1
    assert (tinted[:, median] > good[:, median] + 0.5).all()
    assert (tinted[:, shift] > good[:, shift] + 0.5).all()


def test_the_object_is_another_colour_in_the_source_alone() -> None:
    before, after = (
        each("good", lambda found, of=of: colour(found, getattr(found, of))) for of in ("source", "result")
    )
    assert (before[:, 1] > after[:, 1] + 0.5).all()


def test_a_tint_steps_across_the_border_more_than_across_placebos() -> None:
    tinted = np.stack([steps_of(hole("colour", seed)) for seed in SEEDS])[:, :, :, 0]
    border, *placebos = np.moveaxis(tinted, 1, 0)
    for placebo in placebos:
        assert (border > placebo + 0.3).all()


def test_fills_do_not_change_the_farther_placebo() -> None:
    good, tinted, blurred_fill = (steps_of(hole(kind))[-1] for kind in ("good", "colour", "blur"))
    assert np.allclose(good, tinted, atol=1e-3)
    assert np.allclose(good, blurred_fill, atol=1e-3)
    assert good.std() > 0.05


def test_steps_of_the_source_are_those_of_the_object_whatever_the_fill() -> None:
    good, tinted = (steps_of(hole(kind))[:, :, 1] for kind in ("good", "colour"))
    assert np.allclose(good, tinted, atol=1e-3)
    assert good[0].mean() > 1.5 * good[1].mean()


def test_detail_steps_down_into_a_blurred_fill() -> None:
    median = 2
    good, blurred_fill = (np.stack([steps_of(hole(k, s))[:, 0, 2, median] for s in SEEDS]) for k in ("good", "blur"))
    assert (blurred_fill[:, 0] < good[:, 0] - 0.3).all()
    assert np.abs(good[:, 0]).max() < 0.1


def test_a_seam_is_edges_on_the_border_alone() -> None:
    good, tinted, blurred_fill = (each(kind, edges).reshape(len(SEEDS), 2, 4, 5) for kind in ("good", "colour", "blur"))
    border_beside, inside_beside, placebo = 1, 2, 3
    assert tinted[:, :, border_beside].mean() > good[:, :, border_beside].mean() + 0.2
    assert (blurred_fill[:, :, inside_beside].mean(axis=2) < good[:, :, inside_beside].mean(axis=2) - 0.5).all()
    assert np.abs(good[:, :, placebo] - tinted[:, :, placebo]).mean() < 0.1


def test_what_was_newly_drawn_is_like_nothing_around() -> None:
    most, most_of_both = 10, 17
    good, new, kept = (each(kind, novelty) for kind in ("good", "new", "left"))
    assert (new[:, most] > good[:, most] + 1).all()
    assert np.allclose(kept[:, most], kept[:, most_of_both])
    assert (new[:, most] > new[:, most_of_both] + 0.1).all()


def test_what_was_left_is_foreign_and_unchanged() -> None:
    changed, most_left = 3, 33
    good, kept = (each(kind, novelty) for kind in ("good", "left"))
    assert (kept[:, changed] == 0).all()
    assert (good[:, changed] > 1).all()
    assert (kept[:, most_left] > good[:, most_left] + 1).all()


def test_squares_of_the_surroundings_are_not_new() -> None:
    known = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    assert nearest(known[::7], known).max() == 0
    assert nearest(known[:3] + np.float32(0.1), known) == pytest.approx(np.full(3, 0.1 * 6**0.5), rel=1e-3)


def test_new_and_left_are_told_apart() -> None:
    fresh, stayed = Novelties(np.zeros(9), np.ones(9)), Novelties(np.ones(9), np.ones(9))
    assert foreign(fresh)[-1] == 0 < foreign(stayed)[-1] == 1
    assert left(stayed, np.zeros(9)).min() == 1
    assert left(stayed, np.ones(9)).max() < 0.05


def test_a_photo_of_many_things_has_foreign_squares_anyhow() -> None:
    chance = np.random.default_rng(0)
    plain, busy = (usual(chance.normal(0, spread, (200, 6)).astype(np.float32)) for spread in (0.1, 1))
    assert (busy > 5 * plain).all()
    assert (plain > 0).all()


def test_pieces_show_blur_ghosts_and_tints() -> None:
    good, blurred_fill, kept, tinted = (closely_of(kind) for kind in ("good", "blur", "left", "colour"))
    middle, mean_of_border, beside, alike, seam = 0, 1, 0, 5, -4
    assert (blurred_fill[:, middle, beside] < good[:, middle, beside] - 0.4).all()
    assert (kept[:, middle, alike] > 0.98).all()
    assert (good[:, middle, alike] < 0.5).all()
    assert (tinted[:, mean_of_border, seam] > good[:, mean_of_border, seam] + 0.5).all()


def test_of_pieces_on_the_border_least_mean_and_most_are_told() -> None:
    _, mean, least, most = closely_of("good").transpose(1, 0, 2)
    assert (least <= mean).all()
    assert (mean <= most).all()
    assert (least < most).any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
)
def test_quantiles_are_those_of_numpy(values: list[float], shares: list[float]) -> None:
    found = quantiles(np.array(values, np.float32), shares)
    assert found == pytest.approx(np.quantile(np.array(values), shares), abs=1e-3)


def test_no_values_have_zeros_for_quantiles() -> None:
    assert quantiles(np.zeros(0), (0.1, 0.5)).tolist() == [0, 0]
