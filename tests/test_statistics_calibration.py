"""Calibrations rise, repeat, survive JSON, and are the best of their kind."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError
from rorem_demo.statistics import (
    Calibration,
    brier,
    expected_calibration_error,
    fitted_isotonic,
    fitted_logistic,
    fitted_regression,
    fitted_temperature,
    logit,
    sigmoid,
)

FITS = [fitted_temperature, fitted_logistic, fitted_isotonic]
ROWS = st.lists(st.tuples(st.integers(-12, 12).map(lambda x: x / 4), st.integers(0, 1)), max_size=25)


def loss(prob: np.ndarray, label: np.ndarray) -> float:
    return float(-np.sum(np.where(label == 1, np.log(prob), np.log1p(-prob))))


def twisted(n: int = 4000, slope: float = 3.0, offset: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too sure, and too high, and labels."""
    chance = np.random.default_rng(2)
    honest = chance.normal(size=n) * 1.5
    return slope * honest + offset, (chance.random(n) < sigmoid(honest)).astype(float)


@pytest.mark.parametrize("fit", FITS)
@given(rows=ROWS)
@settings(max_examples=40)
def test_every_fit_rises_and_stays_within_0_and_1(fit: Any, rows: list[tuple[float, int]]) -> None:
    calibration = fit([row[0] for row in rows], [row[1] for row in rows])
    found = calibration(np.linspace(-9, 9, 301))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("fit", FITS)
@given(rows=ROWS)
@settings(max_examples=40)
def test_json_brings_back_an_equal_one(fit: Any, rows: list[tuple[float, int]]) -> None:
    calibration = fit([row[0] for row in rows], [row[1] for row in rows])
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("labels", [[], [1, 1], [0, 0, 0]])
def test_of_one_class_nothing_is_learned(fit: Any, labels: list[int]) -> None:
    assert fit(np.arange(len(labels)), labels) == Calibration()


def test_without_arguments_it_is_the_sigmoid() -> None:
    assert Calibration()([-800.0, 0.0, 800.0]).tolist() == [0.0, 0.5, 1.0]
    assert Calibration()(1.25) == pytest.approx(1 / (1 + math.exp(-1.25)))


def test_temperature_finds_how_much_too_sure_a_network_is() -> None:
    logits, labels = twisted(offset=0.0)
    assert 1 / fitted_temperature(logits, labels).slope == pytest.approx(3, rel=0.1)


@given(rows=ROWS)
@settings(max_examples=40)
def test_no_other_temperature_is_likelier(rows: list[tuple[float, int]]) -> None:
    logits, labels = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    assume(rows and 0 < labels.mean() < 1)
    best = loss(np.clip(fitted_temperature(logits, labels)(logits), 1e-300, 1 - 1e-16), labels)
    for slope in np.geomspace(1 / 20, 20, 25):
        assert best <= loss(np.clip(sigmoid(slope * logits), 1e-300, 1 - 1e-16), labels) + 1e-6


def test_temperature_of_separated_or_upside_down_logits_stays_finite() -> None:
    assert fitted_temperature([-1, 1], [0, 1]).slope == pytest.approx(20)
    assert fitted_temperature([-1, 1], [1, 0]).slope == pytest.approx(1 / 20)


def test_logistic_undoes_a_twist_that_a_temperature_cannot() -> None:
    logits, labels = twisted()
    found = fitted_logistic(logits, labels)
    assert (1 / found.slope, -found.offset / found.slope) == pytest.approx((3, 1), rel=0.2)
    assert fitted_logistic([-1, 1], [1, 0]).slope == 0


@pytest.mark.parametrize("fit", [fitted_logistic, fitted_isotonic])
def test_calibrated_on_some_rows_others_are_calibrated_too(fit: Any) -> None:
    logits, labels = twisted(20_000)
    calibration = fit(logits[:10_000], labels[:10_000])
    before = expected_calibration_error(sigmoid(logits[10_000:]), labels[10_000:])
    after = expected_calibration_error(calibration(logits[10_000:]), labels[10_000:])
    assert before is not None
    assert after is not None
    assert before > 0.15
    assert after < 0.02


