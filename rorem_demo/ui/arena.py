"""Arena over HTTP: the next two results, their pictures, a vote; the names only in its answer.

    POST /rorem/arena/next            {"visit", "holding": [ids]} -> a round, or {"done": true, "sentence"}
    GET  /rorem/arena/{round}/{view}  left, right, or source with the outline of what was to go
    POST /rorem/arena/{round}/vote    {"visit", "choice", "reasons", "share", "looked"} -> its receipt, and the names
    POST /rorem/arena/{round}/skip    {"visit"}
    GET  /rorem/arena/about           how pairs are chosen; the same whatever the page shows

Nothing that is sent before a vote depends on the methods or on which side they are, but for the pixels themselves.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rorem_demo.comparison.arena import Issued, Nothing, Revealed
from rorem_demo.comparison.arena_views import VIEWS
from rorem_demo.comparison.rounds import Told
from rorem_demo.discriminator.score import in_words
from rorem_demo.errors import InputError
from rorem_demo.feedback.records import CHOICES, Verdict
from rorem_demo.services import Services
from rorem_demo.tickets import GoneError
from rorem_demo.ui.http import PRIVATE, Table, address_of, gone, read_body, run_in
from rorem_demo.ui.methods import colour_of
from rorem_demo.ui.rating import LONGEST_ANSWER, parse_reasons, unreadable
from rorem_demo.ui.values import LONGEST_VALUE, ids_in, parse_json, seconds_of, visit_in

_FRESH = {"Cache-Control": "no-store"}


def parse_verdict(body: bytes) -> tuple[str, Verdict, float | None]:
    """Visit, what is said, and for how many seconds the two were looked at.

    Raises:
        InputError: anything is missing or malformed.
    """
    if len(body) > LONGEST_ANSWER:
        raise unreadable()
    try:
        value = parse_json(body)
    except InputError as error:
        raise unreadable() from error
    choice = next((choice for choice in CHOICES if choice == value.get("choice")), None)
    share = value.get("share", False)
    if choice is None or type(share) is not bool:
        raise unreadable()
    verdict = Verdict(choice=choice, reasons=parse_reasons(value.get("reasons", [])), share=share)
    return visit_in(value), verdict, seconds_of(value.get("looked"))


def as_told(issued: Issued) -> dict[str, Any]:
    """A round as the page is told of it."""
    width, height = issued.photo
    addresses: dict[str, str] = {view: f"arena/{issued.key}/{view}" for view in VIEWS}
    return {
        "round": issued.key,
        **addresses,
        "width": issued.size.width,
        "height": issued.size.height,
        "spots": [
            [left / width, top / height, right / width, bottom / height] for left, top, right, bottom in issued.spots
        ],
        "own": issued.own,
        "public": issued.public,
    }


class Arena:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Each its own, so that nobody who answers waits for pictures.
        self._rounds, self._pictures, self._votes = CapacityLimiter(2), CapacityLimiter(2), CapacityLimiter(4)

    def table(self) -> Table:
        """For `ui.routes`."""
        return [
            ("POST", "/arena/next", self.next),
            ("GET", "/arena/about", self.about),
            ("GET", "/arena/{round}/{view}", self.view),
            ("POST", "/arena/{round}/vote", self.vote),
            ("POST", "/arena/{round}/skip", self.skip),
        ]

    async def next(self, request: Request) -> Response:
        """A round that this visit was not shown yet, or a sentence that says why there is none."""
        value = parse_json(await read_body(request, LONGEST_VALUE))
        found = await run_in(self._rounds, self._next, visit_in(value), ids_in(value.get("holding", [])))
        if isinstance(found, Nothing):
            return JSONResponse({"done": True, **asdict(found)}, headers=_FRESH)
        return JSONResponse(as_told(found), headers=_FRESH)

    async def about(self, request: Request) -> Response:  # noqa: ARG002  # a handler's signature
        """How pairs are chosen, with the numbers as they are now."""
        return JSONResponse(asdict(await run_in(self._rounds, self._about)), headers=_FRESH)

    async def view(self, request: Request) -> Response:
        """One of a round's pictures."""
        which = next((view for view in VIEWS if view == request.path_params["view"]), None)
        if which is None:
            raise InputError("There is no such picture.", hint="Reload the page.")
        try:
            data = await run_in(self._pictures, lambda: self._services.arena.view(request.path_params["round"], which))
        except GoneError as error:
            return gone(error)
        return Response(data, headers={"Content-Type": "image/jpeg", **PRIVATE})

    async def vote(self, request: Request) -> Response:
        """Keep the vote in the body."""
        body, key = await read_body(request, LONGEST_ANSWER), request.path_params["round"]
        try:
            visit, verdict, looked = parse_verdict(body)
        except InputError:
            await run_in(self._votes, self._refuse)
            raise
        try:
            revealed = await run_in(self._votes, self._vote, key, verdict, visit, address_of(request), looked)
        except GoneError as error:
            return gone(error)
        return JSONResponse(revealed_as_told(revealed), 201, _FRESH)

    async def skip(self, request: Request) -> Response:
        """Take no vote on this round any more."""
        visit = visit_in(parse_json(await read_body(request, LONGEST_ANSWER)))
        try:
            await run_in(self._votes, self._skip, request.path_params["round"], visit)
        except GoneError as error:
            return gone(error)
        return JSONResponse({})

    # `services.arena` may read the cases first, so it is asked in a thread.

    def _next(self, visit: str, holding: list[str]) -> Issued | Nothing:
        return self._services.arena.next(visit, holding)

    def _about(self) -> Any:
        return self._services.arena.about()

    def _vote(self, key: str, verdict: Verdict, visit: str, address: str, looked: float | None) -> Revealed:
        return self._services.arena.vote(key, verdict, visit=visit, address=address, looked=looked)

    def _skip(self, key: str, visit: str) -> None:
        self._services.arena.skip(key, visit)

    def _refuse(self) -> None:
        self._services.arena.refuse("malformed")


def revealed_as_told(revealed: Revealed) -> dict[str, Any]:
    """What the page is told once it has voted."""
    left, right = revealed.methods
    return {
        "receipt": asdict(revealed.receipt),
        "choice": revealed.choice,
        "left": _named(left, revealed.left, bool(revealed.check)),
        "right": _named(right, revealed.right, bool(revealed.check)),
        "check": revealed.check,
    }


def _named(method: str, told: Told, check: bool) -> dict[str, str]:  # noqa: FBT001  # a private table
    return {
        "title": told.title,
        "colour": "" if check else colour_of(method),
        "likely": "" if told.score is None else in_words(told.score),
        "result": told.result,
    }
