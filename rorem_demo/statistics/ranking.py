"""How well scores put what succeeded before what did not, whatever they are as numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rorem_demo.statistics.arrays import Floats, scores_and_labels


@dataclass(frozen=True)
class Curve:
    """A ROC curve from (0, 0) to (1, 1): one point for each distinct score, falling, after the first."""

    false_positives: tuple[float, ...]
    """Share of 0s at or above each threshold."""
    true_positives: tuple[float, ...]
    """Share of 1s there."""


def auroc(score: npt.ArrayLike, label: npt.ArrayLike) -> float | None:
    """The chance that a 1 scores above a 0, a tie counting half (Hanley and McNeil 1982); None of one class."""
    return weighted_auroc(score, label)(np.ones(len(np.asarray(label))))


def weighted_auroc(score: npt.ArrayLike, label: npt.ArrayLike) -> Callable[[Floats], float | None]:
    """AUROC as a function of how often each row counts. Sorts once: `bootstrap` asks a thousand times."""
    scores, labels = scores_and_labels(score, label)
    order, starts = _ties(scores)
    yes = labels[order]

    def weighted(weights: Floats) -> float | None:
        rows = weights[order]
        ones = np.add.reduceat(rows * yes, starts) if len(rows) else rows
        zeros = np.add.reduceat(rows * (1 - yes), starts) if len(rows) else rows
        pairs = float(ones.sum() * zeros.sum())
        below = np.cumsum(zeros) - zeros / 2
        return float(ones @ below) / pairs if pairs else None

    return weighted


def auprc(score: npt.ArrayLike, label: npt.ArrayLike) -> float | None:
    """Average precision: the sum over thresholds of precision times the recall gained there; None without a 1.

    Equal scores are one threshold. Not the trapezium under the curve, which is too kind (Davis and Goadrich 2006).
    """
    ones, zeros = _from_above(*scores_and_labels(score, label))
    if not len(ones) or not ones[-1]:
        return None
    gained = np.diff(ones, prepend=0.0) / ones[-1]
    return float(gained @ (ones / (ones + zeros)))


def roc_curve(score: npt.ArrayLike, label: npt.ArrayLike) -> Curve | None:
    """Shares of both classes at or above every threshold (Fawcett 2006, algorithm 1); None of one class."""
    ones, zeros = _from_above(*scores_and_labels(score, label))
    if not len(ones) or not ones[-1] or not zeros[-1]:
        return None
    return Curve(
        false_positives=(0.0, *(zeros / zeros[-1]).tolist()),
        true_positives=(0.0, *(ones / ones[-1]).tolist()),
    )


def _from_above(scores: Floats, labels: Floats) -> tuple[Floats, Floats]:
    """How many 1s and 0s are at or above each distinct score, the highest first."""
    order, starts = _ties(-scores)
    if not len(order):
        return scores, scores
    ones = np.cumsum(np.add.reduceat(labels[order], starts))
    return ones, np.cumsum(np.add.reduceat(1 - labels[order], starts))


def _ties(scores: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Order of rising scores, and where in it each distinct score begins."""
    order = np.argsort(scores, kind="stable")
    return order, np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
