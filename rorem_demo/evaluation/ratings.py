"""How many answers the served app keeps in a second, and how long one takes.

The app runs in a process of its own and is asked over HTTP, with its store on a real disk and every fsync. Each rater
is one connection from an address of its own. Two loads:

- open: answers are due at fixed times, whether or not earlier ones are done, and each takes as long as from when it
  was due: a server that stops for a second has made all of that second's visitors wait.
- closed: every rater answers again as soon as the last answer is acknowledged.

In the same seconds the same connections ask for a page that is not there, so that the figures can be compared with
what this machine's HTTP stack can do at all. At the end the server is killed, and what it acknowledged is looked for
in its store.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.serving import HOST, Issued, served
from rorem_demo.feedback.records import Rating
from rorem_demo.feedback.store import Store

MOST_RESULTS = 40
"""Issued to each rater; a rater who has answered all begins again and thinks otherwise of each."""
PIXELS = 1.2e9
"""Of all results, about: they are hashed before the first answer, a dozen megapixels in a tenth of a second."""
NOWHERE = "/rorem/nowhere"
"""Under which the app serves nothing."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is asked of the server."""

    raters: int = 50
    due_per_second: float = 50.0
    """Answers due, in the open loop."""
    seconds: float = 20.0
    """Of each loop."""
    side: int = 64
    """Pixels of the photos, each way."""

    @property
    def results(self) -> int:
        """Issued to each rater; small photos leave room for more."""
        return max(2, min(MOST_RESULTS, round(PIXELS / self.raters / self.side**2)))


@dataclass(frozen=True, kw_only=True)
class RatingSpeed:
    """What was measured."""

    answers: int
    """In the open loop."""
    median_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    empty_median_ms: float
    """Of requests for a page that is not there, due in between."""
    empty_p99_ms: float
    per_second: float
    """Answers, in the closed loop."""
    empty_per_second: float
    """Requests for that page, in a closed loop."""
    refused: int
    """Answers without a receipt."""
    acknowledged: int
    """Answers with one."""
    lost: int
    """Acknowledged, and not in the store."""
    extra: int
    """In the store, and not acknowledged."""


def measured_ratings(folder: Path, load: Load) -> RatingSpeed:
    """Serve the app with its store in a folder, rate, kill it, and count.

    Raises:
        UnavailableError: the app did not come up, or went.
    """
    with served(folder, visits=load.raters, results=load.results, side=load.side) as app:
        raters = [Rater(number, app.port, issued) for number, issued in enumerate(app.issued)]
        try:
            measured = asyncio.run(_loops(raters, load))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise UnavailableError("The app went away.", hint=f"It last said: {app.last_words()}") from error
    acknowledged = set().union(*(rater.receipts for rater in raters))
    kept = set(_ids(folder))
    return RatingSpeed(
        **measured,
        refused=sum(rater.refused for rater in raters),
        acknowledged=len(acknowledged),
        lost=len(acknowledged - kept),
        extra=len(kept - acknowledged),
    )


@dataclass(eq=False)
class Rater:
    """Somebody with one connection and some results to judge."""

    number: int
    port: int
    issued: Issued
    receipts: set[str] = field(default_factory=set)
    """Ids of answers that were acknowledged."""
    refused: int = 0
    _answered: int = 0
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def _connect(self) -> None:
        # All of 127.0.0.0/8 is this machine's on Linux: so there are as many raters as connections.
        own = (f"127.0.1.{self.number % 250 + 1}", 0) if sys.platform == "linux" else None
        self._reader, self._writer = await asyncio.open_connection(HOST, self.port, local_addr=own)

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def rate(self, due: float | None = None) -> float:
        """Answer once more; returns seconds since it was due, or since now."""
        again, index = divmod(self._answered, len(self.issued.results))
        self._answered += 1
        removed = (again + index) % 2 == 0
        reasons = [] if removed else ["blurry"]
        answer = {"removed": removed, "reasons": reasons, "comment": "", "share": False, "visit": self.issued.visit}
        said, seconds = await self._asked(f"/rorem/results/{self.issued.results[index]}/rating", answer, due)
        receipt = json.loads(said).get("id")
        if receipt:
            self.receipts.add(receipt)
        else:
            self.refused += 1
        return seconds

    async def ask_nothing(self, due: float | None = None) -> float:
        """Ask for what is not there; returns as `rate` does."""
        return (await self._asked(NOWHERE, {}, due))[1]

    async def _asked(self, path: str, value: dict[str, Any], due: float | None) -> tuple[bytes, float]:
        async with self._busy:
            due = perf_counter() if due is None else due
            said = await self._post(path, json.dumps(value).encode())
            return said, perf_counter() - due

    async def _post(self, path: str, body: bytes) -> bytes:
        # By hand: a client library takes more of the processor than the server, and both share it.
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        if self._reader.at_eof():  # the server ends connections that were idle for five seconds
            await self.__aexit__()
            await self._connect()
        self._writer.write(head.encode() + b"\r\n\r\n" + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        return await self._reader.readexactly(length)


async def _loops(raters: Sequence[Rater], load: Load) -> dict[str, Any]:
    """What the loops measured, by the fields of RatingSpeed."""
    async with AsyncExitStack() as connections:
        for rater in raters:
            await connections.enter_async_context(rater)
            await rater.rate()  # what is imported or opened by the first answer is not measured
        delays, empty = (1000 * np.asarray(seconds) for seconds in await open_loop(raters, load))
        empty_per_second = await closed_loop(raters, load, Rater.ask_nothing)
        per_second = await closed_loop(raters, load, Rater.rate)
    median, p95, p99 = np.percentile(delays, (50, 95, 99)).tolist()
    return {
        "answers": len(delays),
        "median_ms": median,
        "p95_ms": p95,
        "p99_ms": p99,
        "worst_ms": float(delays.max()),
        "empty_median_ms": float(np.median(empty)),
        "empty_p99_ms": float(np.percentile(empty, 99)),
        "per_second": per_second,
        "empty_per_second": empty_per_second,
    }


async def open_loop(raters: Sequence[Rater], load: Load) -> tuple[list[float], list[float]]:
    """Seconds from when each answer was due to its receipt, and of requests for nothing, due half-way between them."""
    start = perf_counter()
    kinds = Rater.rate, Rater.ask_nothing
    asked: tuple[list[asyncio.Task[float]], ...] = ([], [])
    for number in range(2 * max(1, round(load.due_per_second * load.seconds))):
        due = start + number / load.due_per_second / 2
        await asyncio.sleep(max(0.0, due - perf_counter()))
        tick, kind = divmod(number, 2)
        rater = raters[(tick + kind * len(raters) // 2) % len(raters)]
        asked[kind].append(asyncio.create_task(kinds[kind](rater, due)))
    return await asyncio.gather(*asked[0]), await asyncio.gather(*asked[1])


async def closed_loop(raters: Sequence[Rater], load: Load, ask: Callable[[Rater], Awaitable[object]]) -> float:
    """Requests per second."""
    start = perf_counter()

    async def asking(rater: Rater) -> int:
        asked = 0
        while perf_counter() < start + load.seconds:
            await ask(rater)
            asked += 1
        return asked

    asked = sum(await asyncio.gather(*map(asking, raters)))
    return asked / (perf_counter() - start)


def _ids(folder: Path) -> Iterator[str]:
    store = Store(folder)
    try:
        yield from (held.record.id for held in store.each(Rating))
    finally:
        store.close()
