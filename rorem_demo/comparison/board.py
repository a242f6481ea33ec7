"""Board: what people's answers say of each method, as the Leaderboard shows it and the command prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from rorem_demo.comparison.board_json import read, written

State: TypeAlias = Literal["ranked", "preliminary", "hidden"]
"""`preliminary` under 300 votes; `hidden` under 30, and where votes do not tell how it stands to the others, since
only one judge voted or no chain of votes links it to them: no strength is shown."""
SHOWN_FROM: Final = 30
RANKED_FROM: Final = 300
"""Votes."""
StratumGroup: TypeAlias = Literal["mask size", "photo", "mask made by"]


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval and what it was counted from."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """One method."""

    key: str
    state: State
    place: int | None
    """From 1, by the lower bound of `strength`; None where hidden."""
    votes: int
    """Blind pairs it was part of that count."""
    strength: Figure | None
    """Bradley-Terry on the scale of Elo: 400 points are odds of 10 to 1, the methods shown have a mean of 1000."""
    success: Figure | None
    """Rate of thumbs up, 0..1, with Wilson's interval; n is how many thumbs. None without thumbs."""
    estimate: Figure | None
    """Mean of what a discriminator said of the results that were rated, 0..1; None where it said nothing."""
    gap: float | None
    """Estimate minus the rate of the same ratings, in points of a hundred."""


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """Two methods, `first` before `second` in the alphabet."""

    first: str
    second: str
    first_wins: int
    second_wins: int
    both_good: int
    both_bad: int
    share: Figure | None
    """Of the votes for `first`, a tie being half of one; None of no votes."""

    @property
    def votes(self) -> int:
        return self.first_wins + self.second_wins + self.both_good + self.both_bad


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """One method among part of the votes."""

    group: StratumGroup
    name: str
    """Such as `under 5%`, `own photo`, `pointed`; of masks made in ways of several groups, `mixed`."""
    method: str
    share: Figure
    """Of votes won, ties being half, against all others; n is how many votes."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything the page and the command tell; the same files give the same board."""

    made: str
    """UTC, ISO 8601."""
    app: str
    """Version of the program."""
    dataset: str
    """`owner/name`, a folder's name, or "" for this server's own store."""
    revision: str
    """Commit of the dataset; "" of a folder or the store."""
    first: str
    """When the oldest counted answer was given, UTC date; "" if there is none."""
    last: str
    votes: int
    """That count."""
    ratings: int
    """That count."""
    judges: int
    """Rater keys among the votes that count; each is a connection on one day."""
    largest_judge: float
    """Share of the votes that came from the busiest one, 0..1."""
    methods: tuple[MethodRow, ...]
    """Those with a place first, by place; hidden ones after them, by key. No method anybody judged is missing."""
    pairs: tuple[PairRow, ...]
    """Every pair of methods above that had votes, by name."""
    strata: tuple[Stratum, ...]
    left_share: Figure | None
    """Of decided votes for the left side: 0.5 if the side does not matter."""
    gold: Figure | None
    """Rate of right answers on gold items, which count nowhere else."""
    agreement: float | None
    """Krippendorff's alpha (nominal) of votes on the same two results; None where nothing was judged twice."""
    agreement_units: int
    """Pairs of results it was computed from."""
    left_out: dict[str, int]
    """Rows that do not count, by reason in words, such as `votes: too fast`; most first."""
    simulated: bool = False
    """Its answers are a program's."""
    careless: int = 0
    """Judges whose votes do not count, since they got fewer than half of their gold items right."""
    deletions: str = ""
    """Commit whose deletions were applied too, the newest; "" of a folder or the store."""
    rules: int = 1
    """Version of what counts (see `counting`)."""

    def to_json(self) -> str:
        """The board as text; equal boards give equal texts."""
        return written(self)

    @classmethod
    def from_json(cls, text: str) -> Board:
        """The board that `to_json` wrote; raises StorageError of any other text."""
        return read(cls, text)
