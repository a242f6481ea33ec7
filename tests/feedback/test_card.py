"""The card: the Hub can read its head, `datasets` loads by it, and its code runs."""

from __future__ import annotations

import json
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

from rorem_demo.feedback.card import Contents, card, columns
from rorem_demo.feedback.shards import FEATURES, LABELS, shard_path, write_shard
from tests.feedback.strategies import Store, batch_of, rating, real_pictures

FULL = Contents(
    repository="someone/answers",
    rows=1500,
    first="2026-09-30T23:00:00.000+00:00",
    last="2026-11-02T01:00:00.000+00:00",
    private=False,
)
EMPTY = Contents(repository="someone/answers", rows=0, first="", last="", private=True)


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


def test_the_cards_own_code_reads_ratings_without_deleted_ones(repository: Path) -> None:
    code = card(FULL).split("```python\n")[1].split("```")[0]
    code = code.replace('"someone/answers"', repr(str(repository)))
    code = code.replace("hf://datasets/someone/answers", str(repository))
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["rows"]["id"] == [rating(number).id for number in (0, 2, 3)]


def test_every_column_is_explained_in_order_and_no_other() -> None:
    assert list(columns()) == list(FEATURES)
    for name, text in columns().items():
        assert f"| `{name}` | {text} |\n" in card(FULL)
        assert text.endswith(".")
        assert '"' not in text


def test_it_says_when_answers_were_collected_but_no_number_that_grows() -> None:
    assert "Collected from 2026-09 to 2026-11." in card(FULL)
    assert "Collected in 2026-11." in card(replace(FULL, first=FULL.last))
    later = replace(FULL, rows=1501, last="2026-11-30T00:00:00.000+00:00")
    assert card(later) == card(FULL)
    assert card(replace(FULL, last="2026-12-01T00:00:00.000+00:00")) != card(FULL)


def test_it_tells_consent_deletion_and_what_is_never_stored() -> None:
    text = card(FULL)
    for said in ("not ticked before", "Never stored: IP addresses", "takes the answer back", "## Known biases"):
        assert said in text


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**7 - 1))
def test_a_size_is_told_as_the_hub_wants_it(rows: int) -> None:
    [size] = head(card(replace(FULL, rows=rows)))["size_categories"]
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
