"""Memory that nobody uses any more, given back to the system."""

from __future__ import annotations

import gc
from contextlib import suppress
from ctypes import CDLL


def give_back_memory() -> None:
    """What was freed goes back: after a large model was loaded glibc may hold gigabytes for later."""
    gc.collect()
    trim()


def trim() -> None:
    """The same without looking for what nobody uses: a few milliseconds."""
    with suppress(OSError, AttributeError):  # only glibc has it
        CDLL(None).malloc_trim(0)
