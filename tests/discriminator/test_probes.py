"""Probes find a judge that is moved by the wrong things; cues say what is in a hole."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from rorem_demo.discriminator.cues import CUES, cues
from rorem_demo.discriminator.probes import CHANGES, Probe, probes
from rorem_demo.discriminator.triples import Triple
from rorem_demo.imaging.types import Image, Mask


def picture(side: int = 64, seed: int = 0) -> Image:
    """Soft noise of middle levels."""
    levels = np.random.default_rng(seed).normal(128, 60, (side, side, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(levels, (0, 0), 2) * 2 - 128, 0, 255).astype(np.uint8)


def marked(side: int = 64) -> Mask:
    mask = np.zeros((side, side), bool)
    mask[20:44, 20:44] = True
    return mask


def triples(n: int = 3) -> list[Triple]:
    return [Triple(source=picture(seed=at), mask=marked(), result=picture(seed=at + 50)) for at in range(n)]


def found(score: object, name: str) -> dict[str, Probe]:
    return {each.of: each for each in probes(score, triples()) if each.change == name}  # type: ignore[arg-type]


def test_a_judge_of_light_is_moved_by_light() -> None:
    brighter = found(lambda source, mask, result: float(result.mean()) / 255, "brightness 120 %")
    darker = found(lambda source, mask, result: float(result.mean()) / 255, "brightness 80 %")
    assert brighter["result"].mean is not None
    assert darker["result"].mean is not None
    assert brighter["result"].mean > 0.05 > -0.05 > darker["result"].mean


def test_a_judge_of_differences_is_moved_only_where_one_of_them_changes() -> None:
    def difference(source: Image, mask: Mask, result: Image) -> float:
        return float(np.abs(source.astype(float) - result).mean()) / 255

    same = [Triple(source=picture(), mask=marked(), result=picture())]
    moved = {(each.change, each.of): each.absolute for each in probes(difference, same)}
    for name in CHANGES:
        assert moved[name, "both"] == 0
        assert (moved[name, "result"] or 0) > 0


def test_a_judge_who_always_says_the_same_is_moved_by_nothing() -> None:
    for each in probes(lambda *_: 0.7, triples()):
        assert (each.mean, each.absolute, each.crossed) == (0, 0, 0)


def test_verdicts_that_turn_are_counted() -> None:
    first = {triple.result.tobytes() for triple in triples()}
    of = found(lambda source, mask, result: 0.9 if result.tobytes() in first else 0.1, "JPEG quality 70")
    assert of["result"].crossed == 1
    assert of["result"].mean == pytest.approx(-0.8)


def test_without_pictures_there_is_nothing_to_say() -> None:
    every = probes(lambda *_: 0.5, [])
    assert len(every) == 2 * len(CHANGES)
    assert all(each.mean is each.absolute is each.crossed is None for each in every)


@pytest.mark.parametrize("name", CHANGES)
def test_changes_keep_size_and_type_and_leave_their_argument_alone(name: str) -> None:
    image = picture()
    before = image.copy()
    changed = CHANGES[name](image)
    assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
    assert not np.array_equal(changed, before)
    assert np.array_equal(image, before)
    assert np.array_equal(changed, CHANGES[name](image))


def cue(name: str, source: Image, result: Image, mask: Mask | None = None) -> float:
    return float(cues(source, marked() if mask is None else mask, result)[CUES.index(name)])


def test_a_blurred_hole_is_less_sharp_than_what_is_around() -> None:
    image = picture()
    blurred = np.where(marked()[..., None], cv2.GaussianBlur(image, (0, 0), 4), image)
    assert cue("sharpness", image, blurred) < -0.3 < cue("sharpness", image, image)


def test_a_hole_of_another_colour_has_a_distance_and_a_seam() -> None:
    image = np.full((64, 64, 3), 100, np.uint8)
    other = np.where(marked()[..., None], np.uint8(151), image)
    assert cue("colour", image, image) == 0
    assert cue("colour", image, other) == pytest.approx(math.sqrt(3) * 0.2)
    assert cue("seam", image, image) == 0
    assert cue("seam", image, other) > 0.5


def test_what_is_still_there_is_like_its_source() -> None:
    image, other = picture(), picture(seed=1)
    assert cue("likeness", image, image) == pytest.approx(1)
    assert cue("likeness", image, other) < 0.5
    assert cue("change", image, image) == 0 < cue("change", image, other)


@pytest.mark.parametrize("mask", [np.ones((9, 9), bool), np.eye(9, dtype=bool), np.arange(81).reshape(9, 9) == 40])
@pytest.mark.parametrize("level", [0, 255])
def test_cues_of_anything_are_finite(mask: Mask, level: int) -> None:
    flat = np.full((9, 9, 3), level, np.uint8)
    assert np.isfinite(cues(flat, mask, flat)).all()
    assert np.isfinite(cues(picture(9), mask, flat)).all()
    assert cues(flat, mask, flat).shape == (len(CUES),)
