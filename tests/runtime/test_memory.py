"""Memory that is kept while it is needed, and given back: by this system's own counts, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rorem_demo.runtime import memory
from rorem_demo.runtime.memory import memory_gb

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


def test_how_much_memory_there_is_and_no_more_than_a_container_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, limits = tmp_path / "meminfo", [tmp_path / "max", tmp_path / "former"]
    monkeypatch.setattr(memory, "_MEMORY", system)
    monkeypatch.setattr(memory, "_LIMITS", limits)
    assert memory_gb("MemTotal") is None
    system.write_text("MemTotal:  16000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\n", encoding="ascii")
    assert (memory_gb("MemTotal"), memory_gb("MemAvailable")) == (16.384, 8.192)
    limits[0].write_text("max\n", encoding="ascii")
    assert memory_gb("MemTotal") == 16.384
    limits[1].write_text("10000000000\n", encoding="ascii")
    assert (memory_gb("MemTotal"), memory_gb("MemAvailable")) == (10.0, 8.192)


def test_kept_memory_is_cleared_once_and_given_back_at_the_end() -> None:
    faults, _, after = counted("plain")
    fewer, during, later = counted("kept")
    assert fewer < faults / 5
    assert during > 150 << 20, "what was freed is kept"
    assert later < after + (40 << 20), "and goes back, though not what is still in use"
