"""Faults of the loopback Hub: requests held, refused, or done without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Literal, TypeAlias

from tests.hub_repository import RefusalError

Point: TypeAlias = Literal["before", "after"]
"""Of a request: before it is done, or when it is done and not answered yet."""


class LostError(Exception):
    """The connection ends without an answer."""


@dataclass(eq=False)
class Gate:
    """Holds matching requests at a point until it is opened."""

    method: str
    part: str
    point: Point
    arrived: Event = field(default_factory=Event)
    """A request is held."""
    _opened: Event = field(default_factory=Event)
    _lost: bool = False

    def release(self) -> None:
        """Let what is held go on, and what comes later pass."""
        self._opened.set()

    def forget(self) -> None:
        """End the connections of what is held, as if the server had died at this point; what comes later passes."""
        self._lost = True
        self._opened.set()

    def hold(self) -> None:
        """Wait until it is opened."""
        if self._opened.is_set():
            return
        self.arrived.set()
        self._opened.wait()
        if self._lost:
            raise LostError


@dataclass(eq=False)
class _Refusal:
    method: str
    part: str
    point: Point
    times: int
    error: RefusalError | LostError


class Faults:
    """What a hub was told to do wrong; may be told at any time, from any thread."""

    def __init__(self) -> None:
        self._gates: list[Gate] = []
        self._refusals: list[_Refusal] = []
        self._lock = Lock()

    def hold(self, method: str, part: str, point: Point = "before") -> Gate:
        """Hold requests with this method whose path contains this; `after`: done already, unanswered."""
        gate = Gate(method, part, point)
        with self._lock:
            self._gates.append(gate)
        return gate

    def refuse(
        self, method: str, part: str, status: int, headers: Mapping[str, str] | None = None, *, times: int = 1
    ) -> None:
        """Answer the next such requests with this status, undone."""
        self._add(_Refusal(method, part, "before", times, RefusalError(status, headers=headers)))

    def lose(self, method: str, part: str, *, times: int = 1) -> None:
        """Do the next such requests, and end the connection instead of answering."""
        self._add(_Refusal(method, part, "after", times, LostError()))

    def reach(self, point: Point, method: str, path: str) -> None:
        """Meet the faults of this point.

        Raises:
            RefusalError: it was told to refuse this.
            LostError: the answer, or the request itself, is to be lost.
        """
        for gate in [gate for gate in self._gates if _meets(gate, point, method, path)]:
            gate.hold()
        with self._lock:
            for refusal in self._refusals:
                if refusal.times and _meets(refusal, point, method, path):
                    refusal.times -= 1
                    raise refusal.error

    def end(self) -> None:
        """Open every gate; what is held is forgotten."""
        for gate in self._gates:
            gate.forget()

    def _add(self, refusal: _Refusal) -> None:
        with self._lock:
            self._refusals.append(refusal)


def _meets(fault: Gate | _Refusal, point: Point, method: str, path: str) -> bool:
    return fault.point == point and fault.method == method and fault.part in path
