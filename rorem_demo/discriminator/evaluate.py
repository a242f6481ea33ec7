"""How good a judge is, from what it said of rows that it never learned from.

Rows of one photo are not independent, so intervals draw whole photos. Three kinds of rows are never mixed: methods
that were learned from, methods that were not, and easy negatives, which would flatter any average.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.baselines import Known, baselines
from rorem_demo.discriminator.figures import Easy, Evaluation, Gaps, MethodRates, NamedCurve, Part, Scores, Stratum
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.statistics import (
    Curve,
    Floats,
    Interval,
    accuracy,
    auprc,
    auroc,
    bootstrap,
    bootstrap_sums,
    brier,
    expected_calibration_error,
    reliability,
    roc_curve,
    weighted_auroc,
    wilson,
)

SIZES = ((0.0, 0.01), (0.01, 0.05), (0.05, 0.15), (0.15, 1.0))
"""Bounds of the strata: share of the photo that is marked, above the first and up to the second."""
DRAWS = 500
_CURVE_POINTS = 200

ONE_CLASS = "all rows have the same label"
NO_ROWS = "there are no rows"
_ONE_PHOTO = "all rows are of one photo"
_NO_DRAWS = "no draws were asked for"
_NO_BEFORE = "what the network said before calibration was not given"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to evaluate."""

    threshold: float = 0.5
    seed: int = 0
    draws: int = DRAWS
    """Of photos, for intervals; 0: none."""


def evaluate(
    predictions: Predictions,
    known: Known | None = None,
    held_out: Collection[str] = (),
    settings: Settings | None = None,
) -> Evaluation:
    """All figures; the same arguments give the same ones.

    Args:
        predictions: of photos that are not in the training split.
        known: what baselines may learn from; without it those that learn are empty, with the reason.
        held_out: methods that were not learned from.
        settings: the threshold, and how intervals are drawn.
    """
    settings = settings or Settings()
    held = np.isin(predictions.method, list(held_out))
    test = predictions.where(~predictions.easy & ~held)
    before = test.before
    return Evaluation(
        threshold=settings.threshold,
        seed=settings.seed,
        draws=settings.draws,
        origins=dict(sorted(Counter(predictions.origin.tolist()).items())),
        test=_part("test", test, known, settings),
        held_out=_part("held-out methods", predictions.where(~predictions.easy & held), known, settings),
        strata=tuple(_strata(test, settings)),
        easy=tuple(_easy(predictions.where(predictions.easy), settings.threshold)),
        bins=reliability(test.prob, test.label),
        bins_before=() if before is None else reliability(before, test.label),
        curves=tuple(_curves(test)),
    )


def scores(rows: Predictions, settings: Settings) -> Scores:
    """Figures of some rows together."""
    prob, label, before = rows.prob, rows.label, rows.before
    within = [value for value in _within(rows).values() if value is not None]
    interval = partial(bootstrap, seed=settings.seed, draws=settings.draws)
    found = {
        "accuracy": accuracy(prob, label, settings.threshold),
        "auroc": auroc(prob, label),
        "auroc_interval": interval(weighted_auroc(prob, label), rows.photo),
        "within": float(np.mean(within)) if within else None,
        "within_lowest": min(within, default=None),
        "auprc": auprc(prob, label),
        "brier": brier(prob, label),
        "brier_before": None if before is None else brier(before, label),
        "ece": expected_calibration_error(prob, label),
        "ece_before": None if before is None else expected_calibration_error(before, label),
    }
    return Scores(
        rows=len(prob),
        photos=rows.photos,
        positives=int(label.sum()),
        within_methods=len(within),
        why={name: _why(name, rows, settings) for name, value in found.items() if value is None},
        **found,  # type: ignore[arg-type]  # one of them is an interval
    )


def _why(name: str, rows: Predictions, settings: Settings) -> str:
    """Why a figure is not defined."""
    reasons = (
        (not len(rows.prob), NO_ROWS),
        (name.endswith("before"), _NO_BEFORE),
        (name == "auprc", "no row is labelled removed"),
        (name.startswith("within"), "no method has rows of both labels"),
        (name.endswith("interval") and not settings.draws, _NO_DRAWS),
        (name.endswith("interval") and rows.photos < 2, _ONE_PHOTO),
        (len(np.unique(rows.label)) < 2, ONE_CLASS),
        (True, "too few photos have both labels"),
    )
    return next(reason for holds, reason in reasons if holds)


def _part(name: str, rows: Predictions, known: Known | None, settings: Settings) -> Part:
    methods = _rates(rows, settings)
    return Part(
        name=name,
        scores=scores(rows, settings),
        methods=methods,
        gaps=_gaps(methods),
        baselines=baselines(rows, known),
    )


