"""A dataset in memory that can be told how its next commits fare; quick enough to be raced thousands of times.

What the real client does with a real server is tested in `test_faults.py`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal, TypeAlias

import pyarrow.parquet as pq

from rorem_demo.feedback.hub import ConflictError, Dataset, Listing, RetryLaterError

Fate: TypeAlias = Literal["well", "busy", "lost", "late"]
"""Of a commit: refused for now; made but not answered; not answered and made some time later, if it still fits."""


@dataclass
class Server:
    """Trees of files by commit; the last is main."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"root": {}})
    fates: deque[Fate] = field(default_factory=deque)
    """Of the next commits; those after them go well."""
    late: list[tuple[dict[str, bytes], list[str], str | None]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[self.head]

    def take(self, add: dict[str, bytes], delete: list[str], parent: str | None) -> str:
        """Make a commit if `parent` is main."""
        if parent not in {None, self.head}:
            raise ConflictError("main has moved")
        files = {path: data for path, data in self.files.items() if path not in delete} | add
        made = hashlib.sha256(f"{len(self.commits)} {self.head}".encode()).hexdigest()[:40]
        self.commits[made] = files
        return made

    def land(self) -> None:
        """Let the oldest late commit arrive at last."""
        if self.late:
            with suppress(ConflictError):
                self.take(*self.late.pop(0))

    def ids(self) -> list[str]:
        """Of all rows, those that are there twice twice."""
        return [key for path, data in self.files.items() if path.endswith(".parquet") for key, _ in pairs(data)]


def pairs(data: bytes) -> list[tuple[str, str]]:
    """(id, receipt) of the rows of a shard."""
    table = pq.read_table(BytesIO(data), columns=["id", "receipt"], use_threads=False)
    return list(zip(table["id"].to_pylist(), table["receipt"].to_pylist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class Simulated(Dataset):
    """One replica's way to the server."""

    server: Server

    @property
    def has_token(self) -> bool:
        return bool(self.token)

    def listing(self) -> Listing:
        self.server.asked["listing"] += 1
        return Listing(self.server.head, tuple(sorted(self.server.files)))

    def commit(
        self, add: Mapping[str, Path], *, delete: Sequence[str] = (), parent: str | None = None, message: str
    ) -> str:
        self.server.asked["commit"] += 1
        what = ({path: file.read_bytes() for path, file in add.items()}, list(delete), parent)
        fate = self.server.fates.popleft() if self.server.fates else "well"
        if not delete and what[0].items() <= self.server.files.items():
            return self.server.head  # as huggingface_hub does
        if fate == "late":
            self.server.late.append(what)
        if fate in {"late", "busy"}:
            raise RetryLaterError("no answer")
        made = self.server.take(*what)
        if fate == "lost":
            raise RetryLaterError("answer lost")
        return made

    def read_ahead(self, paths: Iterable[str], head: str) -> None:
        """Nothing: everything is quick here."""

    def rows(self, path: str, head: str) -> tuple[tuple[str, str], ...]:
        self.server.asked["rows"] += 1
        return tuple(pairs(self.server.commits[head][path]))

    def fetch(self, path: str, head: str) -> Path:
        file = self.cache / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.server.commits[head][path])
        return file

    def commits(self) -> tuple[str, ...]:
        return tuple(reversed(self.server.commits))

    def squash(self) -> tuple[str, ...]:
        dead = self.commits()
        files = self.server.files
        self.server.commits.clear()
        self.server.commits["squashed"] = files
        return dead
