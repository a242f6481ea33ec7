"""Figures against definitions, counted out by hand; degenerate rows give None."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError
from rorem_demo.statistics import (
    Interval,
    accuracy,
    auprc,
    auroc,
    bootstrap,
    bootstrap_sums,
    brier,
    dawid_skene,
    expected_calibration_error,
    reliability,
    roc_curve,
    spread_of_few,
    weighted_auroc,
    widened,
    wilson,
)

ROWS = st.lists(st.tuples(st.integers(0, 8).map(lambda tenth: tenth / 8), st.integers(0, 1)), max_size=30)
"""Few distinct scores, so that ties are common."""


def columns(rows: list[tuple[float, int]]) -> tuple[list[float], list[int]]:
    return [row[0] for row in rows], [row[1] for row in rows]


@given(ROWS)
@example([])
def test_auroc_is_the_share_of_pairs_in_order_and_none_of_one_class(rows: list[tuple[float, int]]) -> None:
    pairs = list(product([s for s, y in rows if y], [s for s, y in rows if not y]))
    expected = np.mean([(a > b) + (a == b) / 2 for a, b in pairs]) if pairs else None
    assert auroc(*columns(rows)) == (pytest.approx(expected) if pairs else None)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1), st.integers(0, 3)), max_size=15))
def test_a_row_of_weight_three_counts_as_three_rows(rows: list[tuple[float, int, int]]) -> None:
    repeated = [(score, label) for score, label, weight in rows for _ in range(weight)]
    found = weighted_auroc([row[0] for row in rows], [row[1] for row in rows])(
        np.array([row[2] for row in rows], float)
    )
    assert found == pytest.approx(auroc(*columns(repeated)))


@given(ROWS)
def test_auprc_is_the_sum_of_precision_times_recall_gained(rows: list[tuple[float, int]]) -> None:
    total = sum(label for _, label in rows)
    expected, before = 0.0, 0.0
    for threshold in sorted({score for score, _ in rows}, reverse=True):
        taken = [label for score, label in rows if score >= threshold]
        recall = sum(taken) / total if total else 0.0
        expected += (recall - before) * sum(taken) / len(taken)
        before = recall
    assert auprc(*columns(rows)) == (pytest.approx(expected) if total else None)


@given(ROWS)
def test_the_area_under_the_roc_curve_is_the_auroc(rows: list[tuple[float, int]]) -> None:
    curve = roc_curve(*columns(rows))
    if curve is None:
        assert auroc(*columns(rows)) is None
        return
    assert (curve.false_positives[0], curve.true_positives[0]) == (0, 0)
    assert (curve.false_positives[-1], curve.true_positives[-1]) == (1, 1)
    area = np.trapezoid(curve.true_positives, curve.false_positives)
    assert area == pytest.approx(auroc(*columns(rows)))


@given(ROWS)
def test_auroc_minds_only_the_order_and_turns_with_it(rows: list[tuple[float, int]]) -> None:
    scores, labels = columns(rows)
    assert auroc([math.exp(score) - 3 for score in scores], labels) == auroc(scores, labels)
    turned = auroc([-score for score in scores], labels)
    assert turned is None or turned == pytest.approx(1 - (auroc(scores, labels) or 0))


@given(ROWS, st.integers(1, 12))
@settings(max_examples=50)
def test_calibration_error_is_what_the_definition_counts(rows: list[tuple[float, int]], bins: int) -> None:
    expected = 0.0
    for at in range(bins):
        low, high = at / bins, (at + 1) / bins
        own = [(p, y) for p, y in rows if low < p <= high or (p == 0 and not at)]
        if own:
            expected += abs(sum(y for _, y in own) - sum(p for p, _ in own)) / len(rows)
    found = expected_calibration_error(*columns(rows), bins)
    assert found == (pytest.approx(expected, abs=1e-12) if rows else None)
    assert sum(each.n for each in reliability(*columns(rows), bins)) == len(rows)


@given(ROWS)
@settings(max_examples=50)
def test_brier_and_accuracy_are_means_over_rows(rows: list[tuple[float, int]]) -> None:
    if not rows:
        assert brier([], []) is accuracy([], []) is None
        return
    assert brier(*columns(rows)) == pytest.approx(sum((p - y) ** 2 for p, y in rows) / len(rows))
    assert accuracy(*columns(rows)) == pytest.approx(sum((p >= 0.5) == bool(y) for p, y in rows) / len(rows))


@pytest.mark.parametrize(
    ("score", "label"), [([0.5], [2]), ([0.5, 0.5], [1]), ([math.nan], [1]), ([math.inf], [0]), ([[0.5]], [[1]])]
)
def test_rows_that_cannot_be_counted_are_refused(score: list[float], label: list[float]) -> None:
    with pytest.raises(InputError):
        auroc(score, label)


def test_what_is_no_probability_is_refused_as_one() -> None:
    with pytest.raises(InputError):
        brier([1.5], [1])


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilsons_ends_are_rates_that_the_trials_just_do_not_contradict(
    n: int, data: st.DataObject, confidence: float
) -> None:
    successes = data.draw(st.integers(0, n))
    found, rate = wilson(successes, n, confidence), successes / n
    z = {0.8: 1.2815515655, 0.95: 1.9599639845, 0.99: 2.5758293035}[confidence]
    assert 0 <= found.low <= rate <= found.high <= 1
    for end in (found.low, found.high):
        assert abs(rate - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), abs=1e-7)


def test_wilson_of_nothing_is_anything_and_of_nonsense_an_error() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)
    with pytest.raises(InputError):
        wilson(3, 2)


def test_the_bootstrap_of_a_mean_is_as_wide_as_theory_says_for_rows_of_their_own() -> None:
    values = np.random.default_rng(0).normal(size=2000)
    found = bootstrap(lambda weights: float(weights @ values / weights.sum()), np.arange(2000))
    assert found is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 / math.sqrt(2000), rel=0.08)
    assert values.mean() in found


def test_rows_of_one_group_count_once() -> None:
    """Copies of every row tell nothing new; taken as rows of their own they seem to."""
    labels = np.tile(np.arange(50) % 2, 10)
    groups = np.tile(np.arange(50), 10)

    def rate(weights: np.ndarray) -> float:
        return float(weights @ labels / weights.sum())

    grouped, alone, once = (
        bootstrap(rate, groups),
        bootstrap(rate, np.arange(500)),
        bootstrap(lambda weights: float(weights @ (np.arange(50) % 2) / 50), np.arange(50)),
    )
    assert grouped is not None
    assert alone is not None
    assert grouped == once
    assert grouped.high - grouped.low > 2.5 * (alone.high - alone.low)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    chance = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        of_group = chance.beta(2, 2, 60)
        groups = chance.integers(0, 60, 400)
        labels = chance.random(400) < of_group[groups]
        (found,) = bootstrap_sums(np.c_[labels, np.ones(400)], groups, lambda s: s[:1] / s[1:], draws=200)
        hits += found is not None and 0.5 in found
    assert 0.88 <= hits / 200 <= 0.99


def mean_and_interval(of_group: np.ndarray, sizes: list[int]) -> tuple[float, Interval | None]:
    """Of the groups' values, each repeated."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    values = of_group[groups]
    return float(values.mean()), bootstrap(lambda w: float(w @ values / w.sum()), groups, draws=200)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[3] * 3, [2] * 5, [12, 6, 4, 3, 2, 2, 1, 1], [1] * 40])
