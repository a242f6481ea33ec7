"""Figures from the votes that count: strengths, shares, and their intervals from judges drawn again.

Judges are drawn whole, with replacement, 300 times; each draw costs as much as a table of judges and sums of points,
whatever the number of votes. That is enough for intervals: an end varies with the seed by 4% of the interval's width
(standard deviation, of a normal distribution), and the seed is a constant. They are widened for few judges, and no
interval is narrower than independent votes would make it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from rorem_demo.comparison.board import SHOWN_FROM, Figure, StratumGroup
from rorem_demo.comparison.counting_rules import Counted
from rorem_demo.comparison.voted_columns import Array
from rorem_demo.comparison.voted_rows import LEFT, RIGHT
from rorem_demo.statistics import Floats, Interval, bootstrap_cells, hull, spread_of_few, widened, wilson
from rorem_demo.statistics.profiles import profiled
from rorem_demo.statistics.strengths import bradley_terry, linked

SEED: Final = 20_261_121
DRAWS: Final = 300
MEAN: Final = 1000.0
SCALE: Final = 400 / float(np.log(10))
"""Points of Elo's scale for one of the natural logarithm."""
STRATA: Final[tuple[tuple[StratumGroup, str, str, int], ...]] = (
    ("mask size", "under 5%", "size", 1),
    ("mask size", "5 to 20%", "size", 2),
    ("mask size", "over 20%", "size", 3),
    ("photo", "ready case", "photo", 1),
    ("photo", "own photo", "photo", 2),
    ("mask made by", "painted", "made", 1),
    ("mask made by", "pointed", "made", 2),
    ("mask made by", "file", "made", 3),
    ("mask made by", "mixed", "made", 4),
)
"""Group, name, and the column and number in `Rows`."""

_FIRST = {"size": 0, "photo": 3, "made": 5}
"""Place in STRATA of number 1 of each column."""
_CELLS = 4 + 2 * 2 * len(_FIRST)
_LEFT_POINTS = np.array([2, 0, 1, 1], np.int8)
"""By choice, in halves."""


@dataclass(frozen=True)
class Ballot:
    """The votes that count, two points each; methods and judges by their numbers in `rows`."""

    counted: Counted

    @cached_property
    def votes(self) -> Array:
        """Their rows."""
        return np.asarray(self.counted.rows.table[self.counted.used])

    @cached_property
    def of_method(self) -> Array:
        """How many votes each method was part of."""
        votes, n = self.votes, len(self.counted.rows.methods)
        return np.asarray(np.bincount(votes["left"], minlength=n) + np.bincount(votes["right"], minlength=n))

    @cached_property
    def of_judge(self) -> Array:
        """How many votes each judge gave."""
        return np.asarray(np.bincount(self.votes["judge"], minlength=len(self.counted.rows.judges)))

    @cached_property
    def pairs(self) -> Array:
        """Rows of two methods, the lesser number first; in order."""
        n = max(len(self.counted.rows.methods), 1)
        return np.stack(np.divmod(self._found[0], n), axis=1).astype(np.intp)

    @property
    def pair(self) -> Array:
        """Place in `pairs` of each vote."""
        return self._found[1]

    @cached_property
    def first_points(self) -> Array:
        """Of each vote for the first of its pair: 0, 1 or 2."""
        points = _LEFT_POINTS[self.votes["choice"]]
        turned = self.votes["left"] > self.votes["right"]
        return np.asarray(np.where(turned, 2 - points, points), np.int8)

    @cached_property
    def shown(self) -> Array:
        """Numbers of methods that have a strength."""
        ends, enough = self.pairs, self.of_method >= SHOWN_FROM
        group = linked(ends, len(self.of_method))
        size = np.bincount(group, self.of_method, len(self.of_method)) if len(group) else np.zeros(0)
        found = np.flatnonzero(enough & (group == size.argmax())) if len(size) else np.zeros(0, int)
        return found if len(found) > 1 and np.count_nonzero(self.of_judge) > 1 else found[:0]

    @cached_property
    def _found(self) -> tuple[Array, Array]:
        votes, n = self.votes, max(len(self.counted.rows.methods), 1)
        least = np.minimum(votes["left"], votes["right"]).astype(np.int64)
        keys, pair = np.unique(least * n + np.maximum(votes["left"], votes["right"]), return_inverse=True)
        return keys, pair


@dataclass(frozen=True)
class Fit:
    """Figures of a ballot."""

    strengths: dict[int, Figure]
    """Of the methods shown, by number."""
    shares: tuple[Figure, ...]
    """Of the first of each pair."""
    left_share: Figure | None
    strata: dict[tuple[int, int], Figure]
    """By place in STRATA and method shown."""


