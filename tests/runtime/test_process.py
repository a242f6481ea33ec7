"""What a process is told before it imports torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rorem_demo.runtime.process import settle


def test_threads_wait_awake_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody says otherwise."""
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    settle()
    assert int(os.environ["GOMP_SPINCOUNT"]) < 10_000
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    settle()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    settle()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.parametrize("start", ["import app", "from rorem_demo.cli import main"])
def test_a_program_settles_before_torch_is_there(start: str) -> None:
    """Torch's threads read it once, when they are loaded."""
    seen = "import sys; from rorem_demo.runtime import process; real = process.settle; calls = []\n"
    seen += "process.settle = lambda: (calls.append('torch' in sys.modules), real())\n"
    then = "\nif 'main' in dir(): main(['methods'])\nassert calls == [False], calls"
    subprocess.run([sys.executable, "-c", seen + start + then], check=True, capture_output=True)
