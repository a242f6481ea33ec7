"""Figures of a board: places, intervals, strata; the same votes give the same bits, and simulated truth is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorem_demo.comparison.board import Board, MethodRow
from rorem_demo.comparison.counting import count
from rorem_demo.comparison.fitting import MEAN, SCALE
from rorem_demo.comparison.report import in_markdown, state_in_words
from rorem_demo.comparison.voted import open_answers
from rorem_demo.feedback.records import Rating, Vote
from rorem_demo.statistics import sigmoid, wilson
from rorem_demo.statistics.strengths import bradley_terry
from tests.comparison.polls import Listed, Poll, gold, thumb, vote, write

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CHOICES = ("left", "right", "both-good", "both-bad")


def board(votes: Sequence[Vote] = (), ratings: Sequence[Rating] = (), *, simulated: bool = False) -> Board:
    return count(Listed(tuple(votes), tuple(ratings)), simulated=simulated, now=NOW)


def row(found: Board, key: str) -> MethodRow:
    return next(each for each in found.methods if each.key == key)


def many(number: int, *sides: str, judges: int = 10, start: int = 0, choice: str = "left") -> list[Vote]:
    """Votes of some judges in turn."""
    return [vote(start + n, *sides, choice, rater=f"judge {n % judges}") for n in range(number)]


def test_outcomes_of_a_pair_are_counted_whichever_side_its_methods_were_on() -> None:
    votes = [
        vote(1, "lama", "mat", "left"),
        vote(2, "mat", "lama", "right"),
        vote(3, "mat", "lama", "left"),
        vote(4, "lama", "mat", "both-good"),
        vote(5, "mat", "lama", "both-bad"),
        vote(6, "mat", "lama", "both-bad"),
    ]
    (pair,) = board(votes).pairs
    assert (pair.first, pair.second) == ("lama", "mat")
    assert (pair.first_wins, pair.second_wins, pair.both_good, pair.both_bad, pair.votes) == (2, 1, 1, 2, 6)
    assert pair.share
    assert (pair.share.value, pair.share.n) == (3.5 / 6, 6)


def test_the_left_side_is_counted_among_decided_votes() -> None:
    found = board(
        [*many(3, "a", "b"), vote(50, choice="right"), vote(51, choice="both-bad"), gold(52, right=True, rater="")]
    )
    assert found.left_share
    assert (found.left_share.value, found.left_share.n) == (0.75, 4)


def test_an_interval_of_a_rate_is_never_narrower_than_of_independent_votes() -> None:
    found = board(many(40, "a", "b"))
    (pair,) = found.pairs
    assert pair.share
    assert (pair.share.low, pair.share.high) == (wilson(40, 40).low, 1.0)  # drawn judges all say the same


def test_a_share_of_few_judges_is_less_certain_than_their_own_shares_say_and_stays_a_share() -> None:
    wins = {"first": 40, "second": 36, "third": 20}
    votes = [
        vote(100 * at + n, "a", "b", "left" if n < won else "right", rater=rater)
        for at, (rater, won) in enumerate(wins.items())
        for n in range(40)
    ]
    (pair,) = board(votes).pairs
    assert pair.share
    assert pair.share.low < 20 / 40 < pair.share.value < pair.share.high == 1


def test_states_and_places_follow_the_number_of_votes() -> None:
    votes = many(290, "a", "b") + many(29, "a", "c", start=1000) + many(15, "c", "b", start=2000, choice="right")
    found = board([*votes, *many(1, "d", "a", start=3000)])
    assert [(each.key, each.state, each.votes, each.place) for each in found.methods] == [
        ("a", "ranked", 320, 1),
        ("b", "ranked", 305, 2),
        ("c", "preliminary", 44, 3),
        ("d", "hidden", 1, None),
    ]
    assert row(found, "d").strength is None
    assert state_in_words(row(found, "c")) == "preliminary: fewer than 300 votes"
    assert state_in_words(row(found, "d")) == "hidden: fewer than 30 votes"


@pytest.mark.parametrize(
    ("votes", "state"), [(29, "hidden"), (30, "preliminary"), (299, "preliminary"), (300, "ranked")]
)
def test_the_limits_of_states_are_exact(votes: int, state: str) -> None:
    found = board(many(votes, "a", "b"))
    assert {each.state for each in found.methods} == {state}


def test_places_go_by_the_lower_bound_and_strengths_have_a_mean_of_1000() -> None:
    found = board(Poll(strengths=(0.3, 0.2, 0.1, 0.0), judges=30, votes=20).drawn(1), simulated=True)
    figures = [each.strength for each in found.methods if each.strength]
    assert [each.low for each in figures] == sorted((each.low for each in figures), reverse=True)
    assert [each.place for each in found.methods] == [1, 2, 3, 4]
    assert np.mean([each.value for each in figures]) == pytest.approx(MEAN)
    assert all(each.low < each.value < each.high for each in figures)


def test_four_hundred_points_are_odds_of_ten_to_one() -> None:
    votes = [vote(n, "a", "b", "left" if n % 11 else "right") for n in range(11 * 300)]
    found = board(votes)
    a, b = row(found, "a").strength, row(found, "b").strength
    assert a
    assert b
    assert a.value - b.value == pytest.approx(400, abs=3)


def test_methods_that_no_votes_link_to_the_others_are_hidden_whatever_they_won() -> None:
    found = board(many(200, "a", "b") + many(100, "c", "d", start=1000))
    assert {each.key: each.state for each in found.methods} == {
        "a": "preliminary", "b": "preliminary", "c": "hidden", "d": "hidden",
    }  # fmt: skip
    assert row(found, "c").votes == 100
    assert state_in_words(row(found, "c")) == "hidden: one judge alone, or never against the others"
    linked = board([*many(200, "a", "b"), *many(100, "c", "d", start=1000), vote(5000, "b", "d")])
    assert all(each.strength for each in linked.methods)


def test_one_judge_alone_gives_no_strengths() -> None:
    found = board(many(400, "a", "b", judges=1))
    assert [(each.state, each.strength) for each in found.methods] == [("hidden", None)] * 2
    assert (found.judges, found.largest_judge) == (1, 1.0)


def test_one_judge_with_nine_tenths_of_the_votes_is_told_and_makes_intervals_wide() -> None:
    rest = [vote(n, "a", "b", "left" if n % 2 else "right", rater=f"judge {n % 20}") for n in range(60)]
    partial = [vote(1000 + n, "a", "b", "left", rater="busy") for n in range(540)]
    spread = [replace(each, rater=f"other {n % 20}") for n, each in enumerate(partial)]
    one, many_judges = board(rest + partial), board(rest + spread)
    assert one.largest_judge == 0.9
    assert many_judges.largest_judge < 0.1
    wide, narrow = row(one, "a").strength, row(many_judges, "a").strength
    assert wide
    assert narrow
    assert wide.value == narrow.value
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    # Without that judge, as about every third draw is, the two are equal: the interval holds that.
    assert 1000 in range(round(wide.low), round(wide.high) + 1)
    assert one.pairs[0].share
    assert one.pairs[0].share.low < 0.55


def test_strata_split_votes_by_mask_photo_and_how_the_mask_was_made() -> None:
    sizes = {"under 5%": 499, "5 to 20%": 500, "over 20%": 2001}
    ways = {
        "painted": ("brush", "shadow"),
        "pointed": ("box", "click"),
        "file": ("file",),
        "mixed": ("brush", "phrase"),
    }
    votes = many(30, "a", "b")  # 10% of the photo, brush, a ready case
    for size, pixels in sizes.items():
        votes += [replace(each, mask_pixels=pixels, rater=size) for each in many(7, "a", "b", start=len(votes))]
    for made_by in ways.values():
        votes += [replace(each, mask_made_by=made_by, case="") for each in many(5, "b", "a", start=len(votes))]
    found = {(each.group, each.name, each.method): each.share for each in board(votes).strata}
    counts = {key[:2]: share.n for key, share in found.items()}
    assert counts == {
        ("mask size", "under 5%"): 7,
        ("mask size", "5 to 20%"): 57,
        ("mask size", "over 20%"): 7,
        ("photo", "ready case"): 51,
        ("photo", "own photo"): 20,
        ("mask made by", "painted"): 56,
        ("mask made by", "pointed"): 5,
        ("mask made by", "file"): 5,
        ("mask made by", "mixed"): 5,
    }
    assert found["photo", "ready case", "a"].value == 1
    assert found["photo", "own photo", "a"].value == 0
    assert found["mask made by", "painted", "b"].value == pytest.approx(5 / 56)
    edge = board(  # exactly 20%
        [replace(each, mask_pixels=2000) for each in many(30, "a", "b")]
    ).strata
    assert {each.name for each in edge if each.group == "mask size"} == {"5 to 20%"}


def test_thumbs_give_success_with_wilsons_interval_and_the_judges_estimate_beside_it() -> None:
    ratings = [thumb(n, "lama", int(n < 30), score=0.9 if n < 20 else None) for n in range(40)]
    found = row(board(ratings=ratings), "lama")
    expected = wilson(30, 40)
    assert found.success
    assert found.estimate
    assert (found.success.value, found.success.low, found.success.high, found.success.n) == (
        0.75, expected.low, expected.high, 40,
    )  # fmt: skip
    assert (found.estimate.value, found.estimate.n) == (0.9, 20)
    assert found.gap == pytest.approx(-10)  # of the ratings with a score, all were thumbs up
    assert (found.state, found.votes, found.place) == ("hidden", 0, None)


def test_scores_that_are_none_are_no_estimate() -> None:
    ratings = [thumb(n, score=score) for n, score in enumerate([None, float("nan"), 1.5, -0.1])]
    assert (row(board(ratings=ratings), "lama").estimate, row(board(ratings=ratings), "lama").gap) == (None, None)


def test_judges_agree_about_results_whatever_side_they_see_them_on() -> None:
    def pair(number: int, photo: int, *, turned: bool, lama_better: bool) -> Vote:
        sides = ("mat", "lama") if turned else ("lama", "mat")
        return vote(number, *sides, "left" if lama_better != turned else "right", photo=photo)

    agreeing = [pair(n, n // 4, turned=bool(n % 2), lama_better=n // 4 % 2 > 0) for n in range(40)]
    found = board(agreeing)
    assert (found.agreement, found.agreement_units) == (1.0, 10)
    at_odds = [pair(n, n // 2, turned=n % 3 > 0, lama_better=bool(n % 2)) for n in range(40)]
    found = board(at_odds)
    assert found.agreement is not None
    assert found.agreement < 0


def test_a_judge_who_answers_again_agrees_with_nobody() -> None:
    votes = [vote(n, photo=1, rater="same") for n in range(5)]
    assert (board(votes).agreement, board(votes).agreement_units) == (None, 0)


def test_days_of_what_counts_are_told() -> None:
    found = board(
        [
            vote(1, created="2026-10-02T23:59:59.000+00:00"),
            vote(2, created="2026-09-01T00:00:00.000+00:00", flags=("too-fast",)),
        ],
        [thumb(3, created="2026-11-20T00:00:00.000+00:00"), thumb(4, created="not a day")],
    )
    assert (found.first, found.last) == ("2026-10-02", "2026-11-20")


ANY_VOTE = st.builds(
    lambda number, sides, choice, rater, changes: vote(number, *sides, choice, rater=f"judge {rater}", **changes),
    st.integers(0, 10**6),
    st.permutations(["a", "b", "c"]).map(lambda names: names[:2]),
    st.sampled_from(CHOICES),
    st.integers(0, 6),
    st.fixed_dictionaries(
        {},
        optional={
            "photo": st.integers(0, 3),
            "flags": st.sampled_from([("too-fast",), ("repeated",)]),
            "mask_pixels": st.integers(0, 10_000),
            "case": st.sampled_from(["", "one"]),
        },
    ),
)
ANY_THUMB = st.builds(
    lambda number, method, label, score, rater: thumb(number, method, label, score=score, rater=f"judge {rater}"),
    st.integers(0, 10**6),
    st.sampled_from(["a", "b"]),
    st.integers(0, 1),
    st.none() | st.floats(0, 1),
    st.integers(0, 4),
)


@given(
    st.lists(ANY_VOTE, min_size=1, max_size=60),
    st.lists(ANY_THUMB, min_size=1, max_size=20),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
def test_the_same_rows_in_other_files_and_order_give_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory,
    votes: list[Vote],
    ratings: list[Rating],
    order: random.Random,
    parts: int,
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    write(folder / "one", "all", votes)
    write(folder / "one", "all", ratings)
    rows: tuple[list[Any], ...] = (list(votes), list(ratings))
    for kind in rows:
        order.shuffle(kind)
        for part in range(parts):
            if some := kind[part::parts]:
                write(folder / "two", f"part-{part}", some)
    one, two = (count(open_answers(str(folder / name)), now=NOW) for name in ("one", "two"))
    assert replace(one, dataset="two").to_json() == two.to_json()
    assert replace(one, dataset="two") == two
    assert in_markdown(replace(one, dataset="two")) == in_markdown(two)


def truth_of(names: Sequence[str], strengths: Sequence[float]) -> dict[str, float]:
    """Strengths on the board's scale."""
    values = np.array(strengths)
    return dict(zip(names, (MEAN + SCALE * (values - values.mean())).tolist(), strict=True))


