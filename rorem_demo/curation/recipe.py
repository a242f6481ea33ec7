"""Recipe: what a round is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from rorem_demo.errors import ConfigError

Band: TypeAlias = Literal["accepted", "unsure", "rejected"]
BANDS: tuple[Band, ...] = get_args(Band)
"""Also names of folders."""

_SPAN = re.compile(r"(\d*\.?\d+)\.\.(\d*\.?\d+)")


@dataclass(frozen=True, kw_only=True)
class Bands:
    """Where scores are cut.

    Raises:
        ConfigError: they do not follow each other in 0..1.
    """

    accept: float
    """Scores from here on are kept."""
    low: float
    high: float
    """Scores from `low` up to, but without, `high` are for people to judge; at most `accept`."""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= self.accept <= 1:  # also false for nan
            raise ConfigError(
                f"Results are accepted from {self.accept:g} and unsure in {self.low:g}..{self.high:g}.",
                hint="Give rising numbers from 0 to 1, with the unsure ones below what is accepted.",
            )

    @classmethod
    def asked(cls, accept: float, unsure: str | None) -> Bands:
        """From what a command line gives: `unsure` is LOW..HIGH, by default 0.3 to what is accepted.

        Raises:
            ConfigError: they cannot be read, or do not fit together.
        """
        if unsure is None:
            return cls(accept=accept, low=min(0.3, accept), high=accept)
        match = _SPAN.fullmatch(unsure.strip())
        if match is None:
            raise ConfigError(f"The unsure scores are {unsure!r}.", hint="Write them as 0.3..0.9.")
        return cls(accept=accept, low=float(match[1]), high=float(match[2]))

    def of(self, score: float) -> Band:
        """The band a score falls into."""
        if score >= self.accept:
            return "accepted"
        return "unsure" if self.low <= score < self.high else "rejected"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a round's outcome depends on; JSON values only."""

    images: str
    """Folder of the photos; with the names in it, what a photo is known by."""
    masks: str
    method: str
    """Key of the remover."""
    revision: str
    """Of the remover, as records keep it."""
    options: Mapping[str, float] = field(default_factory=dict)
    """Those that were asked for."""
    judge: str
    """Version of the discriminator."""
    bands: Bands
    licence: str = ""
    """Of the photos; "" if nobody knows."""
    rejected: bool = True
    """Pictures of rejected results are kept, too."""

    def __post_init__(self) -> None:
        if not self.judge:
            raise ConfigError("The discriminator tells no version.", hint="Save it again.")

    def to_json(self) -> dict[str, Any]:
        """As it is read again when it was written down; rounds with the same value test each candidate once."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found
