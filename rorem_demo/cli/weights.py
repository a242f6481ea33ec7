"""`weights`: what the catalogues' models need from the Hub, what of it is here, and fetching the rest."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from typing import Any

from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.runtime.weights import NeedsWeights, Weights
from rorem_demo.services import Services

HEADER = ("weights of", "here", "MB", "known")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The weights of a row of a catalogue, as shown."""

    key: str
    repositories: tuple[str, ...]
    places: tuple[str, ...]
    """`folder` or `Hub cache`; empty if they are missing."""
    megabytes: int | None
    """On this disk; of what is missing, as far as known."""
    known: str
    """`pinned`: all are taken at a commit; `checked`: all are compared with a sha256; both; or `unverified`: at least
    one may change on the Hub without our noticing."""

    @property
    def cells(self) -> tuple[str, ...]:
        here = " and ".join(self.places) or "missing"
        return self.key, here, "unknown" if self.megabytes is None else str(self.megabytes), self.known


def stored(services: Services) -> list[Stored]:
    """All rows that have weights, removers first."""
    return [_stored(key, row, services.weights) for key, row in services.rows.items() if row.weights]


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `weights` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "weights",
        parents=[common],
        help="list the weights of models, or fetch them",
        description="Fetch the weights of removers and segmenters from the Hub: into the folder ROREM_WEIGHTS_DIR "
        "names, else into the Hub's cache. Without a KEY, list all weights and where they are.",
    )
    parser.add_argument("keys", metavar="KEY", nargs="*", help="a remover or a segmenter")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """List the weights, or fetch those of the rows named."""
    if not arguments.keys:
        found = stored(services)
        print(json_line({"weights": [asdict(one) for one in found]}) if arguments.json else listed(found))
        return 0
    rows = services.rows
    for key in arguments.keys:
        if key not in rows:
            known = ", ".join(name for name, row in rows.items() if row.weights)
            raise InputError(f"There are no weights of {key!r}.", hint=f"Choose one of: {known}.")
    for key in arguments.keys:
        paths = services.weights.fetch(rows[key])
        now = _stored(key, rows[key], services.weights)
        if arguments.json:
            print(json_line(asdict(now) | {"files": paths}), flush=True)
        else:
            print(f"{key}: {now.megabytes} MB in the {' and '.join(now.places)}" if paths else f"{key}: needs none")
    return 0


def listed(found: list[Stored]) -> str:
    """A table of weights."""
    return table(HEADER, [one.cells for one in found])


def _stored(key: str, row: NeedsWeights, weights: Weights) -> Stored:
    places = weights.places(row)
    size = sum(path.stat().st_size for path in weights.files(row)) if places else weights.size(row.weights)
    return Stored(
        key=key,
        repositories=tuple(dict.fromkeys(file.repository for file in row.weights)),
        places=places,
        megabytes=round(size / 1e6) if places or size else None,
        known=_known(row, weights),
    )


def _known(row: NeedsWeights, weights: Weights) -> str:
    pins = [weights.pin(file) for file in row.weights]
    words = [("pinned", all(pin.revision for pin in pins)), ("checked", all(pin.sha256 for pin in pins))]
    return ", ".join(word for word, true in words if true) or "unverified"
