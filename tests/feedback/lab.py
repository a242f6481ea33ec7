"""Processes that keep answers, a hub they publish to, and what became of every answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from tests.feedback.simulation import pairs
from tests.feedback.worker import NAME
from tests.hub import WRITER, Gate, LoopbackHub

KEY = f"datasets/{NAME}"
ROOT = Path(__file__).parents[2]
COMMIT = "/commit/main"
PATIENCE = 60.0
"""Seconds in which a process ends that was asked to."""


class Snare(Gate):
    """Holds the first request for good, and no other."""

    def hold(self) -> None:
        if not self.arrived.is_set():
            super().hold()


class Process:
    """A worker, told what to do line by line."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def tell(self, *command: Any) -> None:
        """Say something without waiting for the answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The next answer."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the process died: {self._log.read_text()[-2000:]}"
        return json.loads(line)

    def ask(self, *command: Any) -> Any:
        self.tell(*command)
        return self.hear()

    def keep(self, count: int, kind: str = "plain") -> list[tuple[str, str]]:
        """Id and receipt of so many answers that were thanked for."""
        return [(key, receipt) for key, receipt in self.ask("keep", count, kind)]

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def terminate(self, patience: float = PATIENCE) -> None:
        """SIGTERM, and SIGKILL for who does not heed it, as a platform does it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(patience)
        finally:
            self.kill()

    def leave(self) -> None:
        """A normal end."""
        assert self._process.stdin
        self._process.stdin.close()
        self.wait()

    def wait(self) -> None:
        """It ends by itself."""
        self._process.wait(PATIENCE)
        self.kill()

    def _end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait(PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


class Lab:
    """A hub and disks, while the block runs."""

    def __init__(self, worker: str = "worker") -> None:
        self._worker = worker
        self._stack = ExitStack()
        self.hub = LoopbackHub()
        self._processes: list[Process] = []

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        self._stack.enter_context(self.hub)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        self._stack.__exit__(kind, error, trace)

    def start(self, disk: str = "disk", *flags: str, **options: Any) -> Process:
        """A process on a disk; the same name is the same disk."""
        arguments = [*flags, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
        module = f"tests.feedback.{self._worker}"
        command = [sys.executable, "-m", module, str(self.folder / disk), *arguments]
        self._processes.append(Process(command, self.environment, self.folder / "log"))
        return self._processes[-1]

    def snare(self, method: str, part: str) -> Snare:
        """Hang the next such request."""
        made = Snare(method, part, "before")
        self.hub.faults._gates.append(made)
        return made

    @property
    def environment(self) -> dict[str, str]:
        given = {"HF_ENDPOINT": self.hub.address, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1"}
        home = {"HF_HOME": str(self.folder / "home"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return {**os.environ, **given, **home}

    @property
    def files(self) -> dict[str, bytes]:
        """The newest revision."""
        return self.hub.files(KEY) if KEY in self.hub.repositories else {}

    @property
    def rows(self) -> Counter[str]:
        """How often each id is in the newest revision, be it in shards or in lines of JSON."""
        found: Counter[str] = Counter()
        for path, data in self.files.items():
            if path.endswith(".parquet"):
                found.update(key for key, _ in pairs(data))
            if path.endswith(".json") and "/" not in path:
                found.update(filter(None, map(_id, data.splitlines())))
        return found


def _id(line: bytes) -> str:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError):
        return ""


def ids(kept: list[tuple[str, str]]) -> Counter[str]:
    """Each once, as it ought to be."""
    return Counter(key for key, _ in kept)