def covered(poll: Poll, truth: dict[str, float], runs: int, changed: Callable[[Vote], Vote] = lambda one: one) -> float:
    """Share of intervals that hold the truth, of fixed seeds; of votes that were changed."""
    held = []
    for seed in range(runs):
        found = board(list(map(changed, poll.drawn(seed))), simulated=True)
        assert found.simulated
        for each in found.methods:
            assert each.strength
            held.append(each.strength.low <= truth[each.key] <= each.strength.high)
    return float(np.mean(held))


@pytest.mark.slow
def test_intervals_hold_the_strengths_of_simulated_methods_as_often_as_they_say() -> None:
    poll = Poll(strengths=(0.9, 0.5, 0.1, -0.1, -0.5, -0.9), judges=80, votes=15)
    share = covered(poll, truth_of(poll.names, poll.strengths), 60)
    assert 0.90 <= share <= 0.99


def test_an_interval_of_a_strength_is_never_narrower_than_of_independent_votes() -> None:
    found = row(board(many(40, "a", "b")), "a").strength  # drawn judges all say the same
    lost_one = row(board([*many(39, "a", "b"), vote(50, "a", "b", "right")]), "a").strength
    assert found
    assert lost_one
    assert 1000 < found.low < found.value < found.high
    assert found.low - lost_one.low < 0.5 * (found.value - found.low)


