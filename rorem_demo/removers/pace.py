"""Pace: how long removers take on this machine, learnt from those that ran.

The catalogue's costs were measured on one machine in one hour. Here another one may be twice as quick, and be shared:
so what is told to visitors is the cost times what the last runs took of it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from statistics import median
from threading import Lock

REMEMBERED = 7
"""Runs of each remover; their median is not moved by one slow minute."""
_FARTHEST = 16.0
"""Times quicker or slower than the cost that is believed at most."""


class Pace:
    """Of every remover by its key; may be asked and told from any thread."""

    def __init__(self) -> None:
        self._ratios: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._lock = Lock()

    def learn(self, key: str, expected: float, took: float) -> None:
        """A run ended.

        Args:
            key: of the remover.
            expected: seconds by its cost alone; of a cost of nothing nothing is learnt.
            took: seconds.
        """
        if expected <= 0:
            return
        with self._lock:
            self._ratios[key].append(min(max(took / expected, 1 / _FARTHEST), _FARTHEST))

    def of(self, key: str) -> float:
        """Seconds to a second of the cost; 1 before the first run."""
        with self._lock:
            ratios = self._ratios.get(key)
            return median(ratios) if ratios else 1.0
