"""`bench`: measure this machine, how well segmenters find objects and removers fill holes, or what answers cost."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rorem_demo.cli import bench_feedback, bench_quality, bench_speed
from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.services import Services


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `bench` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "bench", help="measure this machine, segmenters, removers, or what answers cost"
    )
    kinds = parser.add_subparsers(title="what to measure", required=True, metavar="WHAT")
    bench_speed.add_parser(kinds, common)
    _add_clicks(kinds, common)
    bench_feedback.add_parser(kinds, common)
    bench_quality.add_parser(kinds, common)


def _add_clicks(kinds: Any, common: ArgumentParser) -> None:
    clicks = kinds.add_parser(
        "clicks",
        parents=[common],
        help="how well a segmenter finds objects from clicks",
        description="Mean intersection over union after 1 to 5 clicks, each where the answer is most wrong, and "
        "median seconds. The column `best of 3` is what a person gets who picks the best mask after the first click.",
    )
    clicks.add_argument(
        "folder", metavar="FOLDER", type=Path, help="holds img/NAME.jpg and gt/NAME.png, not black = object"
    )
    clicks.add_argument("--method", metavar="KEY", help="a segmenter; default: the first that runs here")
    clicks.add_argument("--cases", metavar="N", type=int, help="only so many, spread over the folder; default: all")
    clicks.set_defaults(run=run_clicks)


def run_clicks(arguments: Namespace, services: Services) -> int:
    """Click every object, and print one row."""
    from rorem_demo.evaluation.clicks import ClickScore, click_cases, run_case  # noqa: PLC0415  # only this command pays for it

    if arguments.cases is not None and arguments.cases < 1:
        raise InputError(f"cases is {arguments.cases}.", hint="Give at least 1.")
    spec = services.selecting.acting("click", key=arguments.method)
    segmenter = services.selecting.segmenters.load(spec.key, services.weights)
    runs = []
    for case in click_cases(arguments.folder, arguments.cases):
        runs.append(run_case(spec, segmenter, case))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    score = ClickScore.of(runs)
    if arguments.json:
        print(json_line({"method": spec.key} | asdict(score)))
        return 0
    counts = [f"{count} click{'s' * (count > 1)}" for count in range(1, len(score.ious) + 1)]
    times = [f"{score.propose_seconds:.3f} s", f"{score.encode_seconds:.3f} s"]
    ious = [f"{value:.3f}" for value in (*score.ious, score.best_first)]
    print(
        table(
            ["method", "cases", *counts, "best of 3", "propose", "encode"],
            [[spec.key, str(score.cases), *ious, *times]],
        )
    )
    return 0
