"""Memory that nobody uses any more: given back to the system, or kept for the next tensor."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import CDLL
from threading import Lock

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
"""Numbers of glibc's malloc.h, and what two of them are by default."""
_TRIMMED, _MAPPED = 128 << 10, 1 << 16
_LOCK = Lock()
_keeping = 0


def give_back_memory() -> None:
    """What was freed goes back: after a large model was loaded glibc may hold gigabytes for later."""
    gc.collect()
    trim()


def trim() -> None:
    """The same without looking for what nobody uses: a few milliseconds."""
    with suppress(OSError, AttributeError):  # only glibc has it
        CDLL(None).malloc_trim(0)


def share_one_heap() -> None:
    """Let the threads that are still to come share the main heap, or `kept_memory` does nothing for them."""
    _set(_ARENA_MAX, 1)


@contextmanager
def kept_memory() -> Iterator[None]:
    """What is freed meanwhile is kept for the next who asks, and given back at the end.

    Large tensors that come and go are otherwise mapped and unmapped each time, and the system clears every page anew: a
    quarter of the time of a VAE on a CPU.
    """
    _keep(1)
    try:
        yield
    finally:
        _keep(-1)


def _keep(more: int) -> None:
    global _keeping  # noqa: PLW0603  # as the setting is the process's, so is the count of who wants it
    with _LOCK:
        _keeping += more
        _set(_TRIM_THRESHOLD, -1 if _keeping else _TRIMMED)
        _set(_MMAP_MAX, 0 if _keeping else _MAPPED)
        if not _keeping:
            trim()


def _set(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        CDLL(None).mallopt(option, value)
