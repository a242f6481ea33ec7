"""How far a figure can be trusted: intervals of rates, and of anything by drawing whole groups again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics.arrays import Floats

DRAWS = 1000

_DRAWN = 1 << 22
"""Numbers of draws x groups in memory at once: 32 MB."""
_PART = 1 << 20
"""Numbers of a table in memory at once."""
_ROWS = 1 << 17
"""Rows summed at once."""
_FEWEST = 3
"""Groups of one size that unlike ones count for at least."""
_PRODUCT = 1 << 18
"""Multiplications at once: larger products OpenBLAS shares among threads, which on busy cores wait for each other, a
hundred times longer than one thread takes."""


@dataclass(frozen=True)
class Interval:
    """Both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """The score interval of a rate (Wilson 1927): every p with |successes / n - p| <= z sqrt(p (1 - p) / n).

    Of no trials it is 0..1. Trials must be independent: where some share a photo or a judge, use `bootstrap_sums`.

    Raises:
        InputError: more successes than trials, or fewer than none.
    """
    if not 0 <= successes <= n:
        raise InputError(f"{successes} successes in {n} trials cannot be.")
    if n == 0:
        return Interval(0.0, 1.0)
    z, rate = NormalDist().inv_cdf(0.5 + confidence / 2), successes / n
    scale = 1 + z * z / n
    middle = (rate + z * z / (2 * n)) / scale
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / scale
    # Rounding must not put a rate of exactly 0 or 1 outside its interval.
    low = 0.0 if successes == 0 else min(rate, max(0.0, middle - half))
    return Interval(low, 1.0 if successes == n else max(rate, min(1.0, middle + half)))


def hull(first: Interval, second: Interval | None) -> Interval:
    """The smallest interval that holds both; None holds nothing.

    Of few groups, and of a rate near 0 or 1, the bootstrap's interval is too narrow, down to a point; joined with
    Wilson's it is never narrower than independent trials would make it.
    """
    return first if second is None else Interval(min(first.low, second.low), max(first.high, second.high))


def spread_of_few(sizes: npt.ArrayLike, confidence: float = 0.95) -> float:
    """How many times as far from its value each end of a bootstrap's interval has to be, of few groups: `widened`.

    Draws of n groups vary less than groups do, by sqrt((n - 1) / n), and their percentiles are a normal distribution's
    where Student's are due (Hesterberg 2015, who moves the percentiles; draws of three groups have none further out).
    Groups of unlike sizes count as fewer (Kish 1965), but not as fewer than three, if they are: where one has nearly
    all rows, draws with and without it are wide apart already.

    Args:
        sizes: rows of each group; groups without any count for nothing.
        confidence: of the interval.

    Returns:
        1 of fewer than two groups, which have no interval.
    """
    rows = np.asarray(sizes, np.float64)
    rows = rows[rows > 0]
    if len(rows) < 2:
        return 1.0
    from scipy.special import stdtrit  # noqa: PLC0415  # half a second, where something is counted only

    alike = max(float(rows.sum() ** 2 / (rows @ rows)), min(len(rows), _FEWEST))
    at = 0.5 + confidence / 2
    return math.sqrt(alike / (alike - 1)) * float(stdtrit(alike - 1, at)) / NormalDist().inv_cdf(at)


def widened(found: Interval | None, value: float, times: float) -> Interval | None:
    """An interval with both ends so many times as far from a value; None stays None."""
    if found is None:
        return None
    return Interval(value - times * (value - found.low), value + times * (found.high - value))


