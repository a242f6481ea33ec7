"""Boards made by hand: eight methods in every state, and what is counted in place of a dataset."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from rorem_demo.comparison.board import Board, Figure, MethodRow, PairRow, Stratum
from rorem_demo.errors import RoremError
from rorem_demo.statistics.intervals import wilson

EMPTY = Board(
    made="2026-11-21T14:03:00.000+00:00",
    app="1.2.3",
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
    left_share=None,
    gold=None,
    agreement=None,
    agreement_units=0,
    left_out={},
)
STRENGTHS = {
    "rorem": 1162,
    "lama": 1085,
    "mat": 1041,
    "shift-map": 1010,
    "fast-marching": 958,
    "telea": 871,
    "old-name": 873,
}
VOTES = {
    "rorem": 4312,
    "lama": 3920,
    "mat": 3811,
    "shift-map": 3950,
    "fast-marching": 212,
    "telea": 3899,
    "old-name": 187,
}


def rate(share: float, n: int) -> Figure:
    """With Wilson's interval."""
    successes = round(share * n)
    interval = wilson(successes, n)
    return Figure(successes / n, interval.low, interval.high, n)


def method(key: str, place: int) -> MethodRow:
    votes, strength = VOTES[key], float(STRENGTHS[key])
    half = 1300 / votes**0.5
    success = rate((strength - 600) / 650, votes // 9)
    estimate = replace(success, value=success.value - 0.06, low=success.low - 0.05, high=success.high - 0.07)
    return MethodRow(
        key=key,
        state="ranked" if votes >= 300 else "preliminary",
        place=place,
        votes=votes,
        strength=Figure(strength, strength - half, strength + half, votes),
        success=success,
        estimate=None if key == "old-name" else estimate,
        gap=None if key == "old-name" else -6.0,
    )


def hidden(key: str, votes: int) -> MethodRow:
    return MethodRow(
        key=key, state="hidden", place=None, votes=votes, strength=None, success=None, estimate=None, gap=None
    )


def pair(first: str, second: str) -> PairRow:
    first, second = sorted((first, second))
    n = min(VOTES[first], VOTES[second]) // 6
    share = rate(1 / (1 + 10 ** ((STRENGTHS[second] - STRENGTHS[first]) / 400)), n)
    wins = round(share.value * n * 0.8)
    return PairRow(
        first=first,
        second=second,
        first_wins=wins,
        second_wins=round(n * 0.8) - wins,
        both_good=n // 10,
        both_bad=n - round(n * 0.8) - n // 10,
        share=share,
    )


def strata() -> tuple[Stratum, ...]:
    groups = {
        "mask size": ("under 5%", "5% to 20%", "over 20%"),
        "photo": ("ready case", "own photo"),
        "mask made by": ("pointed", "painted"),
    }
    return tuple(
        Stratum(group=group, name=name, method=key, share=rate((strength - 400) / 1000 - 0.04 * at, 60 + 211 * at))  # type: ignore[arg-type]
        for group, names in groups.items()
        for at, name in enumerate(names)
        for key, strength in STRENGTHS.items()
    )


def board(dataset: str = "owner/answers", revision: str = "0123456789abcdef" * 2 + "01234567") -> Board:
    """Eight methods: five ranked, two preliminary, one hidden."""
    ordered = sorted(STRENGTHS, key=lambda key: -STRENGTHS[key])
    rows = [method(key, at + 1) for at, key in enumerate(ordered)]
    return replace(
        EMPTY,
        dataset=dataset,
        revision=revision,
        first="2026-10-04",
        last="2026-11-21",
        votes=1_000_000,
        ratings=21_334,
        judges=3210,
        largest_judge=0.021,
        methods=(*rows, hidden("new-one", 12)),
        pairs=tuple(pair(*two) for two in combinations(sorted(ordered), 2)),
        strata=strata(),
        left_share=rate(0.504, 8000),
        gold=rate(0.96, 812),
        agreement=0.417,
        agreement_units=1203,
        left_out={"too-fast": 120, "unknown-method": 3},
    )


def moved(found: Board) -> Board:
    """The same board after the second has passed the first."""
    first, second, *others = found.methods
    rows = (replace(second, place=1), replace(first, place=2), *others)
    return replace(found, methods=rows, votes=found.votes + 500)


class HandMade:
    """Counted in place of a dataset; counts how often, and fails when it is told to."""

    def __init__(self, found: Board) -> None:
        self.found, self.mark, self.kept = found, "first", 0
        self.error: Exception | None = None
        self.asked = self.counted = 0

    def newest(self) -> str:
        self.asked += 1
        self._fail()
        return self.mark

    def count(self, newest: str) -> Board:
        self._fail()
        self.counted += 1
        return self.found

    def waiting(self) -> int:
        return self.kept

    def _fail(self) -> None:
        if self.error:
            raise self.error


FAILURE = RoremError("The Hub cannot be reached.", hint="It is tried again.")
