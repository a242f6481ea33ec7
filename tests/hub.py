"""LoopbackHub: a Hub on this machine, as far as huggingface_hub 2.4.0 needs one; it can be told to misbehave.

It proves what the real client does with answers, not what the real Hub answers.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

CHUNK = 1 << 16
LARGE = (".safetensors", ".bin", ".pth", ".parquet")
"""What the Hub would keep in LFS; only of these it tells the sha256."""


class RefusalError(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


@dataclass
class Repository:
    """Whole trees of files by commit; the last one is `main`."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False

    def commit(self, revision: str) -> str:
        found = next(reversed(self.commits), "") if revision == "main" else revision
        if found not in self.commits:
            raise RefusalError(404, "RevisionNotFound")
        return found


class LoopbackHub:
    """Serves repositories on 127.0.0.1 while its block runs.

    What it may be told at any time:
        down: answer every request with 503.
        break_after: cut the next file off after so many bytes, once.
        down_when_broken: and be down from then on.
        corrupt: names of files whose bytes are wrong, though as many as they should be.
        pause: seconds before every 64 KiB of a file.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: Counter[str] = Counter()
        """How often each `METHOD /path` was asked for."""
        self.ranges: list[str] = []
        """The Range headers, in order."""
        self.down = False
        self.break_after: int | None = None
        self.down_when_broken = False
        self.corrupt: set[str] = set()
        self.pause = 0.0
        self._lock = Lock()
        self._closing = Event()
        hub = self

        class Handler(_Handler):
            def __init__(self, *args: Any) -> None:
                self.hub = hub
                super().__init__(*args)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def commit(self, repository: str, files: Mapping[str, bytes], revision: str | None = None) -> str:
        """Add a commit that holds exactly these files; returns its 40 digits."""
        commits = self.repositories.setdefault(repository, Repository()).commits
        made = revision or hashlib.sha1(f"{repository} {len(commits)}".encode()).hexdigest()
        commits[made] = dict(files)
        return made

    def asked(self, method: str, part: str) -> int:
        """How many requests were made with this method for paths that contain this."""
        return sum(n for line, n in self.requests.items() if line.startswith(f"{method} ") and part in line)

    def cut(self, left: int) -> int | None:
        """How many of the bytes left of a file are sent before the connection breaks; None for all."""
        with self._lock:
            after, self.break_after = self.break_after, None
        if after is None or after >= left:
            return None
        self.down = self.down or self.down_when_broken
        return after

    def rest(self) -> None:
        self._closing.wait(self.pause)

    def note(self, method: str, path: str, span: str | None) -> None:
        with self._lock:
            self.requests[f"{method} {path}"] += 1
            if span:
                self.ranges.append(span)

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the requests are counted instead."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.note(self.command, path, self.headers.get("Range"))
        try:
            self._route(path.strip("/").split("/"))
        except RefusalError as refusal:
            self._send(refusal.status, b"{}", {"X-Error-Code": refusal.code} if refusal.code else {})

    def _route(self, parts: list[str]) -> None:
        if self.hub.down:
            raise RefusalError(503)
        match parts:
            case ["api", "models", owner, name]:
                self._info(f"{owner}/{name}", "main")
            case ["api", "models", owner, name, "revision", revision]:
                self._info(f"{owner}/{name}", revision)
            case [owner, name, "resolve", revision, *file]:
                self._file(f"{owner}/{name}", revision, "/".join(file))
            case _:
                raise RefusalError(404)

    def _repository(self, name: str) -> Repository:
        if name not in self.hub.repositories:
            raise RefusalError(404, "RepoNotFound")
        return self.hub.repositories[name]

    def _info(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        commit = repository.commit(revision)
        siblings = [_sibling(*item) for item in repository.commits[commit].items()]
        info = {"id": name, "sha": commit, "private": False, "tags": [], "siblings": siblings}
        self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, revision: str, file: str) -> None:
        repository = self._repository(name)
        if repository.gated:
            raise RefusalError(401, "GatedRepo")
        commit = repository.commit(revision)
        if file not in repository.commits[commit]:
            raise RefusalError(404, "EntryNotFound")
        content = repository.commits[commit][file]
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes", **_tags(file, content)}
        if file in self.hub.corrupt:
            content = bytes(byte ^ 1 for byte in content)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206 if start else 200, content[start:], headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.hub.cut(len(body)) if "ETag" in headers else None
        body = body[:cut]
        self.close_connection = self.close_connection or cut is not None
        with suppress(ConnectionError):  # a client that was killed
            for start in range(0, len(body), CHUNK):
                self.hub.rest()
                self.wfile.write(body[start : start + CHUNK])


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    known = {"rfilename": name, "size": len(content), "blobId": _git_id(content)}
    large = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134}
    return known | ({"lfs": large} if name.endswith(LARGE) else {})


def _tags(name: str, content: bytes) -> dict[str, str]:
    if not name.endswith(LARGE):
        return {"ETag": f'"{_git_id(content)}"'}
    digest = hashlib.sha256(content).hexdigest()
    return {"ETag": f'"{digest}"', "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
