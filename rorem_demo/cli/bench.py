"""`bench`: measure this machine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Any

from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.services import Services


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `bench` to the commands."""
    parser: ArgumentParser = commands.add_parser("bench", help="measure this machine")
    kinds = parser.add_subparsers(title="what to measure", required=True, metavar="WHAT")
    speed = kinds.add_parser(
        "speed",
        parents=[common],
        help="seconds at 1 and 12 megapixels",
        description="Median seconds of every CPU method that runs here, on one generated photo at 1 and at 12 "
        "megapixels, with 1, 5 and 10 % of it marked. The row `overhead` is a method that does nothing: what "
        "checking, cutting and pasting cost.",
    )
    speed.add_argument("--repeats", metavar="N", type=int, default=3, help="runs per median; default: 3")
    speed.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Measure, and print a row per method and mask."""
    from rorem_demo.evaluation.benchmark import measured_speeds  # noqa: PLC0415  # only this command pays for it

    if arguments.repeats < 1:
        raise InputError(f"repeats is {arguments.repeats}.", hint="Give at least 1.")
    rows = [("method", "mask", "1 MP", "12 MP", "ratio")]
    for speed in measured_speeds(services, repeats=arguments.repeats):
        if arguments.json:
            print(json_line(asdict(speed) | {"ratio": speed.ratio}), flush=True)
        small, large = f"{speed.small_seconds:.3f} s", f"{speed.large_seconds:.3f} s"
        rows.append((speed.method, f"{speed.share:.0%}", small, large, f"{speed.ratio:.1f}"))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not arguments.json:
        print(table(rows[0], rows[1:]))
    return 0
