"""planned(): which seeds and methods are tried for one removal.

What is asked for comes first, whatever it costs. After it, another seed of the chosen method and another method take
turns, methods in the catalogue's order, which is that of preference. What does not fit into the time is left out. What
does fit is begun cheapest first, so that where an estimate was too low the many quick tries are done and not the slow
one. Of the chosen method's options another method is given those that say what changes and with which seed, not how
to make it: twenty steps are few for one and many for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from rorem_demo.discriminator.current import WAITING
from rorem_demo.imaging.types import Mask
from rorem_demo.removers.base import LIMITS, RemovalOptions, RemoverSpec
from rorem_demo.services import Services

CHOICES = (3, 6)
"""How many tries the faces offer besides one."""
MOST = 9
"""Tries of one run; each has a digit for a key."""
_SEEDS = int(LIMITS["seed"][1]) + 1


@dataclass(frozen=True)
class Attempt:
    """One method with its options."""

    key: str
    """Of the method."""
    options: RemovalOptions
    seconds: float
    """About how long it takes, its model loaded."""


@dataclass(frozen=True)
class Plan:
    """What is to be tried, in this order."""

    attempts: tuple[Attempt, ...]
    """What was asked for first; never empty."""
    count: int
    """How many were asked for."""
    budget: float
    """Seconds."""

    @property
    def seconds(self) -> float:
        """About how long all of them take."""
        return sum(attempt.seconds for attempt in self.attempts)


def planned(  # noqa: PLR0913  # the catalogue, what was asked for and two bounds
    chosen: RemoverSpec,
    options: RemovalOptions,
    others: Iterable[RemoverSpec],
    seconds: Mapping[str, float],
    *,
    count: int,
    budget: float,
) -> Plan:
    """The attempts for one removal; only the first may exceed the budget.

    Args:
        chosen: the method asked for.
        options: the options asked for.
        others: the other methods that run here, the preferred first.
        seconds: about how long one attempt by each of them takes, by key.
        count: attempts at most.
        budget: seconds.
    """
    first = Attempt(chosen.key, options, seconds[chosen.key])
    left = budget - first.seconds
    taken: list[Attempt] = []
    for attempt in _candidates(chosen, options, tuple(others), seconds, count):
        if len(taken) < count - 1 and attempt.seconds <= left:
            taken.append(attempt)
            left -= attempt.seconds
    return Plan((first, *sorted(taken, key=lambda attempt: attempt.seconds)), count, budget)


def _candidates(
    chosen: RemoverSpec,
    options: RemovalOptions,
    others: Sequence[RemoverSpec],
    seconds: Mapping[str, float],
    count: int,
) -> Iterator[Attempt]:
    """What may be tried besides the first, each once, the most promising first."""
    shared = RemovalOptions(seed=options.seed, grow=options.grow, feather=options.feather)
    again = [(chosen, options, turn) for turn in range(1, count) if "seed" in chosen.uses]
    elsewhere = [(spec, shared, turn) for turn in range(count) for spec in others if not turn or "seed" in spec.uses]
    for each in chain.from_iterable(zip_longest(again, elsewhere)):
        if each:
            spec, given, turn = each
            yield Attempt(spec.key, _seeded(spec, given, turn), seconds[spec.key])


def _seeded(spec: RemoverSpec, options: RemovalOptions, turn: int) -> RemovalOptions:
    if "seed" not in spec.uses:
        return replace(options, seed=None)
    return replace(options, seed=(spec.defaults.overridden(options).seed + turn) % _SEEDS)


def plan_for(services: Services, key: str, mask: Mask, options: RemovalOptions, count: int) -> Plan:
    """The plan for a method, a mask that is not empty, and the time that the settings give.

    Raises:
        InputError: there is no such method.
    """
    chosen = services.removers[key]
    others = [spec for spec in services.removers if spec.key != key and not services.missing(spec)]
    shared = RemovalOptions(grow=options.grow, feather=options.feather)
    seconds = services.estimates(mask, shared) | services.estimates(mask, options, [key])
    return planned(chosen, options, others, seconds, count=count, budget=services.settings.best_of_seconds)


def offered(services: Services) -> tuple[int, ...]:
    """How many tries to offer besides one: no more than there are different ones; none without a judge."""
    runnable = [spec for spec in services.removers if not services.missing(spec)]
    different = MOST if any("seed" in spec.uses for spec in runnable) else len(runnable)
    counts = {min(count, different) for count in CHOICES}
    return () if why_not(services) else tuple(sorted(count for count in counts if count > 1))


def why_not(services: Services) -> str:
    """Why no several can be ranked here, in one sentence; "" where they can."""
    told = services.discriminator.told
    return "" if told == WAITING else told.why_off
