"""`bench speed`: seconds at 1 and 12 megapixels, or beside the published call."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rorem_demo.cli.files import check_output, write
from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.evaluation.speed_jobs import Order
    from rorem_demo.evaluation.speed_report import Report

_FOR_REFERENCE = ("device", "method", "size", "output", "weights", "photos", "check", "tiny")
_REPEATS, _REPEATS_BESIDE = 3, 5


def add_parser(kinds: Any, common: ArgumentParser) -> None:
    """Add `speed` to what can be measured."""
    parser: ArgumentParser = kinds.add_parser(
        "speed",
        parents=[common],
        help="seconds at 1 and 12 megapixels, or beside the published call",
        description="Median seconds of every CPU method that runs here, on one generated photo at 1 and at 12 "
        "megapixels, with 1, 5 and 10 % of it marked. The row `overhead` is a method that does nothing: what "
        "checking, cutting and pasting cost. With --reference: one method beside the call that its authors published, "
        "written with plain diffusers, for the same weights, in turns; random weights where the method's own are not "
        "here. On a CPU the published call needs 17 GB of memory, and random weights 7 GB of disk.",
    )
    parser.add_argument("--repeats", metavar="N", type=int, help="runs per median; default: 3, with --reference 5")
    parser.add_argument("--reference", action="store_true", help="beside the published call")
    beside = parser.add_argument_group("with --reference")
    beside.add_argument("--device", choices=("cpu", "cuda"), help="default: cpu")
    beside.add_argument("--method", metavar="KEY", help="default: rorem-4s")
    beside.add_argument("--size", metavar="PIXELS", type=int, help="side of the square both work at; default: 512")
    beside.add_argument("--photos", action="store_true", default=None, help="12 megapixels against 1 too, ours alone")
    beside.add_argument(
        "--check", action="store_true", default=None, help="ours in float32 too: its picture must be the reference's"
    )
    beside.add_argument("--weights", metavar="DIR", type=Path, help="of random weights, written if they are not there")
    beside.add_argument("--output", metavar="FILE.json", type=Path, help="for all that was measured")
    beside.add_argument("--tiny", action="store_true", default=None, help=SUPPRESS)  # a trial that means nothing
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Measure, and print a row per method and mask, or both sides."""
    if arguments.reference:
        return _run_beside(arguments, services)
    if given := [name for name in _FOR_REFERENCE if getattr(arguments, name) is not None]:
        raise InputError(f"--{given[0]} is of no use without --reference.", hint="Give that too.")
    from rorem_demo.evaluation.benchmark import measured_speeds  # noqa: PLC0415  # only this command pays for it

    repeats = _REPEATS if arguments.repeats is None else arguments.repeats
    if repeats < 1:
        raise InputError(f"repeats is {repeats}.", hint="Give at least 1.")
    rows = [("method", "mask", "1 MP", "12 MP", "ratio")]
    for speed in measured_speeds(services, repeats=repeats):
        if arguments.json:
            print(json_line(asdict(speed) | {"ratio": speed.ratio}), flush=True)
        small, large = f"{speed.small_seconds:.3f} s", f"{speed.large_seconds:.3f} s"
        rows.append((speed.method, f"{speed.share:.0%}", small, large, f"{speed.ratio:.1f}"))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not arguments.json:
        print(table(rows[0], rows[1:]))
    return 0


def _run_beside(arguments: Namespace, services: Services) -> int:
    from rorem_demo.evaluation.speed import measure  # noqa: PLC0415  # as above

    if arguments.output:
        check_output(arguments.output, inputs=())
    report = measure(services, _order(arguments, services), _told)
    text = report.to_json()
    if arguments.output:
        write(arguments.output, text.encode())
    if arguments.json:
        print(json_line(report.content))
    else:
        _show(report)
    return 0


def _order(arguments: Namespace, services: Services) -> Order:
    """What was asked for, in the place of what is usual."""
    from rorem_demo.evaluation.speed_jobs import Order  # noqa: PLC0415  # as above

    names = ("device", "method", "size", "repeats", "weights", "photos", "check")
    asked = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if arguments.tiny:
        return replace(Order.tiny(services.settings.data / "bench-weights-tiny"), **asked)
    return Order(**{"repeats": _REPEATS_BESIDE} | asked)


def _told(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


def _show(report: Report) -> None:
    from rorem_demo.evaluation.speed_markdown import SIDES, sentences, side_rows  # noqa: PLC0415  # as above

    print(table(SIDES, side_rows(report)))
    print()
    for sentence in sentences(report):
        print(sentence)
