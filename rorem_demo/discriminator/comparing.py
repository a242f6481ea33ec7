"""Whether one judge is better than another, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rorem_demo.discriminator.evaluate import Settings
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.errors import InputError
from rorem_demo.statistics import Floats, Interval, bootstrap, spread_of_few, weighted_auroc, widened


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A new judge beside the one that is published."""

    rows: int
    new: float | None
    """AUROC, as are the others."""
    old: float | None
    difference: Interval | None
    """Of new less old, 95 %, photos drawn again, both on the same draws; wider where photos are few."""
    better: bool
    """By more than chance: the whole interval is above 0."""
    why: str
    """One sentence."""


def compared(new: Predictions, old: Predictions, settings: Settings | None = None) -> Comparison:
    """The two judges by their AUROC on rows that neither has learned from; easy negatives left out.

    Raises:
        InputError: the rows are not the same, in the same order.
    """
    settings = settings or Settings()
    for name in ("photo", "method", "label", "easy"):
        if not np.array_equal(getattr(new, name), getattr(old, name)):
            raise InputError("The two judges were not asked about the same rows.", hint="Evaluate both again.")
    new, old = new.where(~new.easy), old.where(~old.easy)
    first, second = weighted_auroc(new.prob, new.label), weighted_auroc(old.prob, old.label)

    def difference(weights: Floats) -> float | None:
        ours, theirs = first(weights), second(weights)
        return None if ours is None or theirs is None else ours - theirs

    every = np.ones(len(new.prob))
    interval = bootstrap(difference, new.photo, seed=settings.seed, draws=settings.draws)
    ours, theirs = first(every), second(every)
    if ours is not None and theirs is not None:
        interval = widened(interval, ours - theirs, spread_of_few(np.unique(new.photo, return_counts=True)[1]))
    better = interval is not None and interval.low > 0
    return Comparison(
        rows=len(every), new=ours, old=theirs, difference=interval, better=better, why=_why(ours, theirs, interval)
    )


def _why(new: float | None, old: float | None, interval: Interval | None) -> str:
    if new is None or old is None:
        return "These rows do not have both labels, so they cannot tell which is better."
    figures = f"AUROC {new:.4f} against {old:.4f} of the published one"
    if interval is None:
        return f"{figures}, of too few photos to tell which is better."
    span = f"the difference is within {interval.low:+.4f} to {interval.high:+.4f}"
    if interval.low > 0:
        return f"{figures}: {span}, so it is better."
    return f"{figures}: {span}, so it is {'not better' if interval.high >= 0 else 'worse'} by more than chance."
