"""settle(): what a process has to be told before it imports torch and starts threads; imports neither."""

from __future__ import annotations

import os

from rorem_demo.runtime.memory import share_one_heap


def settle() -> None:
    """Make this process a good neighbour to others on the same cores; a person's own settings stay.

    Threads that share a product wait for each other. By default they keep their core while they wait, so on two cores
    with one busy program beside them products took twelve times as long; asleep, two and a half times.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    share_one_heap()
