"""The processes that are compared: they answer in turns, and what befalls them is told in a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from threading import Timer
from time import perf_counter

import pytest

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.evaluation.speed_process import asked
from tests.evaluation.speed_doubles import job


def test_a_process_loads_once_and_answers_until_the_block_ends() -> None:
    with asked(job()) as side:
        assert side.ask("said", 1, "two") == (1, "two")
        assert side.ask("made") == side.ask("made")
        assert side.ask("made")[0] == side.pid != os.getpid()
        assert side.ask("gpus") == "", "a CPU is measured, whatever else is here"
        pid = side.pid
    assert pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_failures_are_told_as_they_are_and_the_process_goes_on() -> None:
    with asked(job()) as side:
        with pytest.raises(InputError, match=r"Not so\.") as refused:
            side.ask("refuse")
        assert refused.value.hint == "Otherwise."
        for starving in ("starve", "starve_as_torch"):
            with pytest.raises(UnavailableError, match="Memory did not suffice for the echo") as starved:
                side.ask(starving)
            assert "about 14 GB" in starved.value.hint
        with pytest.raises(RuntimeError, match="ZeroDivisionError: by nothing") as broken:
            side.ask("break_down")
        assert "in break_down" in broken.value.__notes__[0]
        assert side.ask("said") == ()


def test_a_model_that_does_not_fit_is_told() -> None:
    with asked(job("Unloadable")) as side, pytest.raises(UnavailableError, match="Memory did not suffice"):
        side.ask("said")


def test_a_process_that_is_killed_while_it_works_is_told() -> None:
    with asked(job()) as side:
        side.ask("said")
        assert side.pid
        timer = Timer(0.2, os.kill, (side.pid, signal.SIGKILL))
        timer.start()
        begun = perf_counter()
        with pytest.raises(UnavailableError, match="The process of the echo was killed") as told:
            side.ask("wait")
        assert perf_counter() - begun < 30
        assert "about 14 GB of memory" in told.value.hint


def test_leaving_early_ends_a_process_that_works() -> None:
    class LeavingError(Exception):
        pass

    def leave() -> None:
        with asked(job()) as side:
            found.append(side.pid)
            raise LeavingError

    found: list[int | None] = []
    with pytest.raises(LeavingError):
        leave()
    assert found[0]
    with pytest.raises(ProcessLookupError):
        os.kill(found[0], 0)


def test_asking_imports_no_torch() -> None:
    code = "import sys, rorem_demo.evaluation.speed; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, "it would take memory and time"
