"""Answers over HTTP: is it gone, what became of my answer, take it back.

    GET    /rorem/results/{result}/likely   how likely a program thinks it is clean, in words; "" if it cannot tell
    POST   /rorem/results/{result}/rating   an answer -> its receipt
    GET    /rorem/ratings/{receipt}         -> the same receipt, as things stand now
    DELETE /rorem/ratings/{receipt}         -> a sentence           (X-Visit)
    GET    /rorem/feedback                  how many answers are kept here, and published

An answer is on disk when its receipt is sent. It never waits behind a photo: those with pictures have threads of
their own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rorem_demo.errors import InputError
from rorem_demo.feedback.records import REASONS, Answer, Reason, Receipt
from rorem_demo.judging import Judging
from rorem_demo.services import Services
from rorem_demo.ui.http import Table, address_of, read_body, run_in
from rorem_demo.ui.values import in_words, parse_json
from rorem_demo.visits import Result

LONGEST_ANSWER = 4096
"""Bytes of JSON that are read; 200 characters take 2400 at most."""
_LONGEST_VISIT = 64
_KNOWN: dict[str, Reason] = {reason: reason for reason in REASONS}
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class RatingRequest:
    """What the page sends when somebody answers."""

    answer: Answer
    visit: str
    judge: str = ""
    """Version of the discriminator whose score was shown before the answer."""


def parse_rating(text: object) -> RatingRequest:
    """An answer from the browser, checked.

    Raises:
        InputError: anything is missing or malformed.
    """
    try:
        value = parse_json(text)
    except InputError as error:
        raise unreadable() from error
    removed, share, visit = value.get("removed"), value.get("share", False), value.get("visit")
    if type(removed) is not bool or type(share) is not bool:
        raise unreadable()
    if not isinstance(visit, str) or len(visit) > _LONGEST_VISIT:
        raise unreadable()
    reasons, comment = parse_reasons(value.get("reasons", [])), value.get("comment", "")
    if not isinstance(comment, str):
        raise unreadable()
    judge = value.get("judge", "")
    if not isinstance(judge, str):
        raise unreadable()
    answer = Answer(removed=removed, reasons=reasons, comment=comment, share=share)
    if answer.comment and "other" not in reasons:
        raise InputError("A comment goes with the reason Other.", hint="Choose Other as well.")
    return RatingRequest(answer, visit, judge)


def parse_reasons(value: object) -> tuple[Reason, ...]:
    """Reasons from the browser. Raises InputError where anything else is among them."""
    if not isinstance(value, list) or len(value) > len(REASONS):
        raise unreadable()
    if any(not isinstance(reason, str) or reason not in _KNOWN for reason in value):
        raise InputError("There is no such reason.", hint="Choose one of those shown.")
    return tuple(_KNOWN[reason] for reason in value)


def unreadable() -> InputError:
    """What is said of an answer that is no answer."""
    return InputError("The answer could not be read.", hint="Reload the page and answer again.")


class Rating:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Each its own, so that nobody who answers waits for those whose pictures are being written.
        self._quick, self._pictures, self._scored = CapacityLimiter(8), CapacityLimiter(2), CapacityLimiter(4)

    def table(self) -> Table:
        """For `ui.routes`."""
        return [
            ("GET", "/results/{result}/likely", self.likely),
            ("POST", "/results/{result}/rating", self.rate),
            ("GET", "/ratings/{receipt}", self.receipt),
            ("DELETE", "/ratings/{receipt}", self.delete),
            ("GET", "/feedback", self.feedback),
        ]

    async def likely(self, request: Request) -> Response:
        """What the discriminator says of a result; after a start it may take seconds."""
        found = await run_in(self._scored, self._services.likely, request.path_params["result"])
        said = {"words": in_words(found), "judge": found.judge if found else ""}
        return JSONResponse(said, headers=_FRESH)

    async def rate(self, request: Request) -> Response:
        """Keep the answer in the body."""
        key, body = request.path_params["result"], await read_body(request, LONGEST_ANSWER)
        try:
            asked = parse_rating(body if len(body) <= LONGEST_ANSWER else None)
        except InputError:
            await run_in(self._quick, self._refuse)
            raise
        limiter = self._pictures if asked.answer.share or self._is_public(key) else self._quick
        receipt = await run_in(limiter, self._rate, key, asked, address_of(request))
        return JSONResponse(asdict(receipt), 201, _FRESH)

    async def receipt(self, request: Request) -> Response:
        """What became of an answer."""
        found = await run_in(self._quick, self._receipt, request.path_params["receipt"])
        return JSONResponse(asdict(found), headers=_FRESH)

    async def delete(self, request: Request) -> Response:
        """Take an answer back."""
        receipt, visit = request.path_params["receipt"], request.headers.get("x-visit", "")[:_LONGEST_VISIT]
        sentence = await run_in(self._quick, self._delete, receipt, visit, address_of(request))
        return JSONResponse({"sentence": sentence})

    async def feedback(self, request: Request) -> Response:  # noqa: ARG002  # a handler's signature
        """The store in numbers, and where it publishes to."""
        return JSONResponse(await run_in(self._quick, self._status), headers=_FRESH)

    @property
    def _judging(self) -> Judging:
        return self._services.judging

    def _rate(self, key: str, asked: RatingRequest, address: str) -> Receipt:
        return self._judging.rate(key, asked.answer, visit=asked.visit, address=address, judge=asked.judge)

    def _receipt(self, text: str) -> Receipt:
        return self._judging.desk.receipt(text)

    def _delete(self, text: str, visit: str, address: str) -> str:
        judging = self._judging
        return judging.desk.delete(text, judging.person(visit, address))

    def _refuse(self) -> None:
        self._judging.desk.refuse("malformed")

    def _status(self) -> dict[str, Any]:
        desk, settings = self._judging.desk, self._services.settings
        status = desk.status()
        dataset = desk.publisher.dataset
        return {
            "kept": status.kept,
            "published": status.published,
            "waiting": status.waiting,
            "in_review": status.in_review,
            "last_published": status.last_published,
            "last_error": status.last_error,
            "dataset": settings.feedback_dataset,
            "token": dataset is not None and dataset.has_token,
            "survives": not settings.on_space,
        }

    def _is_public(self, key: str) -> bool:
        """Whether pictures are kept without being shared; what is not there is refused later, with a sentence."""
        visits = self._services.visits
        try:
            return bool(visits.get(key, Result).licence)
        except InputError:
            return False
