"""Requests to the loopback Hub, its answers, and who may ask what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Literal

from tests.hub_repository import RefusalError, Repository

READER, WRITER = "hf_reader", "hf_writer"
"""Tokens every hub knows."""
PREFIXES = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}


class UnexpectedError(Exception):
    """No endpoint of this hub."""


@dataclass(frozen=True)
class Request:
    """As it came, its path split and unquoted."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def flag(self, name: str) -> bool:
        return self.query.get(name, [""])[0].lower() in {"true", "1"}


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass
class Shelves:
    """All that a hub keeps. A repository's key is its address: `owner/name`, `datasets/owner/name`."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    """Large files that were sent, by sha256."""
    tokens: dict[str, Literal["read", "write"]] = field(default_factory=lambda: {READER: "read", WRITER: "write"})
    corrupt: set[str] = field(default_factory=set)
    lock: RLock = field(default_factory=RLock, repr=False)


@dataclass(frozen=True)
class Visit:
    """A request to a repository, by somebody who may make it."""

    shelves: Shelves
    request: Request
    key: str
    repository: Repository

    @classmethod
    def to(cls, shelves: Shelves, request: Request, key: str, *, write: bool = False) -> Visit:
        role = role_of(shelves, request)
        if key not in shelves.repositories:
            raise RefusalError(404, "RepoNotFound", "Repository not found")
        repository = shelves.repositories[key]
        if role == "none" and (write or repository.private):
            raise RefusalError(401, message="Invalid username or password.")
        if write and role != "write":
            raise RefusalError(403, message="You don't have write permission")
        return cls(shelves, request, key, repository)

    def writing(self) -> Visit:
        return self.to(self.shelves, self.request, self.key, write=True)


def role_of(shelves: Shelves, request: Request) -> Literal["none", "read", "write"]:
    given = request.headers.get("Authorization", "")
    if not given:
        return "none"
    if given.removeprefix("Bearer ") not in shelves.tokens:
        raise RefusalError(401, message="Invalid credentials in Authorization header")
    return shelves.tokens[given.removeprefix("Bearer ")]


def json_answer(said: Any) -> Answer:
    return Answer(json.dumps(said).encode(), {"Content-Type": "application/json"})
