"""Making ready cases as it is run: processes that are killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rorem_demo.comparison.cases import read_cases
from tests.comparison.case_sets import whole, write_photos

pytestmark = pytest.mark.slow  # starts processes
COUNT = 12


def start(folder: Path, seed: int) -> subprocess.Popen[bytes]:
    """The command with a remover that takes its time and notes each removal."""
    asked = ["--cases", str(folder / "photos"), "--output", str(folder / "set"), "--seed", str(seed)]
    settings = {
        "TOLD": str(folder / "told"),
        "ROREM_DATA_DIR": str(folder / "data"),
        "ROREM_DISCRIMINATOR": "none",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.curation.command", "compare", *asked]
    return subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def sound(folder: Path) -> int:
    """How many results the set has, each of which can be looked at."""
    found = read_cases(folder / "set")
    assert found.broken == 0
    whole(found)
    return sum(len(case.results) for case in found.cases.values())


@pytest.mark.parametrize("anew", [False, True])
def test_a_set_is_sound_whenever_a_run_is_killed_and_the_next_one_goes_on(tmp_path: Path, anew: bool) -> None:  # noqa: FBT001
    write_photos(tmp_path / "photos", COUNT, truths=True)
    if anew:  # every result then takes the place of another
        assert start(tmp_path, seed=0).wait(120) == 0
        (tmp_path / "told").unlink()
    chance, seed, killed = random.Random(0), int(anew), 0
    while killed < 6:
        process = start(tmp_path, seed)
        told = tmp_path / "told"
        before = told.stat().st_size if told.exists() else 0
        while process.poll() is None and (told.stat().st_size if told.exists() else 0) == before:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.25))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        sound(tmp_path)
    assert killed >= 3
    assert start(tmp_path, seed).wait(120) == 0
    assert sound(tmp_path) == COUNT
    found = read_cases(tmp_path / "set")
    assert {f'"seed": {seed}' in case.result("slowly").options for case in found.cases.values()} == {True}
    removals = len((tmp_path / "told").read_text().splitlines())
    assert COUNT <= removals <= COUNT + killed, "each was made once, but for those at work when it was killed"
