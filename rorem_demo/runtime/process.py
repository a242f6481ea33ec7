"""settle(): what a process has to be told before it imports torch and starts threads; imports neither."""

from __future__ import annotations

import os

from rorem_demo.runtime.memory import share_one_heap

_SPINS = "3000"
"""Rounds that a thread waits awake, some microseconds: enough for a network's next product, not for a neighbour."""


def settle() -> None:
    """Make this process a good neighbour to others on the same cores; a person's own settings stay.

    Threads that share a product wait for each other. By default they keep their core while they wait, and beside busy
    programs products take several times as long. Asleep at once they would take a fifth longer when alone.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    share_one_heap()
