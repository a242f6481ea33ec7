"""The README's table of faults, measured: `python -m tests.feedback.fault_table` prints it; `--json` as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from tests.feedback.faults import FAULTS, Fault, Outcome, measure

HEAD = """\
| fault | answers | CommitScheduler lost | twice | this Space lost | twice |
|---|---:|---:|---:|---:|---:|"""


def both(fault: Fault) -> dict[str, Any]:
    """What became of the answers, theirs and ours."""
    return {"fault": fault.title} | {side: asdict(measure(fault, side)) for side in ("theirs", "ours")}


def line(measured: dict[str, Any]) -> str:
    """A row of the table."""
    theirs, ours = Outcome(**measured["theirs"]), Outcome(**measured["ours"])
    cells = (measured["fault"], theirs.kept, theirs.lost, theirs.duplicated, ours.lost, ours.duplicated)
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    measured = []
    for fault in FAULTS:
        print(fault.title, file=sys.stderr)  # noqa: T201
        measured.append(both(fault))
    text = json.dumps(measured, indent=1) if as_json else "\n".join([HEAD, *map(line, measured)])
    print(text)  # noqa: T201


if __name__ == "__main__":
    main()
