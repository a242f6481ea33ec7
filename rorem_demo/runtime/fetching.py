"""What a download needs around it: progress told, room, a check of what arrived, failures in one sentence."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from rorem_demo.errors import RoremError, StorageError, UnavailableError
from rorem_demo.runtime.pins import Pin, WeightFile

Progress: TypeAlias = Callable[[int, int], None]
"""Told the bytes done and the bytes in all; the latter may grow while sizes are being learnt."""

_ROOM = "Make room, or name another folder in ROREM_WEIGHTS_DIR."


class Told:
    """Sums up the progress of several files, whose bytes are given as far as known, for one listener."""

    def __init__(self, progress: Progress | None, sizes: dict[WeightFile, int]) -> None:
        self._progress, self._sizes, self._done = progress, sizes, dict.fromkeys(sizes, 0)

    def bar(self, file: WeightFile) -> Any:
        """A class of progress bars that tell the listener as well; None if nobody listens."""
        from huggingface_hub.utils.tqdm import tqdm  # noqa: PLC0415

        tell = self._tell

        class Bar(tqdm):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)  # type: ignore[no-untyped-call]
                self.arrived, self.expected = options.get("initial") or 0, options.get("total") or 0

            def update(self, n: float | None = 1) -> Any:
                self.arrived += int(n or 0)  # a bar that is not shown does not count
                tell(file, self.arrived, self.expected)
                return super().update(n)

        return Bar if self._progress else None

    def _tell(self, file: WeightFile, done: int, size: int) -> None:
        self._sizes[file] = size or self._sizes[file]
        self._done[file] = max(done, self._done[file])  # Xet has two bars for a file
        if self._progress:
            self._progress(sum(self._done.values()), sum(self._sizes.values()))


def check_room(root: Path, size: int) -> None:
    """Raise StorageError if so many bytes do not fit."""
    free = shutil.disk_usage(root).free
    if free < size:
        raise StorageError(
            f"{size / 1e6:.0f} MB of weights do not fit: {root} has {free / 1e6:.0f} MB left.",
            hint=_ROOM,
        )


def check(path: Path, file: WeightFile, pin: Pin) -> None:
    """Throw a file away that is not what is pinned, and raise UnavailableError."""
    right = pin.size in {None, path.stat().st_size}
    if right and pin.sha256:
        with path.open("rb") as content:
            right = hashlib.file_digest(content, "sha256").hexdigest() == pin.sha256
    if not right:
        path.resolve().unlink(missing_ok=True)  # in the cache the file is a link to its content
        path.unlink(missing_ok=True)
        raise UnavailableError(
            f"{file.repository}/{file.file} arrived with other bytes than are pinned, and was thrown away.",
            hint="Try again; if it comes back like this, do not use it.",
        )


@contextmanager
def in_words(file: WeightFile) -> Iterator[None]:
    """Failures of the client as errors that a person is told; see `refusal`."""
    try:
        yield
    except RoremError:
        raise
    except Exception as error:  # the client and what it stands on raise many kinds
        raise refusal(error, file.repository) from error


def refusal(error: Exception, repository: str) -> RoremError:
    """What a person is told when getting something from a repository of the Hub failed."""
    from httpx2 import ConnectError, TimeoutException  # noqa: PLC0415
    from huggingface_hub import errors  # noqa: PLC0415

    if isinstance(error, OSError) and error.errno:  # the client's own have none, the network's are wrapped
        return StorageError(f"Cannot write weights: {error.strerror}.", hint=_ROOM)
    page, newer = f"https://huggingface.co/{repository}", "`doctor --pin latest` pins the newest commit."
    copy = "or copy the files into the folder ROREM_WEIGHTS_DIR names."
    cases: tuple[tuple[type[Exception], str, str], ...] = (
        (errors.OfflineModeIsEnabled, "HF_HUB_OFFLINE forbids asking the Hub.", f"Unset it, {copy}"),
        (errors.GatedRepoError, "{} is kept for those who accept its terms.", f"Do so at {page}, and set HF_TOKEN."),
        (errors.RepositoryNotFoundError, "The Hub shows no {} to us.", "If it is private, set HF_TOKEN."),
        (errors.RevisionNotFoundError, "{} no longer has the commit that is pinned.", newer),
        (errors.RemoteEntryNotFoundError, "{} lacks a file that is needed.", newer),
        (errors.HfHubHTTPError, "The Hub refused to give {}.", "Try again later, and see that HF_TOKEN is right."),
        (ConnectError, "The Hub cannot be reached.", f"Check the connection, {copy}"),
        (TimeoutException, "The Hub does not answer.", f"Try again later, {copy}"),
    )
    causes = _causes(error)
    for kind, sentence, hint in cases:
        if any(isinstance(cause, kind) for cause in causes):
            return UnavailableError(sentence.format(repository), hint=hint)
    return UnavailableError(f"The download of {repository} broke off.", hint="Try again.")


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    return causes
