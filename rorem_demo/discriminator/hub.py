"""ModelRepository: a model on the Hub, asked and changed by child processes that are killed when they take too long."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rorem_demo.errors import ConfigError
from rorem_demo.feedback.hub import Listing, Repository

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class ModelRepository(Repository):
    """A model on the Hub."""

    module: ClassVar[str] = "rorem_demo.discriminator.upload"

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