def test_intervals_of_few_groups_cover_the_truth_as_often_as_they_say_when_widened(sizes: list[int]) -> None:
    chance, hits, plain = np.random.default_rng(8), 0, 0
    for _ in range(300):
        mean, found = mean_and_interval(chance.normal(size=len(sizes)), sizes)
        wide = widened(found, mean, spread_of_few(sizes))
        assert found is not None
        assert wide is not None
        hits, plain = hits + (0 in wide), plain + (0 in found)
    assert 0.91 <= hits / 300 <= 0.99
    assert len(sizes) > 10 or plain / 300 < 0.89


@pytest.mark.parametrize(
    ("groups", "times"), [(2, 1.41421 * 12.7062), (8, 1.06904 * 2.36462), (101, 1.00499 * 1.98397)]
)
def test_a_widened_interval_is_students_of_unbiased_variance(groups: int, times: float) -> None:
    wide = widened(Interval(-1.959964, 2 * 1.959964), 0.0, spread_of_few([0, *[7] * groups]))
    assert wide is not None
    assert (wide.low, wide.high) == pytest.approx((-times, 2 * times), rel=1e-4)


def test_a_group_with_nearly_all_rows_counts_as_three_and_no_interval_stays_none() -> None:
    found = Interval(-1.0, 1.0)
    assert spread_of_few([1000, *[1] * 30]) == spread_of_few([5, 5, 5])
    assert widened(None, 0.0, spread_of_few([5, 5])) is None
    assert widened(found, 0.0, spread_of_few([5])) == found


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=30), st.integers(0, 5))
@settings(deadline=None)  # draws take longer than the default deadline where others work on the same cores
def test_sums_and_weights_give_the_same_interval(rows: list[tuple[int, int]], seed: int) -> None:
    groups, labels = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], float)
    weighted = bootstrap(lambda w: float(w @ labels / w.sum()), groups, seed=seed, draws=40)
    table = np.c_[labels, np.ones(len(rows))]
    (summed,) = bootstrap_sums(table, groups, lambda s: s[:1] / s[1:], seed=seed, draws=40)
    if len(set(groups.tolist())) < 2:
        assert weighted is summed is None
    else:
        assert weighted is not None
        assert summed is not None
        assert (weighted.low, weighted.high) == pytest.approx((summed.low, summed.high))


