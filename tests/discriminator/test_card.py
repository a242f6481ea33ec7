"""The model's card: the Hub can read its head, and nothing unflattering is left out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard

from rorem_demo.discriminator.card import card
from rorem_demo.discriminator.evaluate import Settings, evaluate
from tests.discriminator.judged import evaluated, judged, reported


def test_its_head_is_what_the_hub_knows() -> None:
    data = ModelCard(card(reported())).data
    assert (data.library_name, data.license, data.datasets) == ("rorem-demo", "apache-2.0", ["someone/answers"])
    assert "arxiv:2501.00740" in data.tags
    assert data.metrics == ["accuracy", "average_precision", "brier_score", "roc_auc"]


def test_its_results_are_those_of_the_evaluation_with_the_datasets_revision() -> None:
    results = ModelCard(card(reported())).data.eval_results
    assert results is not None
    found = {(each.dataset_split, each.metric_type): each.metric_value for each in results}
    assert found["test", "roc_auc"] == round(evaluated().test.scores.auroc or 0, 4)
    assert found["held-out methods", "roc_auc"] == round(evaluated().held_out.scores.auroc or 0, 4)
    assert {each.dataset_revision for each in results} == {reported().lineage.revision}


def test_a_folder_is_not_named_as_a_dataset_of_the_hub() -> None:
    _, front, _ = card(reported(dataset="scenes rendered by this program", revision="")).split("---\n", 2)
    head = yaml.safe_load(front)
    assert "datasets" not in head
    assert "revision" not in head["model-index"][0]["results"][0]["dataset"]


@pytest.mark.parametrize(
    "told",
    ["5503434ddd753f426f4b38109466949a1217c2bb", "version 1", "rorem-discriminator-1", "train 800", "no pictures 12"],
)
def test_it_says_where_the_model_comes_from(told: str) -> None:
    assert told in card(reported())


def test_simulated_labels_are_said_to_be_simulated_and_only_they() -> None:
    text = card(reported(origins={"simulated": 30, "app": 10}))
    assert "30 of 40 rows it learned from are simulated" in text
    assert "simulated-feedback" in text
    assert "human-feedback" not in text
    assert "How well it agrees with people is not known" in text
    assert "**All rows" in card(reported(origins={"simulated": 30}))
    assert "simulated" not in card(reported()).replace("origin `simulated`", "")


def test_what_it_is_not_good_at_follows_from_its_figures() -> None:
    text = card(reported()).partition("## What it is not good at")[2]
    gaps = evaluated().test.gaps
    assert gaps is not None
    assert f"on `{gaps.method}`" in text
    assert "blur 1.5 px of the result alone moves its score most: -0.210" in text
    weak = evaluate(judged(skill=0.5), settings=Settings(draws=20))
    assert "short of 0.90" in card(replace(reported(), evaluation=weak))
    assert "was not measured" in card(replace(reported(), probes=()))


def test_a_model_that_was_evaluated_on_nothing_still_has_a_card_that_says_so() -> None:
    nothing = evaluate(judged(0), settings=Settings(draws=20))
    text = card(replace(reported(), evaluation=nothing, probes=()))
    assert ModelCard(text).data.eval_results is None
    assert "AUROC on held-out photos: not measured." in text
    assert "None" not in text