@given(rows=ROWS)
@settings(max_examples=40)
def test_isotonic_is_the_min_max_of_means(rows: list[tuple[float, int]]) -> None:
    """The textbook formula (Barlow et al. 1972): the largest over starts of the least mean over ends."""
    scores, labels = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], float)
    assume(rows and 0 < labels.mean() < 1)
    knots, margin = np.unique(scores), 1 / (len(rows) + 2)
    for x, found in zip(knots, fitted_isotonic(scores, labels)(knots), strict=True):
        expected = max(
            min(labels[(scores >= start) & (scores <= end)].mean() for end in knots if end >= x)
            for start in knots
            if start <= x
        )
        assert found == pytest.approx(np.clip(expected, margin, 1 - margin))


def test_isotonic_never_has_a_worse_brier_score_than_the_rate_of_all() -> None:
    logits, labels = twisted()
    found = brier(fitted_isotonic(logits, labels)(logits), labels)
    assert found is not None
    assert found < labels.mean() * (1 - labels.mean())


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"kind": "magic"},
        {"kind": "logistic", "slope": -1},
        {"kind": "logistic", "slope": "steep"},
        {"kind": "logistic", "slope": math.nan},
        {"kind": "logistic", "more": 1},
        {"kind": "isotonic"},
        {"kind": "isotonic", "logits": [0, 1], "probs": [0.5]},
        {"kind": "isotonic", "logits": [0, 1], "probs": [0.5, 0.4]},
        {"kind": "isotonic", "logits": [1, 0], "probs": [0.4, 0.5]},
        {"kind": "isotonic", "logits": [0, 1], "probs": [0.4, 1.5]},
        {"kind": "isotonic", "logits": [0, "x"], "probs": [0.4, 0.5]},
    ],
)
def test_what_is_no_calibration_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        Calibration.from_json(value)


@given(st.floats(0, 1))
def test_logit_undoes_the_sigmoid(prob: float) -> None:
    assert sigmoid(logit(prob)) == pytest.approx(prob, abs=2e-6)


def test_a_regression_finds_its_weights_whatever_the_units() -> None:
    chance = np.random.default_rng(0)
    features = chance.normal(size=(5000, 3))
    labels = chance.random(5000) < sigmoid(0.5 + features @ [1.0, -2.0, 0.0])
    scale = np.array([1e-3, 1.0, 1e4])
    found = fitted_regression(features * scale + 7, labels)
    assert np.array(found.weights) * scale == pytest.approx([1, -2, 0], abs=0.15)
    assert found(features * scale + 7) == pytest.approx(fitted_regression(features, labels)(features))


def test_a_regression_is_at_its_optimum() -> None:
    chance = np.random.default_rng(1)
    features = chance.normal(size=(200, 2))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    labels = (chance.random(200) < 0.4).astype(float)
    found = fitted_regression(features, labels, ridge=2.0)
    residual = found(features) - labels
    assert residual.sum() == pytest.approx(0, abs=1e-6)
    assert features.T @ residual + 2.0 * np.array(found.weights) == pytest.approx([0, 0], abs=1e-6)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=20))
def test_a_regression_of_anything_is_finite(rows: list[tuple[int, int, int]]) -> None:
    labels = [row[2] for row in rows]
    assume(0 < sum(labels) < len(labels))
    found = fitted_regression([row[:2] for row in rows], labels)
    assert np.isfinite([found.intercept, *found.weights]).all()


@pytest.mark.parametrize(
    ("features", "labels"), [([[1.0]], [1]), ([[1.0], [2.0]], [1]), ([[math.nan], [2.0]], [0, 1]), ([], [])]
)
def test_a_regression_without_two_classes_of_rows_is_refused(features: Any, labels: Any) -> None:
    with pytest.raises(InputError):
        fitted_regression(features, labels)
