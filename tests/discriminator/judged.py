"""Rows that a made-up judge has judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from rorem_demo.discriminator.baselines import Known
from rorem_demo.discriminator.evaluate import Settings, evaluate
from rorem_demo.discriminator.figures import Evaluation
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.discriminator.probes import Probe
from rorem_demo.discriminator.report import Lineage, Report
from rorem_demo.statistics import sigmoid

SUCCESS = {"lama": 0.5, "rorem": 0.8, "telea": 0.2, "new": 0.4}
FEW = Settings(draws=50)


def judged(n: int = 600, seed: int = 0, skill: float = 2.0, **columns: Any) -> Predictions:
    """Rows of four methods on n / 4 photos; a tenth are easy negatives, judged wrongly on purpose."""
    chance = np.random.default_rng(seed)
    names = np.array(list(SUCCESS))[chance.integers(0, len(SUCCESS), n)]
    label = (chance.random(n) < np.array([SUCCESS[name] for name in names.tolist()])).astype(int)
    logits = skill * (skill * (label - 0.5) + chance.normal(size=n))  # honest where both labels are as common
    easy = chance.random(n) < 0.1
    given = {
        "prob": np.where(easy, 0.99, sigmoid(logits)),
        "before": np.where(easy, 0.99, sigmoid(3 * logits)),
        "label": np.where(easy, 0, label),
        "method": np.where(easy, "untouched", names),
        "photo": [f"photo {number}" for number in chance.integers(0, max(1, n // 4), n)],
        "mask_fraction": chance.random(n) ** 3,
        "origin": np.where(easy, "simulated", "app"),
        "easy": easy,
        "cues": np.c_[label + chance.normal(size=n), chance.normal(size=n)],
    }
    return Predictions(**(given | columns))


def known(n: int = 400) -> Known:
    rows = judged(n, seed=9)
    rows = rows.where(~rows.easy & (rows.method != "new"))
    return Known(label=rows.label, method=rows.method, cues=rows.cues)


def evaluated(n: int = 600) -> Evaluation:
    return evaluate(judged(n), known(), ["new"], FEW)


def lineage(**given: Any) -> Lineage:
    return Lineage(
        **{
            "network": "compact",
            "version": "compact-0123",
            "dataset": "someone/answers",
            "revision": "5503434ddd753f426f4b38109466949a1217c2bb",
            "filter": 1,
            "split": "rorem-discriminator-1",
            "code": "0.1.0",
            "seed": 3,
            "rows": {"train": 800, "test": 100},
            "skipped": {"no pictures": 12},
            "origins": {"app": 800},
            "held_out": ("new",),
            "command": "python -m rorem_demo.discriminator.train",
        }
        | given
    )


PROBES = (
    Probe(change="blur 1.5 px", of="result", rows=30, mean=-0.21, absolute=0.22, crossed=0.3),
    Probe(change="blur 1.5 px", of="both", rows=30, mean=-0.02, absolute=0.03, crossed=0.0),
)


def reported(**given: Any) -> Report:
    return Report(lineage=lineage(**given), evaluation=evaluated(), probes=PROBES)
