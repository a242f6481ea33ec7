"""Strengths from pairs, agreement, and the bootstrap of tables that are mostly empty; against definitions."""

from __future__ import annotations

import tracemalloc

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError
from rorem_demo.statistics import Floats, Interval, bootstrap_cells, bootstrap_sums, hull, krippendorff_alpha, sigmoid
from rorem_demo.statistics import intervals as module
from rorem_demo.statistics.strengths import VIRTUAL_TIES, bradley_terry, linked

FEW = 5
PLAYED = st.lists(
    st.tuples(st.integers(0, FEW - 1), st.integers(0, FEW - 1), st.integers(0, 40), st.integers(0, 40)).filter(
        lambda row: row[0] != row[1]
    ),
    max_size=12,
)


def split(played: list[tuple[int, int, int, int]]) -> tuple[list[tuple[int, int]], list[tuple[float, float]]]:
    return [row[:2] for row in played], [(row[2] / 2, row[3] / 2) for row in played]


@given(PLAYED)
@settings(max_examples=60, deadline=None)
def test_each_gets_as_many_points_as_its_strength_expects_the_virtual_tie_included(
    played: list[tuple[int, int, int, int]],
) -> None:
    pairs, points = split(played)
    found = bradley_terry(pairs, points, FEW)
    assert found.mean() == pytest.approx(0, abs=1e-9)
    # The likelihood is greatest where points are as expected (Ford 1957); the reference is where that holds for it.
    lowest, highest = -60.0, 60.0
    for _ in range(200):
        reference = (lowest + highest) / 2
        too_low = sigmoid(reference - found).sum() < FEW / 2
        lowest, highest = (reference, highest) if too_low else (lowest, reference)
    surplus = VIRTUAL_TIES * (0.5 - sigmoid(found - reference))
    for (i, j), (own, other) in zip(pairs, points, strict=True):
        expected = (own + other) * float(sigmoid(found[i] - found[j]))
        surplus[i] += own - expected
        surplus[j] -= own - expected
    assert surplus == pytest.approx(np.zeros(FEW), abs=1e-4)


@given(PLAYED, st.permutations(range(12)))
@settings(max_examples=30, deadline=None)
def test_strengths_do_not_mind_the_order_of_pairs_nor_their_sides(
    played: list[tuple[int, int, int, int]], order: list[int]
) -> None:
    turned = [
        (row[1], row[0], row[3], row[2]) if number % 2 else row
        for number, row in sorted(zip(order, played, strict=False), key=lambda each: each[0])
    ]
    assert bradley_terry(*split(turned), FEW) == pytest.approx(bradley_terry(*split(played), FEW), abs=1e-5)


def test_strengths_are_the_odds_of_many_votes() -> None:
    truth = np.array([0.8, 0.1, -0.2, -0.7])
    pairs = [(i, j) for i in range(4) for j in range(i)]
    points = [(1e6 * sigmoid(truth[i] - truth[j]), 1e6 * sigmoid(truth[j] - truth[i])) for i, j in pairs]
    assert bradley_terry(pairs, points, 4) == pytest.approx(truth, abs=1e-4)


def test_who_won_everything_has_a_finite_strength_and_more_of_it_with_more_wins() -> None:
    few, many = (bradley_terry([(0, 1)], [(wins, 0)], 2) for wins in (5, 50))
    assert 0 < few[0] < many[0] < 10


def test_a_newcomer_hardly_moves_the_others() -> None:
    before = bradley_terry([(0, 1)], [(60, 40)], 2)
    after = bradley_terry([(0, 1), *((0, new) for new in range(2, 50))], [(60, 40), *[(1, 0)] * 48], 50)
    assert after[0] - after[1] == pytest.approx(before[0] - before[1], abs=0.03)  # 5 of Elo's points


def test_of_nothing_compared_there_are_no_strengths_and_without_pairs_equal_ones() -> None:
    assert bradley_terry([], [], 0).shape == (0,)
    assert bradley_terry([], [], 3) == pytest.approx(np.zeros(3))


