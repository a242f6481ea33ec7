"""A process with a store and a publisher, told what to do line by line: `python -m tests.feedback.worker FOLDER`.

Each line is a command and its arguments as a JSON list; each is answered with a line of JSON. `keep` is answered once
the answers are on disk, as the page would thank for them. On SIGTERM, and at the end of its input, it publishes for
as long as `--deadline` says and ends, as the app does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from rorem_demo.errors import RoremError
from rorem_demo.feedback.hub import Dataset
from rorem_demo.feedback.publisher import Publisher, Rules
from rorem_demo.feedback.records import PairPictures, Pictures, Rating, Record, Vote
from rorem_demo.feedback.store import Store

NAME = "owner/ratings"


class Worker:
    """Does what a line says."""

    def __init__(self, folder: Path, rules: Rules, request: float, back: timedelta) -> None:
        self.folder = folder
        self.store = Store(folder, now=lambda: datetime.now(UTC) - back)
        dataset = Dataset(NAME, endpoint=os.environ["HF_ENDPOINT"], deadline=request, cache=folder / "cache")
        self.publisher = Publisher(self.store, dataset, folder / "publisher", rules)

    def keep(self, count: int, kind: str = "plain") -> list[tuple[str, str]]:
        """Id and receipt of answers that are on disk now; `kind` is plain, pictures or large, or votes."""
        return [self._keep(kind) for _ in range(count)]

    def _keep(self, kind: str) -> tuple[str, str]:
        key = self.store.new_id()
        side = {"plain": 0, "large": 256}.get(kind, 16)
        made: Record = vote(key, shared=True) if kind == "votes" else rating(key, shared=side > 0)
        files = drawn_pair(key) if kind == "votes" else drawn(key, side) if side else None
        ready = datetime.now(UTC) - timedelta(seconds=1)
        self.store.append(made, visitor=key, subject=key, pictures=files, ready=ready, review=False)
        return made.id, made.receipt

    def delete(self, receipt: str, key: str) -> str:
        return self.store.delete(receipt, key).id

    def step(self) -> str:
        return self.publisher.step(force=True)

    def tear(self) -> str:
        """Half a row is written, and the process dies."""
        with Path(f"{self.folder}/feedback.sqlite3-wal").open("ab") as file:
            file.write(bytes(range(256)) * 3)
        os._exit(1)

    def flush(self, deadline: float) -> int:
        return self.publisher.flush(deadline)

    def tick(self) -> str:
        """Wake who publishes in the background."""
        self.publisher.wake()
        return "woken"

    def close(self, deadline: float) -> int:
        return self.publisher.close(deadline)

    def compact(self) -> int:
        return self.publisher.compact()

    def purge(self) -> int:
        return self.publisher.purge()

    def verify(self) -> dict[str, Any]:
        return asdict(self.publisher.verify())

    def rows(self) -> dict[str, str]:
        """When each answer that is kept here was published; "" if it was not."""
        held = (*self.store.each(Rating), *self.store.each(Vote))
        return {one.record.id: one.published for one in sorted(held, key=lambda one: one.record.id)}

    def tombstones(self) -> list[str]:
        """Receipts of what was deleted, as far as is known here."""
        return [stone.receipt for stone in self.store.tombstones()]

    def limit(self, size: int) -> str:
        """No file may grow beyond so many bytes, as on a disk that is almost full; -1 for any."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        return "limited"

    def status(self) -> dict[str, Any]:
        return asdict(self.store.status())


def rating(key: str, *, shared: bool) -> Rating:
    return Rating(
        id=key, app="0.1.0", created=datetime.now(UTC).isoformat(timespec="milliseconds"), origin="app",
        source="a" * 64, mask="b" * 64, result="c" * 64, width=8, height=8, method="shift-map", revision="0.1.0",
        options="{}", seconds=1.25, device="cpu", mask_pixels=25, mask_boxes=(), mask_made_by=("brush",), label=1,
        reasons=(), comment="", score=None, judge="", rater="rater", flags=(),
        consent="pictures" if shared else "answer", licence="CC-BY-4.0" if shared else "", supersedes="",
        receipt=sha256(key.encode()).hexdigest(),
    )  # fmt: skip


def vote(key: str, *, shared: bool) -> Vote:
    """That both are good, with pictures if they are shared."""
    sides = {
        f"{side}_{name}": value
        for side, result in (("left", "c"), ("right", "d"))
        for name, value in {
            "method": result, "revision": "0.1.0", "options": "{}", "result": result * 64, "seconds": 1.25,
            "device": "cpu",
        }.items()
    }  # fmt: skip
    return Vote(
        id=key, app="0.1.0", created=datetime.now(UTC).isoformat(timespec="milliseconds"), origin="app", case="door",
        cases="v1", source="a" * 64, mask="b" * 64, width=8, height=8, mask_pixels=25, mask_boxes=(),
        mask_made_by=("brush",), **sides, choice="both-good", reasons=(), gold="", policy="even-1", rater="rater",
        flags=(), consent="pictures" if shared else "answer", licence="CC-BY-4.0" if shared else "",
        receipt=sha256(key.encode()).hexdigest(),
    )  # fmt: skip


def drawn_pair(key: str) -> PairPictures:
    """Four pictures that no other answer has."""
    random = np.random.default_rng(list(key.encode()))
    return PairPictures(**{name: _png(random, 16) for name in ("source", "mask", "left", "right")})


def drawn(key: str, side: int = 16) -> Pictures:
    """Three pictures that no other answer has, of so many pixels a side."""
    random = np.random.default_rng(list(key.encode()))
    return Pictures(**{name: _png(random, side) for name in ("source", "mask", "result")})


def _png(random: np.random.Generator, side: int) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(random.integers(0, 255, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--age", type=float, default=300.0)
    parser.add_argument("--deadline", type=float, default=20.0, help="seconds to publish in after SIGTERM")
    parser.add_argument("--request", type=float, default=30.0, help="seconds a request may take")
    parser.add_argument("--back", type=float, default=0.0, help="hours that the clock has gone back")
    parser.add_argument("--background", action="store_true", help="publish as the app does")
    given = parser.parse_args()
    worker = Worker(given.folder, Rules(rows=given.rows, age=given.age), given.request, timedelta(hours=given.back))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if given.background:
            worker.publisher.start()
        answer_lines(worker)
    finally:  # not atexit: an interpreter that is ending imports and starts nothing any more
        worker.close(given.deadline)


def answer_lines(worker: Worker) -> None:
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            said = getattr(worker, command)(*arguments)
        except RoremError as error:
            said = {"error": type(error).__name__, "sentence": error.sentence}
        print(json.dumps(said), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
