"""Turns: one machine, many visitors; who may use it next, and what those are told who wait.

A turn is one attempt of one remover. Whoever wants several takes a turn for each, and so gives way between them. Who
is next, and how long anybody waits at most, is the rule of `runtime.turns_line`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from threading import Condition
from time import monotonic
from typing import TypeVar

from rorem_demo.runtime.turns_line import Line, Place, Waiting

T = TypeVar("T")

TOLD_EVERY = 0.5
"""Seconds after which one who waits is told again even if nothing changed; only then can a face give up for them."""


@dataclass(frozen=True)
class Begun:
    """A turn has begun."""

    waited: float
    """Seconds."""


class Turns:
    """Turns at the machine, taken from any thread.

    Args:
        clock: seconds; a seam for tests.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._line = Line()
        self._changed = Condition()  # reentrant: a forgotten generator may be closed wherever Python collects it

    def during(self, visitor: str, seconds: float | None, work: Iterator[T]) -> Iterator[Waiting | Begun | T]:
        """Wait, do the work while nobody else does theirs, and give what it yields.

        Yields Waiting at least every `TOLD_EVERY` seconds and whenever the line changes, one Begun, and then what
        `work` yields. However it ends, by closing it too, the place or the turn is free at once.

        Args:
            visitor: whoever they are; what they used counts together.
            seconds: the work takes, as far as known.
            work: not begun before the turn.
        """
        place, finished = self._enter(visitor, seconds), False
        try:
            yield from self._awaited(place)
            yield Begun((place.begun or 0.0) - place.arrived)
            yield from work
            finished = True
        finally:
            self._leave(place, finished=finished)

    def _enter(self, visitor: str, seconds: float | None) -> Place:
        with self._changed:
            now = self._clock()
            place = Place(visitor, seconds, now)
            self._line.enter(place)
            self._line.begin(now)
            self._changed.notify_all()
        return place

    def _leave(self, place: Place, *, finished: bool) -> None:
        with self._changed:
            now = self._clock()
            self._line.leave(place, now, finished=finished)
            self._line.begin(now)
            self._changed.notify_all()

    def _awaited(self, place: Place) -> Generator[Waiting]:
        """Tell until the turn has begun; holds the lock only between two tellings."""
        told = self._told(place)
        while told:
            yield told
            with self._changed:
                if place.begun is None:
                    self._changed.wait(TOLD_EVERY)
            told = self._told(place)

    def _told(self, place: Place) -> Waiting | None:
        with self._changed:
            return self._line.told(place, self._clock()) if place.begun is None else None
