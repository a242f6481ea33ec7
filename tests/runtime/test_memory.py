"""Memory that is kept while it is needed, and given back: by this system's own counts, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists() or "CS_GNU_LIBC_VERSION" not in os.confstr_names,
    reason="other systems and C libraries have neither these settings nor these counts",
)

WORK = """
import resource, sys
from threading import Thread
from contextlib import nullcontext
from rorem_demo.runtime.memory import kept_memory
from rorem_demo.runtime.process import settle
settle()
import numpy as np
kept, lines = sys.argv[1] == "kept", []
pages = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
def work():
    before = pages()
    with kept_memory() if kept else nullcontext():
        np.ones(20 << 20)
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            np.ones(20 << 20)
        lines.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begun)
        held = np.ones(1 << 20)
        lines.append(pages() - before)
    lines.append(pages() - before)
    assert held.sum() == 1 << 20
thread = Thread(target=work)
thread.start()
thread.join()
print(*lines)
"""


def counted(how: str) -> tuple[int, int, int]:
    """Faults of pages while large arrays come and go in a thread; bytes held meanwhile, and afterwards."""
    done = subprocess.run([sys.executable, "-c", WORK, how], capture_output=True, text=True, check=True)
    faults, during, after = map(int, done.stdout.split())
    return faults, during, after


def test_kept_memory_is_cleared_once_and_given_back_at_the_end() -> None:
    faults, _, after = counted("plain")
    fewer, during, later = counted("kept")
    assert fewer < faults / 5
    assert during > 150 << 20, "what was freed is kept"
    assert later < after + (40 << 20), "and goes back, though not what is still in use"
