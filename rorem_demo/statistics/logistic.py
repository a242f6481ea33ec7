"""Logistic regression, small enough to be a baseline that nobody doubts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics.arrays import Floats

_STEPS = 50
_SMALLEST_STEP = 1e-10


@dataclass(frozen=True)
class Logistic:
    """A fitted regression: the chance of a 1 is sigmoid(intercept + weights . features)."""

    intercept: float
    weights: tuple[float, ...]

    def __call__(self, features: npt.ArrayLike) -> Floats:
        """Probabilities of rows x features."""
        scores = self.intercept + np.asarray(features, np.float64) @ np.asarray(self.weights)
        return sigmoid(np.atleast_1d(scores))


def sigmoid(score: npt.ArrayLike) -> Floats:
    """1 / (1 + exp(-score)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(score, np.float64))), np.float64)


def fitted_regression(features: npt.ArrayLike, target: npt.ArrayLike, ridge: float = 1.0) -> Logistic:
    """Maximum likelihood of standardised features less `ridge` / 2 times their squared weights, by Newton's method.

    The intercept is free. With a ridge above 0 there is exactly one optimum, also of classes that can be separated
    and of features that repeat each other (Hastie, Tibshirani and Friedman 2009, 4.4). A feature that is the same in
    all rows has weight 0.

    Args:
        features: rows x features, finite.
        target: 0 to 1, one a row; at least one is not 0 and one not 1.
        ridge: in units of rows.

    Raises:
        InputError: rows of one class, or features that are not finite numbers or not of the target's rows.
    """
    rows, targets = np.asarray(features, np.float64), np.asarray(target, np.float64)
    if rows.ndim != 2 or len(rows) != len(targets) or not np.isfinite(rows).all():
        raise InputError("Features must be finite numbers, one row for each label.")
    if not len(targets) or not 0 < targets.mean() < 1:
        raise InputError("Rows of one class teach nothing.")
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(spread > 1e-12 * (1 + abs(centre)), spread, np.inf)
    design = np.column_stack([np.ones(len(rows)), (rows - centre) / scale])
    found = _newton(design, targets, np.r_[0.0, np.full(rows.shape[1], ridge)])
    weights = found[1:] / scale
    return Logistic(float(found[0] - weights @ centre), tuple(weights.tolist()))


def _newton(design: Floats, target: Floats, ridge: Floats) -> Floats:
    """The optimum; steps are halved until they improve, so that it is reached from anywhere."""
    found = np.zeros(design.shape[1])
    loss = _loss(design, target, ridge, found)
    for _ in range(_STEPS):
        prob = sigmoid(design @ found)
        slope = design.T @ (prob - target) + ridge * found
        # A weight without ridge or data would leave the matrix singular; the least-squares step leaves it alone.
        curvature = (design * (prob * (1 - prob))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.lstsq(curvature, slope)[0]
        while (new := _loss(design, target, ridge, found - step)) > loss and np.abs(step).max() > _SMALLEST_STEP:
            step /= 2
        if new > loss or np.abs(step).max() <= _SMALLEST_STEP:
            break
        found, loss = found - step, new
    return found


def _loss(design: Floats, target: Floats, ridge: Floats, weights: Floats) -> float:
    scores = design @ weights
    return float(np.sum(np.logaddexp(0, scores) - target * scores) + 0.5 * ridge @ weights**2)
