"""A process that keeps answers with CommitScheduler, as its documentation shows; told what to do as `worker` is.

Answers are lines of JSON that are appended under `scheduler.lock`, pictures are files beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from huggingface_hub import CommitScheduler

from tests.feedback.worker import NAME, drawn


class Worker:
    """Does what a line says."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._file = folder, folder / name
        self._scheduler = CommitScheduler(repo_id=NAME, repo_type="dataset", folder_path=folder, every=1000)
        self._scheduler.trigger().exception()  # it stands behind the first push, of what lies there already
        self._pushed: Future[Any] | None = None

    def keep(self, count: int, kind: str = "plain") -> list[tuple[str, str]]:
        """Ids of answers whose file was closed, as their page would thank for them."""
        return [self._keep(kind) for _ in range(count)]

    def _keep(self, kind: str) -> tuple[str, str]:
        key = uuid.uuid4().hex
        with self._scheduler.lock:
            if kind == "pictures":
                pictures = drawn(key)
                for part in ("source", "mask", "result"):
                    (self._folder / f"{key}-{part}.png").write_bytes(getattr(pictures, part))
            with self._file.open("a") as file:
                file.write(json.dumps({"id": key, "label": 1}) + "\n")
        return key, ""

    def step(self) -> str:
        """A tick, waited for."""
        error = self._scheduler.trigger().exception()
        return type(error).__name__ if error else "published"

    def tick(self) -> str:
        """A tick, as they come by themselves."""
        self._pushed = self._scheduler.trigger()
        return "triggered"

    def tear(self) -> str:
        """Half an answer is written, and the process dies."""
        with self._file.open("a") as file:
            file.write('{"id": "')
            file.flush()
            os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default=f"data_{uuid.uuid4()}.json", help="of the file, as the documentation has it")
    given = parser.parse_args()
    worker = Worker(given.folder, given.name)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        print(json.dumps(getattr(worker, command)(*arguments)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
