"""The app in a process of its own, with results issued beforehand."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from rorem_demo.errors import UnavailableError

HOST = "127.0.0.1"
_SERVER = "rorem_demo.ui.issued"
_PATIENCE = 120.0
"""Seconds for the app to come up."""


@dataclass(frozen=True)
class Issued:
    """One page's visit and the ids of its results."""

    visit: str
    results: tuple[str, ...]


@dataclass(frozen=True)
class Served:
    """A running app."""

    port: int
    issued: tuple[Issued, ...]
    log: Path

    def last_words(self) -> str:
        """The last line it wrote."""
        return next(reversed(self.log.read_text("utf-8", "replace").split("\n")[:-1]), "nothing")


@contextmanager
def served(folder: Path, *, visits: int, results: int, side: int = 64) -> Iterator[Served]:
    """The app while the block runs, with its answers in a folder; then it is killed.

    Args:
        folder: ROREM_DATA_DIR; nothing of it is published.
        visits: how many pages are open.
        results: how many results each of them has.
        side: pixels of their photos.

    Raises:
        UnavailableError: it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, told, log = _free_port(), folder / "issued.json", folder / "server.log"
    command = [sys.executable, "-m", _SERVER, str(visits), str(results), str(side), str(told)]
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603  # our own module
            command, env=_environment(folder, port), stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _wait(process, port, log)
            issued = tuple(Issued(visit, tuple(keys)) for visit, keys in json.loads(told.read_text("utf-8")))
            yield Served(port, issued, log)
        finally:
            process.kill()


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "GRADIO_SERVER_NAME": HOST,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "ROREM_DATA_DIR": str(folder),
        "ROREM_FEEDBACK_DATASET": "",
        "ROREM_RATINGS_PER_MINUTE": "1000000",
        "ROREM_MEMORY_MB": "100000000",  # counted for each photo, and they share theirs
        "ROREM_FETCH": "",
    }


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://{HOST}:{port}/", timeout=10):
                return
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    words = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
    raise UnavailableError("The app did not come up.", hint=f"It last said: {words or 'nothing'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
