"""What several raters say of one thing, each believed as far as the others bear them out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics.arrays import Floats

ROUNDS = 50
_RIGHT, _WRONG = 2.0, 1.0
"""Answers of either kind that every rater is taken to have given beforehand: without them a rater of one item would be
believed wholly or not at all, and nothing would say that raters are right more often than wrong."""


def dawid_skene(item: npt.ArrayLike, rater: npt.ArrayLike, label: npt.ArrayLike, n: int) -> Floats:
    """The chance that each of `n` items is a 1 (Dawid and Skene 1979, two classes, by EM from the majority).

    Every rater has a rate of being right for items that are 1 and another for those that are 0. It takes several
    ratings an item to learn these: with one, use the labels as they are.

    Args:
        item: of each rating, 0..n - 1.
        rater: of each rating; any values.
        label: of each rating, 0 or 1.
        n: items; one without ratings gets the share of 1s.

    Raises:
        InputError: the three differ in length, an item is out of range, or a label is neither 0 nor 1.
    """
    items, answers = np.asarray(item, np.intp), np.asarray(label, np.float64)
    names, raters = np.unique(np.asarray(rater), return_inverse=True)
    if not len(items) == len(raters) == len(answers) or not np.isin(answers, (0, 1)).all():
        raise InputError("Every rating needs an item, a rater, and a label 0 or 1.")
    if len(items) and not 0 <= items.min() <= items.max() < n:
        raise InputError(f"An item is not within 0..{n - 1}.")
    ratings = np.bincount(items, minlength=n)
    chance = (np.bincount(items, answers, n) + 0.5) / (ratings + 1)
    for _ in range(ROUNDS):
        share = (chance[ratings > 0].sum() + 1) / (np.count_nonzero(ratings) + 2)
        evidence = np.full(n, np.log(share / (1 - share)))
        for sign, belief, before in ((1, chance, _RIGHT), (-1, 1 - chance, _WRONG)):
            given = np.bincount(raters, belief[items], len(names))
            yes = np.bincount(raters, belief[items] * answers, len(names))
            rate = ((yes + before) / (given + _RIGHT + _WRONG))[raters]
            evidence += sign * np.bincount(items, np.log(np.where(answers == 1, rate, 1 - rate)), n)
        chance = 0.5 * (1 + np.tanh(0.5 * evidence))
    return np.asarray(chance, np.float64)
