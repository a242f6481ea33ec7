"""What a judge has to beat: a constant, the method's name, and a few numbers about the hole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.figures import Baseline
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.errors import InputError
from rorem_demo.statistics import Floats, accuracy, auroc, brier, fitted_regression

ALWAYS, METHOD, HOLE = "always yes", "majority per method", "simple statistics of the hole"
_ABOUT = {
    ALWAYS: "Says removed of everything.",
    METHOD: "The method's rate in the training split; the rate of all where the method is new.",
    HOLE: "Logistic regression of sharpness, colour, seam and likeness in the hole (`cues.CUES`), no network.",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """The training split, as far as baselines learn from it; easy negatives left out."""

    label: npt.ArrayLike
    method: npt.ArrayLike
    cues: npt.ArrayLike | None = None
    """Rows x statistics of the hole."""


def baselines(rows: Predictions, known: Known | None) -> tuple[Baseline, ...]:
    """All three, on the rows; those that learned nothing say why."""
    return (
        _measured(ALWAYS, rows, np.ones(len(rows.prob))),
        _learned(METHOD, rows, known),
        _learned(HOLE, rows, known),
    )


def method_rates(rows: Predictions, known: Known) -> Floats:
    """The training split's rate of each row's method.

    Raises:
        InputError: the training split is empty.
    """
    label, method = np.asarray(known.label, np.float64), np.asarray(known.method, np.str_)
    if not len(label):
        raise InputError("The training split is empty.")
    rates = {name: float(label[method == name].mean()) for name in np.unique(method).tolist()}
    return np.array([rates.get(name, float(label.mean())) for name in rows.method.tolist()], np.float64)


def hole_regression(rows: Predictions, known: Known) -> Floats:
    """Probabilities from statistics of the hole.

    Raises:
        InputError: they were not computed, or there is nothing to learn from.
    """
    if known.cues is None or rows.cues is None:
        raise InputError("Statistics of the hole were not computed.")
    return fitted_regression(known.cues, known.label)(rows.cues)


def _learned(name: str, rows: Predictions, known: Known | None) -> Baseline:
    try:
        if known is None:
            raise InputError("No training split was given.")  # noqa: TRY301  # it ends as the others do
        prob = (method_rates if name == METHOD else hole_regression)(rows, known)
    except InputError as error:
        return Baseline(
            name=name, about=_ABOUT[name], accuracy=None, auroc=None, within=None, brier=None, why=str(error)
        )
    return _measured(name, rows, prob)


def _measured(name: str, rows: Predictions, prob: Floats) -> Baseline:
    found = [auroc(prob[own], rows.label[own]) for own in (rows.method == name for name in np.unique(rows.method))]
    within = [value for value in found if value is not None]
    return Baseline(
        name=name,
        about=_ABOUT[name],
        accuracy=accuracy(prob, rows.label),
        auroc=auroc(prob, rows.label),
        within=float(np.mean(within)) if within else None,
        brier=brier(prob, rows.label),
        why="" if len(prob) else "there are no rows",
    )
