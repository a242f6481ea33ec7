"""`feedback review`: shared pictures that wait for somebody to look at them before they are published."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rorem_demo.cli.feedback_desk import desk_of
from rorem_demo.cli.files import write
from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.feedback.disk import make_folder
from rorem_demo.feedback.kinds import kind_of
from rorem_demo.feedback.records import Record, Vote
from rorem_demo.feedback.store import Held, Store
from rorem_demo.imaging.io import decode_photo, encode_image
from rorem_demo.services import Services

HEADER = ("id", "saved", "answer", "method", "reasons")
_GAP = 8
"""Pixels between the pictures of a row."""
_MOST_PIXELS = 2_000_000
"""Kept pictures are smaller (`feedback.pictures`)."""


def add_parser(kinds: Any, common: ArgumentParser) -> None:
    """Add `review` to what `feedback` does."""
    parser: ArgumentParser = kinds.add_parser(
        "review",
        parents=[common],
        help="look at shared pictures before they are published",
        description="List the answers whose shared pictures wait for a reviewer (ROREM_REVIEW=1), and decide. "
        "Accepted pictures go with the next batch; of a rejected row the answer stays and the pictures are deleted.",
    )
    parser.add_argument("--show", metavar="DIR", type=Path, help="write photo, mask and results side by side as ID.jpg")
    parser.add_argument("--accept", metavar="ID", nargs="+", default=[], help="publish these")
    parser.add_argument("--reject", metavar="ID", nargs="+", default=[], help="delete the pictures of these")
    parser.add_argument("--accept-all", action="store_true", help="publish all that wait, but those rejected here")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Decide where told to, else list."""
    accept, reject = _ids(arguments.accept), _ids(arguments.reject)
    with desk_of(services) as desk:
        waiting = {held.record.id: held for held in desk.store.to_review()}
        if arguments.accept_all:
            accept = tuple(key for key in waiting if key not in reject)
        if accept or reject or arguments.accept_all:
            _decide(desk.store, waiting, accept, reject)
            told = {"accepted": len(accept), "rejected": len(reject)}
            print(json_line(told) if arguments.json else ", ".join(f"{n} {word}" for word, n in told.items()))
            return 0
        if arguments.show:
            _show(desk.store, waiting.values(), arguments.show)
    _list(waiting.values(), as_json=arguments.json)
    return 0


def _ids(given: Iterable[str]) -> tuple[str, ...]:
    """Ids in their own case, none twice; a file's name as `--show` writes it is one too."""
    return tuple(dict.fromkeys(name.removesuffix(".jpg").upper() for name in given))


def _decide(store: Store, waiting: Mapping[str, Held[Any]], accept: Sequence[str], reject: Sequence[str]) -> None:
    if unknown := [key for key in (*accept, *reject) if key not in waiting]:
        raise InputError(f"{' and '.join(unknown)} waits for no reviewer.", hint="`feedback review` lists what does.")
    if both := [key for key in accept if key in reject]:
        raise InputError(f"{' and '.join(both)} is both accepted and rejected.", hint="Name it once.")
    for key in accept:
        store.decide(key, accept=True)
    for key in reject:
        store.decide(key, accept=False)


def _list(waiting: Iterable[Held[Any]], *, as_json: bool) -> None:
    rows = [_row(held) for held in waiting]
    if as_json:
        for row in rows:
            print(json_line(dict(zip(HEADER, row, strict=True))))
    else:
        print(table(HEADER, rows) if rows else "No pictures wait for a reviewer.")


def _row(held: Held[Any]) -> tuple[str, ...]:
    return held.record.id, held.saved, *_said(held.record)


def _said(record: Record) -> tuple[str, str, str]:
    """Answer, method and reasons."""
    if isinstance(record, Vote):
        return record.choice, f"{record.left_method}, {record.right_method}", ", ".join(record.reasons)
    reasons = ", ".join((*record.reasons, *filter(None, [record.comment])))
    return "yes" if record.label else "no", record.method, reasons


def _show(store: Store, waiting: Iterable[Held[Any]], folder: Path) -> None:
    make_folder(folder)
    for held in waiting:
        if held.record.files is not None:
            write(folder / f"{held.record.id}.jpg", _side_by_side(store, held.record))


def _side_by_side(store: Store, record: Record) -> bytes:
    """Photo, mask and result or results as one JPEG.

    Raises:
        StorageError: a picture is damaged.
    """
    names = [getattr(record.files, part) for part in kind_of(type(record)).parts]
    shown = [decode_photo(store.pictures.get(name), name=record.id, max_pixels=_MOST_PIXELS).image for name in names]
    gap = np.full((shown[0].shape[0], _GAP, 3), 255, np.uint8)
    return encode_image(np.hstack([part for picture in shown for part in (picture, gap)][:-1]), "JPEG")
