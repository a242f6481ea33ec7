"""How good probabilities are as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rorem_demo.statistics.arrays import probabilities_and_labels

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows whose probability is in (low, high], the lowest bin with 0."""

    low: float
    high: float
    n: int
    predicted: float
    """Mean probability."""
    observed: float
    """Share of 1s."""


def accuracy(prob: npt.ArrayLike, label: npt.ArrayLike, threshold: float = 0.5) -> float | None:
    """Share of rows that are 1 exactly where the probability is at least the threshold; None of no rows."""
    probs, labels = probabilities_and_labels(prob, label)
    return float(np.mean((probs >= threshold) == (labels == 1))) if len(probs) else None


def brier(prob: npt.ArrayLike, label: npt.ArrayLike) -> float | None:
    """Mean squared difference of probability and label (Brier 1950, for two classes counted once); 0 is best."""
    probs, labels = probabilities_and_labels(prob, label)
    return float(np.mean((probs - labels) ** 2)) if len(probs) else None


def reliability(prob: npt.ArrayLike, label: npt.ArrayLike, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width that hold rows, the lowest first (Guo et al. 2017, 2)."""
    probs, labels = probabilities_and_labels(prob, label)
    edges = np.arange(bins + 1) / bins
    bin_of = np.maximum(np.searchsorted(edges, probs, side="left") - 1, 0)
    counts = np.bincount(bin_of, minlength=bins)
    predicted, observed = (np.bincount(bin_of, values, bins) / np.maximum(counts, 1) for values in (probs, labels))
    return tuple(
        Bin(float(edges[at]), float(edges[at + 1]), int(counts[at]), float(predicted[at]), float(observed[at]))
        for at in np.flatnonzero(counts)
    )


def expected_calibration_error(prob: npt.ArrayLike, label: npt.ArrayLike, bins: int = BINS) -> float | None:
    """Mean over rows of |share of 1s - mean probability| of their bin (Guo et al. 2017, equation 3).

    The probability is that of a 1, as in Naeini et al. 2015, not of the likelier class. It is never 0 for few rows,
    even of a perfect judge; None of no rows.
    """
    found = reliability(prob, label, bins)
    n = sum(each.n for each in found)
    return sum(each.n * abs(each.observed - each.predicted) for each in found) / n if n else None
