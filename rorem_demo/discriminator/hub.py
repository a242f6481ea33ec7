"""ModelRepository: a model on the Hub, asked and changed by child processes that are killed when they take too long."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rorem_demo
from rorem_demo.errors import ConfigError, RoremError, StorageError
from rorem_demo.feedback.hub import ConflictError, Listing, RefusedError, RetryLaterError

_log = logging.getLogger(__name__)
_ROOT = Path(rorem_demo.__file__).parents[1]
_KEPT_LOG = 2000
_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class ModelRepository:
    """A model on the Hub; each method is one child process with one deadline.

    Every one of them raises:
        RetryLaterError: not reached, not answered in time, too busy, or the child died; it may have happened or not.
        ConflictError: the repository is not as it was when it was listed.
        RefusedError: no token, not allowed, offline, or no such name.
        StorageError: a file cannot be read or written here.
    """

    repository: str = field(kw_only=False)
    """`owner/name`."""
    private: bool = True
    """When it has to be created."""
    endpoint: str | None = None
    """Address of the Hub; None is huggingface_hub's own."""
    token: str | None = field(default=None, repr=False)
    """None is whatever huggingface_hub finds."""
    deadline: float = 120.0
    """Seconds a child may take."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.repository):
            raise ConfigError(f"{self.repository!r} is no repository.", hint="Name it owner/name.")

    def listing(self, *, create: bool = False) -> Listing:
        """Main as it is now; with `create` it is made if there is none."""
        found = self._child("listing", create=create, private=self.private)
        return Listing(found["head"], tuple(found["files"]))

    def fetch(self, head: str, files: Sequence[str], folder: Path) -> None:
        """Files of a commit into a folder, which gets a cache of the client's beside them."""
        self._child("fetch", head=head, files=[*files], folder=str(folder.absolute()))

    def commit(self, add: Mapping[str, Path], *, parent: str, message: str) -> str:
        """Put files there by their path, all or none, as one commit on top of `parent`; returns its sha.

        If all of them are there already with these bytes nothing is done, so that it may be repeated.
        """
        files = {path: str(file.absolute()) for path, file in add.items()}
        return str(self._child("commit", add=files, parent=parent, message=message))

    def _child(self, operation: str, **job: Any) -> Any:
        asked = {"operation": operation, "repository": self.repository, "seconds": self.deadline, **job}
        said = _run(asked, self._environment(), self.deadline)
        if "done" in said:
            return said["done"]
        raise _error(**said)

    def _environment(self) -> dict[str, str]:
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        given = {"HF_TOKEN": self.token, "HF_ENDPOINT": self.endpoint}
        fixed = {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return {**os.environ, **fixed, **{name: value for name, value in given.items() if value}}


def _run(job: Mapping[str, Any], environment: Mapping[str, str], deadline: float) -> dict[str, Any]:
    """What a child says of one job; it ends with this process, too, because then its lifeline closes."""
    lifeline, held = os.pipe()
    try:
        return _said(job, environment, deadline, lifeline)
    finally:
        os.close(lifeline)
        os.close(held)


def _said(job: Mapping[str, Any], environment: Mapping[str, str], deadline: float, lifeline: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "rorem_demo.discriminator.upload", str(lifeline)]
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(  # noqa: S603  # this program itself
            command, stdin=pipe, stdout=pipe, stderr=pipe, pass_fds=[lifeline], env=environment, start_new_session=True
        )
    except OSError as error:
        raise RetryLaterError("No process can be started to talk to the Hub.") from error
    with child:
        try:
            out, err = child.communicate(json.dumps(job).encode(), timeout=deadline)
        except subprocess.TimeoutExpired:
            raise RetryLaterError(f"The Hub did not finish within {deadline:g} s.") from None
        finally:
            if child.poll() is None:  # its group, for what Xet may have started
                os.killpg(child.pid, signal.SIGKILL)
    if err:
        _log.info("%s", err.decode(errors="replace").strip()[-_KEPT_LOG:])
    try:
        said: dict[str, Any] = json.loads(out)
    except ValueError:
        message = f"The process that talks to the Hub ended with {child.returncode} before it was done."
        raise RetryLaterError(message) from None
    return said


def _error(kind: str, message: str, **said: Any) -> RoremError:
    known = {one.__name__: one for one in (RetryLaterError, ConflictError, RefusedError, StorageError)}
    return known[kind](message, **said)
