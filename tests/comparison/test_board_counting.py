"""What counts, and under which reason the rest is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.comparison.board import Board
from rorem_demo.comparison.counting import count
from rorem_demo.feedback.records import Rating, Vote
from tests.comparison.polls import Listed, digest, gold, thumb, ulid, vote

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def board(
    votes: Sequence[Vote] = (), ratings: Sequence[Rating] = (), gone: tuple[str, ...] = (), **options: Any
) -> Board:
    return count(Listed(tuple(votes), tuple(ratings), gone), now=NOW, **options)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": "simulated"}, "simulated"),
        ({"flags": ("too-fast",)}, "too fast"),
        ({"flags": ("many", "too-fast")}, "too fast"),
        ({"flags": ("repeated",)}, "one side over and over"),
        ({"flags": ("repeated",), "choice": "right"}, "one side over and over"),
        ({"choice": "neither"}, "unknown choice"),
        ({"left": "mat", "right": "mat"}, "same method twice"),
        ({"gold": "left"}, "gold items"),
        ({"left": "truth", "right": "lama"}, "gold items"),
        ({"right": "untouched"}, "gold items"),
        ({"left": ""}, "cannot be read"),
        ({"gold": "both"}, "cannot be read"),
        ({"id": "short"}, "cannot be read"),
        # The first reason that fits is told.
        ({"origin": "simulated", "flags": ("too-fast",), "choice": "neither"}, "simulated"),
        ({"gold": "left", "left": "truth", "right": "untouched", "flags": ("too-fast",)}, "too fast"),
    ],
)
def test_a_vote_is_left_out_for_a_reason_that_is_told(changes: dict[str, Any], reason: str) -> None:
    found = board([vote(1, **changes), vote(2)])
    assert found.votes == 1
    assert found.left_out == {f"votes: {reason}": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": ("many",)},
        {"flags": ("pictures-damaged", "pictures-rejected")},
        {"flags": ("repeated",), "choice": "both-bad"},
        {"flags": ("something-new",)},
        {"origin": "imported"},
        {"left": "a method that no catalogue knows"},
        {"case": "", "cases": ""},
        {"width": 0},
        {"mask_made_by": ("magic",)},
        {"rater": ""},
        {"created": "yesterday"},
        {"source": "no digest", "left_result": ""},
    ],
)
def test_what_is_odd_but_harmless_counts(changes: dict[str, Any]) -> None:
    found = board([vote(1, **changes)])
    assert (found.votes, found.left_out) == (1, {})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": "simulated"}, "simulated"),
        ({"flags": ("too-fast",)}, "too fast"),
        ({"method": ""}, "without a method"),
        ({"method": "untouched"}, "without a method"),
        ({"label": 2}, "cannot be read"),
        ({"id": ""}, "cannot be read"),
    ],
)
def test_a_rating_is_left_out_for_a_reason_that_is_told(changes: dict[str, Any], reason: str) -> None:
    found = board(ratings=[thumb(1, **changes), thumb(2)])
    assert found.ratings == 1
    assert found.left_out == {f"ratings: {reason}": 1}


@pytest.mark.parametrize("flag", ["many", "repeated", "pictures-rejected"])
def test_flags_that_say_nothing_of_the_answer_keep_a_rating(flag: str) -> None:
    assert board(ratings=[thumb(1, flags=(flag,))]).ratings == 1


def test_what_was_taken_back_does_not_count_and_its_method_is_not_listed() -> None:
    found = board(
        [vote(1, "gone", "lama"), vote(2)], [thumb(3, "gone too")], (digest("receipt", 1), digest("thumb", 3))
    )
    assert (found.votes, found.ratings) == (1, 0)
    assert found.left_out == {"ratings: taken back": 1, "votes: taken back": 1}
    assert [row.key for row in found.methods] == ["lama", "mat"]


def test_rows_that_a_cut_off_merge_left_twice_count_once() -> None:
    found = board([vote(1), vote(2), vote(1)], [thumb(1), thumb(1)])
    assert (found.votes, found.ratings) == (2, 1)
    assert found.left_out == {"ratings: there twice": 1, "votes: there twice": 1}


@given(st.permutations([vote(1), vote(1, choice="right"), vote(1, choice="both-bad"), vote(1, flags=("too-fast",))]))
@settings(max_examples=24, deadline=None)
def test_of_rows_with_one_id_the_same_one_counts_in_any_order(votes: list[Vote]) -> None:
    assert board(votes) == board(sorted(votes, key=repr))


def test_only_the_last_word_on_a_result_counts() -> None:
    same = {"source": digest("s"), "mask": digest("m"), "result": digest("r"), "receipt": digest("person")}
    found = board(ratings=[thumb(1, label=0, **same), thumb(2, label=0, supersedes=ulid(1), **same), thumb(3, **same)])
    assert (found.ratings, found.left_out) == (1, {"ratings: superseded": 2})
    assert found.methods[0].success
    assert found.methods[0].success.value == 1


def test_a_rating_that_a_later_one_names_is_superseded_if_it_has_the_same_receipt() -> None:
    receipt = digest("person")
    first = thumb(1, receipt=receipt)
    found = board(ratings=[first, thumb(2, receipt=receipt, supersedes=first.id)])
    assert found.left_out == {"ratings: superseded": 1}
    foreign = board(ratings=[first, thumb(2, supersedes=first.id)])
    assert foreign.left_out == {}


def test_answers_of_different_people_on_one_result_all_count() -> None:
    same = {"source": digest("s"), "mask": digest("m"), "result": digest("r")}
    assert board(ratings=[thumb(number, **same) for number in range(5)]).ratings == 5


def test_where_programs_are_counted_people_are_not() -> None:
    votes = [vote(1), *(vote(number, origin="simulated") for number in range(2, 5))]
    found = board(votes, [thumb(1)], simulated=True)
    assert found.simulated
    assert (found.votes, found.ratings) == (3, 0)
    assert found.left_out == {"ratings: not simulated": 1, "votes: not simulated": 1}


def answered(rater: str, right: int, wrong: int, start: int) -> list[Vote]:
    """Gold items of a judge."""
    return [gold(start + number, right=number < right, rater=rater) for number in range(right + wrong)]


@pytest.mark.parametrize(
    ("right", "wrong", "counts"),
    [(0, 2, True), (0, 3, False), (1, 2, False), (2, 2, True), (2, 1, True), (4, 5, False)],
)
def test_a_judge_who_fails_most_gold_items_does_not_count(right: int, wrong: int, *, counts: bool) -> None:
    votes = [vote(1, rater="careful"), vote(2, rater="judge"), vote(3, rater="judge")]
    found = board([*votes, *answered("judge", right, wrong, 10)])
    assert found.votes == (3 if counts else 1)
    assert found.careless == (0 if counts else 1)
    assert found.left_out.get("votes: careless judges", 0) == (0 if counts else 2)
    assert found.gold
    assert (found.gold.value, found.gold.n) == (right / (right + wrong), right + wrong)


def test_both_good_is_no_right_answer_to_a_gold_item() -> None:
    found = board([vote(1, "truth", "untouched", "both-good", gold="left")])
    assert found.gold
    assert (found.gold.value, found.gold.n) == (0, 1)


def test_gold_items_that_do_not_count_do_not_condemn_a_judge() -> None:
    wrong = [gold(number, right=False, rater="judge", flags=("too-fast",)) for number in range(10, 15)]
    found = board([vote(1, rater="judge"), *wrong])
    assert (found.votes, found.careless, found.gold) == (1, 0, None)


def test_methods_of_gold_items_are_not_listed_but_those_nobody_judged_with_care_are() -> None:
    found = board([gold(1, right=True, rater="x"), vote(2, "lama", "hasty", flags=("too-fast",))])
    assert found.votes == 0
    assert [(row.key, row.state, row.votes) for row in found.methods] == [("hasty", "hidden", 0), ("lama", "hidden", 0)]


def test_of_nothing_there_is_an_empty_board() -> None:
    found = board()
    assert (found.votes, found.ratings, found.judges, found.largest_judge) == (0, 0, 0, 0.0)
    assert found.methods == found.pairs == found.strata == ()
    assert found.left_share is found.gold is found.agreement is None
    assert (found.first, found.last) == ("", "")
    assert Board.from_json(found.to_json()) == found
