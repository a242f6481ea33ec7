"""`feedback export` and `feedback import`: RORem's folder of training data."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rorem_demo.cli.feedback_desk import desk_of
from rorem_demo.cli.output import json_line
from rorem_demo.errors import InputError
from rorem_demo.feedback.layout import Skipped, Triplet, export_folder, imported, read_folder
from rorem_demo.feedback.records import Rating
from rorem_demo.feedback.store import Store
from rorem_demo.services import Services

Fate: TypeAlias = Literal["kept", "known", "without_answer", "deleted", "skipped"]
"""What becomes of an entry: kept now, or before; nothing to keep; taken back here earlier; or unusable."""
_WORDS: dict[Fate, str] = {
    "kept": "kept",
    "known": "kept before",
    "without_answer": "without an answer",
    "deleted": "deleted here before",
    "skipped": "could not be used",
}
_EVERY = 100
"""Entries between two dots."""


def add_parsers(kinds: Any, common: ArgumentParser) -> None:
    """Add `export` and `import` to what `feedback` does."""
    export: ArgumentParser = kinds.add_parser(
        "export",
        parents=[common],
        help="write rows with pictures in RORem's layout",
        description="Write what is kept here with pictures as source/, mask/, GT/ and meta.json, where GT is the "
        "result that was judged and score the answer. Votes on pairs are not among them, and rows that wait for a "
        "reviewer are left out. May be repeated: what is there stays, and what was deleted since goes.",
    )
    export.add_argument("folder", metavar="DIR", type=Path, help="a new folder, or one of an earlier export")
    export.add_argument("--superseded", action="store_true", help="answers that were replaced by later ones, too")
    export.set_defaults(run=run_export)
    read: ArgumentParser = kinds.add_parser(
        "import",
        parents=[common],
        help="keep the answers of a folder in RORem's layout",
        description="Keep the entries of a meta.json that have a score of 0 or 1, as answers of origin `imported`. "
        "May be repeated: each is kept once.",
    )
    read.add_argument("folder", metavar="DIR", type=Path, help="holds source/, mask/, GT/ and meta.json")
    read.add_argument(
        "--licence", metavar="SPDX", default="", help="of the pictures, which are kept and published only with one"
    )
    read.add_argument("--method", metavar="KEY", default="", help="what made the results")
    read.set_defaults(run=run_import)


def run_export(arguments: Namespace, services: Services) -> int:
    """Export, and print the counts."""
    with desk_of(services) as desk:
        ratings, picture = _reviewed(desk.store), desk.store.pictures.get
        found = export_folder(ratings, picture, arguments.folder, superseded=arguments.superseded)
    if arguments.json:
        print(json_line(asdict(found)))
        return 0
    print(f"{found.rows} rows are in {arguments.folder}.")
    left_out = {
        "without pictures or waiting for a reviewer": found.without_pictures,
        "superseded": found.superseded,
        "with damaged pictures": found.damaged,
    }
    print("Left out: " + (", ".join(f"{count} {why}" for why, count in left_out.items() if count) or "none") + ".")
    return 0


def run_import(arguments: Namespace, services: Services) -> int:
    """Import, and print the counts; each entry that cannot be used is one line on stderr."""
    counts: Counter[Fate] = Counter(dict.fromkeys(_WORDS, 0))
    with desk_of(services) as desk:
        entries = read_folder(
            arguments.folder,
            max_pixels=services.settings.max_pixels,
            licence=arguments.licence,
            method=arguments.method,
        )
        for number, entry in enumerate(entries, 1):
            counts[_keep(desk.store, entry)] += 1
            if number % _EVERY == 0:
                print(".", end="", file=sys.stderr, flush=True)
    if arguments.json:
        print(json_line(dict(counts)))
    else:
        print(", ".join(f"{counts[fate]} {words}" for fate, words in _WORDS.items() if counts[fate]) or "no entries")
    return 0


def _reviewed(store: Store) -> Iterator[Rating]:
    """All ratings; pictures that nobody has looked at yet are left out, but what their row supersedes is known."""
    for held in store.each(Rating):
        yield replace(held.record, files=None) if held.review == "waiting" else held.record


def _keep(store: Store, entry: Triplet | Skipped) -> Fate:
    if isinstance(entry, Skipped):
        print(entry.sentence, file=sys.stderr)
        return "skipped"
    if entry.label is None:
        return "without_answer"
    now = datetime.now(UTC)
    rating = imported(entry, store.key, now)
    if store.find(rating.id) is not None:
        return "known"
    pictures = entry.subject.pictures() if rating.licence else None
    try:
        store.append(rating, visitor="", subject=entry.subject.key, pictures=pictures, ready=now, review=False)
    except InputError:
        return "deleted"
    return "kept"