@pytest.mark.parametrize("wrong", [([(0, 2)], [(1, 0)]), ([(0, 1)], [(-1, 0)]), ([(0, 1)], [])])
def test_pairs_and_points_that_do_not_go_together_are_refused(wrong: tuple[list[object], list[object]]) -> None:
    with pytest.raises(InputError):
        bradley_terry(*wrong, 2)


def test_a_chain_of_pairs_links_and_what_never_met_stays_apart() -> None:
    assert linked([(4, 3), (3, 1), (0, 5)], 7).tolist() == [0, 1, 2, 1, 1, 0, 6]
    assert linked([], 2).tolist() == [0, 1]


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=4, max_size=4), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_alpha_is_evalicas_of_the_dense_table(table: list[list[str | None]]) -> None:
    rows = [(unit, answer) for unit, answers in enumerate(table) for answer in answers if answer]
    found, units = krippendorff_alpha([row[0] for row in rows], [row[1] for row in rows])
    judged_twice = [answers for answers in table if len([answer for answer in answers if answer]) > 1]
    assert units == len(judged_twice)
    said = {answer for answers in judged_twice for answer in answers if answer}
    if len(said) < 2:
        assert found is None
        return
    assert found == pytest.approx(evalica.alpha(pd.DataFrame(table).T, distance="nominal").alpha, abs=1e-9)


def test_alpha_is_one_where_all_agree_of_two_answers_and_about_nothing_of_dice() -> None:
    assert krippendorff_alpha([1, 1, 2, 2], ["x", "x", "y", "y"]) == (1.0, 2)
    random = np.random.default_rng(0)
    found, units = krippendorff_alpha(np.repeat(np.arange(20_000), 3), random.integers(4, size=60_000))
    assert found is not None
    assert abs(found) < 0.01
    assert units == 20_000
    assert krippendorff_alpha([], []) == (None, 0)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(0, 4), min_size=2, max_size=2)), max_size=30),
    st.integers(1, 20),
)
@settings(max_examples=40, deadline=None)
def test_a_table_by_its_cells_gives_the_intervals_of_the_full_one_in_blocks_of_any_size(
    rows: list[tuple[int, list[int]]], block: int
) -> None:
    groups = np.array([row[0] for row in rows], int)
    columns = np.array([row[1] for row in rows], int).reshape(-1, 2)
    amounts = np.tile(np.array([2, -1]), (len(rows), 1))
    full = np.zeros((len(rows), 5))
    np.add.at(full, (np.arange(len(rows))[:, None], columns), amounts)

    def statistic(sums: Floats) -> Floats:
        return np.array([sums[0], sums[1] / sums[2] if sums[2] else np.nan, sums.sum()])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_DRAWN", 3 * block)
        patched.setattr(module, "_PART", block)
        patched.setattr(module, "_PRODUCT", 7 * block)
        patched.setattr(module, "_ROWS", 3)
        found = bootstrap_cells(groups, columns, amounts, 5, statistic, seed=4, draws=30)
    assert found == bootstrap_sums(full, groups, statistic, seed=4, draws=30)


@pytest.mark.slow
def test_a_large_table_is_never_in_memory_as_a_whole() -> None:
    judges, width = 100_000, 200
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(judges, dtype=np.uint32), 2)
    columns = random.integers(width, size=(2 * judges, 4)).astype(np.uint16)
    amounts = np.ones((2 * judges, 4), np.int8)
    tracemalloc.start()
    found = bootstrap_cells(groups, columns, amounts, width, lambda sums: sums[:3] / sums.sum(), draws=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(interval and 1 / width in interval for interval in found)
    assert peak < judges * width * 8 * 0.8  # the full table alone would be more, and so would 100 draws with it


def test_the_hull_holds_both() -> None:
    assert hull(Interval(0.2, 0.4), Interval(0.3, 0.6)) == Interval(0.2, 0.6)
    assert hull(Interval(0.2, 0.4), None) == Interval(0.2, 0.4)
