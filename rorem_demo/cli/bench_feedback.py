"""`bench feedback`: how fast answers are kept, and what publishing them costs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import ConfigError, InputError, UnavailableError
from rorem_demo.feedback.disk import make_folder
from rorem_demo.feedback.hub import Dataset
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.evaluation.publishing import PublishingCost
    from rorem_demo.evaluation.ratings import RatingSpeed

MOST_RATERS = 250
"""As many addresses as they are given."""


def add_parser(kinds: Any, common: ArgumentParser) -> None:
    """Add `feedback` to what can be measured."""
    parser: ArgumentParser = kinds.add_parser(
        "feedback",
        parents=[common],
        help="answers a second through HTTP, or bytes and memory of publishing",
        description="Serve the app in a process of its own, with its store in a folder of its own below the one "
        "ROREM_DATA_DIR names, and rate: at fixed times, then as fast as 50 raters can. At the end the server is "
        "killed, and the store must hold what it acknowledged; otherwise the exit code is 2. Or, with --publish-to, "
        "publish made-up answers.",
    )
    parser.add_argument("--seconds", metavar="S", type=float, default=20.0, help="of each loop; default: 20")
    parser.add_argument("--rate", metavar="N", type=float, default=50.0, help="answers due per second; default: 50")
    parser.add_argument("--raters", metavar="N", type=int, default=50, help="at once; default: 50")
    parser.add_argument(
        "--side", metavar="PIXELS", type=int, default=64, help="of the square photos that were judged; default: 64"
    )
    parser.add_argument("--publish-to", metavar="OWNER/NAME", help="publish to this dataset, which is spoilt by it")
    parser.add_argument("--endpoint", metavar="URL", help="of the Hub; default: HF_ENDPOINT or the public one")
    parser.add_argument("--rows", metavar="N", type=int, default=10_000, help="to publish; default: 10000")
    parser.add_argument(
        "--picture-kb", metavar="N", type=int, default=0, help="size of each of a row's three pictures; default: none"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Measure, and print one table."""
    numbers = (
        arguments.seconds,
        arguments.rate,
        arguments.raters,
        arguments.rows,
        arguments.side - 7,
        arguments.picture_kb + 1,
    )
    if arguments.raters > MOST_RATERS or not all(number > 0 for number in numbers):
        raise InputError(
            "Nothing can be measured so.",
            hint=f"Give positive numbers, at least 8 pixels and at most {MOST_RATERS} raters.",
        )
    make_folder(services.settings.data)
    with TemporaryDirectory(prefix="bench-", dir=services.settings.data) as folder:
        if arguments.publish_to:
            return _publishing(arguments, Path(folder))
        return _ratings(arguments, Path(folder))


def _ratings(arguments: Namespace, folder: Path) -> int:
    from rorem_demo.evaluation.ratings import Load, measured_ratings  # noqa: PLC0415  # only this command pays for it

    load = Load(raters=arguments.raters, due_per_second=arguments.rate, seconds=arguments.seconds, side=arguments.side)
    found = measured_ratings(folder, load)
    print(json_line({**asdict(load), **asdict(found)}) if arguments.json else _rating_table(found))
    return 2 if found.lost or found.extra or found.refused else 0


def _rating_table(found: RatingSpeed) -> str:
    times = (found.median_ms, found.p95_ms, found.p99_ms, found.worst_ms)
    empty = (found.empty_median_ms, None, found.empty_p99_ms, None)
    rows = [
        ("an answer", *map(_milliseconds, times), f"{found.per_second:.0f}/s"),
        ("a page that is not there", *map(_milliseconds, empty), f"{found.empty_per_second:.0f}/s"),
    ]
    counts = tuple(str(count) for count in (found.acknowledged, found.lost, found.extra, found.refused))
    header = ("at fixed times:", "median", "95 %", "99 %", "worst", "as fast as possible")
    return "\n\n".join(
        (table(header, rows), table(("acknowledged", "lost", "kept without a receipt", "refused"), [counts]))
    )


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"


def _publishing(arguments: Namespace, folder: Path) -> int:
    from rorem_demo.evaluation.publishing import measured_publishing  # noqa: PLC0415  # as above

    dataset = Dataset(arguments.publish_to, endpoint=arguments.endpoint, cache=folder / "dataset")
    if not dataset.has_token:
        raise ConfigError("There is no token for the Hub.", hint="Set HF_TOKEN to one that may write to the dataset.")
    found = measured_publishing(dataset, folder / "store", arguments.rows, arguments.picture_kb, _dot)
    print(file=sys.stderr)
    if not found.commits:
        raise UnavailableError("Nothing was published.", hint="Try again.")
    print(json_line(asdict(found)) if arguments.json else _publishing_table(found))
    return 0


def _dot(done: int) -> None:  # noqa: ARG001  # a dot is a dot
    print(".", end="", file=sys.stderr, flush=True)


def _publishing_table(found: PublishingCost) -> str:
    row = (
        str(found.rows),
        str(found.commits),
        f"{found.seconds:.1f} s",
        f"{found.shard_bytes / 1e6:.2f} MB",
        f"{found.growth_mb:.1f} MB",
        f"{found.child_growth_mb:.1f} MB",
    )
    return table(("answers", "commits", "time", "shards", "memory grew by", "the sender's by"), [row])
