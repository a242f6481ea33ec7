"""The label rule: what it accepts and rejects, and that more damage is never more welcome."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.simulated import damages
from rorem_demo.discriminator.simulated.labels import LAPSE, Faults, answer, faults
from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.textures import grass, planks, plaster
from rorem_demo.imaging.masks import grow

pytestmark = pytest.mark.slow


def pair_on(ground: np.ndarray) -> Pair:
    """A red ball with a dark foot on some ground."""
    truth = np.ascontiguousarray(np.tile(ground, (1, 1, 1))[:200, :240])
    source = truth.copy()
    cv2.ellipse(source, (120, 128), (30, 8), 0, 0, 360, (20, 20, 20), -1)
    disc = np.zeros(truth.shape[:2], np.uint8)
    cv2.circle(disc, (120, 100), 28, 1, -1)
    source[disc > 0] = (200, 40, 30)
    return Pair.of(source, truth, disc > 0, "test")


def grounds() -> dict[str, np.ndarray]:
    return {
        name: make(np.random.default_rng(4)) for name, make in {"lawn": grass, "wall": plaster, "floor": planks}.items()
    }


GROUNDS = grounds()


def seen(pair: Pair, result: np.ndarray) -> Faults:
    hole = grow(pair.effects, 4)
    pasted = np.where(hole[..., None], result, pair.source)
    return faults(pair.source, pair.truth, pasted, pair.thing, hole)


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_truth_is_accepted_and_the_untouched_photo_is_not(ground: str) -> None:
    pair = pair_on(GROUNDS[ground])
    assert seen(pair, pair.truth).yes > 0.97
    assert seen(pair, pair.source).yes < 0.03


def test_other_grass_is_accepted_far_sooner_than_a_smear_that_is_closer_by_pixels() -> None:
    pair = pair_on(GROUNDS["lawn"])
    smear = cv2.GaussianBlur(pair.truth, (0, 0), 6)
    others = [np.roll(pair.truth, step, axis=1) for step in range(20, 200, 25)]
    hole = grow(pair.effects, 4)
    wrong = [float(np.mean((image[hole].astype(float) - pair.truth[hole]) ** 2)) for image in (smear, *others)]
    assert wrong[0] < min(wrong[1:])
    assert seen(pair, smear).yes < 0.05
    assert np.median([seen(pair, other).yes for other in others]) > 0.35  # at any offset, seams and all


def test_a_smear_is_accepted_where_there_is_nothing_to_smear() -> None:
    pair = pair_on(np.full((256, 256, 3), (180, 175, 160), np.uint8))
    assert seen(pair, cv2.GaussianBlur(pair.truth, (0, 0), 6)).yes > 0.9


def test_a_shadow_that_stays_is_rejected() -> None:
    pair = pair_on(GROUNDS["wall"])
    left = np.where(pair.thing[..., None], pair.truth, pair.source)
    assert seen(pair, left).yes < 0.2


def test_a_small_leftover_counts_however_large_the_hole_is() -> None:
    pair = pair_on(GROUNDS["wall"])
    left = pair.truth.copy()
    left[96:106, 115:125] = pair.source[96:106, 115:125]
    assert seen(pair, left).yes < 0.2


def test_lines_that_bend_are_rejected_on_boards_sooner_than_on_a_lawn() -> None:
    y, x = np.mgrid[:200, :240].astype(np.float32)
    bent = {
        name: cv2.remap(pair_on(GROUNDS[name]).truth, x, y + 7 * np.sin(x / 12), cv2.INTER_LINEAR)
        for name in ("floor", "lawn")
    }
    badness = {name: seen(pair_on(GROUNDS[name]), image).badness for name, image in bent.items()}
    assert badness["floor"] > badness["lawn"]


@pytest.mark.parametrize("ground", ["lawn", "wall"])
@pytest.mark.parametrize(
    "damage",
    [damages.ghost, damages.tinted, damages.blurred, damages.noisy, damages.leftover, damages.shadow, damages.replaced],
)
def test_more_damage_is_never_more_welcome_on_average(damage: damages.Damage, ground: str) -> None:
    pair = pair_on(GROUNDS[ground])
    hole = grow(pair.effects, 4)
    means = []
    for severity in (0.0, 0.35, 0.7, 1.0):
        kinds = [damage(pair, pair.truth, hole, severity, np.random.default_rng(number)) for number in range(8)]
        means.append(np.mean([seen(pair, image).yes for image in kinds]))
    assert all(after <= before + 0.02 for before, after in pairwise(means)), means


@settings(max_examples=25, deadline=None)
@given(shift=st.integers(0, 60), more=st.integers(1, 40), ground=st.sampled_from(sorted(GROUNDS)))
def test_a_stronger_shade_is_no_better(shift: int, more: int, ground: str) -> None:
    pair = pair_on(GROUNDS[ground])
    shades = [cv2.subtract(pair.truth, np.full_like(pair.truth, amount)) for amount in (shift, shift + more)]
    weak, strong = (seen(pair, image).badness for image in shades)
    assert weak <= strong + 0.05


@given(st.floats(0, 30), st.floats(0, 30))
def test_any_rater_may_slip_and_worse_is_accepted_less(one: float, other: float) -> None:
    first, second = (Faults(colour=bad, texture=0, edges=0, lines=0, ghost=0) for bad in sorted((one, other)))
    assert LAPSE <= second.yes <= first.yes <= 1 - LAPSE


def test_answers_come_as_often_as_they_should() -> None:
    borderline = Faults(colour=1.0, texture=0, edges=0, lines=0, ghost=0)
    chance = np.random.default_rng(0)
    share = np.mean([answer(borderline.yes, chance) for _ in range(4000)])
    assert share == pytest.approx(borderline.yes, abs=0.03)
    assert borderline.yes == pytest.approx(0.5)
