"""Rounds: two results as they are shown to one visit, under an id that tells nothing, until they are answered."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from rorem_demo.comparison.policy import Pair
from rorem_demo.feedback.pictures import encoded_pair
from rorem_demo.feedback.records import Choice, Pairing, PairPictures
from rorem_demo.imaging.types import Image, Mask

Shown: TypeAlias = tuple[Pair, str]
"""A pair and the id of the case it was shown in; nobody is shown the same twice while there are others."""
_MOST_VISITS = 1000


@dataclass(frozen=True)
class Pixels:
    """What a round shows, of one size and in one colour space."""

    source: Image
    mask: Mask
    left: Image
    right: Image
    icc: bytes | None = None
    """None means sRGB."""


def encoded_pixels(read: Callable[[], Pixels]) -> PairPictures:
    """What a round shows, as files for the store."""
    pixels = read()
    return encoded_pair(pixels.source, pixels.mask, pixels.left, pixels.right, pixels.icc)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of a side once the round is answered."""

    title: str
    score: float | None = None
    """How likely it is clean, 0..1; None where no judge was asked."""
    result: str = ""
    """Id of a result of the visit; "" of a ready case's."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """Two results of one photo and mask."""

    pairing: Pairing
    """Without its id and time."""
    read: Callable[[], Pixels] = field(compare=False, repr=False)
    """Raises InputError or StorageError where they are gone, damaged or changed."""
    left: Told
    right: Told

    @property
    def shown(self) -> Shown | None:
        """Of a ready case; None of a visitor's own photo, which can be shown once only."""
        return (self.methods, self.pairing.case) if self.pairing.case else None

    @property
    def methods(self) -> Pair:
        """Keys of the two, in the order of the alphabet."""
        first, second = sorted((self.pairing.left.method, self.pairing.right.method))
        return first, second


@dataclass
class Open:
    """A round that was issued, and what became of it."""

    round: Round
    lock: Lock = field(default_factory=Lock, repr=False)
    """Held while it is answered: a double click is one vote."""
    skipped: bool = False
    choice: Choice | None = None
    """What was voted."""
    receipt: str = ""
    """Text of the vote's receipt."""


@dataclass
class Seen:
    """What one visit was shown; ready cases only."""

    rounds: int = 0
    """That were dealt to it."""
    shown: set[Shown] = field(default_factory=set)
    closed: set[Shown] = field(default_factory=set)
    """Voted on or skipped."""
    by_pair: Counter[Pair] = field(default_factory=Counter)
    """How many of `shown`."""

    def show(self, shown: Shown) -> None:
        """Remember it."""
        if shown not in self.shown:
            self.shown.add(shown)
            self.by_pair[shown[0]] += 1


class Visitors:
    """What each visit was shown in this process; of those that have not come for longest it is forgotten."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, Seen] = OrderedDict()

    def __getitem__(self, visit: str) -> Seen:
        seen = self._seen.setdefault(visit, Seen())
        self._seen.move_to_end(visit)
        if len(self._seen) > _MOST_VISITS:
            self._seen.popitem(last=False)
        return seen
