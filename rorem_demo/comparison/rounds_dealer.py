"""Dealer: which two results of which case a visit is shown next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from itertools import combinations
from random import Random
from threading import Lock

from rorem_demo.comparison import gold
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.cases import CaseSet
from rorem_demo.comparison.policy import Pair, Standing, in_words, next_pair, pair_of, standings
from rorem_demo.comparison.rounds import Seen, Shown, Visitors
from rorem_demo.comparison.rounds_ready import GOLD, Deck
from rorem_demo.errors import InputError

log = logging.getLogger(__name__)


class Dealer:
    """Deals pairs of ready cases, and chooses methods for photos of visitors.

    Args:
        cases: what is drawn from.
        board: what has been voted so far; None before it was counted.
        chance: draws pairs, cases, sides and gold items.
    """

    def __init__(self, cases: Callable[[], CaseSet], board: Callable[[], Board | None], chance: Random) -> None:
        self._cases, self._board, self._chance = cases, board, chance
        self._deck: Deck | None = None
        self._visitors = Visitors()
        self._since: list[tuple[datetime, Pair]] = []
        self._lock = Lock()

    def deal(self, visit: str, held: Collection[Shown]) -> Shown | None:
        """The pair and the case to show next; None if this visit was shown all there is.

        Args:
            visit: the page's token.
            held: what the page has open.
        """
        with self._lock:
            seen, deck = self._visitors[visit], self._current()
            dealt = self._draw(deck, seen, held) if deck.pairs else None
            if dealt:
                seen.rounds += 1
                seen.show(dealt)
        return dealt

    def methods(self, runnable: Collection[str]) -> Pair:
        """Left and right for a visitor's own photo.

        Raises:
            InputError: fewer than two methods run here.
        """
        pairs = [pair_of(one, other) for one, other in combinations(sorted(set(runnable)), 2)]
        if not pairs:
            raise InputError("Only one method runs here.", hint="Judge the ready cases instead.")
        with self._lock:
            one, other = next_pair(pairs, self._known(), self._chance)
        return (one, other) if self._chance.random() < 0.5 else (other, one)

    def leave_out(self, case: str, why: Exception) -> None:
        """A case's files turned out to be damaged: it is dealt no more."""
        log.warning("case %s is left out of the Arena: %s", case, why)
        with self._lock:
            self._deck = self._current().without(case)

    def close(self, visit: str, shown: Shown | None, vote: Pair | None = None) -> None:
        """A round of a visit is over, with a vote on two methods that counts or without."""
        with self._lock:
            if shown:
                self._visitors[visit].closed.add(shown)
            if vote:
                self._since.append((datetime.now(UTC), vote))

    @property
    def deck(self) -> Deck:
        """What can be dealt now."""
        with self._lock:
            return self._current()

    def policy(self) -> str:
        """How pairs are chosen, with the numbers as they are now."""
        with self._lock:
            return in_words(self._current().pairs, self._known())

    def _draw(self, deck: Deck, seen: Seen, held: Collection[Shown]) -> Shown | None:
        if gold.is_due(seen.rounds + 1, self._chance) and (checks := deck.checks_left(seen)):
            return GOLD, self._chance.choice(checks)
        if pairs := deck.open_pairs(seen):
            pair = next_pair(pairs, self._known(), self._chance)
            return pair, self._chance.choice(deck.cases_left(pair, seen))
        again = deck.again(seen, held)
        return self._chance.choice(again) if again else None

    def _current(self) -> Deck:
        cases = self._cases()
        if self._deck is None or self._deck.cases is not cases:
            self._deck = Deck(cases)
        return self._deck

    def _known(self) -> dict[Pair, Standing]:
        """What is known of every pair, with what was voted here since the board was counted."""
        board = self._board()
        if board:
            counted = datetime.fromisoformat(board.made)
            self._since = [(when, pair) for when, pair in self._since if when > counted]
        return standings(board, (pair for _, pair in self._since))
