"""Published answers as files: shards of each kind and lists of deletions, in a folder or on the Hub.

What reads the dataset, to train a judge or to count votes, stands on this. Nothing here asks the Hub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback.kinds import KINDS

WAY_OUT = "Fetch it again, or name another revision."
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Files(Protocol):
    """A dataset's files at one revision, by addresses that `load_dataset` understands."""

    @property
    def dataset(self) -> str:
        """`owner/name`, or the folder's name."""

    @property
    def revision(self) -> str:
        """The commit, 40 digits; "" for a folder."""

    @property
    def deletions(self) -> str:
        """The commit whose deletions are among the lists as well, the newest; "" for a folder."""

    @property
    def shards(self) -> Mapping[str, tuple[str, ...]]:
        """Parquet files by the name of their kind."""

    @property
    def lists(self) -> tuple[str, ...]:
        """Lists of deletions."""

    def open(self, address: str) -> AbstractContextManager[IO[bytes]]:
        """The file, to be read at any place."""

    def in_words(self, address: str) -> AbstractContextManager[None]:
        """What goes wrong while reading there, as RoremError."""


@dataclass(frozen=True, kw_only=True)
class LocalFiles:
    """Of a folder."""

    dataset: str
    shards: Mapping[str, tuple[str, ...]]
    lists: tuple[str, ...]
    revision: str = ""
    deletions: str = ""

    def open(self, address: str) -> AbstractContextManager[IO[bytes]]:
        """The file."""
        return Path(address).open("rb")

    @contextmanager
    def in_words(self, address: str) -> Iterator[None]:
        """What goes wrong while reading there, as StorageError."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{address} cannot be read: {error.strerror or 'damaged'}.", hint=WAY_OUT) from error


def place_of(name: str, revision: str | None) -> Path | str:
    """The folder of this name, else the dataset.

    Raises:
        InputError: it is neither, or a folder with a revision.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision:
            raise InputError("A folder has no revisions.", hint="Leave the revision out.")
        return folder
    if not _NAME.fullmatch(name):
        raise InputError(f"{name} is no folder and no dataset's name.", hint="Name a folder, or owner/name.")
    return name


def files_in(folder: Path) -> LocalFiles:
    """The files of a copy of the dataset; there may be none."""
    shards = {kind: _sorted(folder / "data" / kind, "**/*.parquet") for kind in KINDS}
    return LocalFiles(dataset=folder.resolve().name, shards=shards, lists=_sorted(folder / "deleted", "*.jsonl"))


@dataclass(frozen=True)
class Published:
    """A place with published answers; whoever reads them adds how."""

    files: Files

    @property
    def dataset(self) -> str:
        return self.files.dataset

    @property
    def revision(self) -> str:
        return self.files.revision

    @property
    def deletions(self) -> str:
        return self.files.deletions

    def taken_back(self) -> Iterator[str]:
        """Receipts of answers that were deleted.

        Raises:
            RoremError: a list cannot be read: it may name what is about to be used.
        """
        for address in self.files.lists:
            with self.files.in_words(address), self.files.open(address) as opened:
                text = opened.read()
            try:
                yield from [str(json.loads(line)["receipt"]) for line in text.decode().splitlines() if line.strip()]
            except (ValueError, KeyError, TypeError) as error:
                hint = "Mend it in the dataset's folder `deleted`; no answer is used before."
                raise StorageError(f"The list of deletions {short(address)} cannot be read.", hint=hint) from error


def short(address: str) -> str:
    """The file's own name."""
    return address.rpartition("/")[2]


def _sorted(folder: Path, pattern: str) -> tuple[str, ...]:
    return tuple(map(str, sorted(folder.glob(pattern))))
