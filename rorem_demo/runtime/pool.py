"""ModelPool: load once, one caller at a time per model, evict the least recently used.

The table is guarded by one lock that is never held while a model loads or runs, so a slow model delays only
those who wait for it. Room is made before a model loads, so that memory never holds one too many. A model in
use is never evicted: the pool overflows for that moment instead. One whose GPU was lost is not lent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from rorem_demo.runtime.devices import free_gpu_memory
from rorem_demo.runtime.troubles import gpu_lost

M = TypeVar("M")


@dataclass
class _Slot(Generic[M]):
    lock: Lock = field(default_factory=Lock)  # held while its model loads or is used
    users: int = 0  # those who hold or wait for the lock
    model: M | None = None


class ModelPool(Generic[M]):
    """Keeps at most `capacity` models, and more only while more are in use at once.

    Args:
        load: makes the model of a key; called once per key, however many ask for it at once, and again only
            after an eviction or a failure.
        capacity: models kept; at least 1. On ZeroGPU it is the length of the catalogue: nothing is evicted.
        shared: the models hold nothing of their caller, so several may use one at once.
    """

    def __init__(self, load: Callable[[str], M], capacity: int, *, shared: bool = False) -> None:
        self._load = load
        self._shared = shared
        self._capacity = max(1, capacity)
        self._slots: dict[str, _Slot[M]] = {}  # least recently used first
        self._guard = Lock()

    @contextmanager
    def use(self, key: str) -> Iterator[M]:
        """The model, loaded if need be; for this caller alone unless models are shared. Raises what `load` raises."""
        slot = self._enter(key)
        try:
            with slot.lock:
                if slot.model is None:
                    slot.model = self._load(key)
                if not self._shared:
                    try:
                        yield slot.model
                    except Exception as error:
                        if gpu_lost(error):
                            slot.model = None  # before whoever waits for it has the lock
                        raise
            if self._shared:
                yield slot.model
        finally:
            self._leave(key, slot)

    def preload(self, *keys: str) -> None:
        """Load now, in this process; on ZeroGPU the only loading that outlives a call."""
        for key in keys:
            with self.use(key):
                pass

    @property
    def loaded(self) -> tuple[str, ...]:
        """Keys of the models in memory, least recently used first."""
        with self._guard:
            return tuple(key for key, slot in self._slots.items() if slot.model is not None)

    def _enter(self, key: str) -> _Slot[M]:
        with self._guard:
            slot = self._slots.pop(key, None) or _Slot()
            self._slots[key] = slot  # now the most recently used
            slot.users += 1
            evicted = self._evict()
        if evicted:
            free_gpu_memory()
        return slot

    def _leave(self, key: str, slot: _Slot[M]) -> None:
        with self._guard:
            slot.users -= 1
            if slot.model is None and slot.users == 0:
                self._slots.pop(key, None)  # it never loaded, or was lost
            evicted = self._evict()
        if evicted:
            free_gpu_memory()

    def _evict(self) -> bool:
        """Whether anything had to go."""
        idle = [key for key, slot in self._slots.items() if slot.users == 0]
        going = idle[: max(0, len(self._slots) - self._capacity)]
        for key in going:
            del self._slots[key]
        return bool(going)
