"""How far a figure can be trusted: intervals of rates, and of anything by drawing whole groups again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics.arrays import Floats

DRAWS = 1000


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
    (Davison and Hinkley 1997, 3.8; Field and Welsh 2007).

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