def test_a_statistic_that_most_draws_do_not_define_has_no_interval() -> None:
    assert bootstrap(lambda _: None, np.arange(10)) is None
    assert bootstrap(lambda _: 1.0, []) is None
    assert bootstrap_sums(np.ones((10, 1)), np.arange(10), lambda s: s * np.nan) == (None,)


def test_one_seed_one_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(0).random(100)
    one, same, other = (
        bootstrap(lambda w: float(w @ values), np.arange(100), seed=seed, draws=50) for seed in (1, 1, 2)
    )
    assert one == same != other


RATERS = {"honest": (0.8, 0.8), "yes": (1.0, 0.0), "random": (0.5, 0.5), "liar": (0.2, 0.2)}


def answers(kinds: list[str], items: int, seed: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """True labels, and ratings of every item by every rater, who is right at a rate for 1s and one for 0s."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, items)
    right = np.array([[RATERS[kind][1 - label] for label in truth] for kind in kinds])
    said = np.where(chance.random(right.shape) < right, truth, 1 - truth)
    raters, item = np.indices(said.shape)
    return truth, (item.ravel(), raters.ravel(), said.ravel())


@pytest.mark.parametrize("crowd", [["yes", "yes"], ["random", "random"], ["liar"]])
def test_dawid_skene_sees_through_raters_that_mislead_a_majority(crowd: list[str]) -> None:
    right, majority = [], []
    for seed in range(5):
        truth, ratings = answers(["honest"] * 4 + crowd, 400, seed)
        right.append(np.mean((dawid_skene(*ratings, 400) >= 0.5) == truth))
        votes = np.bincount(ratings[0], ratings[2]) / (4 + len(crowd))
        majority.append(np.mean((votes >= 0.5) == truth))
    assert np.mean(right) > max(0.86, float(np.mean(majority)) + 0.02)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 1)), max_size=40))
def test_dawid_skene_gives_chances_whatever_the_ratings(ratings: list[tuple[int, int, int]]) -> None:
    found = dawid_skene([r[0] for r in ratings], [r[1] for r in ratings], [r[2] for r in ratings], 6)
    assert found.shape == (6,)
    assert ((found > 0) & (found < 1)).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=40))
def test_dawid_skene_knows_no_names(ratings: list[tuple[int, int, int]]) -> None:
    item, rater, label = zip(*ratings, strict=True)
    named = dawid_skene(item, [f"rater {7 - each}" for each in rater], label, 6)
    assert named == pytest.approx(dawid_skene(item, rater, label, 6))


def test_a_rater_of_whom_nothing_is_known_is_believed_a_little() -> None:
    yes, no = dawid_skene([0, 1], ["a", "b"], [1, 0], 2)
    assert 0.05 < no < 0.4
    assert 0.6 < yes < 0.95


def test_all_agreeing_raters_are_believed() -> None:
    truth = np.arange(20) % 2
    item, rater = np.repeat(np.arange(20), 3), np.tile(np.arange(3), 20)
    found = dawid_skene(item, rater, truth[item], 20)
    assert np.array_equal(found > 0.99, truth == 1)
    assert np.array_equal(found < 0.01, truth == 0)


@pytest.mark.parametrize(
    ("item", "rater", "label"), [([0, 1], [0], [1, 1]), ([9], [0], [1]), ([-1], [0], [1]), ([0], [0], [2])]
)
def test_ratings_that_fit_nothing_are_refused(item: list[int], rater: list[int], label: list[int]) -> None:
    with pytest.raises(InputError):
        dawid_skene(item, rater, label, 3)


@given(ROWS)
def test_calibration_error_of_told_rates_is_none_to_speak_of(rows: list[tuple[float, int]]) -> None:
    """Who says each bin's own rate makes no error."""
    assume(rows)
    share = sum(label for _, label in rows) / len(rows)
    assert expected_calibration_error([share] * len(rows), columns(rows)[1]) == pytest.approx(0)
