"""A served app, and what its store holds since a test began."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Generic, TypeVar

from rorem_demo.feedback.records import Rating, Vote
from rorem_demo.feedback.store import Store

R = TypeVar("R", Rating, Vote)


class Served(Generic[R]):
    """Of one kind of records."""

    def __init__(self, address: str, data: Path, kind: type[R]) -> None:
        self.address, self.data, self.kind = address, data, kind
        self.before: set[str] = set()

    def begin(self) -> Served[R]:
        """Count from here on."""
        self.before |= {row.id for row in self.rows}
        return self

    @property
    def rows(self) -> list[R]:
        store = Store(self.data)
        try:
            return [held.record for held in store.each(self.kind) if held.record.id not in self.before]
        finally:
            store.close()

    def kept(self, count: int) -> list[R]:
        """The rows, once there are so many."""
        deadline = time.monotonic() + 10
        while len(self.rows) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.rows
