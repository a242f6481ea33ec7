"""Gold items: now and then a pair whose answer is known, which measures a judge's care and counts nowhere else.

The photo as it was stands against the photo without the object. Who answers is told so afterwards.
"""

from __future__ import annotations

from random import Random

from rorem_demo.comparison.cases import Case
from rorem_demo.feedback.records import Choice, Gold, Side

SHARE = 0.05
"""Of the rounds of a visit."""
FIRST = 3
"""Number of the round of a visit, from 1, that may be the first such one."""
UNTOUCHED, TRUTH = "untouched", "truth"
"""Methods of the two sides."""
TITLES = {UNTOUCHED: "The photo as it was", TRUTH: "The photo without the object"}


def is_due(number: int, chance: Random) -> bool:
    """Whether the round with this number of a visit should be such one."""
    return number >= FIRST and chance.random() < SHARE


def side(method: str, digest: str) -> Side:
    """A side that no method made; `digest` of its pixels."""
    return Side(method=method, revision="", options="{}", result=digest, seconds=0.0, device="")


def can_check(case: Case) -> bool:
    """Whether it is known how the case looks without the object."""
    return bool(case.truth)


def right_side(left: str) -> Gold:
    """The side that is right, where `left` is the method on the left."""
    return "left" if left == TRUTH else "right"


def in_words(gold: Gold, choice: Choice) -> str:
    """What is said after the answer to such an item."""
    check = "This was a check: on one side nothing was removed"
    if choice == gold:
        return f"{check}, and you saw it. It counts for no method."
    return f"{check}. Our answer would be {'A' if gold == 'left' else 'B'}. Yours counts for no method."