@pytest.mark.slow
def test_intervals_hold_the_strength_of_a_method_that_hardly_loses_among_few_votes() -> None:
    poll = Poll(strengths=(3.0, 0.3, -0.3, -0.8), judges=20, votes=4)
    truth = expected_truth(poll)
    held = [
        strength.low <= truth["method-0"] <= strength.high
        for seed in range(40)
        if (strength := row(board(poll.drawn(seed), simulated=True), "method-0").strength)
    ]
    assert len(held) > 35
    assert np.mean(held) >= 0.9  # drawn judges alone: 0.72 of 100


@pytest.mark.slow
@pytest.mark.parametrize(("judges", "votes"), [(3, 100), (5, 100), (8, 60)])
def test_intervals_hold_where_few_judges_have_tastes_of_their_own(judges: int, votes: int) -> None:
    poll = Poll(strengths=(0.8, 0.3, -0.3, -0.8), judges=judges, votes=votes, taste=1.0)
    assert covered(poll, expected_truth(poll), 30) >= 0.9  # not widened 0.78, 0.82 and 0.88


@pytest.mark.slow
def test_intervals_hold_where_some_judges_vote_far_more_than_others() -> None:
    poll = Poll(strengths=(0.8, 0.3, -0.3, -0.8), judges=6, votes=160, taste=1.0)
    truth, held = expected_truth(poll), []
    for seed in range(30):
        few = [each for n, each in enumerate(poll.drawn(seed)) if n % 160 < 160 // (n // 160 + 1)]
        found = board(few, simulated=True)
        assert found.largest_judge > 0.25
        held += [each.strength.low <= truth[each.key] <= each.strength.high for each in found.methods if each.strength]
    assert np.mean(held) >= 0.9  # not widened 0.82


def expected_truth(poll: Poll) -> dict[str, float]:
    """What endless votes of such judges would give: strengths that fit the share of points they give on average."""
    random_ = np.random.default_rng(99)
    likes = np.array(poll.strengths) + poll.taste * random_.standard_normal((20_000, len(poll.strengths)))
    n = len(poll.strengths)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    dull = poll.careless + poll.biased
    points = []
    for i, j in pairs:
        better = sigmoid(likes[:, i] - likes[:, j]).mean()
        share = dull / 2 + (1 - dull) * (poll.ties / 2 + (1 - poll.ties) * better)
        points.append((1e6 * share, 1e6 * (1 - share)))
    return truth_of(poll.names, bradley_terry(pairs, points, n).tolist())


@pytest.mark.slow
def test_intervals_hold_where_judges_differ_in_taste_and_care_and_votes_drawn_alone_would_not() -> None:
    poll = Poll(strengths=(0.8, 0.3, -0.3, -0.8), judges=60, votes=40, ties=0.2, taste=1.0, careless=0.15, biased=0.1)
    truth = expected_truth(poll)
    assert 0.88 <= covered(poll, truth, 60) <= 0.99
    # Drawn as if each vote were a judge's only one, they would be too narrow.
    assert covered(poll, truth, 15, lambda one: replace(one, rater=one.id)) < 0.87


def test_methods_are_ordered_as_they_are_though_some_judges_are_careless_and_the_left_is_seen_to_win() -> None:
    poll = Poll(strengths=(1.2, 0.4, -0.4, -1.2), judges=80, votes=25, ties=0.2, careless=0.2, biased=0.2)
    found = board(poll.drawn(8), simulated=True)
    assert [each.key for each in found.methods] == list(poll.names)
    assert found.left_share
    assert found.left_share.low > 0.55


def test_gold_items_keep_out_judges_who_do_not_look() -> None:
    poll = Poll(strengths=(1.0, 0.0, -1.0), judges=60, votes=20, careless=0.3)
    votes = poll.drawn(2)
    careless = {
        rater for rater in {each.rater for each in votes} if _looks_random([e for e in votes if e.rater == rater])
    }
    checks = [
        gold(10_000 + 10 * n + m, right=rater not in careless, rater=rater, origin="simulated")
        for n, rater in enumerate(sorted({each.rater for each in votes}))
        for m in range(3)
    ]
    with_gold, without = board([*votes, *checks], simulated=True), board(votes, simulated=True)
    assert with_gold.careless == len(careless) > 5
    best, diluted = row(with_gold, "method-0").strength, row(without, "method-0").strength
    assert best
    assert diluted
    assert best.value > diluted.value + 20


def _looks_random(votes: list[Vote]) -> bool:
    """Of this poll, only careless judges ever say that both are the same."""
    return any(each.choice.startswith("both") for each in votes)
