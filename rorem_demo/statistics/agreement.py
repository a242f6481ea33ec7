"""How far those who judge the same thing say the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def krippendorff_alpha(units: npt.ArrayLike, answers: npt.ArrayLike) -> tuple[float | None, int]:
    """Krippendorff's alpha for nominal answers, and the number of units that it was computed from.

    1 is full agreement, 0 what chance gives. For nominal answers it hangs only on how often each answer was given in
    each unit (Krippendorff 2018, chapter 12), so who gave it need not be told, and a table of raters and units, which
    would be mostly empty, is never made.

    Args:
        units: what was judged, one value a row.
        answers: likewise; rows of one unit must be of different raters.

    Returns:
        None where no unit has two rows, or all such rows have the same answer: then chance would agree as well.
    """
    _, unit = np.unique(np.asarray(units), return_inverse=True)
    named, answer = np.unique(np.asarray(answers), return_inverse=True)
    found = np.bincount(unit * len(named) + answer)
    padded = np.zeros((int(unit.max(initial=-1)) + 1) * len(named))
    padded[: len(found)] = found
    counts = padded.reshape(-1, max(len(named), 1))
    raters = counts.sum(axis=1)
    counts, raters = counts[raters > 1], raters[raters > 1]
    if not len(counts):
        return None, 0
    of_answer, total = counts.sum(axis=0), raters.sum()
    # Pairs of differing answers within units, a unit of m answers weighing m; and among all answers.
    observed = float(((raters**2 - (counts**2).sum(axis=1)) / (raters - 1)).sum())
    expected = float(total**2 - (of_answer**2).sum()) / (total - 1)
    return (1 - observed / expected if expected else None), len(counts)
