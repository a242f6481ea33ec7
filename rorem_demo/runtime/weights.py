"""Weights: the files a model needs, and where they are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from rorem_demo.errors import UnavailableError


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A file of a Hub repository. What is not known is None, never guessed."""

    repository: str
    file: str
    revision: str | None = None
    """A commit; None is shown as unverified."""
    megabytes: int | None = None
    also: tuple[str, ...] = ()
    """Other names under which the same weights may lie in the folder of weights itself."""


class NeedsWeights(Protocol):
    """A row of a catalogue, as far as its weights are concerned."""

    @property
    def title(self) -> str: ...
    @property
    def weights(self) -> tuple[WeightFile, ...]: ...
    @property
    def packages(self) -> tuple[str, ...]:
        """Modules it needs beyond `requirements.txt`."""
        ...


@dataclass(frozen=True)
class Weights:
    """Where weights are looked for."""

    folder: Path | None = None
    """Holds them as `owner/name/file`."""

    def find(self, file: WeightFile) -> Path | None:
        """Where the file is; None if it is not here."""
        if self.folder is None:
            return None
        places = [self.folder / file.repository / file.file, *(self.folder / name for name in file.also)]
        return next((path for path in places if path.is_file()), None)

    def files(self, row: NeedsWeights) -> tuple[Path, ...]:
        """The files of a row, in its order.

        Raises:
            UnavailableError: one is not here.
        """
        found = [self.find(file) for file in row.weights]
        paths = tuple(path for path in found if path is not None)
        if len(paths) < len(found):
            raise UnavailableError(f"{row.title} needs weights that are not here.", hint="See the command `doctor`.")
        return paths

    def missing(self, row: NeedsWeights) -> tuple[str, ...]:
        """What this machine would need to run a row, in plain words; empty if it can."""
        needs = [f"the package {name}" for name in row.packages if find_spec(name) is None]
        absent = [file for file in row.weights if self.find(file) is None]
        return (*needs, _amount(absent)) if absent else tuple(needs)


def _amount(files: Sequence[WeightFile]) -> str:
    gigabytes = sum(file.megabytes or 0 for file in files) / 1000
    return f"{gigabytes:.1f} GB of weights" if gigabytes else "weights"