def bootstrap(
    statistic: Callable[[Floats], float | None],
    groups: npt.ArrayLike,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    confidence: float = 0.95,
) -> Interval | None:
    """The percentile interval of a statistic over draws of whole groups, with replacement.

    Rows of a group (a photo, a judge) are drawn together, since they are not independent: the cluster bootstrap
    (Davison and Hinkley 1997, 3.8; Field and Welsh 2007). Too narrow of fewer than some thirty groups: `spread_of_few`.

    Args:
        statistic: of how often each row counts, one weight a row; None where it is not defined.
        groups: one value a row; rows with equal values are one group.
        seed: the same gives the same interval.
        draws: how many.
        confidence: share of draws inside.

    Returns:
        None of fewer than two groups, which say nothing of how groups differ, and where fewer than half of the draws
        define the statistic.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    found = [statistic(counts[group]) for counts in _drawn(len(names), draws, seed)] if len(names) > 1 else []
    return _percentiles(np.array([math.nan if value is None else value for value in found]), draws, confidence)


def bootstrap_sums(  # noqa: PLR0913  # all but the first three have their defaults from `bootstrap`
    table: npt.ArrayLike,
    groups: npt.ArrayLike,
    statistic: Callable[[Floats], Floats],
    *,
    seed: int = 0,
    draws: int = DRAWS,
    confidence: float = 0.95,
) -> tuple[Interval | None, ...]:
    """As `bootstrap`, of several figures at once that need only the sums of columns: rates, or a fit to counts.

    Rows are summed within groups once, so that a draw costs groups x columns, whatever the number of rows.

    Args:
        table: rows x columns of what is summed, such as 1 and 0 for successes and trials of each method.
        groups: as in `bootstrap`.
        statistic: of the sums, one value a column; returns as many figures at every call, nan where not defined.
        seed: as in `bootstrap`; both draw the same groups.
        draws: as there.
        confidence: as there.

    Returns:
        One interval a figure.
    """
    values = np.asarray(table, np.float64)
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.stack([np.bincount(group, column, len(names)) for column in values.T], axis=1)
    figures = len(statistic(values.sum(axis=0)))
    if len(names) < 2:
        return (None,) * figures
    found = np.stack([statistic(counts @ sums) for counts in _drawn(len(names), draws, seed)])
    return tuple(_percentiles(column, draws, confidence) for column in found.T)


def bootstrap_cells(  # noqa: PLR0913  # all but the first five have their defaults from `bootstrap`
    groups: npt.ArrayLike,
    columns: npt.NDArray[np.integer[Any]],
    amounts: npt.NDArray[Any],
    width: int,
    statistic: Callable[[Floats], Floats],
    *,
    seed: int = 0,
    draws: int = DRAWS,
    confidence: float = 0.95,
) -> tuple[Interval | None, ...]:
    """As `bootstrap_sums`, of a table that is mostly empty: of each row only some cells are told.

    Groups x columns are never in memory at once, nor draws x groups, but blocks of some megabytes: of 100,000 judges
    and 200 columns the one would be 160 MB, the other with 300 draws 240 MB. Sums of whole numbers are exact, so that
    the order of rows and blocks does not matter to them.

    Args:
        groups: as in `bootstrap`.
        columns: rows x cells; which column each cell is of, below `width`.
        amounts: what is in it; 0 where a row has fewer cells.
        width: columns of the table.
        statistic: as in `bootstrap_sums`.
        seed: as there.
        draws: as there.
        confidence: as there.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(group, kind="stable")
    table = _Cells(group[order], columns[order], amounts[order], len(names), width)
    figures = len(statistic(table.sums(np.ones((1, len(names))))[0]))
    if len(names) < 2:
        return (None,) * figures
    drawn, found = _drawn(len(names), draws, seed), []
    while some := list(islice(drawn, max(1, _DRAWN // len(names)))):
        found += [statistic(sums) for sums in table.sums(np.stack(some))]
    return tuple(_percentiles(column, draws, confidence) for column in np.stack(found).T)


@dataclass(frozen=True)
class _Cells:
    """A table of groups and columns by its cells, rows in the order of groups."""

    group: npt.NDArray[np.intp]
    columns: npt.NDArray[np.integer[Any]]
    amounts: npt.NDArray[Any]
    groups: int
    width: int

    def sums(self, counts: Floats) -> Floats:
        """Draws x columns: sums where each group counts so often; `counts` is draws x groups."""
        found = np.zeros((len(counts), self.width))
        step = max(1, _PART // max(1, self.width))
        for start in range(0, self.groups, step):
            stop = min(start + step, self.groups)
            part = self._part(start, stop)
            small = max(1, _PRODUCT // max(1, found.size))
            for at in range(0, stop - start, small):
                some = part[at : at + small]
                found += counts[:, start + at : start + at + len(some)] @ some
        return found

    def _part(self, start: int, stop: int) -> Floats:
        """The groups from `start` to `stop` as a full table."""
        part = np.zeros((stop - start) * self.width)
        first, last = np.searchsorted(self.group, (start, stop)).tolist()
        for at in range(first, last, _ROWS):
            rows = slice(at, min(at + _ROWS, last))
            cells = (self.group[rows, None] - start) * self.width + self.columns[rows]
            part += np.bincount(cells.ravel(), self.amounts[rows].ravel(), len(part))
        return part.reshape(-1, self.width)


def _drawn(groups: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each group is drawn when as many are drawn as there are; one draw at a time, to keep memory flat."""
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(random.integers(groups, size=groups), minlength=groups).astype(np.float64)


def _percentiles(found: Floats, draws: int, confidence: float) -> Interval | None:
    defined = found[~np.isnan(found)]
    if 2 * len(defined) < draws or not draws:
        return None
    low, high = np.quantile(defined, (0.5 - confidence / 2, 0.5 + confidence / 2)).tolist()
    return Interval(low, high)
