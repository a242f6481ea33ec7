"""What a process is told before it imports torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rorem_demo.runtime.process import settle


def test_threads_that_wait_sleep_unless_somebody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    settle()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    settle()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize("start", ["import app", "from rorem_demo.cli import main"])
def test_a_program_settles_before_torch_is_there(start: str) -> None:
    """Torch's threads read it once, when they are loaded."""
    seen = "import sys; from rorem_demo.runtime import process; real = process.settle; calls = []\n"
    seen += "process.settle = lambda: (calls.append('torch' in sys.modules), real())\n"
    then = "\nif 'main' in dir(): main(['methods'])\nassert calls == [False], calls"
    subprocess.run([sys.executable, "-c", seen + start + then], check=True, capture_output=True)
