"""Figures of many pairs: means and rates with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from rorem_demo.statistics import Floats, Interval, bootstrap, wilson


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A mean or a rate over `n` pairs with its 95% interval; that is None of one pair, which says nothing of others."""

    value: float
    low: float | None
    high: float | None
    n: int


def mean_of(values: Sequence[float | None]) -> Figure | None:
    """The mean with its bootstrap interval over pairs; pairs without a value do not count."""
    found = np.array([value for value in values if value is not None])
    if not len(found):
        return None

    def weighted(weights: Floats) -> float:
        return float(weights @ found / weights.sum())

    between = bootstrap(weighted, np.arange(len(found)))
    return _figure(fmean(found), between, len(found))


def rate_of(values: Sequence[bool]) -> Figure | None:
    """The rate with Wilson's interval."""
    if not values:
        return None
    return _figure(fmean(values), wilson(sum(values), len(values)), len(values))


def _figure(value: float, between: Interval | None, n: int) -> Figure:
    low, high = (between.low, between.high) if between else (None, None)
    return Figure(value=float(value), low=low, high=high, n=n)
