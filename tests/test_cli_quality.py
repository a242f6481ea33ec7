"""`bench quality` as it is run: what it prints, its exit codes, and processes that are killed or share the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rorem_demo.cli import main
from rorem_demo.evaluation.quality import REPORT, TEXT
from rorem_demo.evaluation.quality_ledger import NAME
from tests.evaluation.pairs import add_pair, services, write_pairs

COUNT = 10
METHODS = 4
"""Three baselines and one."""


def run(pairs: Path, *arguments: str, methods: str = "grey") -> int:
    asked = ["--pairs", str(pairs), "--methods", methods, "--output", str(pairs.parent / "out"), *arguments]
    return main(["bench", "quality", *asked], services())


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs", 2)


def test_a_row_per_method_is_printed_and_the_report_written(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pairs) == 0
    head, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["method", "pairs", "failed"]
    assert [row.split()[0] for row in rows] == ["untouched", "mean-colour", "truth", "grey"]
    assert "28.13 dB" in rows[-1]
    assert last == f"All of it is in {pairs.parent / 'out'}."
    assert (pairs.parent / "out" / TEXT).read_text().startswith("# Quality on pairs\n")


def test_json_is_one_object_a_method(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pairs, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["key"] for line in lines] == ["untouched", "mean-colour", "truth", "grey"]
    assert lines[-1]["hole_psnr"]["n"] == 2
    assert lines[-1]["options"]["seed"] == 0


def test_one_bad_pair_is_named_and_the_others_measured(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_pair(
        pairs, "unmarked", np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.bool_), np.zeros((9, 9, 3), np.uint8)
    )
    assert run(pairs) == 0
    said = capsys.readouterr().err
    assert "rorem_demo: grey on unmarked: " in said


def test_nothing_measured_is_2(pairs: Path) -> None:
    for mask in (pairs / "mask").iterdir():
        mask.write_bytes(b"")
    assert run(pairs) == 2


@pytest.mark.parametrize(
    ("arguments", "methods", "said"),
    [
        (["--processes", "0"], "grey", "processes is 0. Give at least 1."),
        (["--cases", "0"], "grey", "cases is 0. Give at least 1."),
        (["--seed", "-1"], "grey", "seed is -1. Give a value from 0 to 4294967295."),
        ([], "nonsense", "There is no method 'nonsense'."),
        ([], " , ", "Each method is to be named once."),
        ([], "absent", "Absent cannot run here"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], methods: str, said: str, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pairs, *arguments, methods=methods) == 2
    assert f"rorem_demo: {said}" in capsys.readouterr().err


def test_a_folder_that_is_none_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere") == 2
    assert "holds no photos with masks" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_said_in_one_line(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs.parent / "out").write_text("")
    assert run(pairs) == 2
    assert "cannot be written or read" in capsys.readouterr().err


class Bench:
    """The command in processes of its own, over a folder of pairs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pairs = folder, write_pairs(folder / "pairs", COUNT)

    def start(self, output: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        asked = ["--pairs", str(self.pairs), "--methods", "telling", "--output", str(self.folder / output), "--json"]
        command = [sys.executable, "-m", "tests.evaluation.pairs", "bench", "quality", *asked, *arguments]
        settings = {"TOLD": str(self.folder / f"told-{output}"), "SECONDS": "0.2", "OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **settings, **environment}
        )

    def run(self, output: str, *arguments: str, **environment: str) -> list[dict[str, Any]]:
        """The methods as they are told, without seconds, which no two runs share."""
        process = self.start(output, *arguments, **environment)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return [{**json.loads(line), "seconds": None} for line in out.splitlines()]

    def lines(self, output: str) -> int:
        path = self.folder / output / NAME
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def removals(self, output: str) -> list[list[str]]:
        return [line.split(" ", 1) for line in (self.folder / f"told-{output}").read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.slow
def test_a_run_that_was_killed_again_and_again_says_what_one_run_says(bench: Bench) -> None:
    whole, kills = bench.run("whole"), 3
    for number in range(kills):
        process = bench.start("out")
        while process.poll() is None and bench.lines("out") < 3 * COUNT + 2 + 2 * number:
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert bench.lines("out") < METHODS * COUNT, "something was left to do"
    assert bench.run("out") == whole
    repeated = Counter(what for _, what in bench.removals("out"))
    assert len(repeated) == COUNT
    assert sum(repeated.values()) <= COUNT + kills, "no more than the one that was under way"
    assert (bench.folder / "out" / REPORT).exists()


@pytest.mark.slow
def test_two_processes_share_the_work_and_say_what_one_says(bench: Bench) -> None:
    whole = bench.run("whole")
    assert bench.run("out", "--processes", "2") == whole
    removals = bench.removals("out")
    assert set(Counter(what for _, what in removals).values()) == {1}
    assert len({process for process, _ in removals}) == 2


@pytest.mark.slow
def test_two_processes_with_the_judge_say_what_one_says(bench: Bench) -> None:
    judge = {"JUDGE": str(Path(__file__).parents[1] / "assets/discriminator/compact")}
    whole = bench.run("whole", "--cases", "3", **judge)
    assert whole[0]["clean"]["n"] == 3
    assert whole[0]["likely"]["value"] < whole[2]["likely"]["value"], "untouched is less clean than the truth"
    assert bench.run("out", "--cases", "3", "--processes", "2", **judge) == whole


@pytest.mark.slow
def test_processes_end_with_the_one_that_began_them(bench: Bench) -> None:
    process = bench.start("out", "--processes", "2", SECONDS="1")
    while process.poll() is None and bench.lines("out") < 3 * COUNT + 1:
        time.sleep(0.01)
    workers = {int(worker) for worker, _ in bench.removals("out")}
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers
    assert not any(map(alive, workers))


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_and_what_was_done_stays(bench: Bench) -> None:
    process = bench.start("out", "--processes", "2", SECONDS="0.5")
    while process.poll() is None and bench.lines("out") < 3 * COUNT + 2:
        time.sleep(0.01)
    os.kill(int(bench.removals("out")[0][0]), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "A process that measured was killed." in err
    done = bench.lines("out")
    bench.run("out")
    assert bench.lines("out") == METHODS * COUNT
    assert done >= 3 * COUNT + 2


def alive(process: int) -> bool:
    """A process that ended and was not asked for by its parent is a zombie."""
    try:
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
