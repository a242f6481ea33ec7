"""grabcut: what it promises of every picture and prompt, and what it finds without any weights."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.evaluation.benchmark import textured
from rorem_demo.evaluation.clicks import ClickScore, click_cases, iou, run_case
from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of
from rorem_demo.segmenters.base import BoxPrompt, Candidate, Click, Encoding, Prompt
from rorem_demo.segmenters.catalog import SEGMENTERS
from rorem_demo.segmenters.grabcut import GrabCut, Look
from rorem_demo.segmenters.segment import encoded, finished

SPEC = SEGMENTERS["grabcut"]


def look(image: Image) -> Encoding:
    return finished(encoded(SPEC, GrabCut(), image))


def found(image: Image, *prompts: Prompt, previous: Candidate | None = None) -> list[Candidate]:
    return GrabCut().propose(look(image), prompts, previous)


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def disc(size: Size, x: int, y: int, radius: int) -> Mask:
    rows, columns = np.indices((size.height, size.width))
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def ball_on_grass(width: int = 320, height: int = 240) -> tuple[Image, Mask]:
    """A red ball with some shading on green ground with texture."""
    size = Size(width, height)
    truth = disc(size, width // 2, height // 2, height // 5)
    ground = np.array((60, 120, 50)) + np.random.default_rng(0).normal(0, 18, (height, width, 1))
    ball = np.array((200, 50, 40)) + np.linspace(-25, 25, height)[:, None, None]
    return np.clip(np.where(truth[..., None], ball, ground), 0, 255).astype(np.uint8), truth


SCENE = textured(Size(160, 120))
SEEN = look(SCENE)

PIXELS = st.tuples(st.integers(0, 159), st.integers(0, 119))
CLICKS = st.dictionaries(PIXELS, st.booleans(), min_size=1, max_size=6).map(
    lambda places: [Click(x, y, keep=keep) for (x, y), keep in places.items()]
)


@settings(max_examples=25, deadline=None)
@given(clicks=CLICKS.filter(lambda clicks: not all(click.keep for click in clicks)), corrects=st.booleans())
def test_what_is_clicked_is_inside_and_what_is_kept_is_outside(*, clicks: list[Click], corrects: bool) -> None:
    previous = Candidate(disc(Size(160, 120), 80, 60, 30), 0.5) if corrects else None
    candidates = GrabCut().propose(SEEN, clicks, previous)
    assert 1 <= len(candidates) <= 3
    for candidate in candidates:
        assert size_of(candidate.mask) == (160, 120)
        assert candidate.mask.dtype == np.bool_
        assert [bool(candidate.mask[click.y, click.x]) for click in clicks] == [not click.keep for click in clicks]


def test_a_small_disc_around_each_click_is_as_certain_as_the_click() -> None:
    image = textured(Size(1400, 1000))
    for candidate in found(image, Click(700, 500), Click(720, 500, keep=True)):
        assert candidate.mask[disc(Size(1400, 1000), 700, 500, 2)].all()
        assert not candidate.mask[disc(Size(1400, 1000), 720, 500, 2)].any()


@settings(max_examples=10, deadline=None)
@given(PIXELS)
def test_candidates_differ_and_the_best_comes_first(place: tuple[int, int]) -> None:
    candidates = GrabCut().propose(SEEN, [Click(*place)])
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    masks = [candidate.mask for candidate in candidates]
    assert all(iou(one, other) < 0.9 for number, one in enumerate(masks) for other in masks[:number])


@settings(max_examples=10, deadline=None)
@given(st.tuples(PIXELS, PIXELS).filter(lambda ends: ends[0][0] != ends[1][0] and ends[0][1] != ends[1][1]))
def test_a_box_bounds_the_mask(ends: tuple[tuple[int, int], tuple[int, int]]) -> None:
    (left, right), (top, bottom) = (sorted(axis) for axis in zip(*ends, strict=True))
    box = Box(left, top, right, bottom)
    candidates = GrabCut().propose(SEEN, [BoxPrompt(box)])
    assert candidates
    near = np.zeros((120, 160), np.bool_)
    near[box.grown(8, Size(160, 120)).slices] = True
    assert not any((candidate.mask & ~near).any() for candidate in candidates)


def test_a_ball_is_found_from_one_click() -> None:
    image, truth = ball_on_grass()
    best, *_ = found(image, Click(160, 120))
    assert iou(best.mask, truth) > 0.9


def test_a_ball_is_found_from_a_click_aside_of_its_middle() -> None:
    image, truth = ball_on_grass()
    assert iou(found(image, Click(180, 130))[0].mask, truth) > 0.9


def test_a_ball_is_found_in_its_box() -> None:
    image, truth = ball_on_grass()
    assert iou(found(image, BoxPrompt(Box(110, 70, 210, 170)))[0].mask, truth) > 0.9


def test_edges_are_found_in_a_large_photo_too() -> None:
    image, truth = ball_on_grass(2000, 1500)
    assert iou(found(image, Click(1000, 750))[0].mask, truth) > 0.95


def test_a_click_that_keeps_takes_away_one_of_two_balls() -> None:
    size = Size(320, 240)
    left, right = disc(size, 100, 120, 40), disc(size, 220, 120, 40)
    image = np.where((left | right)[..., None], (200, 50, 40), (60, 120, 50)).astype(np.uint8)
    both = Candidate(left | right, 0.5)
    corrected = found(image, Click(100, 120), Click(220, 120, keep=True), previous=both)
    assert iou(corrected[0].mask, left) > 0.9


def test_a_further_click_adds_the_other_ball() -> None:
    size = Size(320, 240)
    left, right = disc(size, 100, 120, 40), disc(size, 220, 120, 40)
    image = np.where((left | right)[..., None], (200, 50, 40), (60, 120, 50)).astype(np.uint8)
    one = Candidate(left, 0.5)
    assert iou(found(image, Click(100, 120), Click(220, 120), previous=one)[0].mask, left | right) > 0.9


def test_same_masks_whatever_was_drawn_before_and_in_every_thread() -> None:
    def masks(seed: int) -> list[Mask]:
        cv2.setRNGSeed(seed)
        return [candidate.mask for candidate in GrabCut().propose(SEEN, [Click(70, 50), Click(20, 20, keep=True)])]

    first = masks(1)
    with ThreadPoolExecutor(4) as threads:
        for again in threads.map(masks, range(8)):
            assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_arguments_are_left_untouched() -> None:
    image, truth = ball_on_grass()
    image_before, truth_before = image.copy(), truth.copy()
    seen = look(image)
    kept = pickle.dumps(seen)
    found(image, Click(160, 120), Click(10, 10, keep=True), previous=Candidate(truth, 0.5))
    GrabCut().propose(seen, [Click(160, 120)])
    assert np.array_equal(image, image_before)
    assert np.array_equal(truth, truth_before)
    assert pickle.dumps(seen) == kept


def test_a_photo_that_changes_later_changes_nothing() -> None:
    image, _ = ball_on_grass()
    seen = look(image)
    before = GrabCut().propose(seen, [Click(160, 120)])[0].mask
    image[:] = 0
    assert np.array_equal(GrabCut().propose(seen, [Click(160, 120)])[0].mask, before)


def test_what_is_kept_of_a_photo_is_bounded_and_says_its_size() -> None:
    seen = look(noise(1500, 4000))
    assert seen.size == (4000, 1500)
    assert len(pickle.dumps(seen)) == pytest.approx(seen.size_bytes, rel=0.01)
    assert seen.size_bytes < 20_000_000


PROMPTS = {
    "click": lambda width, height: [Click(width // 2, height // 2)],
    "corner": lambda width, height: [Click(width - 1, height - 1)],
    "whole picture": lambda width, height: [BoxPrompt(Box(0, 0, width, height))],
    "box and click": lambda width, height: [BoxPrompt(Box(0, 0, width, height)), Click(0, 0)],
}


@pytest.mark.parametrize("prompts", PROMPTS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 200), (200, 3), (9, 9), (20, 20), (21, 600), (1, 5000)])
@pytest.mark.parametrize("uniform", [True, False])
def test_no_picture_is_too_odd(shape: tuple[int, int], prompts: str, *, uniform: bool) -> None:
    image = np.full((*shape, 3), 127, np.uint8) if uniform else noise(*shape)
    height, width = shape
    candidates = found(image, *PROMPTS[prompts](width, height))
    assert candidates
    assert all(candidate.mask.shape == shape and candidate.mask.any() for candidate in candidates)


def test_progress_rises_to_one_and_the_last_step_carries_the_look() -> None:
    steps = list(GrabCut().encode(noise(50, 60)))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert isinstance(steps[-1].encoding, Look)


@pytest.mark.slow
def test_12_megapixels_take_less_than_a_second(pace: float) -> None:
    image = textured(Size(4000, 3000))

    def seconds() -> tuple[float, float]:
        start = time.perf_counter()
        seen = look(image)
        middle = time.perf_counter()
        GrabCut().propose(seen, [Click(2000, 1500)])
        return middle - start, time.perf_counter() - middle

    tries = [seconds() for _ in range(5)]
    assert min(first for first, _ in tries) < 0.7 * pace
    assert min(second for _, second in tries) < 0.4 * pace


@pytest.mark.slow
def test_real_objects_are_found_and_further_clicks_help(photos: Path) -> None:
    cases = [case for _, case in zip(range(10), click_cases(photos / "coco_mval"), strict=False)]
    score = ClickScore.of([run_case(SPEC, GrabCut(), case) for case in cases])
    assert score.ious[0] > 0.35
    assert score.ious[4] > 0.6
    assert score.ious[4] > score.ious[0]
    assert score.best_first > score.ious[0]
