"""`bench quality`: how near methods come to the truth, and what a judge says of their results."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.removers.base import LIMITS
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.evaluation.quality_report import Report

_NOTHING_MEASURED = 2


def add_parser(kinds: Any, common: ArgumentParser) -> None:
    """Add `quality` to what can be measured."""
    parser: ArgumentParser = kinds.add_parser(
        "quality",
        parents=[common],
        help="how near methods come to the truth",
        description="On photos whose truth is known: PSNR and SSIM in the hole and outside it, LPIPS, DINO and CLIP "
        "distance and FID where their weights are here (docs/quality.md says where to put them), the rate of results "
        "that the judge takes for clean, and seconds. Beside the methods: the untouched photo, the mean colour, and "
        "the truth itself. Writes quality.json, quality.md and sheet.jpg. A run that was stopped goes on; what failed "
        "is tried again.",
    )
    parser.add_argument(
        "--pairs",
        metavar="DIR",
        type=Path,
        required=True,
        help="a folder in RORem's layout whose GT is the truth, or with images/, masks/ and truth/",
    )
    parser.add_argument(
        "--methods", metavar="KEY,KEY", required=True, help="with commas between; see the command `methods`"
    )
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder for all that is written")
    parser.add_argument(
        "--processes", metavar="N", type=int, default=1, help="at once, each with its own models; default: 1"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of what is drawn at random; default: 0")
    parser.add_argument("--cases", metavar="N", type=int, help="only so many, spread over the folder; default: all")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Measure, and print a row per method; 2 if nothing could be measured."""
    from rorem_demo.evaluation.quality import Order, measure  # noqa: PLC0415  # only this command pays for it

    _check(arguments)
    order = Order(
        pairs=arguments.pairs,
        methods=tuple(name.strip() for name in arguments.methods.split(",") if name.strip()),
        folder=arguments.output,
        processes=arguments.processes,
        seed=arguments.seed,
        cases=arguments.cases,
    )
    with tqdm(unit="result", file=sys.stderr) as bar:
        report = measure(services, order, lambda done, of: _show_progress(bar, done, of))
    return _show(report, arguments.output, as_json=arguments.json)


def _check(arguments: Namespace) -> None:
    low, high = LIMITS["seed"]
    for name in ("processes", "cases"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}.", hint="Give at least 1.")
    if not low <= arguments.seed <= high:
        raise InputError(f"seed is {arguments.seed}.", hint=f"Give a value from {low:.0f} to {high:.0f}.")


def _show_progress(bar: Any, done: int, of: int) -> None:
    bar.total = of
    bar.update(done - bar.n)


def _show(report: Report, folder: Path, *, as_json: bool) -> int:
    """Failures to stderr, the rows to stdout; returns the exit code."""
    for each in report.failures:
        print(f"rorem_demo: {each.method} on {each.case}: {each.sentence}", file=sys.stderr)
    if as_json:
        for found in report.methods:
            print(json_line(asdict(found)))
    else:
        head = ("method", "pairs", "failed", "PSNR in the hole", "SSIM", "likely clean", "time")
        rows = [
            (
                found.key,
                str(found.pairs),
                str(found.failures),
                f"{found.hole_psnr.value:.2f} dB" if found.hole_psnr else "",
                f"{found.hole_ssim.value:.3f}" if found.hole_ssim else "",
                f"{found.clean.value:.0%}" if found.clean else "",
                f"{found.seconds:.2f} s" if found.seconds is not None else "",
            )
            for found in report.methods
        ]
        print(table(head, rows))
        print(f"All of it is in {folder}.")
    return 0 if any(found.pairs for found in report.methods) else _NOTHING_MEASURED
