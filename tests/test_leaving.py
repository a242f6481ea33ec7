"""A visitor who leaves, seen from the server: over a socket, with RORem's real loop on tiny weights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import numpy as np
import PIL.Image
import pytest

from rorem_demo.imaging.drawings import encode_points
from tests.browser.conftest import served
from tests.removers.sdxl_checkpoint import write_tiny_sdxl
from tests.watched_rorem import STEP

pytestmark = pytest.mark.slow

SHAPE = {"tool": "box", "points": encode_points([(60, 50), (100, 80)])}
DRAWING = {"grid": 1, "invert": False, "entries": [{"kind": "box", "grow": 0, "shapes": [SHAPE]}]}


class Server:
    """The app in another process, and how many steps RORem has begun there."""

    def __init__(self, address: str, steps: Path) -> None:
        self._steps = steps
        self._http = httpx.Client(base_url=address, timeout=60)
        inputs = self._http.get("/config").json()["dependencies"]
        self._submit = next(one for one in inputs if [event for _, event in one["targets"]] == ["submit"])
        picture = BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
        PIL.Image.fromarray(noise).save(picture, "PNG")
        self._photo = self._http.post("/rorem/photos", content=picture.getvalue()).json()["id"]

    @property
    def begun(self) -> int:
        return self._steps.stat().st_size if self._steps.exists() else 0

    @contextmanager
    def visitor(self, method: str) -> Iterator[Iterator[str]]:
        """Somebody who asked for a removal; gives what they are told, and leaves with the block."""
        value = json.dumps({"photo": self._photo, "run": 0, "drawing": DRAWING})
        options = [50 if name == "steps" else value for name, value in self._options()]
        session = uuid4().hex
        call = {"data": [value, method, *options], "fn_index": self._submit["id"], "session_hash": session}
        self._http.post("/gradio_api/queue/join", json=call).raise_for_status()
        with self._http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as told:
            yield (line for line in told.iter_lines() if line)

    def _options(self) -> list[tuple[str, Any]]:
        """Names and first values, as the page shows them, of what goes with the drawing and the method."""
        parts = {part["id"]: part["props"] for part in self._http.get("/config").json()["components"]}
        shown = [parts[number] for number in self._submit["inputs"][2:]]
        return [(part.get("elem_id", ""), part.get("value")) for part in shown]

    def wait(self, steps: int) -> None:
        deadline = time.monotonic() + 60
        while self.begun < steps:
            assert time.monotonic() < deadline, "RORem does not get on"
            time.sleep(STEP / 10)


def is_done(told: Iterator[str]) -> bool:
    return any("process_generating" in line and "changed_outside" in line for line in told)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    write_tiny_sdxl(folder / "LetsThink" / "RORem")
    steps = folder / "steps"
    with served("-m", "tests.watched_rorem", ROREM_WEIGHTS_DIR=str(folder), ROREM_TEST_STEPS=str(steps)) as address:
        yield Server(address, steps)


def test_who_leaves_stops_the_run_within_a_step_and_frees_the_place(server: Server) -> None:
    with server.visitor("rorem"):
        server.wait(server.begun + 3)
    begun = server.begun
    time.sleep(5 * STEP)
    assert server.begun <= begun + 1
    with server.visitor("telea") as told:
        assert is_done(told)


def test_who_leaves_while_waiting_is_not_served(server: Server) -> None:
    with server.visitor("rorem"):
        server.wait(server.begun + 1)
        with server.visitor("rorem") as told:
            assert any('"estimation"' in line for line in told)
    begun = server.begun
    with server.visitor("telea") as told:  # behind both in the queue, if they were still there
        assert is_done(told)
    assert server.begun <= begun + 1
