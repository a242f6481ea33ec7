"""Curating as it is run: processes that are killed or share the work, with a real model."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from rorem_demo.curation.rounds import Rounds
from tests.curation.models import write_model
from tests.curation.rendered import contents, write_photos

pytestmark = pytest.mark.slow  # each starts processes that import torch
COUNT = 24


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class Bench:
    """A folder of photos and a model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = write_photos(folder / "images", COUNT)
        self.version = write_model(folder / "model")
        self.told = folder / "told"

    def start(self, output: str, *launcher: str, **environment: str) -> subprocess.Popen[str]:
        arguments = ["--images", str(self.images), "--method", "slowly", "--discriminator", str(self.folder / "model")]
        asked = [*arguments, "--accept", "0.7", "--shard-size", "2", "--output", str(self.folder / output), "--json"]
        command = [sys.executable, "-m", *launcher, "tests.curation.command", "curate", *asked]
        pipe = subprocess.PIPE
        settings = {"TOLD": str(self.told), "ROREM_DATA_DIR": str(self.folder / "data"), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **settings, **environment}
        )

    def run(self, output: str, *launcher: str, **environment: str) -> dict[str, object]:
        """The round, as it was told."""
        process = self.start(output, *launcher, **environment)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        lines = [line for line in out.splitlines() if line.startswith("{")]
        assert len(lines) == 1, "one process tells"
        found: dict[str, object] = json.loads(lines[0])
        return found

    def removals(self) -> Counter[str]:
        """How often each was done, whoever did it."""
        return Counter(line.partition(" ")[2] for line in self.told.read_text().splitlines())

    def workers(self) -> set[str]:
        return {line.partition(" ")[0] for line in self.told.read_text().splitlines()}

    def shards(self, output: str) -> int:
        return len(list((self.folder / output).glob("rounds/*/shard-*.json")))


def test_a_run_that_was_killed_again_and_again_leaves_what_one_run_leaves(bench: Bench) -> None:
    summary = bench.run("whole")
    assert summary["tested"] == COUNT
    bench.told.unlink()
    killed = 0
    while killed < 3:
        process, before = bench.start("out"), bench.shards("out")
        while process.poll() is None and bench.shards("out") < before + 1 + killed:
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += 1
    kept = bench.shards("out")
    assert bench.run("out") == summary
    assert contents(bench.folder / "out") == contents(bench.folder / "whole")
    repeated = sum(count - 1 for count in bench.removals().values())
    assert kept >= 6
    largest = max(map(len, Rounds(bench.folder / "out/rounds").all()[0].shards.values()))
    assert repeated <= 3 * largest, "no more than the shards that were under way"


def test_two_processes_do_each_photo_once_and_leave_what_one_leaves(bench: Bench) -> None:
    summary = bench.run("whole")
    bench.told.unlink()
    launcher = ["torch.distributed.run", "--nproc_per_node", "2", "--master_port", free_port(), "-m"]
    assert bench.run("out", *launcher) == summary
    assert set(bench.removals().values()) == {1}
    assert sum(bench.removals().values()) == COUNT
    assert bench.workers() == {"0", "1"}
    assert contents(bench.folder / "out") == contents(bench.folder / "whole")


def test_two_machines_go_on_where_one_was_killed(bench: Bench) -> None:
    """Each started by hand, as on two machines with one disk."""
    process = bench.start("out")
    while bench.shards("out") < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    bench.told.unlink()
    kept = bench.shards("out")
    port, pair = free_port(), []
    for rank in "01":
        about = {"RANK": rank, "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "WORLD_SIZE": "2"}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
        pair.append(bench.start("out", **about, **address))
    told = [process.communicate(timeout=300) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], told
    assert json.loads(told[0][0])["tested"] == COUNT
    assert told[1][0] == ""
    assert set(bench.removals().values()) == {1}
    assert bench.workers() == {"0", "1"}
    assert kept >= 3


def test_all_processes_say_why_when_the_one_that_leads_cannot(bench: Bench) -> None:
    (bench.folder / "out/accepted").mkdir(parents=True)
    (bench.folder / "out/accepted/meta.json").write_text("[]")
    port = free_port()
    pair = []
    for rank in "01":
        about = {"RANK": rank, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "2"}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
        pair.append(bench.start("out", **about, **address))
    for process in pair:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 2
        assert "holds data from elsewhere" in err


def free_port() -> str:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return str(server.getsockname()[1])
