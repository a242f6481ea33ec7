"""WeightFile: one file a model needs, and whether it is here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A file of a Hub repository. What is not known is None, never guessed."""

    repository: str
    file: str
    revision: str | None = None
    """A commit; None is shown as unverified."""
    megabytes: int | None = None

    def path(self, folder: Path | None) -> Path | None:
        """Where the file lies under `folder`, as `owner/name/file`; None if it is not there."""
        path = folder / self.repository / self.file if folder else None
        return path if path and path.is_file() else None
