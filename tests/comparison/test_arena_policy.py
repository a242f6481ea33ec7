"""Which two methods meet next: counted by hand, and whatever the votes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.comparison.board import Figure, PairRow
from rorem_demo.comparison.policy import ENOUGH, Pair, Standing, in_words, next_pair, pair_of, standings
from tests.comparison.hand_made import EMPTY

PAIRS: list[Pair] = list(combinations(["a", "b", "c", "d"], 2))
KNOWN = st.dictionaries(
    st.sampled_from(PAIRS), st.builds(Standing, st.integers(1, 100), st.floats(0, 1)), max_size=len(PAIRS)
)


def row(first: str, second: str, votes: int, width: float) -> PairRow:
    share = Figure(0.5, 0.5 - width / 2, 0.5 + width / 2, votes)
    return PairRow(first=first, second=second, first_wins=votes, second_wins=0, both_good=0, both_bad=0, share=share)


def test_a_pair_is_the_same_whichever_is_named_first() -> None:
    assert pair_of("b", "a") == pair_of("a", "b") == ("a", "b")


def test_the_least_judged_pair_comes_first() -> None:
    known = {pair: Standing(5, 0.5) for pair in PAIRS} | {("a", "c"): Standing(4, 0.1)}
    assert next_pair(PAIRS, known, Random(0)) == ("a", "c")


def test_what_nobody_judged_comes_before_all_that_somebody_did() -> None:
    known = {pair: Standing(1, 0.5) for pair in PAIRS if pair != ("b", "d")}
    assert next_pair(PAIRS, known, Random(0)) == ("b", "d")


def test_ties_are_broken_evenly() -> None:
    drawn = Counter(next_pair(PAIRS, {}, Random(seed)) for seed in range(1200))
    assert set(drawn) == set(PAIRS)
    assert min(drawn.values()) > 140


def test_a_pair_without_enough_votes_comes_before_the_vaguest() -> None:
    known = {pair: Standing(ENOUGH, 0.9) for pair in PAIRS} | {("c", "d"): Standing(ENOUGH - 1, 0.1)}
    assert next_pair(PAIRS, known, Random(0)) == ("c", "d")


def test_with_enough_votes_everywhere_the_widest_interval_comes_first() -> None:
    known = {pair: Standing(ENOUGH + number, 0.1) for number, pair in enumerate(PAIRS)}
    known["b", "c"] = Standing(500, 0.11)
    assert next_pair(PAIRS, known, Random(0)) == ("b", "c")


def test_votes_since_the_board_was_counted_are_counted_too() -> None:
    board = replace(EMPTY, pairs=(row("a", "b", 30, 0.4), row("a", "c", 29, 0.3)))
    known = standings(board, [("a", "c"), ("a", "c"), ("b", "c")])
    assert known["a", "b"].votes == 30
    assert known["a", "b"].width == pytest.approx(0.4)
    assert known["a", "c"].votes == 31
    assert known["a", "c"].width < 0.3
    assert known["b", "c"] == Standing(1, 1.0)


def test_without_a_board_this_process_counts_alone() -> None:
    assert standings(None, [("a", "b")]) == {("a", "b"): Standing(1, 1.0)}


def test_votes_since_then_send_the_next_visitor_to_another_pair() -> None:
    board = replace(EMPTY, pairs=(row("a", "b", 30, 0.40), row("a", "c", 30, 0.39)))
    choices = [("a", "b"), ("a", "c")]
    assert next_pair(choices, standings(board, []), Random(0)) == ("a", "b")
    assert next_pair(choices, standings(board, [("a", "b")] * 3), Random(0)) == ("a", "c")


@given(KNOWN, st.sets(st.sampled_from(PAIRS), min_size=1), st.integers(0, 9))
def test_whatever_the_votes_one_of_the_choices_is_drawn_and_none_has_fewer_while_few_suffice(
    known: dict[Pair, Standing], choices: set[Pair], seed: int
) -> None:
    votes = {pair: known[pair].votes if pair in known else 0 for pair in choices}
    drawn = next_pair(choices, known, Random(seed))
    assert drawn in choices
    if min(votes.values()) < ENOUGH:
        assert votes[drawn] == min(votes.values())


@given(st.integers(0, 4))
def test_every_pair_gets_enough_votes_in_turn(seed: int) -> None:
    votes: Counter[Pair] = Counter()
    chance = Random(seed)
    for _ in range(ENOUGH * len(PAIRS)):
        votes[next_pair(PAIRS, standings(None, votes.elements()), chance)] += 1
    assert set(votes.values()) == {ENOUGH}


def test_the_page_is_told_the_rule_with_its_numbers_and_no_method() -> None:
    known = {("a", "b"): Standing(30, 0.2), ("a", "c"): Standing(4, 0.5)}
    words = in_words([("a", "b"), ("a", "c"), ("b", "c")], known)
    assert words.endswith("Now 1 of 3 pairs has 30, the least 0.")
    everything = in_words([("a", "b")], known)
    assert everything.endswith("Now 1 of 1 pairs has 30.")
    assert in_words([], {}) in words
