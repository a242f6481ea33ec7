"""Pointing over HTTP: from clicks, boxes and phrases to masks, beside gradio's queue because a click cannot wait in it.

    GET  /rorem/segmenters              what answers a click, a box, a phrase here, or why nothing does
    POST /rorem/photos/{photo}/encode   ?kind=click|box|phrase -> a line of JSON for each step of the first look
    POST /rorem/photos/{photo}/select   prompts -> masks, each with a small picture

Segmenters run on the CPU, on ZeroGPU too: pointing then costs a visitor nothing of their GPU time.
"""

from __future__ import annotations

import json
import logging
from asyncio import Future, Queue, ensure_future, get_running_loop
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from functools import partial
from threading import Event
from typing import Any, TypeVar, get_args

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from rorem_demo.errors import InputError, RoremError
from rorem_demo.segmenters.base import Candidate, PromptKind
from rorem_demo.selecting import Preparation, Proposal
from rorem_demo.services import Services
from rorem_demo.ui.http import FAILED, Table, read_body
from rorem_demo.ui.notices import mask_address, told
from rorem_demo.ui.values import LONGEST_VALUE, PointingRequest, parse_pointing
from rorem_demo.visits import OpenedMask

log = logging.getLogger(__name__)
R = TypeVar("R")

KINDS: tuple[PromptKind, ...] = get_args(PromptKind)


class Pointing:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._visits = services.visits
        self._selecting = services.selecting
        # Each its own, so that nobody who clicks waits for those who wait for a first look, or who open a photo.
        self._clicks, self._looks = CapacityLimiter(4), CapacityLimiter(16)
        self._looking: set[Future[None]] = set()  # only so that they are not forgotten before they end

    def table(self) -> Table:
        """For `ui.routes`."""
        return [
            ("GET", "/segmenters", self.segmenters),
            ("POST", "/photos/{photo}/encode", self.encode),
            ("POST", "/photos/{photo}/select", self.select),
        ]

    async def segmenters(self, request: Request) -> Response:  # noqa: ARG002  # a handler's signature
        """The title of what answers each kind of prompt, or a sentence that says why nothing does."""
        return JSONResponse({kind: await self._run(self._offer, kind) for kind in KINDS})

    async def encode(self, request: Request) -> Response:
        """Look at a photo for the first time, telling how far that is."""
        kind = next((kind for kind in KINDS if kind == request.query_params.get("kind")), None)
        if kind is None:
            raise InputError("There is no such way of pointing.", hint="Reload the page.")
        steps = self._selecting.prepare(request.path_params["photo"], kind)
        return StreamingResponse(self._lines(steps), media_type="application/x-ndjson")

    async def select(self, request: Request) -> Response:
        """Masks for what the prompts in the body mean."""
        asked = parse_pointing(await read_body(request, LONGEST_VALUE))
        return JSONResponse(await self._run(self._selected, request.path_params["photo"], asked))

    def _offer(self, kind: PromptKind) -> dict[str, Any]:
        try:
            spec = self._selecting.acting(kind)
        except RoremError as error:
            return {"sentence": error.sentence}
        return {"title": spec.title, "learned": bool(spec.weights)}

    async def _lines(self, steps: Iterator[Preparation]) -> AsyncIterator[str]:
        """Progress, one JSON object a line, as one thread makes it; closing this ends the look at its next step.

        One thread for the whole look: if each step had to find a free one, those who wait for the look to end
        could take them all.
        """
        loop, lines, left = get_running_loop(), Queue[str | None](), Event()

        def look() -> None:
            for line in _told_lines(steps):
                loop.call_soon_threadsafe(lines.put_nowait, line)
                if left.is_set():
                    break
            loop.call_soon_threadsafe(lines.put_nowait, None)

        looking = ensure_future(to_thread.run_sync(look, limiter=self._looks))
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)
        try:
            while line := await lines.get():
                yield line
        finally:
            left.set()

    def _selected(self, photo: str, asked: PointingRequest) -> dict[str, Any]:
        previous = self._visits.get(asked.previous, OpenedMask) if asked.previous else None
        hint = previous.candidate if previous and previous.photo == photo else None
        proposal = self._selecting.propose(photo, asked.prompts, previous=hint)
        keep = None if asked.preview else partial(self._keep, photo)
        return _answer(proposal, keep)

    def _keep(self, photo: str, candidate: Candidate) -> str:
        return self._visits.keep(OpenedMask.proposed(candidate, photo), self._visits.visit_of(photo))[0]

    async def _run(self, function: Callable[..., R], *args: Any) -> R:
        return await to_thread.run_sync(function, *args, limiter=self._clicks)


def _told_lines(steps: Iterator[Preparation]) -> Iterator[str]:
    """The steps as lines; an error is the last of them, for the status of the answer was sent long before."""
    try:
        with closing(steps):  # type: ignore[type-var]  # it is a generator
            for step in steps:
                yield _line({"title": step.method.title, "fraction": round(step.fraction, 3)})
        yield _line({"ready": True})
    except RoremError as error:
        yield _line({"sentence": told(error)})
    except Exception:  # a border: the visitor gets a sentence, the log the traceback
        log.exception("the first look at a photo failed")
        yield _line({"sentence": FAILED})


def _answer(proposal: Proposal, keep: Callable[[Candidate], str] | None) -> dict[str, Any]:
    """What the page is told; a preview is one picture and nothing kept."""
    shown = proposal.candidates if keep else proposal.candidates[:1]
    return {
        "title": proposal.method.title,
        "seconds": round(proposal.seconds, 3),
        "candidates": [
            {
                "mask": keep(candidate) if keep else None,
                "picture": mask_address(candidate.mask),
                "score": round(candidate.score, 3),
                "label": candidate.label,
            }
            for candidate in shown
        ],
    }


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"
