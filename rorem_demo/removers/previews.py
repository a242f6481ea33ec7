"""Previews: how many pictures may be shown on the way, by what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

SHARE = 0.05
"""Of the time since the beginning that previews may have taken when another is begun."""


class Previews:
    """Of one run: a slow one shows every step, a quick one as many as it has time for, the first always.

    Args:
        clock: seconds; a seam for tests.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._begun, self._spent = clock(), 0.0

    @property
    def affordable(self) -> bool:
        """Whether there is time for one more."""
        return self._spent <= SHARE * (self._clock() - self._begun)

    @contextmanager
    def paid(self) -> Iterator[None]:
        """Count the time within: of making a preview, and of whoever takes it and sends it on."""
        begun = self._clock()
        yield
        self._spent += self._clock() - begun
