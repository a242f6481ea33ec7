"""Figures and their uncertainty, in numpy: intervals, rankings, calibration, agreement of raters.

What judges a discriminator and what ranks methods are computed by the same functions. A figure that is not defined
for its rows, such as the AUROC of one class, is None. `strengths` is apart, since it imports pandas.
"""

from rorem_demo.statistics.agreement import krippendorff_alpha
from rorem_demo.statistics.arrays import Floats
from rorem_demo.statistics.calibration import (
    Calibration,
    fitted_isotonic,
    fitted_logistic,
    fitted_temperature,
    logit,
)
from rorem_demo.statistics.consensus import dawid_skene
from rorem_demo.statistics.intervals import (
    Interval,
    bootstrap,
    bootstrap_cells,
    bootstrap_sums,
    hull,
    spread_of_few,
    widened,
    wilson,
)
from rorem_demo.statistics.logistic import Logistic, fitted_regression, sigmoid
from rorem_demo.statistics.probabilities import Bin, accuracy, brier, expected_calibration_error, reliability
from rorem_demo.statistics.ranking import Curve, auprc, auroc, roc_curve, weighted_auroc

__all__ = [
    "Bin",
    "Calibration",
    "Curve",
    "Floats",
    "Interval",
    "Logistic",
    "accuracy",
    "auprc",
    "auroc",
    "bootstrap",
    "bootstrap_cells",
    "bootstrap_sums",
    "brier",
    "dawid_skene",
    "expected_calibration_error",
    "fitted_isotonic",
    "fitted_logistic",
    "fitted_regression",
    "fitted_temperature",
    "hull",
    "krippendorff_alpha",
    "logit",
    "reliability",
    "roc_curve",
    "sigmoid",
    "spread_of_few",
    "weighted_auroc",
    "widened",
    "wilson",
]
