"""A judge is asked about every row that can be judged, and what it is not asked about is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rorem_demo.discriminator.asking import ask, known, lineage_of, report_of
from rorem_demo.discriminator.card import card
from rorem_demo.discriminator.evaluate import Settings
from rorem_demo.discriminator.examples import Examples
from rorem_demo.discriminator.network import Loaded, ModelConfig
from rorem_demo.discriminator.report import from_json, to_json
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import InputError
from rorem_demo.statistics import Calibration
from tests.discriminator.rated import Listed, listed, of
from tests.discriminator.tiny import TINY, load
from tests.feedback.strategies import Store, real_pictures

METHODS = ("telea", "lama", "new", "easy-untouched")


def examples(n: int = 80) -> Examples:
    """Rows with pictures, on a photo each."""
    store = Store()
    kept = [
        store.shared(of(number, method=METHODS[number % 4], label=(number // 4) % 2), real_pictures())
        for number in range(n)
    ]
    return listed(*kept)


def zeros(triples: Sequence[Triple]) -> Any:
    return np.zeros(len(triples))


def config(**lineage: Any) -> ModelConfig:
    told = {"dataset": "owner/answers", "revision": "abc", "filter": 1, "recipe": {"hold_out": ["new"], "seed": 4}}
    return ModelConfig(network=TINY.key, views=1, version="tiny-0", lineage=told | lineage)


def test_every_row_is_asked_about_once_with_its_own_columns() -> None:
    rows = examples()
    asked = ask([rows[:30], rows[30:]], zeros, Calibration(offset=1.0))
    found = asked.predictions
    assert sorted(found.photo.tolist()) == sorted(row.photo for row in rows)
    by_photo = {row.photo: row for row in rows}
    for photo, label, method, easy in zip(found.photo, found.label, found.method, found.easy, strict=True):
        row = by_photo[photo]
        assert (row.truth, row.method, row.method == "easy-untouched") == (label, method, easy)
    assert found.before is not None
    assert np.allclose(found.before, 0.5)
    assert np.allclose(found.prob, 1 / (1 + np.exp(-1)))
    assert asked.skipped == {"undecided": 0}


def test_ties_and_pictures_that_do_not_open_are_counted_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    rows = [store.shared(of(number, result=number // 2, label=number % 2), real_pictures()) for number in range(4)]
    rows += [store.shared(of(number, label=1), real_pictures()) for number in range(4, 7)]
    monkeypatch.setattr(
        Listed, "pictures", lambda self, shard, ids: [(each, InputError("damaged")) for each in sorted(ids)]
    )
    asked = ask([listed(*rows)], zeros, Calibration())
    assert len(asked.predictions.prob) == 0
    assert asked.skipped == {"undecided": 2, "broken-pictures": 3}


def test_baselines_learn_nothing_of_easy_negatives() -> None:
    found = known(examples())
    assert set(np.asarray(found.method).tolist()) == {"telea", "lama", "new"}
    assert np.asarray(found.cues).shape == (60, 6)
    assert known(examples(0)).cues is not None


def test_a_network_is_reported_on_whole_with_the_methods_it_was_not_shown() -> None:
    network = load(TINY, ())
    network.eval()
    rows = examples(400)
    report = report_of(Loaded(network, config()), rows, Settings(draws=20))
    assert {each.method for each in report.evaluation.test.methods} == {"telea", "lama"}
    assert [each.method for each in report.evaluation.held_out.methods] == ["new"]
    assert [each.kind for each in report.evaluation.easy] == ["easy-untouched"]
    assert report.evaluation.test.baselines[2].why == ""
    assert report.probes[0].rows == min(60, report.evaluation.test.scores.rows)
    assert report == report_of(Loaded(network, config()), rows, Settings(draws=20))
    assert from_json(to_json(report)) == report
    assert "tiny-0" in card(report)


def test_of_a_dataset_that_nothing_was_learned_from_every_row_is_judged() -> None:
    network, rows = load(TINY, ()), examples(80)
    network.eval()
    report = report_of(Loaded(network, config(origins={"visitor": 7})), rows, Settings(draws=20), everything=True)
    assert report.evaluation.test.scores.rows == sum(row.method in {"telea", "lama"} for row in rows)
    assert report.evaluation.held_out.scores.rows == sum(row.method == "new" for row in rows)
    assert report.lineage.origins == {"visitor": 7}
    assert report.evaluation.test.baselines[2].why


def test_the_lineage_is_the_models_own() -> None:
    counts = {"read": 9, "used": 5, "too-fast": 3}
    train = examples(8)
    found = lineage_of(config(counts=counts, rows={"train": 5}, code="0.1.0"), train, {"undecided": 2})
    assert (found.dataset, found.revision, found.filter, found.seed, found.held_out) == (
        "owner/answers",
        "abc",
        1,
        4,
        ("new",),
    )
    assert found.skipped == {"too-fast": 3, "undecided (evaluation)": 2}
    assert sum(found.origins.values()) == 8
    bare = lineage_of(replace(config(), lineage={}), train)
    assert (bare.dataset, bare.held_out) == ("not recorded", ())
