"""profiled(): intervals of strengths from the likelihood itself, defined also for who won everything."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from rorem_demo.statistics.arrays import Floats
from rorem_demo.statistics.intervals import Interval
from rorem_demo.statistics.logistic import sigmoid
from rorem_demo.statistics.strengths import VIRTUAL_TIES

_EXACT = 1e-9
_MOST_STEPS = 200
_LONGEST_STEP = 1.0
"""Of a logarithm: further on the likelihood no longer looks as its derivatives say."""


def profiled(
    pairs: npt.ArrayLike, points: npt.ArrayLike, shown: npt.ArrayLike, n: int, *, dispersion: float = 1.0
) -> tuple[Interval, ...]:
    """95% intervals of what `bradley_terry` finds, from the mean of those shown, as if each vote were independent.

    All values for which the greatest likelihood is not too far below the greatest of all: the profile likelihood
    (Venzon and Moolgavkar 1988). Its virtual ties are part of it, and keep both ends finite for who won everything
    (a penalised likelihood: Heinze and Schemper 2002).

    Args:
        pairs: rows of two numbers below n.
        points: rows of the points of either, not below 0.
        shown: numbers below n, two or more.
        n: how many are compared.
        dispersion: variance of the points to that of points which are all won or lost: ties, half a point for both,
            vary less (a quasi-likelihood: McCullagh and Nelder 1989, chapter 9).

    Returns:
        One for each that is shown.
    """
    games = _Games.of(np.asarray(pairs, np.intp).reshape(-1, 2), np.asarray(points, np.float64).reshape(-1, 2), n)
    top = _climbed(np.zeros(n), lambda place: _solved(games.curvature(place), games.ascent(place)))
    drop = dispersion * NormalDist().inv_cdf(0.975) ** 2 / 2
    chosen = np.asarray(shown, np.intp)
    found = []
    for number in chosen:
        direction = np.zeros(n)
        direction[chosen] = -1 / len(chosen)
        direction[number] += 1
        found.append(Interval(*(_end(games, top, direction, sign * drop) for sign in (-1, 1))))
    return tuple(found)


@dataclass(frozen=True)
class _Games:
    """Who met whom, and the points of both; the last of all is the reference, whose strength is 1."""

    first: npt.NDArray[np.intp]
    second: npt.NDArray[np.intp]
    own: Floats
    other: Floats

    @classmethod
    def of(cls, pairs: npt.NDArray[np.intp], points: Floats, n: int) -> _Games:
        ties = np.full(n, VIRTUAL_TIES / 2)
        ends = np.concatenate([pairs, np.stack([np.arange(n), np.full(n, n)], axis=1)])
        own, other = np.concatenate([points, np.stack([ties, ties], axis=1)]).T
        return cls(ends[:, 0], ends[:, 1], own, other)

    def value(self, place: Floats) -> float:
        """The logarithm of the likelihood."""
        ahead = self._ahead(place)
        return -float(self.own @ np.logaddexp(0, -ahead) + self.other @ np.logaddexp(0, ahead))

    def ascent(self, place: Floats) -> Floats:
        """Its first derivatives."""
        gained = self.own - (self.own + self.other) * sigmoid(self._ahead(place))
        n = len(place) + 1
        found = np.bincount(self.first, gained, n) - np.bincount(self.second, gained, n)
        return np.asarray(found[:-1], np.float64)

    def curvature(self, place: Floats) -> Floats:
        """Its second derivatives, turned about: above 0 in all directions."""
        chance = sigmoid(self._ahead(place))
        weight = (self.own + self.other) * chance * (1 - chance)
        met = np.zeros((len(place) + 1,) * 2)
        np.add.at(met, (self.first, self.second), weight)
        met += met.T
        return np.asarray(np.diag(met.sum(axis=1)) - met)[:-1, :-1]

    def _ahead(self, place: Floats) -> Floats:
        """Of the first of each pair: the logarithm of its odds."""
        all_ = np.append(place, 0.0)
        return np.asarray(all_[self.first] - all_[self.second], np.float64)


def _end(games: _Games, top: Floats, direction: Floats, drop: float) -> float:
    """The sum of direction x strengths at which the likelihood can be lower by `drop` at most; below 0, on its left.

    Newton's method in the sum: from its second value on it only comes nearer, since what is lost is convex.
    """
    reach = _solved(games.curvature(top), direction)
    variance = float(direction @ reach)
    best, place, end = games.value(top), top, float(direction @ top)
    further = math.copysign(math.sqrt(2 * abs(drop) * variance), drop)
    for _ in range(_MOST_STEPS):
        end += further
        place = _climbed(place + reach * further / variance, partial(_step, games, direction, end))
        slope = float(games.ascent(place) @ direction / (direction @ direction))
        further = (best - games.value(place) - abs(drop)) / slope
        if abs(further) < _EXACT:
            break
    return end


def _step(games: _Games, direction: Floats, total: float, place: Floats) -> Floats:
    """Newton's, to the greatest likelihood of all places with that total (Lagrange's multiplier left out)."""
    system = np.block([[games.curvature(place), direction[:, None]], [direction, np.zeros(1)]])
    return _solved(system, np.append(games.ascent(place), total - direction @ place))[:-1]


def _solved(system: Floats, wanted: Floats) -> Floats:
    return np.asarray(np.linalg.solve(system, wanted), np.float64)


def _climbed(place: Floats, step_at: Callable[[Floats], Floats]) -> Floats:
    """Where steps no longer lead on."""
    for _ in range(_MOST_STEPS):
        step = step_at(place)
        longest = float(np.abs(step).max(initial=0.0))
        place = place + step * min(1.0, _LONGEST_STEP / max(longest, _EXACT))
        if longest < _EXACT:
            break
    return place
