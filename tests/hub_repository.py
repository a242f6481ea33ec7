"""What the loopback Hub keeps: whole trees by commit, and what its answers say of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LARGE = (".safetensors", ".bin", ".pth", ".parquet", ".png", ".jpg", ".webp", ".zip")
"""What the Hub keeps in LFS; only of these it tells the sha256."""


class RefusalError(Exception):
    """An answer that is not 200."""

    def __init__(
        self, status: int, code: str = "", message: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.body = more | ({"error": message} if message else {})
        self.headers = dict(headers or {})
        self.headers |= {"X-Error-Code": code} if code else {}
        self.headers |= {"X-Error-Message": message} if message else {}


@dataclass
class Repository:
    """Whole trees of files by commit; the last one is `main`."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    notes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Title and date of a commit."""
    count: int = 0
    """Commits ever made, dead ones too."""

    def commit(self, revision: str) -> str:
        """The 40 digits of a revision."""
        found = next(reversed(self.commits), "") if revision == "main" else revision
        if found not in self.commits:
            raise RefusalError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def add(self, name: str, files: Mapping[str, bytes], title: str = "", revision: str | None = None) -> str:
        """Make a commit that holds exactly these files; returns its 40 digits."""
        made = revision or hashlib.sha1(f"{name} {self.count}".encode()).hexdigest()
        self.count += 1
        self.commits[made] = dict(files)
        self.notes[made] = title, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return made

    def squash(self, name: str, title: str) -> None:
        """Make main the only commit, a new one; the old ones are gone."""
        files = self.commits[self.commit("main")]
        self.commits.clear()
        self.add(name, files, title)

    def tree(self, commit: str, folder: str, *, recursive: bool, expand: bool) -> list[dict[str, Any]]:
        """Entries below a folder."""
        files = self.commits[commit]
        start = f"{folder}/" if folder else ""
        below = {path for path in [*files, *_folders(files)] if path.startswith(start) and path != folder}
        if folder and not below:
            raise RefusalError(404, "EntryNotFound", f"{folder} does not exist on this revision")
        wanted = sorted(path for path in below if recursive or "/" not in path.removeprefix(start))
        return list(self.entries(commit, wanted, expand=expand))

    def entries(self, commit: str, paths: list[str], *, expand: bool) -> Iterator[dict[str, Any]]:
        """What is known of these files and folders, as far as they exist."""
        files, folders = self.commits[commit], _folders(self.commits[commit])
        title, date = self.notes[commit]
        last = {"lastCommit": {"id": commit, "title": title, "date": date}} if expand else {}
        for path in paths:
            if path in files:
                yield {"type": "file", "path": path, **described(path, files[path]), **last}
            elif path in folders:
                yield {"type": "directory", "path": path, "size": 0, "oid": git_id(path.encode()), **last}


def _folders(files: Mapping[str, bytes]) -> set[str]:
    return {path.rsplit("/", depth)[0] for path in files for depth in range(1, path.count("/") + 1)}


def described(path: str, content: bytes) -> dict[str, Any]:
    """Size and ids of a file; `oid` is the pointer's for a large one, as in git."""
    if not path.endswith(LARGE):
        return {"size": len(content), "oid": git_id(content)}
    digest = sha256(content)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
    large = {"oid": digest, "size": len(content), "pointerSize": len(pointer)}
    return {"size": len(content), "oid": git_id(pointer), "lfs": large}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
