"""Tickets: the ids under which things are issued to visits. They tell nothing, cannot be guessed, and expire."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_urlsafe
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from rorem_demo.errors import InputError

T = TypeVar("T")

LIFETIME = 3600.0
"""Seconds."""
MOST = 20_000
"""Kept at once; the oldest go first."""


class GoneError(InputError):
    """An id that was never issued, or has expired."""


@dataclass(frozen=True)
class Ticket(Generic[T]):
    """An item as it was shown to one visit."""

    item: T
    visit: str
    expires: float
    """By the table's clock, in seconds."""
    issued: datetime = field(default_factory=partial(datetime.now, UTC))

    def shown(self, looked: float | None) -> datetime:
        """When its pictures were seen first: `looked` seconds ago, as the page says, but not before it was issued."""
        if looked is None:
            return self.issued
        return max(self.issued, datetime.now(UTC) - timedelta(seconds=looked))


class Tickets(Generic[T]):
    """What was issued in this process.

    Args:
        clock: seconds; a seam for tests.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, Ticket[T]] = OrderedDict()  # oldest first
        self._lock = Lock()

    def issue(self, item: T, visit: str) -> str:
        """A new id for the item."""
        key = token_urlsafe(16)
        with self._lock:
            self._held[key] = Ticket(item, visit, self._clock() + LIFETIME)
            while len(self._held) > MOST or next(iter(self._held.values())).expires < self._clock():
                self._held.popitem(last=False)
        return key

    def find(self, key: str) -> Ticket[T] | None:
        """What was issued under this id, or None if nothing was or it has expired."""
        with self._lock:
            ticket = self._held.get(key)
        return ticket if ticket is not None and ticket.expires >= self._clock() else None
