"""A Line in simulated time: visitors who come, want several turns at once or one after the other, and may leave."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from rorem_demo.runtime.turns_line import Line, Place, Waiting


@dataclass(frozen=True)
class Asked:
    """A visitor's turns, each asked for when the one before it is over."""

    visitor: str
    at: float
    seconds: tuple[float, ...]
    """Of each turn."""
    patience: float = float("inf")
    """Seconds after which somebody who waits leaves for good."""


@dataclass
class Turn:
    """What became of one place."""

    place: Place
    seconds: float
    """It takes, which is what the line is told, too."""
    left: bool = False
    """Before it began."""
    ended: float | None = None
    told: list[tuple[float, Waiting]] = field(default_factory=list)
    """When, and what."""

    @property
    def waited(self) -> float:
        return (self.place.begun or 0.0) - self.place.arrived


def simulated(asked: Iterable[Asked], *, telling: bool = False) -> list[Turn]:
    """Every turn, in the order they were asked for."""
    return _Simulation(telling=telling).run(asked)


class _Simulation:
    def __init__(self, *, telling: bool) -> None:
        self._line, self._telling = Line(), telling
        self._turns: list[Turn] = []
        self._waiting: list[tuple[Turn, Asked, int]] = []
        self._events: list[tuple[float, int, str, Any]] = []
        self._count = 0

    def run(self, asked: Iterable[Asked]) -> list[Turn]:
        for one in asked:
            self._plan(one.at, "enter", (one, 0))
        while self._events:
            now, _, kind, what = heapq.heappop(self._events)
            getattr(self, f"_{kind}")(now, what)
            self._go_on(now)
        return self._turns

    def _plan(self, at: float, kind: str, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, kind, what))

    def _enter(self, now: float, what: tuple[Asked, int]) -> None:
        asked, number = what
        turn = Turn(Place(asked.visitor, asked.seconds[number], now), asked.seconds[number])
        self._turns.append(turn)
        self._line.enter(turn.place)
        self._waiting.append((turn, asked, number))
        if isfinite(asked.patience):
            self._plan(now + asked.patience, "give_up", turn)

    def _go_on(self, now: float) -> None:
        """Let the next begin, plan its end, and tell the others."""
        self._line.begin(now)
        still = []
        for turn, asked, number in self._waiting:
            if turn.place.begun is not None:
                self._plan(turn.place.begun + turn.seconds, "end", (turn, asked, number))
            elif not turn.left:
                still.append((turn, asked, number))
                if self._telling:
                    turn.told.append((now, self._line.told(turn.place, now)))
        self._waiting = still

    def _end(self, now: float, what: tuple[Turn, Asked, int]) -> None:
        turn, asked, number = what
        turn.ended = now
        self._line.leave(turn.place, now)
        self._line.begin(now)  # who asks again is too late for this one
        if number + 1 < len(asked.seconds):
            self._enter(now, (asked, number + 1))

    def _give_up(self, now: float, turn: Turn) -> None:
        if turn.place.begun is None:
            turn.left = True
            self._line.leave(turn.place, now)
