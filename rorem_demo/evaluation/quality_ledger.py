"""Ledger: what was measured so far, one line of JSON each, so that a run that was killed goes on."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.quality_work import Measured, Task
from rorem_demo.feedback import disk

NAME = "measured.jsonl"


class Ledger:
    """The lines of a run's folder, written by one process alone; make it with `opened`.

    A line is there at once after `add`, whoever is killed. One that was cut off is dropped, as is one that cannot be
    read: what it told is measured again.
    """

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self._file, self._folder = file, folder
        self._known: dict[tuple[str, str], Measured] = {}
        for line in _whole_lines(file):
            with suppress(ValueError, TypeError):
                found = Measured(**json.loads(line))
                self._known[found.case, found.method] = found

    def get(self, task: Task) -> Measured | None:
        """What was measured of exactly this, failures included."""
        found = self._known.get((task.case.name, task.method))
        return found if found and found.identity == task.identity else None

    def done(self, task: Task, *, features: bool) -> bool:
        """Whether it needs not be measured again: it did not fail, and what is kept of it is there."""
        found = self.get(task)
        if not found or found.sentence:
            return False
        return all((self._folder / name).is_file() for name in (found.strip, *[found.features] * features))

    def add(self, measured: Measured) -> None:
        """Keep it.

        Raises:
            StorageError: it cannot be written.
        """
        with disk.refusals(self._folder / NAME):
            self._file.write(json.dumps(asdict(measured), ensure_ascii=False).encode() + b"\n")
            self._file.flush()
        self._known[measured.case, measured.method] = measured


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """The ledger of a folder, which is made where it is missing; no second run can open it meanwhile.

    Raises:
        StorageError: the folder cannot be made or written.
        UnavailableError: another run is at it.
    """
    disk.make_folder(folder)
    with disk.refusals(folder):
        file = (folder / NAME).open("a+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone with the process, however it ends
        except BlockingIOError:
            raise UnavailableError(
                f"Another run is at {folder}.", hint="Wait for it, or name another output."
            ) from None
        yield Ledger(file, folder)


def _whole_lines(file: IO[bytes]) -> list[bytes]:
    """All lines; what follows the last line's end is cut off, so that the next one begins on a line of its own."""
    file.seek(0)
    data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    file.truncate(len(whole))
    return whole.splitlines()
