"""Axis: where figures lie on a line that all of them share, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rorem_demo.comparison.board import Figure

_STEPS = (10, 25, 50, 100, 200, 500, 1000)
_MOST_TICKS, _MOST_NUMBERS = 6, 5
_MEAN = 1000.0


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`."""

    low: float
    high: float
    marks: tuple[float, ...]
    """Values with a line and a number."""
    write: Callable[[float], str]

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """The marks: {"x": 0..1, "text"}; of many, every other one without a number."""
        some = self.marks if len(self.marks) <= _MOST_NUMBERS else self.marks[_odd(self.marks) :: 2]
        return [{"x": self._at(mark), "text": self.write(mark) if mark in some else ""} for mark in self.marks]

    def drawn(self, figure: Figure, unit: str) -> dict[str, Any]:
        """A figure with its interval: places from 0 to 1, and words.

        Args:
            figure: on the axis; what lies beyond an end is drawn at it.
            unit: what was counted, one of it.
        """
        return {
            "x": self._at(figure.value),
            "low": self._at(figure.low),
            "high": self._at(figure.high),
            "text": self.write(figure.value),
            "range": f"{self.write(figure.low)} to {self.write(figure.high)}",
            "of": counted(figure.n, unit),
        }

    def _at(self, value: float) -> float:
        return round(min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 4)


def _odd(marks: Sequence[float]) -> int:
    """From which one on every other has the mean among them."""
    return marks.index(_MEAN) % 2 if _MEAN in marks else 0


def counted(n: int, unit: str) -> str:
    """`1 vote`, `1,234 votes`."""
    return f"{n:,} {unit}" if n == 1 else f"{n:,} {unit}s"


def percent(value: float) -> str:
    """`83%`; `0.4%` and `99.6%` where whole numbers would claim none or all."""
    whole = round(100 * value)
    if 0 < value < 1 and whole in {0, 100}:
        return f"{min(99.9, max(0.1, 100 * value)):.1f}%"
    return f"{whole}%"


def strength_axis(figures: Sequence[Figure]) -> Axis:
    """Round numbers around all intervals, with 1000, the mean, among them."""
    low = min((figure.low for figure in figures), default=900.0)
    high = max((figure.high for figure in figures), default=1100.0)
    low, high = min(low, _MEAN - 10), max(high, _MEAN + 10)
    for step in _STEPS:
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first <= _MOST_TICKS or step == _STEPS[-1]:
            break
    marks = tuple(float(step * at) for at in range(first, last + 1))
    return Axis(marks[0], marks[-1], marks, lambda value: f"{value:,.0f}")


PERCENT = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), percent)