def _gaps(methods: tuple[MethodRates, ...]) -> Gaps | None:
    if not methods:
        return None
    worst = max(methods, key=lambda rates: abs(rates.gap))
    mean = float(np.mean([abs(rates.gap) for rates in methods]))
    return Gaps(mean=mean, largest=abs(worst.gap), method=worst.method)


def _rates(rows: Predictions, settings: Settings) -> tuple[MethodRates, ...]:
    """Every method's, with the intervals of all from the same draws of photos."""
    names, index = np.unique(rows.method, return_inverse=True)
    if not len(names):
        return ()
    own = index[:, None] == np.arange(len(names))
    yes, judged = own * rows.label[:, None], own & (rows.prob >= settings.threshold)[:, None]
    # Columns: people's yes by method, the judge's, and rows.
    intervals = bootstrap_sums(
        np.hstack([yes, judged, own]), rows.photo, _shares, seed=settings.seed, draws=settings.draws
    )
    return tuple(
        _method(name, rows.where(own[:, at]), intervals[at :: len(names)], settings)
        for at, name in enumerate(names.tolist())
    )


def _shares(sums: Floats) -> Floats:
    """People's rates, the judge's, and the gaps in points, from the sums of `_rates`; nan where nothing was drawn."""
    yes, judged, count = np.split(sums, 3)
    count = np.where(count > 0, count, np.nan)
    people, judge = yes / count, judged / count
    return np.concatenate([people, judge, 100 * (judge - people)])


def _method(name: str, rows: Predictions, intervals: tuple[Interval | None, ...], settings: Settings) -> MethodRates:
    people, judged = float(rows.label.mean()), float((rows.prob >= settings.threshold).mean())
    found = auroc(rows.prob, rows.label)
    why = {} if found is not None else {"auroc": ONE_CLASS}
    if intervals[0] is None:
        why["intervals"] = _NO_DRAWS if not settings.draws else _ONE_PHOTO if rows.photos < 2 else "too few photos"
    return MethodRates(
        method=name,
        rows=len(rows.prob),
        photos=rows.photos,
        people=people,
        people_interval=_unless_sure(people, rows, intervals[0]),
        judged=judged,
        judged_interval=_unless_sure(judged, rows, intervals[1]),
        expected=float(rows.prob.mean()),
        gap=100 * (judged - people),
        gap_interval=intervals[2],
        auroc=found,
        why=why,
    )


def _unless_sure(rate: float, rows: Predictions, interval: Interval | None) -> Interval | None:
    """Wilson's interval of a rate of exactly 0 or 1, of which every draw is the same: as if a photo were one trial."""
    return wilson(rate * rows.photos, rows.photos) if interval and rate in {0.0, 1.0} else interval


def _strata(rows: Predictions, settings: Settings) -> Iterator[Stratum]:
    without = replace(settings, draws=0)
    for low, high in SIZES:
        above = rows.mask_fraction > low if low else rows.mask_fraction >= low
        name = f"up to {high:.0%}" if not low else f"{low:.0%} to {high:.0%}" if high < 1 else f"above {low:.0%}"
        yield Stratum(name=name, scores=scores(rows.where(above & (rows.mask_fraction <= high)), without))


def _easy(rows: Predictions, threshold: float) -> Iterator[Easy]:
    for kind in np.unique(rows.method).tolist():
        own = rows.where(rows.method == kind)
        right = accuracy(own.prob, own.label, threshold)
        yield Easy(kind=kind, rows=len(own.prob), right=right or 0.0)


def _curves(rows: Predictions) -> Iterator[NamedCurve]:
    every: npt.NDArray[np.bool_] = np.ones(len(rows.prob), np.bool_)
    for method in ("", *np.unique(rows.method).tolist()):
        own = rows.where(rows.method == method if method else every)
        curve = roc_curve(own.prob, own.label)
        if curve:
            yield NamedCurve(method=method, curve=_thinned(curve))


def _thinned(curve: Curve) -> Curve:
    """At most 200 points, for drawing."""
    points = len(curve.false_positives)
    at = np.unique(np.linspace(0, points - 1, min(points, _CURVE_POINTS)).round().astype(int)).tolist()
    axes = (curve.false_positives, curve.true_positives)
    return Curve(*(tuple(round(axis[index], 6) for index in at) for axis in axes))


def _within(rows: Predictions) -> dict[str, float | None]:
    """AUROC of each method."""
    own = {name: rows.method == name for name in np.unique(rows.method).tolist()}
    return {name: auroc(rows.prob[which], rows.label[which]) for name, which in own.items()}
