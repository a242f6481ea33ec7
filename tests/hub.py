"""LoopbackHub: a Hub on this machine, for models and datasets; it can be told to misbehave.

It proves what the real clients (huggingface_hub 2.4.0, datasets 5.2.0) do with answers, not what the real Hub
answers. Clients that write need `HF_HUB_DISABLE_XET=1` in their environment: there is no Xet server here.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_answers import answer
from tests.hub_faults import Faults, Gate, LostError, Point
from tests.hub_repository import LARGE, RefusalError, Repository, sha256
from tests.hub_requests import READER, WRITER, Answer, Request, Shelves, UnexpectedError

__all__ = ["READER", "WRITER", "Gate", "LoopbackHub", "RefusalError", "Repository"]

CHUNK = 1 << 16


class LoopbackHub(Shelves):
    """Serves repositories on 127.0.0.1 while its block runs, which fails at its end if anything unknown was asked.

    What it may be told at any time:
        down: answer every request with 503.
        break_after: cut the next file off after so many bytes, once.
        down_when_broken: and be down from then on.
        corrupt: names of files whose bytes are wrong, though as many as they should be.
        pause: seconds before every 64 KiB of a file.
        hold, refuse, lose: see there.
    """

    def __init__(self, *, strict: bool = True) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        """How often each `METHOD /path` was asked for."""
        self.received: Counter[str] = Counter()
        """Bytes of bodies that came, by `METHOD /path`; broken ones as far as they came."""
        self.sent: Counter[str] = Counter()
        """Bytes of bodies that went, likewise."""
        self.unexpected: list[str] = []
        """Requests that no endpoint knows, and errors of the hub itself; `strict` minds them."""
        self.ranges: list[str] = []
        """The Range headers, in order."""
        self.down = False
        self.break_after: int | None = None
        self.down_when_broken = False
        self.pause = 0.0
        self.faults = Faults()
        self._strict = strict
        self._closing = Event()
        hub = self

        class Handler(_Handler):
            def __init__(self, *args: Any) -> None:
                self.hub = hub
                super().__init__(*args)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def commit(self, repository: str, files: Mapping[str, bytes], revision: str | None = None) -> str:
        """Add a commit that holds exactly these files; returns its 40 digits."""
        with self.lock:
            self.objects |= {sha256(content): content for path, content in files.items() if path.endswith(LARGE)}
            return self.repositories.setdefault(repository, Repository()).add(repository, files, revision=revision)

    def files(self, repository: str) -> dict[str, bytes]:
        """What main holds."""
        with self.lock:
            found = self.repositories[repository]
            return dict(found.commits[found.commit("main")])

    def hold(self, method: str, part: str, point: Point = "before") -> Gate:
        """Hold requests with this method whose path contains this; `after`: done already, unanswered."""
        return self.faults.hold(method, part, point)

    def refuse(
        self, method: str, part: str, status: int, headers: Mapping[str, str] | None = None, *, times: int = 1
    ) -> None:
        """Answer the next such requests with this status, undone."""
        self.faults.refuse(method, part, status, headers, times=times)

    def lose(self, method: str, part: str, *, times: int = 1) -> None:
        """Do the next such requests, and end the connection instead of answering."""
        self.faults.lose(method, part, times=times)

    def answer(self, request: Request) -> Answer:
        if self.down:
            raise RefusalError(503)
        return answer(self, request)

    def asked(self, method: str, part: str) -> int:
        """How many requests were made with this method for paths that contain this."""
        return sum(n for line, n in self.requests.items() if line.startswith(f"{method} ") and part in line)

    def cut(self, left: int) -> int | None:
        """How many of the bytes left of a file are sent before the connection breaks; None for all."""
        with self.lock:
            after, self.break_after = self.break_after, None
        if after is None or after >= left:
            return None
        self.down = self.down or self.down_when_broken
        return after

    def rest(self) -> None:
        self._closing.wait(self.pause)

    def note(self, line: str, span: str | None) -> None:
        with self.lock:
            self.requests[line] += 1
            if span:
                self.ranges.append(span)

    def count(self, into: Counter[str], line: str, amount: int) -> None:
        with self.lock:
            into[line] += amount

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.faults.end()
        self._server.shutdown()
        self._server.server_close()
        if self._strict and error is None:
            assert not self.unexpected, f"the hub was asked what it does not know: {self.unexpected}"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that was killed
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the requests are counted instead."""

    def _answer(self) -> None:
        url = urlsplit(self.path)
        parts = tuple(map(unquote, url.path.strip("/").split("/")))
        self._path = "/" + "/".join(parts)
        self._line = f"{self.command} {self._path}"
        self.hub.note(self._line, self.headers.get("Range"))
        try:
            request = Request(self.command, parts, parse_qs(url.query), self.headers, self._body())
            self._send(self._done(request))
        except (LostError, ConnectionError):  # told to, or the client was killed
            self.close_connection = True

    def _done(self, request: Request) -> Answer:
        try:
            self.hub.faults.reach("before", self.command, self._path)
            made = self.hub.answer(request)
            self.hub.faults.reach("after", self.command, self._path)
        except RefusalError as refusal:
            return Answer(json.dumps(refusal.body).encode(), refusal.headers, refusal.status)
        except UnexpectedError:
            self.hub.unexpected.append(self._line)
            return Answer(b"{}", status=404)
        except (LostError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001  # the hub's own
            self.hub.unexpected.append(f"{self._line}: {error!r}")
            return Answer(b"{}", status=500)
        return made

    def _body(self) -> bytes:
        """All of it, or an error: half a request is no request."""
        left = int(self.headers.get("Content-Length", "0"))
        read = bytearray()
        while left and (part := self.rfile.read(min(left, CHUNK))):
            left -= len(part)
            read += part
            self.hub.count(self.hub.received, self._line, len(part))
        if left:
            raise ConnectionError
        return bytes(read)

    def _send(self, made: Answer) -> None:
        self.send_response(made.status)
        for key, value in {**made.headers, "Content-Length": str(len(made.body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.hub.cut(len(made.body)) if "ETag" in made.headers else None
        body = made.body[:cut]
        self.close_connection = self.close_connection or cut is not None
        with suppress(ConnectionError):  # a client that was killed
            for start in range(0, len(body), CHUNK):
                self.hub.rest()
                part = body[start : start + CHUNK]
                self.wfile.write(part)
                self.hub.count(self.hub.sent, self._line, len(part))
