"""Leaderboard over HTTP.

    GET /rorem/leaderboard    {"board", "version", "trouble", "waiting"}; 304 where nothing changed

`board` is null before the first count, else words and positions (`ui.leaderboard_words`); `version` tells boards apart.
"""

from __future__ import annotations

import json
from hashlib import sha256
from threading import Lock

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from rorem_demo.comparison.boards import Told
from rorem_demo.services import Services
from rorem_demo.ui.http import Table
from rorem_demo.ui.leaderboard_words import Named, in_words, waiting
from rorem_demo.ui.methods import colour_of, title_of


class Leaderboard:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limiter = CapacityLimiter(1)  # its own: nobody who looks waits for pictures
        self._lock = Lock()
        self._answer: tuple[Told, bytes, str] | None = None

    def table(self) -> Table:
        """For `ui.routes`."""
        return [("GET", "/leaderboard", self.show)]

    async def show(self, request: Request) -> Response:
        """The board as last counted; nothing is counted here."""
        body, tag = await to_thread.run_sync(self._current, limiter=self._limiter)
        headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
        if tag in known:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    def _current(self) -> tuple[bytes, str]:
        """The answer and its tag, made once for each board."""
        told = self._services.boards.told
        with self._lock:
            if self._answer is None or self._answer[0] is not told:
                board = in_words(told.board, self._named) if told.board else None
                status = {"trouble": told.trouble, "waiting": waiting(told), "version": _digest(_json(board))}
                body = _json({**status, "board": board})
                self._answer = told, body, f'"{_digest(body)}"'
            return self._answer[1:]

    def _named(self, key: str) -> Named:
        return Named(title=title_of(self._services, key), licence=self._licence(key), colour=colour_of(key))

    def _licence(self, key: str) -> str:
        """By the catalogue, or by the ready cases it was imported with."""
        licences = {spec.key: spec.licence for spec in self._services.removers}
        if key in licences:
            return licences[key]
        results = (result for case in self._services.cases.cases.values() for result in case.results)
        return next((result.licence for result in results if result.method == key), "")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:32]
