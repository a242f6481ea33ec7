"""Aggregation: one label from several answers on the same result."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.statistics import dawid_skene

Array: TypeAlias = npt.NDArray[Any]
Aggregation: TypeAlias = Literal["majority", "dawid-skene"]


def aggregate(item: Array, rater: Array, label: Array, weight: Array, how: Aggregation) -> tuple[Array, Array, Array]:
    """Label (0..1), weight (0..1) and number of answers of each result, float32, float32 and int.

    `majority` is the share of yes, each answer by its weight. `dawid-skene` says how likely the result is clean, given
    how reliable each rater turns out to be; where there is one answer it is the label, as nothing can be learned of
    it (hub.md section 7: it helps against raters who always say yes, and with one answer a result nothing helps).
    The weight is that of the answers together, at most 1: a result counts once however often it is shown, so that the
    Space's examples do not outweigh the rest.

    Args:
        item: the result each answer is on, 0..n-1, none left out.
        rater: who gave it.
        label: 0 or 1.
        weight: of each answer, above 0.
        how: see above.
    """
    count, total = np.bincount(item), np.bincount(item, weight)
    found = np.bincount(item, weight * label) / total
    several = count > 1
    if how == "dawid-skene" and several.any():
        of, number = several[item], np.cumsum(several) - 1
        found[several] = dawid_skene(number[item[of]], rater[of], label[of], int(several.sum()))
    return found.astype(np.float32), np.minimum(1, total).astype(np.float32), count
