"""Tallies: what a board is counted from, and what tells whether anything changed.

Counting takes seconds and much memory for a million votes, and the Hub may hold a request for ever. So each count is
a child process (`comparison.tallying`) of low priority with a deadline, and answers go on meanwhile.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import rorem_demo
from rorem_demo.comparison.board import Board
from rorem_demo.errors import UnavailableError
from rorem_demo.feedback.store import Store

log = logging.getLogger(__name__)
CHILD = "rorem_demo.comparison.tallying"
ASKING, COUNTING = 60.0, 600.0
"""Seconds a child may take, to ask for the newest revision and to count."""
_ROOT = Path(rorem_demo.__file__).parents[1]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
_KEPT_LOG = 2000
"""Characters of what a child wrote to stderr."""


class Tally(Protocol):
    """What is counted; every method may take seconds and raises RoremError."""

    def newest(self) -> str:
        """What tells whether anything changed."""
        ...

    def count(self, newest: str) -> Board:
        """The board of what `newest` told."""
        ...

    def waiting(self) -> int:
        """Votes kept here that the board does not know yet."""
        ...


class Published:
    """A dataset at its newest revision; of the store only what waits for it."""

    def __init__(self, dataset: str, store: Callable[[], Store]) -> None:
        self._dataset, self._store = dataset, store

    def newest(self) -> str:
        """Commit of main."""
        return str(_child({"newest": self._dataset}, ASKING)["newest"])

    def count(self, newest: str) -> Board:
        """As anybody counts that commit with the command."""
        return _board({"dataset": self._dataset, "revision": newest})

    def waiting(self) -> int:
        """Votes that are not published."""
        return self._store().status().votes_waiting


class Local:
    """This server's own store."""

    def __init__(self, home: Path, store: Callable[[], Store]) -> None:
        self._home, self._store = home, store
        self._counted = 0

    def newest(self) -> str:
        """Every answer is one more, every deletion too."""
        store = self._store()
        status = store.status()
        self._counted = status.votes
        return f"{status.kept} answers, {len(store.tombstones())} deletions"

    def count(self, newest: str) -> Board:  # noqa: ARG002  # a store has no revisions
        """Of all it keeps."""
        return _board({"home": str(self._home.absolute())})

    def waiting(self) -> int:
        """Votes kept since it was counted."""
        return max(0, self._store().status().votes - self._counted)


def _board(job: dict[str, str]) -> Board:
    return Board.from_json(_child(job, COUNTING)["board"])


def _child(job: dict[str, str], deadline: float) -> dict[str, Any]:
    """What a child says of one job; no child is left when it returns or raises."""
    # Nobody writes to the pipe: it closes when this process ends, however it does, and the child with it.
    lifeline, end = os.pipe()
    try:
        done = subprocess.run(  # noqa: S603  # this program itself
            [sys.executable, "-m", CHILD, str(lifeline)],
            input=json.dumps(job).encode(),
            capture_output=True,
            check=False,
            timeout=deadline,
            pass_fds=[lifeline],
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": _paths(), "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            f"The votes were not counted within {deadline:g} s.", hint="It is tried again."
        ) from None
    except OSError as error:
        raise UnavailableError("No process can be started to count votes.", hint="It is tried again.") from error
    finally:
        os.close(lifeline)
        os.close(end)
    return _said(done)


def _said(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    if done.stderr:
        log.info("%s", done.stderr.decode(errors="replace").strip()[-_KEPT_LOG:])
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        message = f"The process that counts votes ended with {done.returncode} before it was done."
        raise UnavailableError(message, hint="It is tried again.") from None
    if "wrong" in said:
        raise UnavailableError(said["wrong"], hint=said["hint"])
    return said


def _paths() -> str:
    return os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
