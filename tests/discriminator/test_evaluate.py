"""An evaluation counts what it says it counts, and of too little it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.baselines import Known
from rorem_demo.discriminator.comparing import compared
from rorem_demo.discriminator.evaluate import SIZES, evaluate
from rorem_demo.discriminator.figures import Evaluation, MethodRates
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.errors import InputError
from rorem_demo.statistics import auroc, bootstrap, weighted_auroc, wilson
from tests.discriminator.judged import FEW, SUCCESS, evaluated, judged, known

WORST = replace(FEW, draws=20)


def rates(evaluation: Evaluation) -> dict[str, MethodRates]:
    return {each.method: each for each in (*evaluation.test.methods, *evaluation.held_out.methods)}


def small(**columns: Any) -> Predictions:
    """Rows in which everything but what is given is the same."""
    n = len(columns["prob"])
    plain: dict[str, Any] = {
        "label": [1] * n,
        "method": ["telea"] * n,
        "photo": [f"photo {number}" for number in range(n)],
        "mask_fraction": [0.02] * n,
        "origin": ["app"] * n,
    }
    return Predictions(**(plain | columns))


def test_rates_are_counted_on_the_same_rows_for_people_and_judge() -> None:
    rows = judged()
    for name, found in rates(evaluated()).items():
        own = rows.where((rows.method == name) & ~rows.easy)
        people, judge = own.label.mean(), (own.prob >= 0.5).mean()
        assert (found.people, found.judged, found.gap) == pytest.approx((people, judge, 100 * (judge - people)))
        assert (found.rows, found.photos) == (len(own.prob), len(set(own.photo.tolist())))
        assert found.auroc == auroc(own.prob, own.label)
        for rate, interval in ((people, found.people_interval), (judge, found.judged_interval)):
            assert interval is not None
            assert interval.low < rate < interval.high


def test_copies_of_a_row_make_no_interval_of_a_rate_narrower() -> None:
    once = judged(200)
    often = once.where(np.tile(np.arange(200), 5))
    for one, five in zip(
        evaluate(once, settings=FEW).test.methods, evaluate(often, settings=FEW).test.methods, strict=True
    ):
        assert five.rows == 5 * one.rows
        for name in ("people_interval", "judged_interval", "gap_interval"):
            wide, same = getattr(one, name), getattr(five, name)
            assert (wide.low, wide.high) == pytest.approx((same.low, same.high))


def test_a_gap_lies_in_its_interval_with_its_sign() -> None:
    kind = judged(prob=np.full(600, 0.9))
    for found in evaluate(kind, settings=FEW).test.methods:
        assert found.gap_interval is not None
        assert 0 < found.gap_interval.low < found.gap < found.gap_interval.high


def test_held_out_methods_are_judged_apart() -> None:
    found = evaluated()
    assert {each.method for each in found.test.methods} == SUCCESS.keys() - {"new"}
    assert [each.method for each in found.held_out.methods] == ["new"]
    assert found.test.scores.rows + found.held_out.scores.rows == int((~judged().easy).sum())


def test_easy_negatives_move_no_figure_but_their_own() -> None:
    rows = judged()
    kept = rows.where(~rows.easy)
    found, without = evaluated(), evaluate(kept, known(), ["new"], FEW)
    assert (found.test, found.held_out, found.strata, found.goals) == (
        without.test,
        without.held_out,
        without.strata,
        without.goals,
    )
    (easy,) = found.easy
    assert (easy.kind, easy.rows, easy.right) == ("untouched", int(rows.easy.sum()), 0.0)
    assert without.easy == ()


def test_a_judge_who_only_knows_the_method_is_found_out_within_methods() -> None:
    rows = judged()
    by_name = np.array([SUCCESS.get(name, 0.0) for name in rows.method.tolist()])
    found = evaluate(replace(rows, prob=by_name), settings=FEW).test.scores
    assert found.auroc is not None
    assert found.auroc > 0.7
    assert (found.within, found.within_lowest, found.within_methods) == (0.5, 0.5, 4)


def test_gaps_are_summed_up_without_their_sign() -> None:
    rows = small(
        prob=[0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1, 0.1],
        label=[1, 0, 0, 0, 1, 1, 1, 1],
        method=["kind"] * 4 + ["hard"] * 4,
    )
    gaps = evaluate(rows, settings=FEW).test.gaps
    assert gaps is not None
    assert (gaps.mean, gaps.largest, gaps.method) == (37.5, 50.0, "hard")


def test_strata_hold_every_row_once_and_do_not_overlap() -> None:
    edges = np.array([0.0, 0.01, 0.011, 0.05, 0.0501, 0.15, 0.2, 1.0])
    found = evaluate(small(prob=np.full(len(edges), 0.5), mask_fraction=edges), settings=FEW).strata
    assert [each.scores.rows for each in found] == [2, 2, 2, 2]
    assert [each.name for each in found] == ["up to 1%", "1% to 5%", "5% to 15%", "above 15%"]
    assert SIZES[0][0] == 0
    assert SIZES[-1][1] == 1


def test_calibration_is_measured_before_and_after() -> None:
    found = evaluated().test.scores
    assert found.ece is not None
    assert found.ece_before is not None
    assert found.ece < found.ece_before
    unknown = evaluate(replace(judged(), before=None), settings=FEW).test.scores
    assert unknown.ece_before is None
    assert "before calibration" in unknown.why["ece_before"]


def test_a_rate_of_one_still_has_an_interval_as_wide_as_its_photos_allow() -> None:
    found = rates(evaluate(small(prob=np.full(8, 0.9), photo=list("aabbccdd")), settings=FEW))["telea"]
    assert found.people_interval == found.judged_interval == wilson(4, 4)


def test_baselines_stand_beside_it_on_the_same_rows() -> None:
    found = evaluated()
    always, method, hole = found.test.baselines
    scores = found.test.scores
    assert always.accuracy == pytest.approx(scores.positives / scores.rows)
    assert always.auroc == method.within == 0.5
    assert method.auroc is not None
    assert method.auroc > 0.65
    assert hole.within is not None
    assert 0.65 < hole.within < (scores.within or 0)
    new = found.held_out.baselines[1]
    assert new.auroc == 0.5, "of a method never seen the name says nothing"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "No training split"),
        (Known(label=[], method=[]), "empty"),
        (Known(label=[1, 0], method=["a", "b"]), "not computed"),
        (Known(label=[1, 1], method=["a", "b"], cues=[[1.0, 2.0], [2.0, 3.0]]), "one class"),
    ],
)
def test_a_baseline_that_cannot_learn_says_why(given: Known | None, said: str) -> None:
    _, method, hole = evaluate(judged(100), given, settings=WORST).test.baselines
    assert hole.auroc is None
    assert said in f"{method.why} {hole.why}"


def test_the_same_seed_gives_the_same_and_another_other_intervals() -> None:
    rows = judged(200)
    one, same, other = (evaluate(rows, settings=replace(FEW, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one.test.scores.auroc == other.test.scores.auroc
    assert one.test.scores.auroc_interval != other.test.scores.auroc_interval


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        (judged(0), {"auroc": "no rows", "accuracy": "no rows"}),
        (small(prob=[0.7]), {"auroc": "same label", "auroc_interval": "one photo"}),
        (small(prob=[0.7, 0.2, 0.1], label=[0, 0, 0]), {"auprc": "removed", "within": "both labels"}),
        (small(prob=[0.7, 0.2], label=[1, 0], photo=["a", "a"]), {"auroc_interval": "one photo"}),
        (small(prob=[0.7, 0.2], label=[1, 0], easy=[True, True]), {"brier": "no rows"}),
    ],
)
def test_of_too_little_a_figure_is_none_and_says_why(rows: Predictions, missing: dict[str, str]) -> None:
    found = evaluate(rows, settings=WORST)
    for name, reason in missing.items():
        assert getattr(found.test.scores, name) is None
        assert reason in found.test.scores.why[name]
    assert found.held_out.gaps is None
    assert not any(goal.met for goal in found.goals if goal.found is None)


def test_nothing_is_missing_without_a_reason() -> None:
    found = evaluate(judged(40), settings=WORST)
    for scores in (found.test.scores, found.held_out.scores, *(each.scores for each in found.strata)):
        none = {name for name, value in vars(scores).items() if value is None}
        assert none == scores.why.keys()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.3, 0.5, 1.0]),
            st.integers(0, 1),
            st.sampled_from(["telea", "lama", "new"]),
            st.sampled_from("ab"),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_whatever_few_rows_there_are_it_does_not_fail(rows: list[tuple[float, int, str, str, bool]]) -> None:
    prob, label, method, photo, easy = zip(*rows, strict=True) if rows else ((),) * 5
    given = small(prob=prob, label=label, method=method, photo=photo, easy=easy)
    found = evaluate(given, Known(label=label, method=method), ["new"], WORST)
    assert found.test.scores.rows + found.held_out.scores.rows + sum(each.rows for each in found.easy) == len(rows)


@pytest.mark.parametrize(
    "wrong",
    [{"prob": [1.5]}, {"prob": [float("nan")]}, {"label": [2]}, {"mask_fraction": [-0.1]}, {"photo": ["a", "b"]}],
)
def test_columns_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        small(**({"prob": [0.5]} | wrong))


def test_a_goal_is_met_only_by_methods_and_photos_never_learned_from() -> None:
    sure = judged(skill=12.0)
    assert all(goal.met for goal in evaluate(sure, held_out=["new"], settings=WORST).goals)
    seen = evaluate(sure, settings=WORST).goals
    assert [goal.met for goal in seen] == [True, False, True], "without a held-out method that goal is not met"


def test_the_goal_within_each_method_minds_those_held_out() -> None:
    rows = judged(skill=12.0)
    blind = replace(rows, prob=np.where(rows.method == "new", 0.5, rows.prob))
    *_, within = evaluate(blind, held_out=["new"], settings=WORST).goals
    assert (within.found, within.met) == (0.5, False)


def test_a_judge_that_is_better_by_chance_alone_is_not_better() -> None:
    rows = judged()
    moved = np.clip(rows.prob + np.random.default_rng(1).normal(0, 0.05, 600), 0, 1)
    found = compared(replace(rows, prob=moved), rows, FEW)
    assert found.difference is not None
    assert found.difference.low < 0 < found.difference.high
    assert not found.better
    assert "not better" in found.why


def test_the_better_judge_is_told_from_the_worse_on_the_same_rows() -> None:
    good, bad = judged(skill=4.0), judged(skill=1.0)
    assert compared(good, bad, FEW).better
    worse = compared(bad, good, FEW)
    assert not worse.better
    assert "worse" in worse.why


def test_a_difference_of_few_photos_is_less_certain_than_draws_of_them_say() -> None:
    new, old = judged(60, skill=4.0), judged(60, skill=1.0)
    photos = np.array([f"photo {number % 4}" for number in range(60)])
    found = compared(replace(new, photo=photos), replace(old, photo=photos), FEW)
    drawn = bootstrap(
        lambda w: _auroc_of(new, w) - _auroc_of(old, w), photos[~new.easy], seed=FEW.seed, draws=FEW.draws
    )
    assert found.difference is not None
    assert drawn is not None
    assert found.difference.high - found.difference.low > 1.5 * (drawn.high - drawn.low)


def _auroc_of(rows: Predictions, weights: np.ndarray) -> float:
    kept = rows.where(~rows.easy)
    found = weighted_auroc(kept.prob, kept.label)(weights)
    assert found is not None
    return found


def test_the_same_judge_is_not_better_than_itself() -> None:
    found = compared(judged(), judged(), FEW)
    assert found.difference is not None
    assert (found.difference.low, found.difference.high, found.better) == (0, 0, False)
    assert "not better by more than chance" in found.why


def test_who_knows_easy_negatives_alone_better_is_not_better() -> None:
    rows = judged()
    knows = replace(rows, prob=np.where(rows.easy, 0.01, rows.prob))
    assert compared(knows, rows, FEW) == compared(rows.where(~rows.easy), rows.where(~rows.easy), FEW)


def test_judges_are_compared_on_the_same_rows_only() -> None:
    with pytest.raises(InputError):
        compared(judged(100), judged(101), FEW)
    one_label = small(prob=[0.5, 0.6])
    assert "both labels" in compared(one_label, one_label, FEW).why
