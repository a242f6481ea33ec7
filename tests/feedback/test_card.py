"""The card: the Hub can read its head, `datasets` loads by it, and its code runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from huggingface_hub import DatasetCard
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.feedback.card import Contents, card
from rorem_demo.feedback.card_columns import columns
from rorem_demo.feedback.kinds import PAIRS, RATINGS
from rorem_demo.feedback.shards import FEATURES, LABELS, PAIR_FEATURES, shard_path, write_shard
from tests.feedback.strategies import Store, batch_of, rating, real_pair, real_pictures, vote

FULL = Contents(
    repository="someone/answers",
    rows={"ratings": 1500},
    first="2026-09-30T23:00:00.000+00:00",
    last="2026-11-02T01:00:00.000+00:00",
    private=False,
)
BOTH = replace(FULL, rows={"ratings": 1000, "pairs": 500})
EMPTY = Contents(repository="someone/answers", rows={}, first="", last="", private=True)


def head(text: str) -> dict[str, Any]:
    _, front, _ = text.split("---\n", 2)
    found = yaml.safe_load(front)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset's files: two shards in two months, one of them with pictures, a list of deletions, and the card."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "repository"
    store = Store()
    october = batch_of(rating(0, created="2026-10-01T00:00:00.000+00:00"), rating(1))
    november = batch_of(store.shared(rating(2), real_pictures()), rating(3))
    for batch in (october, november):
        write_shard(batch, store.__getitem__, folder / shard_path(batch))
    (folder / "deleted").mkdir()
    stone = {"id": rating(1).id, "receipt": rating(1).receipt, "deleted": "2026-11-02T00:00:00+00:00"}
    (folder / "deleted" / "one.jsonl").write_text(json.dumps(stone) + "\n")
    (folder / "README.md").write_text(card(FULL))
    return folder


def test_its_head_is_yaml_the_hub_knows() -> None:
    found = head(card(FULL))
    assert (found["license"], found["size_categories"]) == ("cc-by-4.0", ["1K<n<10K"])
    assert "arxiv:2501.00740" in found["tags"]
    assert DatasetCard(card(FULL)).data.to_dict()["license"] == "cc-by-4.0"
    assert "https://arxiv.org/abs/2501.00740" in card(FULL)


def test_ratings_are_the_default_configuration_and_a_dataset_without_any_has_none() -> None:
    assert head(card(FULL))["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "data/ratings/**/*.parquet"}]}
    ]
    assert "configs" not in head(card(EMPTY))
    assert "Nothing has been collected yet. It is private" in card(EMPTY)


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_all_shards_by_the_card(repository: Path, *, streaming: bool) -> None:
    rows = datasets.load_dataset(str(repository), split="train", streaming=streaming)
    assert rows.features == FEATURES
    assert rows.features["label"].names == list(LABELS)
    found = list(rows)
    assert [row["id"] for row in found] == [rating(number).id for number in range(4)]
    assert [row["source_picture"] and row["source_picture"].size for row in found] == [None, None, (24, 16), None]


def run(contents: Contents, repository: Path) -> dict[str, Any]:
    """What the card's code makes of a dataset's files."""
    code = card(contents).split("```python\n")[1].split("```")[0]
    code = code.replace('"someone/answers"', repr(str(repository)))
    code = code.replace("hf://datasets/someone/answers", str(repository))
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_cards_own_code_reads_ratings_without_deleted_ones(repository: Path) -> None:
    names = run(FULL, repository)
    assert names["ratings"]["id"] == [rating(number).id for number in (0, 2, 3)]


@pytest.mark.parametrize(("kind", "features"), [(RATINGS, FEATURES), (PAIRS, PAIR_FEATURES)])
def test_every_column_is_explained_in_order_and_no_other(kind: Any, features: datasets.Features) -> None:
    assert list(columns(kind)) == list(features)
    for name, text in columns(kind).items():
        assert f"| `{name}` | {text} |\n" in card(BOTH)
        assert text.endswith(".")
        assert '"' not in text


# Votes


def test_a_configuration_is_named_as_soon_as_it_has_files_and_no_sooner() -> None:
    pairs = {"config_name": "pairs", "data_files": [{"split": "train", "path": "data/pairs/**/*.parquet"}]}
    assert head(card(BOTH))["configs"] == [*head(card(FULL))["configs"], pairs]
    assert head(card(replace(FULL, rows={"pairs": 1})))["configs"] == [pairs]
    assert "## Columns of `pairs`" not in card(FULL)


def test_it_says_what_gold_items_are_and_what_votes_are_good_for() -> None:
    text = " ".join(card(BOTH).split())
    for said in ("vote is final", "It is blind", "they give no label", "In a gold item", "count them in nothing else"):
        assert said in text
    assert "`policy` says by which rule" in text


@pytest.mark.parametrize("rated", [True, False])
@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_votes_by_the_card(repository: Path, *, streaming: bool, rated: bool) -> None:
    store = Store()
    kept = batch_of(vote(7), store.shared(vote(6), real_pair()))
    write_shard(kept, store.__getitem__, repository / shard_path(kept))
    if not rated:
        shutil.rmtree(repository / "data" / "ratings")
    rows = {"pairs": 2} | ({"ratings": 4} if rated else {})
    (repository / "README.md").write_text(card(replace(FULL, rows=rows)))
    found = datasets.load_dataset(str(repository), "pairs", split="train", streaming=streaming)
    assert found.features == PAIR_FEATURES
    rows = list(found)
    assert [(row["id"], row["choice"]) for row in rows] == [(vote(7).id, "both-bad"), (vote(6).id, "both-good")]
    assert [row["left_picture"] and row["left_picture"].size for row in rows] == [None, (24, 16)]
    if rated:
        assert len(list(datasets.load_dataset(str(repository), split="train", streaming=streaming))) == 4


def test_the_cards_own_code_reads_both_kinds_without_deleted_ones(repository: Path) -> None:
    gone = batch_of(vote(5, receipt=rating(1).receipt), vote(6))
    write_shard(gone, {}.__getitem__, repository / shard_path(gone))
    (repository / "README.md").write_text(card(BOTH))
    names = run(BOTH, repository)
    assert names["ratings"]["id"] == [rating(number).id for number in (0, 2, 3)]
    assert names["pairs"]["id"] == [vote(6).id]


def test_it_says_when_answers_were_collected_but_no_number_that_grows() -> None:
    assert "Collected from 2026-09 to 2026-11." in card(FULL)
    assert "Collected in 2026-11." in card(replace(FULL, first=FULL.last))
    later = replace(FULL, rows={"ratings": 1501}, last="2026-11-30T00:00:00.000+00:00")
    assert card(later) == card(FULL)
    assert card(replace(FULL, last="2026-12-01T00:00:00.000+00:00")) != card(FULL)


def test_it_tells_consent_deletion_and_what_is_never_stored() -> None:
    text = card(FULL)
    for said in ("not ticked before", "Never stored: IP addresses", "takes the answer back", "## Known biases"):
        assert said in text


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**7 - 1))
def test_a_size_is_told_as_the_hub_wants_it(rows: int) -> None:
    [size] = head(card(replace(FULL, rows={"ratings": rows // 3, "pairs": rows - rows // 3})))["size_categories"]
    numbers = {"K": 10**3, "M": 10**6}
    bounds = [int(part[:-1]) * numbers[part[-1]] for part in size.split("<") if part != "n"]
    assert rows < bounds[-1]
    assert len(bounds) == 1 or bounds[0] <= rows


def test_it_is_made_without_loading_datasets() -> None:
    code = (
        "import sys; from rorem_demo.feedback import card\n"
        "sys.exit(','.join({'datasets', 'pyarrow', 'huggingface_hub', 'torch'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
