"""Curated triplets on a Hub: through the command line, real child processes and the real client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rorem_demo.cli import main
from rorem_demo.curation.dataset import _licence
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.curation.models import write_model
from tests.curation.rendered import write_photos
from tests.hub import READER, WRITER, LoopbackHub

NAME = "owner/curated"
pytestmark = pytest.mark.slow
KEPT, UNSURE = f"datasets/{NAME}", f"datasets/{NAME}-unsure"
LOAD = """
import json, sys
from datasets import load_dataset
rows = load_dataset(sys.argv[1], *sys.argv[2:], split="train")
print(json.dumps([[row["photo"], row["score"], row["origin"], row["GT"].size] for row in rows]))
"""
FEED = """
import sys
from pathlib import Path
from rorem_demo.annotating.feeds import feed_of
from rorem_demo.annotating.items import read_item
feed = feed_of(sys.argv[1], Path(sys.argv[2]))
for number, row in enumerate(feed.rows()):
    item = read_item(feed.folder, row, number, licence="", max_pixels=1_000_000)
    print(item.origin.method, item.origin.licence, item.origin.options)
"""


class Desk:
    """A folder of photos, a model and a Hub."""

    def __init__(self, folder: Path, hub: LoopbackHub) -> None:
        self.folder, self.hub = folder, hub
        self.images = write_photos(folder / "images", 10)
        write_model(folder / "model")
        self.services = Services.assemble(Settings(data=folder / "data"))

    @property
    def work(self) -> Path:
        return self.folder / "data/curated/owner--curated"

    def curate(self, *options: str) -> int:
        given = ["--images", str(self.images), "--method", "telea", "--discriminator", str(self.folder / "model")]
        return main(["curate", *given, "--accept", "0.7", "--output", NAME, *options], self.services)

    def rows(self, band: str) -> list[dict[str, object]]:
        """As the folder has them."""
        rows: list[dict[str, object]] = json.loads((self.work / band / "meta.json").read_text())
        return rows

    def shards(self, repository: str) -> list[str]:
        return [path for path in self.hub.files(repository) if path.endswith(".parquet")]

    def in_a_process(self, code: str, *arguments: str) -> str:
        variables = {"HF_ENDPOINT": self.hub.address, "HF_TOKEN": READER, "HF_HOME": str(self.folder / "home")}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in ("HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with LoopbackHub() as hub:
        for name, value in {"HF_ENDPOINT": hub.address, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1"}.items():
            monkeypatch.setenv(name, value)
        yield Desk(tmp_path, hub)


def test_what_is_kept_and_what_is_unsure_are_a_dataset_each(desk: Desk) -> None:
    assert desk.curate("--licence", "CC0-1.0") == 0
    assert sorted(path.rpartition("/")[0] for path in desk.shards(KEPT)) == ["data/accepted", "data/rejected"]
    (shard,) = desk.shards(UNSURE)
    assert shard.startswith("data/unsure/round-0001-")
    for band, place in (("accepted", [NAME]), ("rejected", [NAME, "rejected"]), ("unsure", [f"{NAME}-unsure"])):
        found = json.loads(desk.in_a_process(LOAD, *place))
        assert found == [[row["photo"], row["score"], "curated", [200, 150]] for row in desk.rows(band)], band
    card = desk.hub.files(KEPT)["README.md"].decode()
    assert "license: cc0-1.0\n" in card
    assert "| Round 1 | images | telea | compact-" in card
    assert json.loads(desk.hub.files(KEPT)["rounds.json"])[0]["tested"] == 10
    assert not (desk.work / "outbox").exists()


def test_the_annotate_tab_takes_the_unsure_ones(desk: Desk) -> None:
    assert desk.curate("--licence", "CC0-1.0", "--seed", "3") == 0
    lines = desk.in_a_process(FEED, f"{NAME}-unsure", str(desk.folder / "feed")).splitlines()
    assert len(lines) == len(desk.rows("unsure")) > 0
    assert all(line.startswith("telea CC0-1.0 {") and '"seed": 3' in line for line in lines)


def test_nothing_is_sent_twice_and_a_later_word_takes_the_earlier_one_away(desk: Desk) -> None:
    assert desk.curate() == 0
    before = desk.hub.files(KEPT), desk.hub.files(UNSURE)
    commits = desk.hub.asked("POST", "/commit/")
    assert desk.curate() == 0
    assert (desk.hub.files(KEPT), desk.hub.files(UNSURE)) == before
    assert desk.hub.asked("POST", "/commit/") == commits
    assert desk.curate("--accept", "0", "--round", "All") == 0
    (shard,) = desk.shards(KEPT)
    assert shard.startswith("data/accepted/round-0002-")
    assert pq.read_metadata(BytesIO(desk.hub.files(KEPT)[shard])).num_rows == 10
    assert not desk.shards(UNSURE)


def test_a_hub_that_fails_leaves_the_round_done_and_is_told_the_next_time(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.hub.refuse("POST", f"{NAME}-unsure/commit", 403)
    assert desk.curate() == 2
    assert "may not write to owner/curated-unsure" in capsys.readouterr().err
    assert desk.rows("accepted")
    assert desk.curate() == 0
    assert desk.shards(UNSURE)
    assert "nothing to test" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("", ""),
        ("CC-BY-4.0", "license: cc-by-4.0\n"),
        ("Flickr: mixed", "license: other\nlicense_name: flickr-mixed\n"),
    ],
)
def test_the_card_names_licences_that_the_hub_takes(licence: str, lines: str) -> None:
    assert _licence(licence) == lines
