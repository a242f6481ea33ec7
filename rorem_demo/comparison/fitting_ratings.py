"""Figures from the ratings that count: success by thumbs, and what a discriminator said of the same results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rorem_demo.comparison.board import Figure
from rorem_demo.comparison.counting_rules import Counted, right_answers
from rorem_demo.comparison.fitting import DRAWS, SEED, rate
from rorem_demo.statistics import Floats, bootstrap_cells, spread_of_few, widened

_FINE = 1_000_000
"""Parts of a score: as whole numbers their sums are the same in any order."""


@dataclass(frozen=True)
class Thumbs:
    """Figures of a method's ratings."""

    success: Figure
    estimate: Figure | None
    gap: float | None


def fitted_ratings(counted: Counted) -> dict[str, Thumbs]:
    """Figures of each method with ratings that count, by name."""
    names, table = counted.rows.methods, counted.rows.table[counted.used]
    n, method = len(names), table["method"].astype(np.intp)
    ups, given = np.bincount(method, table["label"], n), np.bincount(method, minlength=n)
    scored = ~np.isnan(table["score"])
    fine = np.rint(np.where(scored, table["score"], 0) * _FINE).astype(np.int64)
    columns = 3 * method[:, None] + np.arange(3)
    amounts = np.stack([fine, _FINE * scored, _FINE * (scored & (table["label"] == 1))], axis=1)
    totals = np.bincount(columns.ravel(), amounts.ravel(), 3 * n)
    drawn = bootstrap_cells(table["judge"], columns, amounts, 3 * n, _means, seed=SEED, draws=DRAWS)
    times = spread_of_few(np.bincount(table["judge"]))
    found = {}
    for at in np.flatnonzero(given).tolist():
        success = rate(float(ups[at]), float(given[at]), None)
        total, whole, up = (totals[3 * at : 3 * at + 3] / _FINE).tolist()
        estimate = rate(total, whole, widened(drawn[at], total / whole, times)) if whole else None
        gap = 100 * (total - up) / whole if whole else None
        if success:
            found[names[at]] = Thumbs(success, estimate, gap)
    return found


def fitted_gold(counted: Counted) -> Figure | None:
    """Rate of right answers on gold items, of all judges."""
    table = counted.rows.table[counted.gold]
    if not len(table):
        return None
    right = right_answers(table).astype(np.int8)
    amounts = np.stack([right, np.ones_like(right)], axis=1)
    columns = np.tile(np.arange(2, dtype=np.uint8), (len(table), 1))
    (drawn,) = bootstrap_cells(table["judge"], columns, amounts, 2, _share, seed=SEED, draws=DRAWS)
    drawn = widened(drawn, float(right.mean()), spread_of_few(np.bincount(table["judge"])))
    return rate(float(right.sum()), float(len(table)), drawn)


def _share(sums: Floats) -> Floats:
    return np.asarray(sums[:1] / sums[1:], np.float64)


def _means(sums: Floats) -> Floats:
    totals = sums.reshape(-1, 3)
    found = np.full(len(totals), np.nan)
    np.divide(totals[:, 0], totals[:, 1], out=found, where=totals[:, 1] > 0)
    return found
