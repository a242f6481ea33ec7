"""`methods`: what the catalogue offers, and what of it runs here."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from typing import Any

from rorem_demo.cli.output import json_line, table
from rorem_demo.services import Services


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row of the catalogue, as shown."""

    key: str
    title: str
    licence: str
    runs_on: str
    """cpu or gpu."""
    available: bool
    missing: tuple[str, ...]
    """What this machine lacks, in plain words."""

    @property
    def state(self) -> str:
        return "available" if self.available else f"needs {' and '.join(self.missing)}"


def listed(services: Services) -> list[Method]:
    """All methods, in the catalogue's order."""
    rows = ((spec, services.missing(spec)) for spec in services.removers)
    return [
        Method(
            key=spec.key,
            title=spec.title,
            licence=spec.licence,
            runs_on=spec.cost.device,
            available=not missing,
            missing=missing,
        )
        for spec, missing in rows
    ]


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `methods` to the commands."""
    parser = commands.add_parser("methods", parents=[common], help="list the removal methods")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Print the methods."""
    found = listed(services)
    if arguments.json:
        print(json_line({"methods": [asdict(method) for method in found]}))
        return 0
    rows = [(method.key, method.title, method.licence, method.runs_on, method.state) for method in found]
    print(table(("key", "title", "licence", "runs on", "here"), rows))
    return 0
