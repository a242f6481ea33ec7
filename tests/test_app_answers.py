"""The app as it is started, under gradio: what becomes of answers when it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.browser.conftest import free_port, serve
from tests.hub import WRITER, LoopbackHub
from tests.triplets import write_folder

pytestmark = pytest.mark.slow
NAME = "me/answers"
ANSWERS = 5


@dataclass
class App:
    """The app, published to a hub only when it ends: no batch is due within the hour."""

    hub: LoopbackHub
    folder: Path

    def start(self, minutes: str = "60") -> tuple[str, subprocess.Popen[bytes]]:
        port = free_port()
        process = serve(
            port, HF_ENDPOINT=self.hub.address, HF_TOKEN=WRITER, HF_HUB_DISABLE_XET="1", ROREM_FEEDBACK_DATASET=NAME,
            ROREM_PUBLISH_MINUTES=minutes, ROREM_DATA_DIR=str(self.folder / "data"),
            ROREM_ANNOTATE=str(self.folder / "results"),
        )  # fmt: skip
        return f"http://127.0.0.1:{port}/rorem/annotate", process

    @property
    def published(self) -> list[str]:
        """Ids of all rows of the dataset."""
        files = self.hub.files(f"datasets/{NAME}") if f"datasets/{NAME}" in self.hub.repositories else {}
        shards = [BytesIO(content) for path, content in files.items() if path.endswith(".parquet")]
        return sorted(key for shard in shards for key in pyarrow.parquet.read_table(shard)["id"].to_pylist())


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    write_folder(tmp_path / "results", ANSWERS, method="double")
    with LoopbackHub() as hub:
        yield App(hub, tmp_path)


def asked(address: str, **value: Any) -> dict[str, Any]:
    with urllib.request.urlopen(address, json.dumps(value).encode(), timeout=20) as answer:
        return dict(json.load(answer))


def answer_all(address: str) -> list[str]:
    """Ids of the answers that were thanked for."""
    ids: list[str] = []
    while len(ids) < ANSWERS:
        item = asked(f"{address}/next", visit="somebody").get("item")
        if item is None:  # the folder is still being read
            time.sleep(0.1)
            continue
        ids.append(asked(f"{address}/{item}/rating", visit="somebody", removed=len(ids) % 2 == 0)["id"])
    return sorted(ids)


def test_on_sigterm_what_waits_is_published(app: App) -> None:
    address, process = app.start()
    ids = answer_all(address)
    assert app.published == []
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert app.published == ids


def test_what_kill_9_left_is_published_once_after_a_restart(app: App) -> None:
    address, process = app.start()
    ids = answer_all(address)
    process.kill()
    process.wait()
    assert app.published == []
    _, again = app.start(minutes="0.01")
    deadline = time.monotonic() + 60
    while not app.published and time.monotonic() < deadline:
        time.sleep(0.2)
    again.send_signal(signal.SIGTERM)
    again.wait(20)
    assert app.published == ids
