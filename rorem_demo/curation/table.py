"""The table of rounds: tested, selected, total and rate, as RORem's paper has it in Table 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rorem_demo.curation.merging import Merged, Summary
from rorem_demo.feedback import disk

JSON, MARKDOWN, FAILURES = "rounds.json", "rounds.md", "failures.json"
HEADER = ("round", "images", "method", "judge", "tested", "selected", "total", "rate", "unsure", "rejected", "failed")
_WORDS = 4
"""Columns before the first number."""


def cells(summary: Summary) -> tuple[str, ...]:
    """A row of the table."""
    counts = (summary.tested, summary.selected, summary.total)
    rest = (summary.unsure, summary.rejected, summary.failed)
    return (
        *(summary.title, summary.images, summary.method, summary.judge),
        *(f"{count:,}" for count in counts),
        "-" if summary.rate is None else f"{summary.rate:.1%}",
        *(f"{count:,}" for count in rest),
    )


def markdown(summaries: Sequence[Summary]) -> str:
    """The table in Markdown."""
    rule = ["---"] * _WORDS + ["---:"] * (len(HEADER) - _WORDS)
    plain = ([cell.replace("|", "\\|") for cell in cells(summary)] for summary in summaries)
    return "".join(f"| {' | '.join(line)} |\n" for line in (HEADER, rule, *plain))


def write_tables(folder: Path, found: Merged) -> None:
    """Write rounds.json, rounds.md, and failures.json: what could not be tested, and why.

    Raises:
        StorageError: they cannot be written.
    """
    rows = [asdict(summary) | {"rate": summary.rate} for summary in found.summaries]
    failures = [asdict(failure) for failure in found.failures]
    for name, value in ((JSON, rows), (FAILURES, failures)):
        disk.write_whole(folder / name, json.dumps(value, indent=1).encode())
    disk.write_whole(folder / MARKDOWN, markdown(found.summaries).encode(errors="replace"))
