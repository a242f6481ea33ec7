"""lineup(): several attempts on one photo and mask, one after the other; one that fails does not spoil the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from rorem_demo.errors import RoremError
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Progress, Removal, RemovalOptions
from rorem_demo.runtime.turns import Begun
from rorem_demo.runtime.turns_line import Waiting

log = logging.getLogger(__name__)

Run: TypeAlias = Callable[[str, Image, Mask, RemovalOptions], Iterator[Waiting | Begun | Progress | Removal]]
"""Runs a remover by its key, as `Services.remove_in_turn` does for one visitor."""

FAILED = "This one failed on the server. The others are not concerned."
CUT_OFF = "It ended before it was finished. Try again."


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one tile is to show."""

    tile: str
    """Names the tile; no two entries of a lineup share one."""
    method: str
    """Key of the remover."""
    options: RemovalOptions


@dataclass(frozen=True)
class Started:
    """Its turn has come."""

    tile: str


@dataclass(frozen=True)
class Working:
    """It is on its way."""

    tile: str
    fraction: float
    """0..1."""


@dataclass(frozen=True)
class Finished:
    """It is done."""

    tile: str
    removal: Removal


@dataclass(frozen=True)
class Failed:
    """It did not work."""

    tile: str
    sentence: str
    """What is wrong and the way out, for the page."""


Update: TypeAlias = Waiting | Started | Working | Finished | Failed


def lineup(run: Run, image: Image, mask: Mask, entries: Iterable[Entry]) -> Iterator[Update]:
    """Run the entries in order, telling of each Waiting, Started, Working, and at last Finished or Failed.

    Closing the iterator stops within a step.
    """
    for entry in entries:
        try:
            yield from _one(run, image, mask, entry)
        except RoremError as error:
            yield Failed(entry.tile, _told(error))
        except Exception:  # what one remover does wrong must not cost the others' results
            log.exception("%s failed beside others", entry.tile)
            yield Failed(entry.tile, FAILED)


def _told(error: RoremError) -> str:
    """Its sentence; what caused it, if anything did, goes to the log."""
    if error.__cause__ is not None:
        log.error("%s", error, exc_info=error)
    return error.sentence


def _one(run: Run, image: Image, mask: Mask, entry: Entry) -> Iterator[Update]:
    removal: Removal | None = None
    for update in run(entry.method, image, mask, entry.options):
        match update:
            case Waiting():
                yield update
            case Begun():
                yield Started(entry.tile)
            case Progress(fraction):
                yield Working(entry.tile, fraction)
            case _:
                removal = update
    yield Finished(entry.tile, removal) if removal else Failed(entry.tile, CUT_OFF)
