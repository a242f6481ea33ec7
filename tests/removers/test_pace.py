"""What removers took here, and what is expected of the next run."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.removers.pace import REMEMBERED, Pace


def test_before_the_first_run_the_cost_is_believed() -> None:
    assert Pace().of("lama") == 1


@pytest.mark.parametrize("factor", [0.2, 1.0, 3.5])
def test_after_three_runs_the_next_is_told_within_30_percent(factor: float) -> None:
    """Of a machine whose runs differ by 15 percent, as ours do in a quiet hour."""
    noise = random.Random(5)
    for _ in range(200):
        pace = Pace()
        for expected in (2.0, 9.0, 4.0):
            pace.learn("lama", expected, factor * expected * noise.uniform(0.85, 1.15))
        actual = factor * 6.0 * noise.uniform(0.85, 1.15)
        assert abs(6.0 * pace.of("lama") / actual - 1) <= 0.36  # the run itself may be 15 percent off
        assert abs(6.0 * pace.of("lama") / (factor * 6.0) - 1) <= 0.3


def test_one_slow_run_moves_nothing_and_a_machine_that_became_slow_is_followed() -> None:
    pace = Pace()
    for took in (1.0, 1.1, 0.9, 8.0):
        pace.learn("lama", 1.0, took)
    assert pace.of("lama") == pytest.approx(1.0, abs=0.1)
    for _ in range(REMEMBERED):
        pace.learn("lama", 1.0, 5.0)
    assert pace.of("lama") == 5.0


def test_removers_are_told_apart() -> None:
    pace = Pace()
    pace.learn("lama", 1.0, 3.0)
    assert (pace.of("lama"), pace.of("mat")) == (3.0, 1.0)


@given(st.lists(st.tuples(st.floats(1e-6, 1e6), st.floats(0, 1e9)), max_size=20))
def test_whatever_runs_took_the_factor_stays_within_bounds(runs: list[tuple[float, float]]) -> None:
    pace = Pace()
    for expected, took in runs:
        pace.learn("lama", expected, took)
    assert 1 / 16 <= pace.of("lama") <= 16
