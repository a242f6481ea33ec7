"""Intervals from the profile likelihood, against its definition by search, and against what is known of one pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.statistics import Floats, logit, wilson
from rorem_demo.statistics.profiles import profiled
from rorem_demo.statistics.strengths import VIRTUAL_TIES, bradley_terry

PAIRS = [(0, 1), (0, 2), (1, 2)]
POINTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=3, max_size=3)
BASIS = np.array([[1, 1, 1], [0, 1, -1]])
"""What the strength of the first, from the mean of three, does not say."""
DROP = 1.959964**2 / 2


def likelihood(places: Floats, points: Floats) -> Floats:
    """Logarithm, of rows of three strengths from the reference's."""
    ahead = np.stack([places[..., i] - places[..., j] for i, j in PAIRS], axis=-1)
    played = -np.logaddexp(0, -ahead) @ points[:, 0] - np.logaddexp(0, ahead) @ points[:, 1]
    ties = -VIRTUAL_TIES / 2 * (np.logaddexp(0, -places) + np.logaddexp(0, places)).sum(axis=-1)
    return np.asarray(played + ties, np.float64)


def greatest(points: Floats, value: float) -> float:
    """The greatest likelihood of all with that strength of the first, by ever finer grids."""
    centre, reach, found = np.zeros(2), 20.0, -math.inf
    sides = np.linspace(-1, 1, 21)
    while reach > 1e-5:
        grid = centre + reach * np.stack(np.meshgrid(sides, sides), axis=-1).reshape(-1, 2)
        values = likelihood(value * np.array([1, -0.5, -0.5]) + grid @ BASIS, points)
        centre, found, reach = grid[values.argmax()], float(values.max()), 0.4 * reach
    return found


@given(POINTS)
@settings(max_examples=25, deadline=None)
def test_both_ends_are_where_the_greatest_likelihood_has_dropped_by_what_chance_gives(
    points: list[tuple[int, int]],
) -> None:
    first, *_ = profiled(PAIRS, points, [0, 1, 2], 3)
    given_ = np.array(points, np.float64)
    best = greatest(given_, bradley_terry(PAIRS, points, 3)[0])
    for end in (first.low, first.high):
        assert best - greatest(given_, end) == pytest.approx(DROP, abs=0.01)


@given(POINTS)
@settings(max_examples=25, deadline=None)
def test_intervals_hold_the_strengths_and_shrink_with_votes_of_less_dispersion(points: list[tuple[int, int]]) -> None:
    strengths = bradley_terry(PAIRS, points, 3)
    wide, narrow = (profiled(PAIRS, points, [0, 1, 2], 3, dispersion=some) for some in (1.0, 0.3))
    for value, outer, inner in zip(strengths, wide, narrow, strict=True):
        assert outer.low < inner.low < value < inner.high < outer.high


@pytest.mark.parametrize(("own", "other"), [(15, 15), (200, 100), (5, 20)])
def test_of_one_pair_it_is_about_wilsons(own: int, other: int) -> None:
    first, second = profiled([(0, 1)], [(own, other)], [0, 1], 2)
    expected = wilson(own, own + other)
    assert [2 * first.low, 2 * first.high] == pytest.approx(logit([expected.low, expected.high]), abs=0.1)
    assert [-second.high, -second.low] == pytest.approx([first.low, first.high])


def test_of_who_won_everything_the_lower_end_is_about_wilsons_and_the_upper_one_finite() -> None:
    first, _ = profiled([(0, 1)], [(30, 0)], [0, 1], 2)
    assert 2 * first.low == pytest.approx(float(logit([wilson(30, 30).low])[0]), abs=0.25)
    assert bradley_terry([(0, 1)], [(30, 0)], 2)[0] < first.high < 10


def test_those_not_shown_count_but_not_for_the_mean() -> None:
    points = [(30, 10), (20, 20), (25, 15)]
    of_two = profiled(PAIRS, points, [0, 1], 3)
    middle = [(each.low + each.high) / 2 for each in of_two]
    strengths = bradley_terry(PAIRS, points, 3)
    assert middle == pytest.approx(strengths[:2] - strengths[:2].mean(), abs=0.05)
    assert of_two != profiled(PAIRS[:1], points[:1], [0, 1], 2)


def test_of_nothing_shown_there_are_no_intervals() -> None:
    assert profiled([], [], [], 0) == ()
