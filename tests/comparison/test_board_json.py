"""Boards as text and back."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.comparison.board import Board, Figure, MethodRow, PairRow, State, Stratum, StratumGroup
from rorem_demo.errors import StorageError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 10**9)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
FIGURES = st.builds(Figure, NUMBERS, NUMBERS, NUMBERS, COUNTS)
METHODS = st.builds(
    MethodRow,
    key=TEXTS,
    state=st.sampled_from(get_args(State)),
    place=st.none() | COUNTS,
    votes=COUNTS,
    strength=st.none() | FIGURES,
    success=st.none() | FIGURES,
    estimate=st.none() | FIGURES,
    gap=st.none() | NUMBERS,
)
BOARDS = st.builds(
    Board,
    made=TEXTS,
    app=TEXTS,
    dataset=TEXTS,
    revision=TEXTS,
    first=TEXTS,
    last=TEXTS,
    votes=COUNTS,
    ratings=COUNTS,
    judges=COUNTS,
    largest_judge=NUMBERS,
    methods=st.lists(METHODS, max_size=3).map(tuple),
    pairs=st.lists(
        st.builds(
            PairRow,
            first=TEXTS,
            second=TEXTS,
            first_wins=COUNTS,
            second_wins=COUNTS,
            both_good=COUNTS,
            both_bad=COUNTS,
            share=st.none() | FIGURES,
        ),
        max_size=2,
    ).map(tuple),
    strata=st.lists(
        st.builds(Stratum, group=st.sampled_from(get_args(StratumGroup)), name=TEXTS, method=TEXTS, share=FIGURES),
        max_size=2,
    ).map(tuple),
    left_share=st.none() | FIGURES,
    gold=st.none() | FIGURES,
    agreement=st.none() | NUMBERS,
    agreement_units=COUNTS,
    left_out=st.dictionaries(TEXTS, COUNTS, max_size=3),
    simulated=st.booleans(),
    careless=COUNTS,
    deletions=TEXTS,
    rules=COUNTS,
)
PLAIN = Board(
    made="2026-11-21T00:00:00.000+00:00",
    app="1",
    dataset="",
    revision="",
    first="",
    last="",
    votes=0,
    ratings=0,
    judges=0,
    largest_judge=0.0,
    methods=(),
    pairs=(),
    strata=(),
    left_share=Figure(0.5, 0.4, 0.6, 9),
    gold=None,
    agreement=None,
    agreement_units=0,
    left_out={},
)


@given(BOARDS)
@settings(max_examples=60, deadline=None)
def test_a_board_comes_back_from_its_text_as_it_was(board: Board) -> None:
    assert Board.from_json(board.to_json()) == board


@pytest.mark.parametrize(
    "change",
    [
        {"votes": "3"},
        {"votes": 3.0},
        {"votes": True},
        {"votes": None},
        {"simulated": 1},
        {"largest_judge": "0.5"},
        {"left_out": {"votes: twice": "1"}},
        {"left_out": []},
        {"methods": {}},
        {"methods": [{"key": "lama"}]},
        {"left_share": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "more": 1}},
        {"left_share": 0.5},
        {"surprise": 1},
    ],
)
def test_what_is_no_board_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        Board.from_json(json.dumps(json.loads(PLAIN.to_json()) | change))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"votes": NaN}', "[" * 100_000])
def test_no_board_at_all_is_refused(text: str) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        Board.from_json(text)


def test_a_board_that_lacks_a_figure_is_refused() -> None:
    values = json.loads(PLAIN.to_json())
    del values["careless"]
    with pytest.raises(StorageError):
        Board.from_json(json.dumps(values))
