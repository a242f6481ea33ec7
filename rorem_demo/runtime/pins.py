"""WeightFile and Pin: a file a model needs, and what is known of its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rorem_demo.errors import ConfigError

PINS = Path(__file__).with_name("pins.json")
"""What is known of repositories; the command `doctor --pin` writes it."""


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A file of a Hub repository. What is not known is None, never guessed."""

    repository: str
    """`owner/name`; a name alone where the authors keep it elsewhere, for `ROREM_REPOSITORIES` to say where it is."""
    file: str
    megabytes: int | None = None
    """For people; what is compared stands in the pins."""
    also: tuple[str, ...] = ()
    """Other names under which the same weights may lie in the folder of weights itself."""

    @property
    def is_on_hub(self) -> bool:
        """Whether a repository of the Hub is known to hold it."""
        return "/" in self.repository


@dataclass(frozen=True, kw_only=True)
class Pin:
    """What is known of the content of a file; None is shown as unverified."""

    revision: str | None = None
    """A commit, 40 hexadecimal digits."""
    size: int | None = None
    """In bytes."""
    sha256: str | None = None


@cache
def read_pins(path: Path) -> dict[str, Any]:
    """Repositories with their `revision` and `files`; read once, so clear the cache after writing.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        pins: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read {path}.", hint="Take it from the repository again.") from error
    return pins
