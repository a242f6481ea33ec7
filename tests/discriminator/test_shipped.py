"""The judge that comes with the program: it loads, says where it comes from, and is as good as its report says."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from rorem_demo.discriminator.asking import ask, logits_of
from rorem_demo.discriminator.current import SHIPPED
from rorem_demo.discriminator.examples import read_examples
from rorem_demo.discriminator.network import load_model
from rorem_demo.discriminator.report import Report, from_json
from rorem_demo.discriminator.score import Scorer, canaries, check_canary
from rorem_demo.discriminator.simulated import labels
from rorem_demo.discriminator.simulated.photos import true_rows
from rorem_demo.discriminator.simulated.rows import write
from rorem_demo.statistics import Calibration, auroc

MOST = 10e6


@pytest.fixture(scope="module")
def report() -> Report:
    return from_json((SHIPPED / "report.json").read_bytes())


def test_it_is_small_and_no_file_can_run_code() -> None:
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST
    assert {path.suffix for path in files} <= {".json", ".md", ".png", ".safetensors"}


def test_it_tells_the_canaries_apart_and_says_that_its_raters_were_simulated() -> None:
    scorer = Scorer.load(SHIPPED)
    clean, left = check_canary(scorer)
    assert clean > 0.6
    assert left < 0.4
    assert scorer.simulated
    assert "simulated" in (SHIPPED / "README.md").read_text()


def test_a_score_repeats() -> None:
    clean, _ = canaries()
    one, other = (Scorer.load(SHIPPED).score(clean.source, clean.mask, clean.result) for _ in range(2))
    assert one == other


def test_its_report_is_its_own_and_meets_every_goal(report: Report) -> None:
    assert report.lineage.version == load_model(SHIPPED).config.version
    assert [goal.name for goal in report.evaluation.goals if not goal.met] == []
    assert report.lineage.origins.keys() == {"simulated"}
    assert not Path(report.lineage.dataset).is_absolute()


def test_figures_in_documents_are_those_of_the_report(report: Report) -> None:
    root = SHIPPED.parents[2]
    figures = report.evaluation.test.scores
    told = f"AUROC {figures.auroc:.3f} on photos it never saw"
    assert told in (root / "README.md").read_text()
    assert f"`rule-{labels.VERSION}`" in (root / "docs" / "discriminator-data.md").read_text()


@pytest.mark.slow
def test_on_real_pairs_it_is_better_than_chance(tmp_path: Path) -> None:
    """As the report on photos says of all of them; here of a few, made anew."""
    photos = os.environ.get("ROREM_TEST_PHOTOS")
    if not photos:
        pytest.skip("ROREM_TEST_PHOTOS is not set")
    for _ in write(islice(true_rows(Path(photos), most=8), 240), tmp_path):
        pass
    loaded = load_model(SHIPPED)
    asked = ask(
        [read_examples(str(tmp_path))], logits_of(loaded.network), Calibration.from_json(loaded.config.calibration)
    )
    found = asked.predictions
    hard = ~np.asarray(found.easy)
    assert hard.sum() > 50
    assert auroc(found.prob[hard], found.label[hard]) > 0.65
