"""Tickets: the ids under which items are issued to visits. They tell nothing, cannot be guessed, and expire."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from secrets import token_urlsafe
from threading import Lock
from time import monotonic

from rorem_demo.annotating.items import Item

LIFETIME = 3600.0
"""Seconds."""
MOST = 20_000
"""Kept at once; the oldest go first."""


@dataclass(frozen=True)
class Ticket:
    """An item as it was shown to one visit."""

    item: Item
    visit: str
    expires: float
    """By the table's clock, in seconds."""
    issued: datetime = field(default_factory=partial(datetime.now, UTC))


class Tickets:
    """What was issued in this process.

    Args:
        clock: seconds; a seam for tests.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, Ticket] = OrderedDict()  # oldest first
        self._lock = Lock()

    def issue(self, item: Item, visit: str) -> str:
        """A new id for the item."""
        key = token_urlsafe(16)
        with self._lock:
            self._held[key] = Ticket(item, visit, self._clock() + LIFETIME)
            while len(self._held) > MOST or next(iter(self._held.values())).expires < self._clock():
                self._held.popitem(last=False)
        return key

    def find(self, key: str) -> Ticket | None:
        """What was issued under this id, or None if nothing was or it has expired."""
        with self._lock:
            ticket = self._held.get(key)
        return ticket if ticket is not None and ticket.expires >= self._clock() else None
