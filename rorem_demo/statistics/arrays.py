"""What the functions of this package admit."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError

Floats: TypeAlias = npt.NDArray[np.float64]


def scores_and_labels(score: npt.ArrayLike, label: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Two vectors of one length: finite scores, and labels that are 0 or 1.

    Raises:
        InputError: they are not.
    """
    scores, labels = np.asarray(score, np.float64), np.asarray(label, np.float64)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise InputError(f"Scores of shape {scores.shape} do not go with labels of shape {labels.shape}.")
    if not np.isfinite(scores).all():
        raise InputError("A score is not a finite number.")
    if not np.isin(labels, (0, 1)).all():
        raise InputError("A label is neither 0 nor 1.")
    return scores, labels


def probabilities_and_labels(prob: npt.ArrayLike, label: npt.ArrayLike) -> tuple[Floats, Floats]:
    """As before, with scores that are probabilities.

    Raises:
        InputError: they are not.
    """
    probs, labels = scores_and_labels(prob, label)
    if ((probs < 0) | (probs > 1)).any():
        raise InputError("A probability is not within 0..1.")
    return probs, labels
