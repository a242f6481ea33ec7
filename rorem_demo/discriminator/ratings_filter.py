"""The filter of doubtful answers. Each version is for good: a model's card names the one it was trained with.

Version 1
    dropped: `too-fast`, since nobody has looked; `pictures-rejected` and `pictures-damaged`, since the pictures that
        were judged are not to be learned from or not certain to be those that are left.
    half weight: `repeated`, twenty same answers in an hour. A rater who always says yes looks like this, and so does
        an honest one of a method that nearly always succeeds; dropping them would make good methods look worse.
    half weight: `many`, a hundred answers in an hour, of a visitor. Of an annotator they are a day's work: full.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

FILTER: Final = 1
"""Version."""
DROPPED: Final = ("too-fast", "pictures-rejected", "pictures-damaged")
"""In the order in which a row with several is counted."""


def weight_of(flags: Collection[str], origin: str) -> float:
    """How much an answer counts among those on the same result: 0 (dropped) to 1."""
    if any(flag in flags for flag in DROPPED):
        return 0.0
    doubts = ("repeated" in flags) + ("many" in flags and origin != "annotate")
    return 0.5**doubts
