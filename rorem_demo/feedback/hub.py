"""Repository, Dataset: on the Hub, asked and changed by child processes that are killed when they take too long.

huggingface_hub waits for ever if a server holds a request, and Xet obeys no Python timeout; only the end of a process
is certain. Nothing of huggingface_hub runs here, except to look for a token.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import rorem_demo
from rorem_demo.errors import ConfigError, RoremError, StorageError, UnavailableError

_log = logging.getLogger(__name__)
_ROOT = Path(rorem_demo.__file__).parents[1]
_KEPT_LOG = 2000
"""Characters of what a child wrote to stderr."""
_LOOK = 0.25
"""Seconds after which a child's end is asked for again: it may have come nearer."""


class RetryLaterError(UnavailableError):
    """It may work later; what was asked may or may not have happened."""

    def __init__(self, message: str, *, hint: str = "", after: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.after = after
        """Seconds the Hub asked to be left alone; 0 if it named none."""


class ConflictError(UnavailableError):
    """Nothing happened: the repository is not as it was when it was listed."""


class RefusedError(ConfigError):
    """Nothing happened: whoever runs this has to mend a token, a name or a setting first."""


@dataclass(frozen=True)
class Listing:
    """The repository as it was at one commit."""

    head: str
    """sha of main."""
    files: tuple[str, ...]
    """Every path, sorted."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository on the Hub; each method that talks to it is one child process with one deadline.

    Every one of them raises:
        RetryLaterError: not reached, not answered in time, too busy, or the child died; it may have happened or not.
        ConflictError: a commit, a file or `parent` is not there, or not the newest, any more.
        RefusedError: no token, not allowed, offline, or no such name.
        StorageError: a file cannot be read or written, here or there.
    """

    module: ClassVar[str]
    """What the child runs; see `feedback.upload`."""
    repository: str = field(kw_only=False)
    """`owner/name`."""
    private: bool = True
    """When it has to be created."""
    endpoint: str | None = None
    """Address of the Hub; None is huggingface_hub's own."""
    token: str | None = field(default=None, repr=False)
    """None is whatever huggingface_hub finds: HF_TOKEN, or who logged in."""
    deadline: float = 120.0
    """Seconds a child may take."""
    until: Callable[[], float] = field(default=lambda: math.inf, repr=False, compare=False)
    """When, on `time.monotonic`, a child is stopped though its deadline is later; asked over and over while it runs."""

    def _child(self, operation: str, **job: Any) -> Any:
        asked = {"operation": operation, "repository": self.repository, "seconds": self.deadline, **job}
        last = time.monotonic() + self.deadline
        said = _run(self.module, asked, self._environment(), lambda: min(last, self.until()))
        if "done" in said:
            return said["done"]
        raise _error(**said)

    def _environment(self) -> dict[str, str]:
        """The child's: huggingface_hub reads most of it when it is imported, so it cannot be told later."""
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        given = {"HF_TOKEN": self.token, "HF_ENDPOINT": self.endpoint}
        fixed = {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return {**os.environ, **fixed, **{name: value for name, value in given.items() if value}}


@dataclass(frozen=True, kw_only=True)
class Dataset(Repository):
    """A dataset on the Hub."""

    module: ClassVar[str] = "rorem_demo.feedback.upload"
    cache: Path
    """Folder for files fetched and rows read."""

    @property
    def has_token(self) -> bool:
        """One was given, or huggingface_hub finds one now."""
        if self.token:
            return True
        from huggingface_hub import get_token  # noqa: PLC0415  # 0.1 s, when publishing is wanted only

        return get_token() is not None

    def listing(self) -> Listing:
        """Main as it is now; a dataset that does not exist is created."""
        found = self._child("listing", private=self.private)
        return Listing(found["head"], tuple(found["files"]))

    def commit(
        self, add: Mapping[str, Path], *, delete: Sequence[str] = (), parent: str | None = None, message: str
    ) -> str:
        """Add files by their path in the dataset and delete others, all or nothing; returns the commit's sha.

        Files that are there already with these bytes are not sent again, so that it may be repeated; if nothing is
        left to do no commit is made and main's sha returned. With `parent` it is refused if main is another commit,
        provided there is something to do.
        """
        files = {path: str(file.absolute()) for path, file in add.items()}
        if gone := [str(file) for file in add.values() if not file.is_file()]:
            raise StorageError(f"{gone[0]} is to be sent and is not there.", hint="Try again; it is made anew.")
        return str(self._child("commit", add=files, delete=[*delete], parent=parent, message=message))

    def rows(self, path: str, head: str) -> tuple[tuple[str, str], ...]:
        """(id, receipt) of a shard's rows, in order; read without the pictures, and once only: shards never change."""
        kept = self._kept_rows(path)
        if kept is None:
            self.read_ahead([path], head)
            kept = self._kept_rows(path)
        if kept is None:
            raise StorageError(f"{self._note_of(path)} cannot be read back.", hint="Make room or mend the disk.")
        return kept

    def read_ahead(self, paths: Iterable[str], head: str) -> None:
        """Read what `rows` tells of many shards in one child; what it read before it was stopped is read."""
        notes = {path: str(self._note_of(path).absolute()) for path in paths if self._kept_rows(path) is None}
        if notes:
            self._child("rows", notes=notes, head=head)

    def _kept_rows(self, path: str) -> tuple[tuple[str, str], ...] | None:
        with suppress(OSError, ValueError):  # not there, or torn
            return tuple((key, receipt) for key, receipt in json.loads(self._note_of(path).read_bytes()))
        return None

    def _note_of(self, path: str) -> Path:
        return self.cache / "rows" / f"{hashlib.sha256(f'{self.repository} {path}'.encode()).hexdigest()}.json"

    def fetch(self, path: str, head: str) -> Path:
        """A whole file, in the cache; the caller may delete it."""
        return Path(self._child("fetch", path=path, head=head, folder=str((self.cache / "files").absolute())))

    def commits(self) -> tuple[str, ...]:
        """Commits that lead to main, newest first."""
        return tuple(self._child("commits"))

    def squash(self) -> tuple[str, ...]:
        """Make main one commit without a past; returns the shas that died, newest first.

        After a RetryLaterError they may have died too: note `commits()` before, where they must be known.
        """
        return tuple(self._child("squash"))


def failure(error: RoremError) -> dict[str, Any]:
    """What a child says of an error, to be made into the same one by its parent."""
    return {"kind": type(error).__name__, "message": str(error), "hint": error.hint} | (
        {"after": error.after} if isinstance(error, RetryLaterError) else {}
    )


def _error(kind: str, **said: Any) -> RoremError:
    known = {one.__name__: one for one in (RetryLaterError, ConflictError, RefusedError, StorageError)}
    return known[kind](said.pop("message"), **said)


def _run(
    module: str, job: Mapping[str, Any], environment: Mapping[str, str], until: Callable[[], float]
) -> dict[str, Any]:
    """What a child says of one job; no child is left when it returns or raises."""
    with _lifeline() as lifeline, _started(module, lifeline, environment) as child:
        try:
            out, err = _heard(child, json.dumps(job).encode(), until)
        finally:
            if child.poll() is None:  # its group, for what Xet may have started
                os.killpg(child.pid, signal.SIGKILL)
    return _outcome(out, err, child.returncode)


def _heard(child: subprocess.Popen[bytes], job: bytes, until: Callable[[], float]) -> tuple[bytes, bytes]:
    """All that a child writes to stdout and stderr."""
    began = time.monotonic()
    said: bytes | None = job
    while True:
        left = until() - time.monotonic()
        try:
            return child.communicate(said, timeout=max(0.0, min(left, _LOOK)))
        except subprocess.TimeoutExpired as late:
            said = None  # what was not sent yet goes on being sent
            if left <= _LOOK:
                _note(late.stderr)
                spent = time.monotonic() - began
                raise RetryLaterError(f"The Hub did not finish within {spent:.0f} s.") from None


@contextmanager
def _lifeline() -> Iterator[int]:
    """End of a pipe that nobody writes to, for a child to read from: it closes when this process ends, however it does.

    So no child commits behind the back of whoever asks the dataset after a restart.
    """
    ends = os.pipe()
    try:
        yield ends[0]
    finally:
        for end in ends:
            os.close(end)


def _started(module: str, lifeline: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # this program itself
            [sys.executable, "-m", module, str(lifeline)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[lifeline],
            env=environment,
            start_new_session=True,  # a Ctrl-C is for the parent, which ends it when it has to
        )
    except OSError as error:
        raise RetryLaterError("No process can be started to talk to the Hub.") from error


def _outcome(out: bytes, err: bytes, code: int) -> dict[str, Any]:
    _note(err)
    try:
        said: dict[str, Any] = json.loads(out)
    except ValueError:
        raise RetryLaterError(f"The process that talks to the Hub ended with {code} before it was done.") from None
    return said


def _note(written: bytes | None) -> None:
    if written:
        _log.info("%s", written.decode(errors="replace").strip()[-_KEPT_LOG:])
