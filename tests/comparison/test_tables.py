"""Results as a table: what is known is printed, what is not says so, and nothing in a name breaks the table."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.comparison.tables import HEADINGS, UNKNOWN, Line, latex, markdown

KNOWN = Line(title="LaMa", seconds=1.234, device="cpu", licence="Apache-2.0", likely=0.83, psnr=31.14)
NOTHING = Line(title="Imported", seconds=None, device="", licence="", likely=None, psnr=None)


def test_markdown_has_a_row_for_each_result() -> None:
    lines = markdown([KNOWN, NOTHING], "A dog").splitlines()
    assert lines[0] == "A dog"
    assert lines[2] == f"| {' | '.join(HEADINGS)} |"
    assert lines[4] == "| LaMa | 1.23 | cpu | Apache-2.0 | likely clean: 83% | 31.1 |"
    assert lines[5] == f"| Imported | {' | '.join([UNKNOWN] * 5)} |"
    assert len(lines) == 6


def test_latex_has_a_row_for_each_result_and_its_signs_escaped() -> None:
    text = latex([KNOWN], "50% of a_dog & a {cat}")
    assert r"\caption{50\% of a\_dog \& a \{cat\}}" in text
    assert r"    LaMa & 1.23 & cpu & Apache-2.0 & likely clean: 83\% & 31.1 \\" in text
    assert text.count(r"\hline") == 3
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


@given(st.text())
def test_no_name_breaks_a_markdown_table(name: str) -> None:
    lines = markdown([Line(title=name, seconds=1, device="cpu", licence="x", likely=None, psnr=None)], "c").split("\n")
    assert len(lines) == 6
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[4])) == len(HEADINGS) + 1


@given(st.text())
def test_no_name_breaks_a_latex_table(name: str) -> None:
    text = latex([Line(title=name, seconds=1, device="cpu", licence="x", likely=None, psnr=None)], "c")
    row = text.split("\n")[7]
    assert row.endswith(r"\\")
    assert len(re.findall(r"(?<!\\)&", row)) == len(HEADINGS) - 1
    assert len(re.findall(r"(?<!\\)[{]", text)) == len(re.findall(r"(?<!\\)[}]", text))


def test_a_truth_that_is_met_exactly_is_no_number() -> None:
    assert Line(title="", seconds=0, device="", licence="", likely=None, psnr=math.inf).cells[-1] == "exact"
