"""`bench speed` as it is run: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rorem_demo.cli import main
from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation import benchmark, speed
from rorem_demo.evaluation.benchmark import Speed
from rorem_demo.evaluation.speed_jobs import Order
from rorem_demo.evaluation.speed_report import TIMES, Report
from rorem_demo.evaluation.speed_shapes import TINY
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.evaluation.speed_reports import REPORT

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    services = Services.assemble(Settings(data=tmp_path / "data"))
    return lambda *arguments: main(["bench", "speed", *arguments], services)


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What is asked for; nothing is measured."""
    found: list[Order] = []

    def measured(services: Services, order: Order, told: Callable[[str], None]) -> Report:
        found.append(order)
        told("run 1 of 1")
        return REPORT

    monkeypatch.setattr(speed, "measure", measured)
    return found


def test_both_sides_are_printed_with_the_ratio(
    run: Run, orders: list[Order], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--reference") == 0
    shown = capsys.readouterr()
    head, ours, theirs, ratio, *rest = shown.out.splitlines()
    assert head.split()[:6] == ["s", "text", "encode", "unet", "decode", "rest"]
    assert ours.startswith("ours            10.00 s")
    assert theirs.startswith("published call  87.60 s")
    assert ratio.split()[:2] == ["ratio", f"8.8{TIMES}"]
    assert any("1.23%" in line for line in rest)
    assert shown.err == "run 1 of 1\n"
    assert orders == [Order()]


def test_what_is_asked_for_is_measured_and_written(
    run: Run, orders: list[Order], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "found.json"
    asked = ("--device", "cuda", "--method", "rorem", "--size", "1024", "--repeats", "7", "--photos", "--check")
    assert run("--reference", *asked, "--weights", str(tmp_path), "--output", str(output), "--json") == 0
    order = Order(device="cuda", method="rorem", size=1024, repeats=7, photos=True, check=True, weights=tmp_path)
    assert orders == [order]
    assert Report.from_json(output.read_bytes()) == REPORT
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == json.loads(output.read_text(encoding="utf-8"))


def test_a_trial_has_weights_of_its_own(run: Run, orders: list[Order], tmp_path: Path) -> None:
    assert run("--reference", "--tiny") == 0
    assert orders[0].shapes == TINY
    assert orders[0].weights == tmp_path / "data" / "bench-weights-tiny"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "512"], "--size is of no use without --reference. Give that too."),
        (["--photos"], "--photos is of no use without --reference."),
        (["--repeats", "0"], "repeats is 0. Give at least 1."),
        (["--reference", "--repeats", "0"], "repeats is 0. Give at least 1."),
        (["--reference", "--method", "telea"], "There is no published call to compare Telea with."),
        (["--reference", "--size", "100"], "size is 100. Give a multiple of 8 from 64 to 2048."),
        (["--reference", "--output", "no/such/folder/found.json"], "There is no folder no/such/folder."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(*arguments) == 2
    assert f"rorem_demo: {said}" in capsys.readouterr().err


def test_what_fails_is_one_line_and_leaves_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(*given: Any) -> Report:
        raise UnavailableError("The process of the reference was killed.", hint="It needs about 16 GB of memory.")

    monkeypatch.setattr(speed, "measure", killed)
    assert run("--reference", "--output", str(tmp_path / "found.json")) == 2
    assert "rorem_demo: The process of the reference was killed. It needs about 16 GB" in capsys.readouterr().err
    assert not (tmp_path / "found.json").exists()


def test_without_a_reference_it_is_as_it_was(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repeated: list[int] = []

    def measured(services: Services, *, repeats: int) -> Iterator[Speed]:
        repeated.append(repeats)
        yield Speed(method="telea", share=0.05, small_seconds=0.5, large_seconds=0.6)

    monkeypatch.setattr(benchmark, "measured_speeds", measured)
    assert run() == 0
    assert run("--repeats", "4", "--json") == 0
    head, row, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["method", "mask", "1", "MP", "12", "MP", "ratio"]
    assert row.split() == ["telea", "5%", "0.500", "s", "0.600", "s", "1.2"]
    assert json.loads(line)["ratio"] == pytest.approx(1.2)
    assert repeated == [3, 4]