def fitted(ballot: Ballot) -> Fit:
    """All figures of a ballot with their intervals; the same votes give the same bits."""
    table = _Table(ballot)
    columns, amounts = table.cells()
    cells = zip(columns.T, amounts.T, strict=True)
    totals = np.asarray(sum(np.bincount(*cell, table.width) for cell in cells), np.float64)
    values = table.figures(totals)
    judges = ballot.votes["judge"]
    drawn = bootstrap_cells(judges, columns, amounts, table.width, table.figures, seed=SEED, draws=DRAWS)
    times = spread_of_few(ballot.of_judge)
    found = [widened(each, value, times) for each, value in zip(drawn, values.tolist(), strict=True)]
    shown, pairs = len(ballot.shown), len(ballot.pairs)
    strengths = {
        int(method): Figure(float(value), held.low, held.high, int(ballot.of_method[method]))
        for method, value, held in zip(ballot.shown, values, map(hull, table.profiles(totals), found), strict=False)
    }
    rates = tuple(
        rate(own / 2, whole / 2, interval)
        for (own, whole), interval in zip(np.stack(table.rates(totals), axis=1).tolist(), found[shown:], strict=True)
    )
    strata = ((place, int(method)) for method in ballot.shown for place in range(len(STRATA)))
    return Fit(
        strengths,
        tuple(figure for figure in rates[:pairs] if figure),
        rates[pairs],
        {key: figure for key, figure in zip(strata, rates[pairs + 1 :], strict=True) if figure},
    )


def rate(successes: float, n: float, drawn: Interval | None) -> Figure | None:
    """A rate with the smallest interval that holds Wilson's and that of drawn judges; None of no trials."""
    if not n:
        return None
    held = hull(wilson(successes, n), drawn)
    value = successes / n
    return Figure(value, max(0.0, min(held.low, value)), min(1.0, max(held.high, value)), round(n))


class _Table:
    """Sums that all figures are made from, in halves of a point.

    Points of both of each pair; left and decided votes; of each method shown in each stratum its points, and all.
    """

    def __init__(self, ballot: Ballot) -> None:
        self._ballot = ballot
        self._pairs = len(ballot.pairs)
        self._strata = 2 * self._pairs + 2
        self.width = self._strata + 2 * len(STRATA) * len(ballot.shown)
        names = len(ballot.counted.rows.methods)
        self._place = np.full(names, -1)
        self._place[ballot.shown] = np.arange(len(ballot.shown))

    def cells(self) -> tuple[Array, Array]:
        """Columns and amounts of each vote's cells."""
        shape = (len(self._ballot.votes), _CELLS)
        columns, amounts = np.empty(shape, np.uint16 if self.width < 1 << 16 else np.uint32), np.empty(shape, np.int8)
        for number, (column, amount) in enumerate(self._parts()):
            columns[:, number], amounts[:, number] = column, amount
        return columns, amounts

    def _parts(self) -> Iterator[tuple[Array | int, Array]]:
        """Column and amount of each vote's first cell, then of each one's second, and so on."""
        own, choice, pair = self._ballot.first_points, self._ballot.votes["choice"], 2 * self._ballot.pair
        yield pair, own
        yield pair + 1, 2 - own
        yield 2 * self._pairs, 2 * (choice == LEFT)
        yield 2 * self._pairs + 1, 2 * ((choice == LEFT) | (choice == RIGHT))
        ends = self._ballot.pairs[self._ballot.pair]
        for column in _FIRST:
            yield from self._in_strata(ends[:, 0], own, column)
            yield from self._in_strata(ends[:, 1], 2 - own, column)

    def _in_strata(self, method: Array, points: Array, column: str) -> Iterator[tuple[Array, Array]]:
        place, number = self._place[method], self._ballot.votes[column].astype(np.intp)
        counts = (place >= 0) & (number > 0)
        at = self._strata + 2 * (place * len(STRATA) + _FIRST[column] + number - 1)
        yield np.where(counts, at, 0), points * counts
        yield np.where(counts, at + 1, 0), 2 * counts

    def rates(self, sums: Floats) -> tuple[Floats, Floats]:
        """Points and all points of each pair's first, of the left side, and of each method in each stratum."""
        pairs = sums[: 2 * self._pairs].reshape(-1, 2)
        rest = sums[2 * self._pairs :].reshape(-1, 2)
        return np.append(pairs[:, 0], rest[:, 0]), np.append(pairs.sum(axis=1), rest[:, 1])

    def figures(self, sums: Floats) -> Floats:
        """Strengths of the methods shown, then the rates; nan where nothing was counted."""
        own, whole = self.rates(sums)
        rates = np.divide(own, whole, out=np.full(len(own), np.nan), where=whole > 0)
        return np.append(self._strengths(sums), rates)

    def _strengths(self, sums: Floats) -> Floats:
        if not len(self._ballot.shown):
            return np.zeros(0)
        ends, shown, n = self._met
        logs = bradley_terry(ends, self._points(sums), n)[shown]
        return np.asarray(MEAN + SCALE * (logs - logs.mean()), np.float64)

    def profiles(self, sums: Floats) -> Iterator[Interval]:
        """Intervals of the strengths as if votes were independent; ties make them vary less, as far as votes tell."""
        ends, shown, n = self._met
        points, decided = self._points(sums), sums[2 * self._pairs + 1] / 2
        for found in profiled(ends, points, shown, n, dispersion=wilson(decided, points.sum()).high):
            yield Interval(MEAN + SCALE * found.low, MEAN + SCALE * found.high)

    def _points(self, sums: Floats) -> Floats:
        return np.asarray(sums[: 2 * self._pairs].reshape(-1, 2) / 2, np.float64)

    @cached_property
    def _met(self) -> tuple[Array, Array, int]:
        """Numbers of both of each pair, and of those shown, among what was compared; and how many that is.

        A name that no vote counts for would pull the reference to the middle.
        """
        met, ends = np.unique(self._ballot.pairs, return_inverse=True)
        return ends.reshape(-1, 2), np.searchsorted(met, self._ballot.shown), len(met)
