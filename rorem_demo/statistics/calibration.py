"""From a network's output to a probability that means what it says: fitted on rows the network never saw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics.arrays import Floats, scores_and_labels
from rorem_demo.statistics.logistic import fitted_regression, sigmoid

Kind: TypeAlias = Literal["logistic", "isotonic"]
LARGEST_SLOPE = 20.0
"""Of a temperature; its inverse is the smallest. Rows without a mistake would have an infinite one."""

_HALVINGS = 60


@dataclass(frozen=True)
class Calibration:
    """Turns logits into probabilities without changing their order; without arguments, by the sigmoid alone.

    Raises:
        InputError: it would not be a rising function to 0..1.
    """

    kind: Kind = "logistic"
    slope: float = 1.0
    """Of `logistic`, which is sigmoid(slope * logit + offset); a temperature is its inverse."""
    offset: float = 0.0
    logits: tuple[float, ...] = ()
    """Of `isotonic`: knots, rising; straight between them, level beyond."""
    probs: tuple[float, ...] = ()
    """At the knots; never falling."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"There is no calibration {self.kind!r}.", hint=f"Known are {', '.join(get_args(Kind))}.")
        numbers = (self.slope, self.offset, *self.logits, *self.probs)
        if not all(map(math.isfinite, numbers)) or self.slope < 0 or not self._knots_rise():
            raise InputError("The calibration is not a rising function.", hint="Fit it again.")

    def _knots_rise(self) -> bool:
        if self.kind == "logistic":
            return not self.logits and not self.probs
        if not self.probs or len(self.logits) != len(self.probs) or not 0 <= self.probs[0] <= self.probs[-1] <= 1:
            return False
        return bool((np.diff(self.logits) > 0).all() and (np.diff(self.probs) >= 0).all())

    def __call__(self, logit: npt.ArrayLike) -> Floats:
        """Probabilities, in the shape of the logits."""
        if self.kind == "isotonic":
            return np.asarray(np.interp(np.asarray(logit, np.float64), self.logits, self.probs), np.float64)
        return sigmoid(self.slope * np.asarray(logit, np.float64) + self.offset)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` takes; a value that json can write."""
        if self.kind == "isotonic":
            return {"kind": self.kind, "logits": list(self.logits), "probs": list(self.probs)}
        return {"kind": self.kind, "slope": self.slope, "offset": self.offset}

    @classmethod
    def from_json(cls, value: Any) -> Calibration:
        """The calibration that was written.

        Raises:
            InputError: it is none.
        """
        try:
            given: dict[str, Any] = {"slope": 1.0, "offset": 0.0, "logits": (), "probs": ()} | dict(value)
            return cls(
                kind=given.pop("kind"),
                slope=float(given.pop("slope")),
                offset=float(given.pop("offset")),
                logits=tuple(map(float, given.pop("logits"))),
                probs=tuple(map(float, given.pop("probs"))),
                **given,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("This is no calibration.", hint="Train or fit it again.") from error


def logit(prob: npt.ArrayLike, margin: float = 1e-6) -> Floats:
    """log(p / (1 - p)) of probabilities, which are kept `margin` away from 0 and 1."""
    probs = np.clip(np.asarray(prob, np.float64), margin, 1 - margin)
    return np.asarray(np.log(probs) - np.log1p(-probs), np.float64)


def fitted_temperature(logits: npt.ArrayLike, label: npt.ArrayLike) -> Calibration:
    """sigmoid(logit / T) of the likeliest T (Guo et al. 2017, 4.2), within 1/20..20; of one class, T = 1."""
    scores, labels = scores_and_labels(logits, label)
    if not _two_classes(labels):
        return Calibration()
    low, high = -math.log(LARGEST_SLOPE), math.log(LARGEST_SLOPE)
    for _ in range(_HALVINGS):  # the likelihood's slope only rises with the inverse temperature: halve to its zero
        middle = (low + high) / 2
        too_steep = float(scores @ (sigmoid(math.exp(middle) * scores) - labels)) > 0
        low, high = (low, middle) if too_steep else (middle, high)
    return Calibration(slope=math.exp((low + high) / 2))


def fitted_logistic(score: npt.ArrayLike, label: npt.ArrayLike) -> Calibration:
    """sigmoid(a score + b) by maximum likelihood with Platt's softened labels (Platt 1999), a >= 0.

    For scores whose middle is not at 0, such as a regression's. Of one class, the sigmoid alone.
    """
    scores, labels = scores_and_labels(score, label)
    if not _two_classes(labels):
        return Calibration()
    ones, zeros = labels.sum(), (1 - labels).sum()
    softened = np.where(labels == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    found = fitted_regression(scores[:, None], softened, ridge=0.0)
    if found.weights[0] > 0:
        return Calibration(slope=found.weights[0], offset=found.intercept)
    return Calibration(slope=0.0, offset=float(logit(softened.mean())))


def fitted_isotonic(score: npt.ArrayLike, label: npt.ArrayLike) -> Calibration:
    """The rising function of least squared error (pool adjacent violators: Ayer et al. 1955; Zadrozny, Elkan 2002).

    Straight between the blocks found. Kept 1 / (n + 2) away from 0 and 1, since n rows cannot show certainty
    (Laplace's rule of succession). Of one class, the sigmoid alone.
    """
    scores, labels = scores_and_labels(score, label)
    if not _two_classes(labels):
        return Calibration()
    knots, index, counts = np.unique(scores, return_inverse=True, return_counts=True)
    means, sizes = _pooled(np.bincount(index, labels) / counts, counts.astype(np.float64))
    ends = np.cumsum(sizes) - 1
    kept = np.unique(np.r_[ends - sizes + 1, ends])  # first and last knot of every block
    margin = 1 / (len(labels) + 2)
    probs = np.clip(np.repeat(means, sizes)[kept], margin, 1 - margin)
    return Calibration(kind="isotonic", logits=tuple(knots[kept].tolist()), probs=tuple(probs.tolist()))


def _two_classes(labels: Floats) -> bool:
    return bool(len(labels)) and 0 < labels.mean() < 1


def _pooled(means: Floats, weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Means of blocks that rise, and how many values each block holds."""
    blocks: list[tuple[float, float, int]] = []
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        blocks.append((mean, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (one, heavy, size), (two, light, more) = blocks[-2:]
            blocks[-2:] = [((one * heavy + two * light) / (heavy + light), heavy + light, size + more)]
    return np.array([block[0] for block in blocks]), np.array([block[2] for block in blocks])
