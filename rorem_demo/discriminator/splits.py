"""Splits: which rows are learned from and which judge what was learned.

A photo is in one split for good: in every revision of every dataset, with all its results. So a later model can be
compared with an earlier one on rows that neither has seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Literal, TypeAlias

Split: TypeAlias = Literal["train", "validation", "test"]
Part: TypeAlias = Literal["train", "validation", "test", "held-out", "unused"]
"""A split, or where rows of methods go that are held out of training."""

SALT = "rorem-discriminator-1"
"""Changing it would move photos that models have learned from into the test split."""


def split_of(photo: str) -> Split:
    """80 % train, 10 % validation, 10 % test, by a hash of the photo's digest."""
    tenth = int.from_bytes(hashlib.sha256(f"{SALT} {photo}".encode()).digest()[:8]) % 10
    return "test" if tenth == 0 else "validation" if tenth == 1 else "train"


def part_of(photo: str, method: str, held_out: Collection[str] = ()) -> Part:
    """The split, unless the method is held out.

    Then it is `held-out` where the photo is not one that is learned from, so that photo and method are both new to
    the model, and `unused` where it is.
    """
    split = split_of(photo)
    if method not in held_out:
        return split
    return "unused" if split == "train" else "held-out"
