"""Boards: the board as last counted, kept over restarts, and counted anew in the background.

Nobody who asks ever waits. A thread looks when somebody asked and the last look is old. Where something is new it has
it counted, in a process of its own (`comparison.tallies`). Whatever goes wrong, the board before stays.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic

from rorem_demo import __version__
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.board_json import read, written
from rorem_demo.comparison.tallies import Local, Published, Tally
from rorem_demo.errors import RoremError, StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.store import Store

log = logging.getLogger(__name__)
FILE = "board.json"
GATHERING = 1.0
"""Seconds between two looks at least, however often somebody asks."""
WAITING_SECONDS = 5.0
"""How old the number of waiting votes may be."""
REST, WAITING_REST = 1.0, 40.0
"""Times as long as a count took, nothing is counted after it; the store is nobody else's while its votes are."""
FAILED = "The votes could not be counted; the log says why."


@dataclass(frozen=True, kw_only=True)
class Told:
    """How things stand, for people."""

    board: Board | None = None
    waiting: int = 0
    """Votes kept here that the board does not know yet."""
    trouble: str = ""
    """Why it could not be counted anew, in one sentence."""


@dataclass(frozen=True)
class Kept:
    """What lies on the disk."""

    mark: str
    """What was counted, and by which version of the program."""
    board: Board


class Boards:
    """The newest board; may be asked from any thread.

    Args:
        store: of answers; called when it is needed first.
        dataset: `owner/name` of the dataset that is counted; None counts the store.
        folder: for what is kept between two starts.
        minutes: between two counts at least.
        home: the store's folder; None is the one above `folder`.
        tally: what is counted, in place of dataset or store; a seam for tests.
        clock: seconds; likewise.
    """

    def __init__(  # noqa: PLR0913  # seams
        self,
        store: Callable[[], Store],
        dataset: str | None,
        folder: Path,
        minutes: float,
        *,
        home: Path | None = None,
        tally: Tally | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        own = Published(dataset, store) if dataset else Local(home or folder.parent, store)
        self._tally: Tally = tally or own
        self._dataset, self._file, self._pause, self._clock = dataset or "", folder / FILE, minutes * 60, clock
        self._told, self._mark = Told(), ""
        self._next, self._next_waiting = -1.0, -1.0
        self._asked, self._end = Event(), Event()
        self._lock, self._looking = Lock(), Lock()
        self._thread: Thread | None = None
        self._restore()

    def current(self) -> Board | None:
        """As last counted, or None before the first time; never waits, and has it counted anew when it is old."""
        return self.told.board

    @property
    def told(self) -> Told:
        """How things stand; as `current`."""
        if self._clock() >= min(self._next, self._next_waiting):
            self._begin()
            self._asked.set()
        return self._told

    def close(self) -> None:
        """Count no more; a count under way is left alone and ends with the program."""
        self._end.set()
        self._asked.set()

    def look(self) -> None:
        """Count if the last look is old and something is new; what went wrong is told, never raised."""
        with self._looking:
            if (began := self._clock()) >= self._next:
                self._guarded(self._count)
                now = self._clock()
                self._next = now + max(self._pause, REST * (now - began))
                self._next_waiting = -1.0
            if (began := self._clock()) >= self._next_waiting:
                self._guarded(self._count_waiting)
                now = self._clock()
                self._next_waiting = now + max(WAITING_SECONDS, WAITING_REST * (now - began))

    def _begin(self) -> None:
        with self._lock:
            if self._thread or self._end.is_set():
                return
            self._thread = Thread(target=self._watch, daemon=True, name="leaderboard")
        self._thread.start()

    def _watch(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._end.is_set():
                return
            self.look()
            self._end.wait(GATHERING)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except RoremError as error:
            self._told = replace(self._told, trouble=self._shown(error.sentence))
            log.warning("The leaderboard was not counted: %s", error.sentence, exc_info=error.__cause__)
        except Exception:  # a border: the thread must live on, and the page has the board before
            self._told = replace(self._told, trouble=FAILED)
            log.exception("the leaderboard could not be counted")

    def _count(self) -> None:
        newest = self._tally.newest()
        if self._mark != (mark := _mark(newest)) or self._told.board is None:
            board = self._tally.count(newest)
            self._told, self._mark = replace(self._told, board=board), mark
            self._keep(board, mark)
        if self._told.trouble:
            self._told = replace(self._told, trouble="")

    def _count_waiting(self) -> None:
        waiting = self._tally.waiting()
        if waiting != self._told.waiting:
            self._told = replace(self._told, waiting=waiting)

    def _keep(self, board: Board, mark: str) -> None:
        try:
            disk.make_folder(self._file.parent)
            disk.write_whole(self._file, written(Kept(mark, board)).encode())
        except RoremError as error:  # it is counted again after a restart
            log.warning("The leaderboard is not kept: %s", error.sentence)

    def _restore(self) -> None:
        try:
            kept = read(Kept, self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (OSError, ValueError, StorageError) as error:  # it is worth no more than a new count
            log.warning("%s is no kept leaderboard: %s", self._file, error)
            return
        if kept.board.dataset == self._dataset:
            self._told, self._mark = Told(board=kept.board), kept.mark

    def _shown(self, sentence: str) -> str:
        """Without paths of this machine, for every visitor to read."""
        return sentence.replace(f"{self._file.parent.parent}{os.sep}", "")


def _mark(newest: str) -> str:
    """Another version of the program counts anew."""
    return f"{__version__} {newest}"
