"""What an evaluation finds, as values that a report keeps and shows; a figure is None where it is not defined."""

from __future__ import annotations

from dataclasses import dataclass, field

from rorem_demo.statistics import Bin, Curve, Interval

PAPER_MEAN_GAP, PAPER_LARGEST_GAP = 2.9, 7.8
"""Points between people's success rate and that of the paper's discriminator, over its Table 2: nine methods at two
sizes (arXiv 2501.00740, as its repository first showed the table)."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good the judge is on some rows."""

    rows: int
    photos: int
    positives: int
    """Rows that people call removed."""
    accuracy: float | None
    auroc: float | None
    auroc_interval: Interval | None
    """95 %, photos drawn again."""
    within: float | None
    """Mean of the AUROC within each method."""
    within_lowest: float | None
    within_methods: int
    """That have rows of both classes; the others say nothing about it."""
    auprc: float | None
    brier: float | None
    brier_before: float | None
    """Before calibration, as is the other one."""
    ece: float | None
    ece_before: float | None
    why: dict[str, str] = field(default_factory=dict)
    """By name of a figure that is None, the reason."""


@dataclass(frozen=True, kw_only=True)
class MethodRates:
    """How often one method succeeds, asked of people and of the judge, on the same rows."""

    method: str
    rows: int
    photos: int
    people: float
    """Share of rows that are 1."""
    people_interval: Interval | None
    judged: float
    """Share of rows scored at least the threshold."""
    judged_interval: Interval | None
    expected: float
    """Mean probability."""
    gap: float
    """Points, judged less people: above 0 where the judge is too kind."""
    gap_interval: Interval | None
    auroc: float | None
    """Within the method."""
    why: dict[str, str] = field(default_factory=dict)
    """As in `Scores`."""


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Differences of rates over methods, in points, without their sign."""

    mean: float
    largest: float
    method: str
    """That has the largest."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What takes no network, on the same rows."""

    name: str
    about: str
    accuracy: float | None
    auroc: float | None
    within: float | None
    brier: float | None
    why: str = ""
    """Why there are no figures, or not all."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that are judged together."""

    name: str
    scores: Scores
    methods: tuple[MethodRates, ...]
    """By name."""
    gaps: Gaps | None
    baselines: tuple[Baseline, ...]


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Rows whose mask covers about as much of the photo."""

    name: str
    scores: Scores


@dataclass(frozen=True, kw_only=True)
class Easy:
    """Results that nobody needs a judge for, such as an untouched photo; in no other figure."""

    kind: str
    rows: int
    right: float
    """Share judged as they are labelled."""


@dataclass(frozen=True, kw_only=True)
class NamedCurve:
    """The ROC curve of a method, or of all rows under the name ""."""

    method: str
    curve: Curve


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure and what it has to reach."""

    name: str
    wanted: float
    found: float | None

    @property
    def met(self) -> bool:
        return self.found is not None and self.found >= self.wanted


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All of it."""

    threshold: float
    """Probability from which on the judge says removed."""
    seed: int
    draws: int
    """Of photos, for intervals."""
    origins: dict[str, int]
    """Rows by who labelled them, easy ones included."""
    test: Part
    """Photos never learned from, methods that were."""
    held_out: Part
    """Photos and methods never learned from."""
    strata: tuple[Stratum, ...]
    """Of `test`, small masks first."""
    easy: tuple[Easy, ...]
    bins: tuple[Bin, ...]
    """Reliability on `test`."""
    bins_before: tuple[Bin, ...]
    """Before calibration; empty if that is not known."""
    curves: tuple[NamedCurve, ...]
    """On `test`: all rows first, then each method."""

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What a model that is shipped has to reach; easy rows count for none of it."""
        lowest = [part.scores.within_lowest for part in (self.test, self.held_out)]
        within = min((value for value in lowest if value is not None), default=None)
        return (
            Goal(name="AUROC on held-out photos", wanted=0.90, found=self.test.scores.auroc),
            Goal(name="AUROC on held-out methods, the lowest", wanted=0.85, found=self.held_out.scores.within_lowest),
            Goal(name="AUROC within each method, the lowest", wanted=0.75, found=within),
        )
