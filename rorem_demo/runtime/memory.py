"""How much memory there is, and what becomes of memory that nobody uses any more: given back, or kept for later."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import CDLL
from pathlib import Path
from threading import Lock
from typing import Literal

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
"""Numbers of glibc's malloc.h, and what two of them are by default."""
_TRIMMED, _MAPPED = 128 << 10, 1 << 16
_MEMORY = Path("/proc/meminfo")
_LIMITS = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Of the container this process is in, if it is in one."""
_LOCK = Lock()
_keeping = 0


def memory_gb(kind: Literal["MemTotal", "MemAvailable"]) -> float | None:
    """What the machine has, or has left, and no more than a container may have; None where the system does not tell."""
    with suppress(OSError, StopIteration):
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        found = int(next(line for line in lines if line.startswith(f"{kind}:")).split()[1]) * 1024
        return min([found, *_limits()]) / 1e9
    return None


def _limits() -> Iterator[int]:
    for path in _LIMITS:
        with suppress(OSError, ValueError):  # not there, or "max"
            yield int(path.read_text(encoding="ascii"))


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
