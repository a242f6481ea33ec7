"""A round of the visitor's own photo: two methods are run on it, and nobody is told which until the vote.

What the page is told meanwhile depends on both alike: one time for the two, and which of them runs first is drawn
apart from the sides they are shown on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from secrets import SystemRandom
from typing import Any

from rorem_demo.comparison.rounds_own import OwnPair
from rorem_demo.errors import RoremError
from rorem_demo.imaging.types import Image, Mask, as_mask
from rorem_demo.removers.base import Progress, RemovalOptions
from rorem_demo.runtime.turns import Begun
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.ui.arena import as_told
from rorem_demo.ui.http import FAILED
from rorem_demo.ui.notices import told
from rorem_demo.ui.values import RemovalRequest, parse_json, parse_removal, visit_in
from rorem_demo.ui.waiting import in_words, visitor_on_page
from rorem_demo.visits import OpenedMask

log = logging.getLogger(__name__)
_numbers = count()


@dataclass(frozen=True, kw_only=True)
class OwnView:
    """What the page shows of two removals on their way."""

    run: int
    """The page's own count; -1 fits every run."""
    words: str = ""
    """`1 of 2`, `2 of 2`."""
    fraction: float = 0.0
    """Of both."""
    seconds: float = 0.0
    """About how long both take."""
    waiting: str = ""
    """Who is before the next of them, in one sentence; "" while one is at work."""
    ended: bool = False
    trouble: str = ""
    """Why there is no round, in one sentence."""
    round: dict[str, Any] | None = None
    """As `ui.arena` tells of it."""
    note: str = ""
    """Methods that were left out or failed, and why."""


def own_props(view: OwnView) -> dict[str, Any]:
    """As the tab's script reads it; numbered, because the browser is not told of a value that stays."""
    return {"number": next(_numbers), **asdict(view)}


def own_round(services: Services, value: str) -> Iterator[OwnView]:
    """What the page is told of a round of its own photo; failures are told, never raised."""
    run = -1  # fits whatever the page waits for
    try:
        request, visit = parse_removal(value), visit_in(parse_json(value))
        run = request.run
        yield from _made(services, request, visit)
    except RoremError as error:
        yield OwnView(run=run, trouble=told(error), ended=True)
    except Exception:  # the border to the page: the visitor gets a sentence, the log the traceback
        log.exception("a round of an own photo failed")
        yield OwnView(run=run, trouble=FAILED, ended=True)


def _made(services: Services, request: RemovalRequest, visit: str) -> Iterator[OwnView]:
    image, mask = services.photo(request.photo).image, services.mask(request.photo, request.drawing)
    as_mask(mask, image)
    seconds = services.estimates(mask)
    able = quick_enough(seconds, services.settings.best_of_seconds)
    notes, work = _left_out(services, seconds, able), _Work(services, request, image, mask)
    pair = services.arena.methods(able)
    while waiting := [method for method in pair if method not in work.made]:
        method, number = SystemRandom().choice(waiting), 3 - len(waiting)
        view = OwnView(run=request.run, words=f"{number} of 2", seconds=sum(seconds[each] for each in pair))
        try:
            yield from work.run(method, view, number)
        except RoremError as error:  # the vote on two others is worth as much
            log.warning("%s failed on a photo in the Arena: %s", method, error)
            able = [other for other in able if other != method]
            if len(able) < 2:
                raise
            notes, pair = f"{notes} {error}".strip(), services.arena.methods(able)
    kept, _ = services.visits.keep(OpenedMask.of(mask, request.photo), services.visits.visit_of(request.photo))
    left, right = (work.made[method] for method in pair)
    own = OwnPair(photo=request.photo, mask=kept, made_by=request.made_by, left=left, right=right)
    yield OwnView(run=request.run, fraction=1.0, round=as_told(services.arena.own(visit, own)), note=notes, ended=True)


@dataclass(frozen=True)
class _Work:
    """Results of one photo and mask, as they are made."""

    services: Services
    request: RemovalRequest
    image: Image
    mask: Mask
    made: dict[str, str] = field(default_factory=dict)
    """Ids by method."""

    def run(self, method: str, view: OwnView, number: int) -> Iterator[OwnView]:
        """Make one result, the first or the second, and tell how far the two are; raises as `Services.remove`."""
        photo, made_by, done = self.request.photo, self.request.made_by, (number - 1) / 2
        visitor = visitor_on_page(self.services, photo)
        for update in self.services.remove_in_turn(visitor, method, self.image, self.mask, RemovalOptions()):
            match update:
                case Waiting():
                    yield replace(view, fraction=done, waiting=in_words(update))
                case Begun():
                    yield replace(view, fraction=done)
                case Progress(fraction):
                    yield replace(view, fraction=done + fraction / 2)
                case _:
                    self.made[method] = self.services.keep_result(photo, update, made_by)


def quick_enough(seconds: Mapping[str, float], limit: float) -> list[str]:
    """Methods that a visitor can wait for; all of them where fewer than two are."""
    quick = [method for method, expected in seconds.items() if expected <= limit]
    return quick if len(quick) > 1 else list(seconds)


def _left_out(services: Services, seconds: Mapping[str, float], chosen: list[str]) -> str:
    titles = [services.removers[method].title for method in seconds if method not in chosen]
    limit = services.settings.best_of_seconds
    return f"Not drawn from here, as they would take over {limit:g} s: {', '.join(titles)}." if titles else ""
