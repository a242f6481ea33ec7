"""Annotating over HTTP: the next result, its pictures, an answer.

    POST /rorem/annotate/next                {"visit", "skip": [ids]} -> an item, or {"done": true, "sentence"}
    GET  /rorem/annotate/{item}/{picture}    source, mask or result
    POST /rorem/annotate/{item}/rating       an answer -> its receipt

Source and result are sent in one format and size, under names that tell nothing: whoever answers sees pictures only.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rorem_demo.annotating.annotating import Annotating, Nothing
from rorem_demo.annotating.items import PICTURES, Picture, read_triplet
from rorem_demo.errors import InputError
from rorem_demo.feedback.records import Receipt
from rorem_demo.imaging.io import encode_image
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import size_of
from rorem_demo.services import Services
from rorem_demo.tickets import GoneError
from rorem_demo.ui.http import PRIVATE, Table, address_of, gone, read_body, run_in
from rorem_demo.ui.notices import mask_picture
from rorem_demo.ui.rating import LONGEST_ANSWER, RatingRequest, parse_rating
from rorem_demo.ui.values import LONGEST_VALUE, ids_in, parse_json, seconds_of, visit_in

SHOWN = SizeRule(longest=2048)
"""Size of the pictures the page shows."""
_FRESH = {"Cache-Control": "no-store"}


class Annotate:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Each its own, so that nobody who answers waits for pictures.
        self._answers, self._pictures = CapacityLimiter(2), CapacityLimiter(2)

    def table(self) -> Table:
        """For `ui.routes`."""
        return [
            ("POST", "/annotate/next", self.next),
            ("GET", "/annotate/{item}/{picture}", self.picture),
            ("POST", "/annotate/{item}/rating", self.rate),
        ]

    async def next(self, request: Request) -> Response:
        """An item that this visit has not answered, or a sentence that says why there is none."""
        visit, skip = _parse_next(await read_body(request, LONGEST_VALUE))
        return JSONResponse(await run_in(self._answers, self._next, visit, skip), headers=_FRESH)

    async def picture(self, request: Request) -> Response:
        """One of an item's pictures."""
        which = next((name for name in PICTURES if name == request.path_params["picture"]), None)
        if which is None:
            raise InputError("There is no such picture.", hint="Reload the page.")
        try:
            data = await run_in(self._pictures, self._picture, request.path_params["item"], which)
        except GoneError as error:
            return gone(error)
        kind = "image/png" if which == "mask" else "image/jpeg"
        return Response(data, headers={"Content-Type": kind, **PRIVATE})

    async def rate(self, request: Request) -> Response:
        """Keep the answer in the body."""
        body = await read_body(request, LONGEST_ANSWER)
        try:
            asked = parse_rating(body if len(body) <= LONGEST_ANSWER else None)
        except InputError:
            await run_in(self._answers, self._refuse)
            raise
        item, looked = request.path_params["item"], seconds_of(parse_json(body).get("looked"))
        try:
            receipt = await run_in(self._answers, self._rate, item, asked, address_of(request), looked)
        except GoneError as error:
            return gone(error)
        return JSONResponse(asdict(receipt), 201, _FRESH)

    @property
    def _annotating(self) -> Annotating:
        return self._services.annotating

    def _next(self, visit: str, skip: list[str]) -> dict[str, Any]:
        found = self._annotating.next(visit, skip)
        if isinstance(found, Nothing):
            return {"done": True, "sentence": found.sentence, "wait": found.wait}
        addresses: dict[str, Any] = {name: f"annotate/{found.ticket}/{name}" for name in PICTURES}
        return {"item": found.ticket, **addresses, "answered": found.done, "left": found.left, "more": found.more}

    def _picture(self, key: str, which: Picture) -> bytes:
        item = self._annotating.ticket(key).item
        triplet = read_triplet(item.paths, self._services.settings.max_pixels)
        if which == "mask":
            return mask_picture(triplet.mask)
        image = triplet.source if which == "source" else triplet.result
        return encode_image(SHOWN.fit(size_of(image)).image(image), "JPEG", triplet.icc)

    def _rate(self, item: str, asked: RatingRequest, address: str, looked: float | None) -> Receipt:
        return self._annotating.rate(item, asked.answer, visit=asked.visit, address=address, looked=looked)

    def _refuse(self) -> None:
        self._services.judging.desk.refuse("malformed")


def _parse_next(body: bytes) -> tuple[str, list[str]]:
    value = parse_json(body)
    return visit_in(value), ids_in(value.get("skip", []))
