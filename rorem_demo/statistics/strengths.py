"""Strengths of what was compared in pairs, where some pairs may never have met."""

from __future__ import annotations

import evalica
import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics.arrays import Floats

VIRTUAL_TIES = 1.0
"""Of each with the reference."""

_TOLERANCE = 1e-9
_MOST_STEPS = 10_000


def bradley_terry(pairs: npt.ArrayLike, points: npt.ArrayLike, n: int) -> Floats:
    """Natural logarithms of strengths: i beats j with odds exp(found[i] - found[j]) (Bradley and Terry 1952).

    A tie is half a point for both. Each of the n also has one virtual tie with a reference, whose own strength is free
    (a prior of virtual games, as rating programs for games have): so all are finite and unique, whoever won everything,
    and how much it weighs does not hang on how many others there are. Between those whom no chain of pairs links, only
    this prior decides (see `linked`).

    Args:
        pairs: rows of two numbers below n; a pair may come again.
        points: rows of the points of either, not below 0.
        n: how many are compared.

    Returns:
        One each, their mean being 0; for the same values the same bits.

    Raises:
        InputError: a number is not below n, or points are below 0 or not finite.
    """
    ends, won = np.asarray(pairs, np.intp).reshape(-1, 2), np.asarray(points, np.float64).reshape(-1, 2)
    if len(ends) != len(won) or (ends < 0).any() or (ends >= n).any():
        raise InputError("Pairs must name what is compared, each with the points of both.")
    if not np.isfinite(won).all() or (won < 0).any():
        raise InputError("Points must be numbers, and not below 0.")
    if not n:
        return np.zeros(0)
    first, second, everyone = ends[:, 0].tolist(), ends[:, 1].tolist(), list(range(n))
    winners = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)
    found = evalica.bradley_terry(
        [*everyone, *first, *first],
        [n] * n + second + second,
        [winners[2]] * n + [winners[0]] * len(first) + [winners[1]] * len(first),
        weights=[VIRTUAL_TIES] * n + won[:, 0].tolist() + won[:, 1].tolist(),
        tie_weight=0.5,
        tolerance=_TOLERANCE,
        limit=_MOST_STEPS,
    )
    logs = np.log(found.scores.reindex(everyone).to_numpy(np.float64))
    return np.asarray(logs - logs.mean(), np.float64)


def linked(pairs: npt.ArrayLike, n: int) -> npt.NDArray[np.intp]:
    """Numbers of groups, one each of n: those that a chain of pairs links are in one, named after its least member."""
    ends = np.asarray(pairs, np.intp).reshape(-1, 2)
    group = np.arange(n)
    while True:
        least = group.copy()
        np.minimum.at(least, ends[:, 0], group[ends[:, 1]])
        np.minimum.at(least, ends[:, 1], group[ends[:, 0]])
        if (least == group).all():
            return group
        group = least
