"""The benchmark of answers: that it measures what it says, and that the app does what it must under it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pytest

from rorem_demo.cli import main
from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.ratings import Load, Rater, closed_loop, measured_ratings, open_loop
from rorem_demo.evaluation.serving import HOST, Issued, served
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.hub import WRITER, LoopbackHub

STALL = 0.4
"""Seconds."""


async def rated(load: Load, use: Callable[[list[Rater]], Awaitable[object]], stall: int = -1) -> list[Rater]:
    """Raters after the use of a server that acknowledges everything but stands still once."""
    numbers, standing = count(), asyncio.Lock()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
            await reader.readexactly(int(length.split(b":")[1]))
            async with standing:
                if (number := next(numbers)) == stall:
                    await asyncio.sleep(STALL)
            body = json.dumps({"id": f"answer {number}"} if b"/rating" in head else {"sentence": "no"}).encode()
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server = await asyncio.start_server(answer, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    raters = [Rater(number, port, Issued("visit", ("one", "two"))) for number in range(load.raters)]
    async with AsyncExitStack() as connections:
        for rater in raters:
            await connections.enter_async_context(rater)
        await use(raters)
    server.close()
    return raters


def test_who_is_due_while_the_server_stands_still_has_waited() -> None:
    load = Load(raters=5, due_per_second=50, seconds=1.0)
    delays: list[float] = []

    async def use(raters: list[Rater]) -> None:
        delays.extend((await open_loop(raters, load))[0])

    asyncio.run(rated(load, use, stall=40))
    assert len(delays) == 50
    late = [delay for delay in delays if delay > STALL / 4]
    assert len(late) >= 50 * STALL * 3 / 4 * 0.8  # not the one request that met it
    assert max(delays) >= STALL


def test_every_receipt_is_remembered_once() -> None:
    load = Load(raters=3, seconds=0.2)
    raters = asyncio.run(rated(load, lambda raters: closed_loop(raters, load, Rater.rate)))
    receipts = [receipt for rater in raters for receipt in rater.receipts]
    assert len(receipts) == len(set(receipts)) > 3
    assert all(rater.refused == 0 for rater in raters)


def test_an_empty_page_gives_no_receipt() -> None:
    load = Load(raters=2, seconds=0.1)
    raters = asyncio.run(rated(load, lambda raters: closed_loop(raters, load, Rater.ask_nothing)))
    assert not any(rater.receipts for rater in raters)


@pytest.mark.parametrize("option", ["--seconds=0", "--rate=-1", "--raters=0", "--raters=251", "--rows=0", "--side=7"])
def test_what_cannot_be_measured_is_refused(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = Services.assemble(Settings(data=tmp_path / "data"))
    assert main(["bench", "feedback", option], services) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_a_killed_server_has_kept_all_it_acknowledged(tmp_path: Path) -> None:
    load = Load(raters=8, due_per_second=40, seconds=1.0)
    found = measured_ratings(tmp_path / "served", load)
    assert (found.lost, found.extra, found.refused) == (0, 0, 0)
    assert found.answers == 40
    assert found.acknowledged > 8 + 40
    assert found.median_ms <= found.p95_ms <= found.p99_ms <= found.worst_ms
    sys.stdout.write(f"{asdict(found)}\n")


@pytest.mark.slow
def test_an_app_that_does_not_come_up_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_EXPIRY_MINUTES", "soon")
    with pytest.raises(UnavailableError) as raised, served(tmp_path, visits=1, results=1):
        pytest.fail("it came up")
    assert "ROREM_EXPIRY_MINUTES" in raised.value.sentence


@pytest.mark.slow
def test_publishing_sends_little_more_than_the_shards_and_needs_no_more_memory_for_more(tmp_path: Path) -> None:
    """10,000 rows, by hand: 1.007 bytes a byte, and 0.6 and 0.9 MB more at the end than after the first batch."""
    command = [sys.executable, "-m", "rorem_demo", "bench", "feedback", "--json", "--rows", "2000"]
    with LoopbackHub() as hub:
        told = {"HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1", "ROREM_DATA_DIR": str(tmp_path)}
        place = ["--publish-to", "owner/bench", "--endpoint", hub.address]
        done = subprocess.run(
            [*command, *place], env={**os.environ, **told}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        files = hub.files("datasets/owner/bench")
        sent = sum(hub.received.values())
    found = json.loads(done.stdout)
    shards = sum(len(data) for path, data in files.items() if path.endswith(".parquet"))
    sys.stdout.write(f"{found} sent per byte: {sent / shards:.4f}\n")
    assert found["shard_bytes"] == shards
    assert (found["rows"], found["commits"]) == (2000, 4)
    assert sent <= 1.1 * shards
    assert found["growth_mb"] < 16
    assert found["child_growth_mb"] < 16
