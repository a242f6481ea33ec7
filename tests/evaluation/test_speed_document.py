"""docs/speed.md and what its tables are made from."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from rorem_demo.errors import InputError
from rorem_demo.evaluation.speed_markdown import NOT_RUN, SIDES, document, reports, side_rows, tables, write_tables
from rorem_demo.evaluation.speed_report import STAGES, TIMES, Report
from tests.evaluation.speed_reports import ON_GPU, REPORT

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "speed.md").read_text(encoding="utf-8")
RATIO = re.compile(rf"\b\d+\.\d{TIMES}")


def test_the_document_is_what_the_reports_beside_it_say() -> None:
    found = reports(DOCS)
    assert document(TEXT, found) == TEXT, "call speed_markdown.write_tables(Path('docs'))"


def test_the_goals_line_names_method_device_and_ratio() -> None:
    if not (found := [report for report in reports(DOCS) if report.device == "cpu"]):
        pytest.skip("no docs/speed-*.json: nobody has measured yet")
    lines = [line for line in TEXT.splitlines() if "rorem-4s" in line and "cpu" in line and RATIO.search(line)]
    assert lines
    assert any(found[0].ratio_text in line for line in lines)


def test_no_report_names_a_path_or_a_host() -> None:
    for path in DOCS.glob("speed-*.json"):
        assert not re.search(r"/(home|root|work|tmp|mnt|media|etc|var)/", path.read_text(encoding="utf-8")), path.name


def test_a_line_has_the_method_the_device_and_the_ratio_with_one_digit() -> None:
    (line,) = (line for line in tables([REPORT, ON_GPU]).splitlines() if "`rorem-4s`" in line and "`cpu`" in line)
    assert f"**8.8{TIMES}**" in line
    assert "10.00 s | 87.60 s" in line


def test_machines_are_told_apart_by_the_numbers_they_compute_in_the_quickest_first(tmp_path: Path) -> None:
    ours = replace(REPORT.ours, seconds=100.0, numbers=dict.fromkeys(REPORT.ours.numbers, "float32"))
    slow = replace(REPORT, ours=ours)
    for name, report in (("a", slow), ("b", REPORT)):
        (tmp_path / f"speed-{name}.json").write_text(report.to_json(), encoding="utf-8")
    assert reports(tmp_path) == [REPORT, slow]
    text = tables([REPORT, slow])
    assert text.index("### rorem-4s on cpu, 512 x 512, bfloat16") < text.index(
        "### rorem-4s on cpu, 512 x 512, float32"
    )
    assert f"**0.9{TIMES}** | 2026-11-21, float32 |" in text


def test_what_was_not_run_is_said() -> None:
    assert NOT_RUN in tables([REPORT])
    assert NOT_RUN not in tables([ON_GPU])
    assert "`cpu` |  |  |  |  | not run yet" in tables([ON_GPU])


@pytest.mark.parametrize("report", [REPORT, ON_GPU], ids=["cpu", "cuda"])
def test_every_row_has_a_cell_for_each_column(report: Report) -> None:
    assert {len(row) for row in side_rows(report)} == {len(SIDES)}
    for block in re.findall(r"(?:^\|.*\n)+", tables([report]), flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_a_section_has_machine_versions_shares_errors_and_what_else_was_measured() -> None:
    text = tables([REPORT])
    for words in (
        "2026-11-21, A processor, 2 cores, 2 threads, 25 GB of memory",
        "torch 2.11.0",
        "random weights; 4 steps on both sides; medians of 5 runs in turns",
        "ours in bfloat16, the published call in float32",
        "| ours | 10.00 s | 0.0% | 10.0% | 60.0% | 25.0% | 5.0% | 8.0 s | 25.0 s | 6.0 GB | 5.9 GB |",
        f"| ratio | 8.8{TIMES} |",
        "against float32: 1.23%",
        "0.50 grey levels in the mean, 9 at most (PSNR 48.2 dB)",
        "50% of the 2.12",
        f"12.50 s, one of 1155x866 10.00 s, both with 400 pixels marked: 1.25{TIMES}",
    ):
        assert words in text
    assert "ours in float32 too" not in text
    assert "5 runs in turns, each in a process started anew; ours" in tables([replace(REPORT, at_once=False)])
    assert "A card" in tables([ON_GPU])
    assert "weights of 0123abc" in tables([ON_GPU])


def test_an_equal_picture_in_float32_is_said_so() -> None:
    errors = replace(REPORT.errors, exact_levels_max=0)
    assert "with ours in float32 too: equal, 0 grey levels" in tables([replace(REPORT, errors=errors)])
    errors = replace(errors, exact_psnr_db=61.0, exact_levels_max=1)
    assert "too: PSNR 61.0 dB, 1 grey levels" in tables([replace(REPORT, errors=errors)])


@pytest.mark.parametrize("report", [REPORT, ON_GPU], ids=["cpu", "cuda"])
def test_a_report_survives_its_file(report: Report) -> None:
    assert Report.from_json(report.to_json().encode()) == report


def test_the_file_holds_what_follows_too() -> None:
    content = json.loads(REPORT.to_json())
    assert content["ratio"] == pytest.approx(8.76)
    assert content["rates"]["share"] == pytest.approx(0.5)
    assert content["photos"]["ratio"] == pytest.approx(1.25)
    assert set(content["ours"]["shares"]) == set(STAGES)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"ratio": 1, "ours": 2}'])
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="no report"):
        Report.from_json(data)


@pytest.mark.parametrize("report", [replace(REPORT, shape="tiny"), replace(REPORT, repeats=4)], ids=["tiny", "few"])
def test_a_trial_gets_into_no_document(report: Report, tmp_path: Path) -> None:
    (tmp_path / "speed-trial.json").write_text(report.to_json(), encoding="utf-8")
    with pytest.raises(InputError, match=r"speed-trial\.json is of a trial"):
        reports(tmp_path)


def test_writing_the_tables_twice_changes_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "speed.md").write_text(TEXT, encoding="utf-8")
    for name, report in (("a", ON_GPU), ("b", REPORT)):
        (tmp_path / f"speed-{name}.json").write_text(report.to_json(), encoding="utf-8")
    write_tables(tmp_path)
    once = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert once.index("rorem-4s on cpu") < once.index("rorem-4s on cuda")
    write_tables(tmp_path)
    assert (tmp_path / "speed.md").read_text(encoding="utf-8") == once
    with pytest.raises(InputError, match="no place for tables"):
        document("nothing", [])
