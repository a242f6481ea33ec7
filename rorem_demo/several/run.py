"""remove_several(): run a plan, keep every result, and rank them by the judge.

The judge is asked once all are done: it may still be loading while the removers work. Scores of different versions of
it may stand beside each other, for all are calibrated probabilities.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import RoremError, UnavailableError
from rorem_demo.imaging.types import Mask
from rorem_demo.removers.base import Progress, Removal
from rorem_demo.runtime.turns import Begun
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.several.plan import Attempt, Plan

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trying:
    """A run on its way."""

    number: int
    """Of the attempt at work, from 1; one more than there are while the results are judged."""
    progress: Progress | None
    """Of the attempt; None before it says anything, and while the results are judged."""
    fraction: float
    """0..1, of the whole run."""


@dataclass(frozen=True)
class Tried:
    """One finished attempt."""

    result: str
    """Id of the result."""
    removal: Removal
    likely: Likely | None
    """None where no judge is, or it failed."""


@dataclass(frozen=True)
class Ranking:
    """A finished run."""

    results: tuple[Tried, ...]
    """The best first; never empty."""
    notes: tuple[str, ...]
    """What failed, was not begun or could not be ranked, a sentence each."""


def ranked(results: Iterable[Tried]) -> tuple[Tried, ...]:
    """The likeliest to be clean first, those without a score last; among equals the earlier one."""
    return tuple(sorted(results, key=lambda tried: -tried.likely.score if tried.likely else 1.0))


def remove_several(  # noqa: PLR0913  # a run, and the clock for tests
    services: Services,
    source: str,
    mask: Mask,
    plan: Plan,
    *,
    made_by: tuple[str, ...] = (),
    visitor: str | None = None,
    clock: Callable[[], float] = monotonic,
) -> Iterator[Waiting | Trying | Ranking]:
    """Run a plan on the photo with this id, yielding Trying, Waiting where others are before, and at last one Ranking.

    Every result is kept as one of its own. After the first, an attempt is begun only if by its estimate it ends within
    the plan's time, counted from the start of the run without the waits. Closing the iterator stops within a step.

    Args:
        services: the program.
        source: id of the photo.
        mask: what is to go.
        plan: what is tried.
        made_by: how the entries of the mask were made.
        visitor: who takes a turn for each attempt; None if the machine is nobody else's.
        clock: seconds; a seam for tests.

    Raises:
        InputError: the photo is gone.
        RoremError: every attempt failed; what the first one said.
    """
    services.discriminator.begin()  # it loads while the removers work
    spent = _Spent(clock)
    results: list[tuple[str, Removal]] = []
    failures: list[RoremError] = []
    for number, attempt in enumerate(plan.attempts, 1):
        if number > 1 and spent.seconds + attempt.seconds > plan.budget:
            continue
        try:
            removal = yield from _one(services, source, mask, plan, number, visitor, spent)
        except RoremError as error:
            services.photo(source)  # if it is gone, so is every other attempt
            log.warning("%s failed as one of several: %s", attempt.key, error, exc_info=error.__cause__)
            failures.append(error)
        else:
            results.append((services.keep_result(source, removal, made_by), removal))
    if not results:
        raise failures[0]
    yield Trying(len(plan.attempts) + 1, None, 1.0)
    yield _ranking(services, plan, results, failures)


class _Spent:
    """Seconds since it was made, without those waited."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = clock()

    @property
    def seconds(self) -> float:
        return self._clock() - self._start

    def waited(self, seconds: float) -> None:
        self._start += seconds


def _one(  # noqa: PLR0913, PLR0917  # an attempt of a run, and who makes it
    services: Services, source: str, mask: Mask, plan: Plan, number: int, visitor: str | None, spent: _Spent
) -> Generator[Waiting | Trying, None, Removal]:
    """One attempt of a run, which returns its removal."""
    attempt, total = plan.attempts[number - 1], plan.seconds or 1.0
    before = sum(earlier.seconds for earlier in plan.attempts[: number - 1]) / total
    last: Removal | None = None
    for update in _attempted(services, source, mask, attempt, visitor):
        match update:
            case Waiting():
                yield update
            case Begun(waited):
                spent.waited(waited)
                yield Trying(number, None, before)
            case Progress():
                yield Trying(number, update, min(1.0, before + update.fraction * attempt.seconds / total))
            case _:
                last = update
    if last is None:
        raise UnavailableError("The removal ended before it was finished.", hint="Try again.")
    return last


def _attempted(
    services: Services, source: str, mask: Mask, attempt: Attempt, visitor: str | None
) -> Iterator[Waiting | Begun | Progress | Removal]:
    image = services.photo(source).image
    if visitor is None:
        yield Begun(0.0)
        yield from services.remove(attempt.key, image, mask, attempt.options)
    else:
        yield from services.remove_in_turn(visitor, attempt.key, image, mask, attempt.options)


def _ranking(
    services: Services, plan: Plan, results: Sequence[tuple[str, Removal]], failures: Sequence[RoremError]
) -> Ranking:
    tried = [Tried(key, removal, services.likely(key)) for key, removal in results if key in services.visits]
    if not tried:
        raise UnavailableError("There was no memory left for the results.", hint="Try fewer, or a smaller photo.")
    notes = [str(error) for error in failures]
    if len(tried) < len(results):
        notes.append(f"There was memory left for {len(tried)} of {len(results)} results.")
    begun = len(results) + len(failures)
    if begun < plan.count:
        notes.append(f"Only {begun} of {plan.count} tries fitted into {plan.budget:g} s.")
    if len(tried) > 1 and not any(each.likely for each in tried):
        notes.append("Nothing ranked them: no judge is at work.")
    return Ranking(ranked(tried), tuple(notes))
