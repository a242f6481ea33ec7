"""docs/quality.md: its tables are what runs wrote, and what it says of them in words is in them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import PIL.Image
import pytest

from rorem_demo.evaluation.quality_markdown import tables
from rorem_demo.evaluation.quality_measures import DISTANCES, FEATURES
from rorem_demo.evaluation.quality_report import MethodQuality, Report

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/quality.md").read_text(encoding="utf-8")
REMOVERS = ("shift-map", "telea", "navier-stokes")
REPORTS = {
    path.stem.removeprefix("quality-"): Report.from_json(path.read_bytes())
    for path in sorted((ROOT / "docs").glob("quality-*.json"))
}


class Interval(NamedTuple):
    value: float
    low: float
    high: float


def found(report: str, key: str) -> MethodQuality:
    return next(method for method in REPORTS[report].methods if method.key == key)


def psnr(report: str, key: str) -> Interval:
    figure = found(report, key).hole_psnr
    assert figure
    assert figure.low is not None
    assert figure.high is not None
    return Interval(figure.value, figure.low, figure.high)


def ssim(report: str, key: str) -> float:
    figure = found(report, key).hole_ssim
    assert figure
    return figure.value


@pytest.mark.parametrize("name", REPORTS)
def test_the_tables_are_those_of_the_runs(name: str) -> None:
    assert f"<!-- quality-{name}.json -->\n{tables(REPORTS[name])}<!-- end -->" in TEXT, "run scripts/quality.py"


def test_there_are_four_runs_and_each_measured_all_of_its_pairs() -> None:
    counts = {name: {method.pairs for method in report.methods} for name, report in REPORTS.items()}
    assert counts == {"highway": {135}, "road": {74}, "scenes": {60}, "smarteraser": {3}}
    assert not [failure for report in REPORTS.values() for failure in report.failures]


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_outside_was_changed(name: str) -> None:
    assert {method.changed_outside for method in REPORTS[name].methods} == {0}


def test_what_is_said_of_misleading_numbers_is_so() -> None:
    for name in ("road", "highway", "scenes"):
        assert all(ssim(name, "mean-colour") > ssim(name, key) for key in REMOVERS), name


def test_what_is_said_of_the_judge_is_so() -> None:
    rates = {name: found(name, "truth").clean for name in ("highway", "road", "scenes")}
    assert {name: round(100 * rate.value) for name, rate in rates.items() if rate} == {
        "highway": 22,
        "road": 66,
        "scenes": 95,
    }


def test_what_is_said_of_the_methods_is_so() -> None:
    for name in REPORTS:
        assert all(psnr(name, "untouched").high < psnr(name, key).low for key in REMOVERS), name
        assert all(ssim(name, "untouched") < ssim(name, key) for key in REMOVERS), name
    clean = [found("scenes", key).clean for key in REMOVERS]
    assert [round(100 * rate.value) for rate in clean if rate] == [48, 7, 3]
    best, *others = (psnr("road", key) for key in REMOVERS)
    assert all(other.high < best.low and best.value - other.value == pytest.approx(4.3, abs=0.2) for other in others)
    for name in ("highway", "scenes"):
        best, *others = (psnr(name, key) for key in REMOVERS)
        assert all(other.high > best.low for other in others), name


def test_every_file_that_can_be_put_there_is_named() -> None:
    for spec in (*DISTANCES, *FEATURES):
        assert all(f"{file.repository}/{file.file}" in TEXT for file in spec.weights), spec.key


def test_the_picture_is_a_sheet_and_small() -> None:
    path = ROOT / "docs/quality-scenes.jpg"
    assert f"]({path.name})" in TEXT
    assert path.stat().st_size < 400_000
    with PIL.Image.open(path) as picture:
        assert picture.format == "JPEG"
        assert not picture.getexif()


def test_no_picture_of_others_is_there() -> None:
    assert [path.name for path in (ROOT / "docs").glob("quality-*.jpg")] == ["quality-scenes.jpg"]
    assert re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT) == ["quality-scenes.jpg"]


def test_the_script_finds_nothing_to_write() -> None:
    assert subprocess.run([sys.executable, "scripts/quality.py", "--check"], cwd=ROOT, check=False).returncode == 0
