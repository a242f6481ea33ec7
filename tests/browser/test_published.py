"""The whole way: answered in a real browser, published to the loopback Hub, read with `load_dataset`, taken back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import served
from tests.browser.driving import button, drag, load, remove
from tests.hub import WRITER, LoopbackHub
from tests.triplets import write_folder

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OpenPage = Callable[..., Page]
NAME = "me/answers"
PUBLISHED = re.compile(r"^Kept · saved \d\d:\d\d · published \d\d:\d\d$")
READ = """
import json, sys
from datasets import load_dataset
rows = load_dataset("me/answers", split="train", streaming=sys.argv[1] == "streaming")
names = rows.features["label"].names
print(json.dumps([
    {**{name: row[name] for name in ("id", "origin", "consent", "reasons", "supersedes", "method", "result")},
     "label": names[row["label"]], "picture": row["result_picture"] and row["result_picture"].size,
     "mask": row["mask_picture"] and row["mask_picture"].mode}
    for row in rows
]))
"""


@dataclass
class Open:
    address: str
    hub: LoopbackHub
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.hub, self.folder)

    def rows(self, how: str = "whole") -> list[dict[str, Any]]:
        """What a stranger reads, with a cache of their own."""
        variables = {**os.environ, **self.environment, "HF_HOME": str(self.folder / f"reader-{time.monotonic_ns()}")}
        read = subprocess.run(
            [sys.executable, "-c", READ, how], env=variables, capture_output=True, text=True, check=False
        )
        assert read.returncode == 0, read.stderr
        return list(json.loads(read.stdout))


def environment(hub: LoopbackHub, folder: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.address, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1", "ROREM_FEEDBACK_DATASET": NAME,
        "ROREM_PUBLISH_MINUTES": "0.02", "ROREM_REVIEW_MINUTES": "0", "ROREM_DATA_DIR": str(folder / "data"),
        "ROREM_ANNOTATE": str(folder / "results"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    folder = tmp_path_factory.mktemp("published")
    write_folder(folder / "results", 3, method="double")
    with LoopbackHub() as hub, served(**environment(hub, folder)) as address:
        yield Open(address, hub, folder)


def test_from_a_thumb_to_the_dataset_and_back(open_page: OpenPage, opened: Open, scene: Path) -> None:
    page = open_page(opened.address, reduced_motion="reduce")
    load(page, scene)
    drag(page, (-40, -20), (40, 20))
    remove(page)
    line = page.locator("[data-receipt-line]")
    button(page, "No").click()
    button(page, "Blurry").click()
    expect(line).to_contain_text("saved")
    page.locator("[data-share]").check()
    button(page, "Yes").click()
    expect(line).to_have_text(PUBLISHED, timeout=60_000)

    page.get_by_role("tab", name="Annotate").click()
    view = page.locator("#annotate [data-view]")
    for key in "101":
        expect(view).to_have_attribute("data-item", re.compile(".+"))
        before = view.get_attribute("data-item")
        page.wait_for_timeout(300)
        page.keyboard.press(key)
        expect(view).not_to_have_attribute("data-item", before or "-")
    rows = waited_for(opened, lambda rows: len([row for row in rows if row["origin"] == "annotate"]) == 3)
    for how in ("whole", "streaming"):
        assert sorted(map(str, opened.rows(how))) == sorted(map(str, rows))
    mine = [row for row in rows if row["origin"] == "app"]
    superseded = {row["supersedes"] for row in mine}
    assert all(row["method"] == "shift-map" for row in mine)
    (standing,) = [row for row in mine if row["id"] not in superseded]
    assert (standing["label"], standing["consent"], standing["reasons"]) == ("removed", "pictures", [])
    assert (standing["picture"], standing["mask"]) == ([900, 600], "1")
    annotated = [row["label"] for row in rows if row["origin"] == "annotate"]
    assert annotated == ["removed", "not removed", "removed"]

    page.get_by_role("tab", name="Remove").click()
    page.locator("[data-take-back]").click()
    page.get_by_role("button", name="Really delete?").click()
    expect(line).to_contain_text("Deleted")
    left = waited_for(opened, lambda rows: not [row for row in rows if row["origin"] == "app"])
    assert [row["origin"] for row in left] == ["annotate"] * 3
    tombstones = [text for path, text in opened.hub.files(f"datasets/{NAME}").items() if path.startswith("deleted/")]
    assert any(standing["id"].encode() in text for text in tombstones)


def waited_for(opened: Open, arrived: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The dataset's rows once they are as expected."""
    deadline = time.monotonic() + 60
    while True:
        rows = opened.rows()
        if arrived(rows) or time.monotonic() > deadline:
            assert arrived(rows), rows
            return rows
        time.sleep(1)
