"""`methods`: what the catalogues offer, and what of it runs here."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from typing import Any

from rorem_demo.cli.output import json_line, table
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.segmenters.base import SegmenterSpec
from rorem_demo.services import Services


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row of a catalogue, as shown."""

    key: str
    command: str
    """`remove` or `select`: what takes the key as `--method`."""
    title: str
    licence: str
    runs_on: str
    """`CPU`, or `GPU or CPU`."""
    available: bool
    missing: tuple[str, ...]
    """What this machine lacks, in plain words."""

    @property
    def state(self) -> str:
        return "available" if self.available else f"needs {' and '.join(self.missing)}"


def listed(services: Services) -> list[Method]:
    """All methods, removers first, in their catalogues' order."""
    removers = [_method(spec, "remove", spec.runs_on, services.missing(spec)) for spec in services.removers]
    selecting = services.selecting
    segmenters = [_method(spec, "select", "CPU", selecting.missing(spec)) for spec in selecting.segmenters]
    return removers + segmenters


def _method(spec: RemoverSpec | SegmenterSpec, command: str, runs_on: str, missing: tuple[str, ...]) -> Method:
    return Method(
        key=spec.key,
        command=command,
        title=spec.title,
        licence=spec.licence,
        runs_on=runs_on,
        available=not missing,
        missing=missing,
    )


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `methods` to the commands."""
    parser = commands.add_parser("methods", parents=[common], help="list the methods of `remove` and `select`")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Print the methods."""
    found = listed(services)
    if arguments.json:
        print(json_line({"methods": [asdict(method) for method in found]}))
        return 0
    rows = [
        (method.key, method.command, method.title, method.licence, method.runs_on, method.state) for method in found
    ]
    print(table(("key", "for", "title", "licence", "runs on", "here"), rows))
    return 0
