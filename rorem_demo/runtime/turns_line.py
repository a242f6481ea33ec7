"""Line: who of those who wait is next, and when; times are given, and nothing here runs beside anything else.

When the machine is free, the visitor goes next who has used it least in the last `WINDOW` seconds; among equals, and
among several places of one visitor, the one that came first. Whoever's turn is over goes behind all others with the
places they have left.

What that promises:

- Nobody goes before you who has used the machine longer in that time than you have. So who has not used it waits for
  the turn at work and at most one turn of each other visitor who was there before them and has not used it either,
  however many places the others hold.
- Use is forgotten while one waits, so nobody starves: after `WINDOW` seconds the same is true of everybody. A wait is
  at most `WINDOW`, the turn at work then, and one turn of each other visitor who was there before; `WINDOW` only ever
  counts where visitors who have used less keep coming. This is of each visitor's first place; of more places, each
  waits as long after the one before it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

WINDOW = 60.0
"""Seconds of use that count: a few removals, and no longer than somebody who wanted many may be put off."""
_LEAST_LEFT = 0.1
"""Share of its estimate that a turn at work is always thought to have left: it ends when it ends."""
_REMEMBERED = 40
"""Turns whose estimates are held against what they took."""
_WORTH_LEARNING = 0.2
"""Seconds; of shorter turns the estimate says little, and nobody waits for one."""
_LEAST_USED = 0.01
"""Seconds that every turn counts, however short."""


@dataclass(frozen=True)
class Waiting:
    """What one who waits is told."""

    before: int
    """Turns before theirs, the one at work among them."""
    seconds: float | None
    """About how long until theirs begins; None if nobody knows of one of those."""


@dataclass(eq=False)
class Place:
    """One turn, from when it is asked for until it is over."""

    visitor: str
    seconds: float | None
    """About how long it will take; None if nobody knows."""
    arrived: float
    begun: float | None = None
    """None while it waits."""

    @property
    def expected(self) -> float:
        return max(self.seconds or 0.0, _LEAST_USED)

    def lasted(self, now: float) -> float:
        """Seconds at work."""
        return 0.0 if self.begun is None else now - self.begun


class Outlasting:
    """How much longer turns go on that have lasted so long: half of all outlast an estimate that is a median."""

    def __init__(self) -> None:
        self._ratios = deque([1.0] * 8, maxlen=_REMEMBERED)  # at first estimates are believed

    def learn(self, place: Place, now: float) -> None:
        """A turn ended by itself."""
        if place.expected >= _WORTH_LEARNING:
            self._ratios.append(place.lasted(now) / place.expected)

    def left(self, place: Place, now: float) -> float:
        """Seconds: the median of the turns that had lasted as long, measured by their estimates."""
        lasted = place.lasted(now) / place.expected
        longer = [ratio for ratio in self._ratios if ratio > lasted]
        share = median(longer) - lasted if longer else 0.0
        return max(share, _LEAST_LEFT) * place.expected


_Spans = list[tuple[float, float]]
"""Ends and lengths, in seconds, in their order."""


class Line:
    """Those who wait in the order they came, the one at work, and who used the machine lately."""

    def __init__(self) -> None:
        self._waiting: list[Place] = []
        self._at_work: Place | None = None
        self._used: defaultdict[str, _Spans] = defaultdict(list)
        self._outlasting = Outlasting()

    def enter(self, place: Place) -> None:
        """Wait for a turn, at the end of the line."""
        self._waiting.append(place)

    def leave(self, place: Place, now: float, *, finished: bool = True) -> None:
        """Give up a place, or end its turn, finished or not; nothing if that was done before."""
        if place is self._at_work:
            self._at_work = None
            _over(place, (now, max(place.lasted(now), _LEAST_USED)), self._waiting, self._used)
            if finished:
                self._outlasting.learn(place, now)
        elif place in self._waiting:
            self._waiting.remove(place)

    def begin(self, now: float) -> None:
        """Let the next one begin if the machine is free and somebody waits."""
        if self._at_work or not self._waiting:
            return
        self._forget(now)
        place = _next(self._waiting, self._used, now)
        self._waiting.remove(place)
        self._at_work, place.begun = place, now

    def told(self, place: Place, now: float) -> Waiting:
        """What is before a place that waits, by the same rule, if nobody comes or leaves."""
        waiting, used = list(self._waiting), defaultdict(list, {who: list(spans) for who, spans in self._used.items()})
        before, at = [], now
        if working := self._at_work:
            at += self._outlasting.left(working, now)
            before.append(working)
            _over(working, (at, working.lasted(at)), waiting, used)
        while (first := _next(waiting, used, at)) is not place:
            waiting.remove(first)
            at += first.expected
            before.append(first)
            _over(first, (at, first.expected), waiting, used)
        known = all(one.seconds is not None for one in before)
        return Waiting(len(before), at - now if known else None)

    def _forget(self, now: float) -> None:
        """Nothing is kept of a visitor longer than it counts."""
        for visitor in [who for who, spans in self._used.items() if _lately(spans, now) <= 0]:
            del self._used[visitor]


def _next(waiting: Sequence[Place], used: Mapping[str, _Spans], now: float) -> Place:
    lately = {place.visitor: _lately(used.get(place.visitor, ()), now) for place in waiting}
    return min(waiting, key=lambda place: lately[place.visitor])  # of equals the first


def _lately(spans: Sequence[tuple[float, float]], now: float) -> float:
    """Seconds of these spans within the window."""
    start = now - WINDOW
    return sum(min(length, end - start) for end, length in spans if end > start)


def _over(place: Place, span: tuple[float, float], waiting: list[Place], used: defaultdict[str, _Spans]) -> None:
    """A turn is over, or is thought to be: it counts, and what else its visitor waits for goes behind all others."""
    _add(used[place.visitor], *span)
    waiting.sort(key=lambda other: other.visitor == place.visitor)  # stable


def _add(spans: _Spans, end: float, length: float) -> None:
    """Add a span; those that end within one second are one, so that many small turns stay a short list."""
    if spans and int(spans[-1][0]) == int(end):
        length += spans.pop()[1]
    spans.append((end, length))
    while spans[0][0] <= end - WINDOW:
        del spans[0]
