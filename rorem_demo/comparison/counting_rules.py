"""Which votes and ratings count. Each version of these rules is for good: a board names the one it was counted by.

Version 1
    A row is left out for the first of these reasons that fits:

    votes and ratings
        cannot be read          it lacks its id, methods or answer, or they are not what they should be
        taken back              its receipt is on a list of deletions
        there twice             another row has its id: a merge of files that was cut off leaves some
        simulated               a program gave it; where only those are counted, all others are left out instead
    ratings alone
        superseded              the same person answered again on the same result
        without a method        nothing says what made the result
    votes and ratings
        too fast                flagged: within a second nobody has looked
    votes alone
        unknown choice          none of the four answers
        one side over and over  flagged `repeated` and for a side: the same side twenty times in an hour, though sides
                                are drawn at random. Twenty times "both bad" may well be true, and counts
        gold items              pairs whose answer is known; they measure care and count nowhere else. Pairs with the
                                untouched photo or the truth on a side are such, whatever else they say
        same method twice       of both results
        careless judges         of a judge with at least 3 gold items that count who got fewer than half of them right

    What counts all the same: votes flagged `many` (a hundred in an hour is diligence; how much hangs on the busiest
    judge is told, and judges are drawn whole for the intervals); rows flagged for their pictures, which the answer does
    not need; ratings flagged `repeated`, which a good method deserves; methods that no catalogue knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rorem_demo.comparison.voted_columns import Array
from rorem_demo.comparison.voted_rows import LEFT, NO_GOLD, REPEATED, RIGHT, TOO_FAST, UNKNOWN, Rows

RULES: Final = 1
"""Version."""
NOT_METHODS: Final = ("truth", "untouched")
"""Keys of the sides of gold items."""
LEAST_GOLD: Final = 3

NO_ID = b"0" * 26


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Rows of a kind, and which of them count."""

    rows: Rows
    used: Array
    """Marks those that count."""
    gold: Array
    """Marks gold items whose answer counts for a judge's care; none of ratings."""
    judged: Array
    """Marks rows whose methods are to be listed: somebody judged them, even if it does not count."""
    left_out: dict[str, int]
    """How many are not used, by reason."""
    careless: int = 0
    """Judges."""


class _Verdicts:
    def __init__(self, rows: Rows) -> None:
        self.standing = np.ones(len(rows.table), bool)
        self.left_out = {"cannot be read": rows.malformed}

    def leave_out(self, reason: str, fits: Array) -> Array:
        """Those that were still standing and no longer are."""
        found = self.standing & fits
        self.standing &= ~fits
        self.left_out[reason] = int(np.count_nonzero(found))
        return found


def counted_votes(rows: Rows, *, simulated: bool) -> Counted:
    """Which votes count; `simulated` counts those of programs alone."""
    table, verdicts = rows.table, _Verdicts(rows)
    _leave_out_common(verdicts, table, simulated=simulated)
    judged = verdicts.standing.copy()
    verdicts.leave_out("too fast", table["flags"] & TOO_FAST > 0)
    verdicts.leave_out("unknown choice", table["choice"] == UNKNOWN)
    decided = (table["choice"] == LEFT) | (table["choice"] == RIGHT)
    verdicts.leave_out("one side over and over", decided & (table["flags"] & REPEATED > 0))
    reserved = np.isin(rows.methods, NOT_METHODS)
    special = (table["gold"] != NO_GOLD) | _of(reserved, table["left"]) | _of(reserved, table["right"])
    gold = verdicts.leave_out("gold items", special) & (table["gold"] != NO_GOLD)
    verdicts.leave_out("same method twice", table["left"] == table["right"])
    careless = _careless(rows, gold)
    verdicts.leave_out("careless judges", _of(careless, table["judge"]))
    return Counted(
        rows=rows,
        used=verdicts.standing,
        gold=gold,
        judged=judged & ~special,
        left_out=verdicts.left_out,
        careless=int(careless.sum()),
    )


def counted_ratings(rows: Rows, *, simulated: bool) -> Counted:
    """Which ratings count; `simulated` as there."""
    table, verdicts = rows.table, _Verdicts(rows)
    _leave_out_common(verdicts, table, simulated=simulated)
    verdicts.leave_out("superseded", _superseded(table, verdicts.standing))
    unnamed = np.isin(rows.methods, ("", *NOT_METHODS))
    verdicts.leave_out("without a method", _of(unnamed, table["method"]))
    judged = verdicts.standing.copy()
    verdicts.leave_out("too fast", table["flags"] & TOO_FAST > 0)
    return Counted(
        rows=rows,
        used=verdicts.standing,
        gold=np.zeros(len(table), bool),
        judged=judged,
        left_out=verdicts.left_out,
    )


def right_answers(table: Array) -> Array:
    """Marks gold items that were answered right."""
    return np.asarray(table["choice"] == table["gold"])


def _leave_out_common(verdicts: _Verdicts, table: Array, *, simulated: bool) -> None:
    verdicts.leave_out("taken back", table["gone"])
    verdicts.leave_out("there twice", _again(table, verdicts.standing))
    reason = "not simulated" if simulated else "simulated"
    verdicts.leave_out(reason, table["simulated"] != simulated)


def _of(marks: Array, numbers: Array) -> Array:
    """What is marked, by its number."""
    return marks[numbers] if len(marks) else np.zeros(len(numbers), bool)


def _again(table: Array, standing: Array) -> Array:
    """All of one id but the first that stands."""
    order = np.flatnonzero(standing)
    found = np.zeros(len(table), bool)
    found[order[1:]] = table["id"][order[1:]] == table["id"][order[:-1]]
    return found


def _careless(rows: Rows, gold: Array) -> Array:
    """Judges by number."""
    own, n = rows.table[gold], len(rows.judges)
    asked = np.bincount(own["judge"], minlength=n)
    right = np.bincount(own["judge"], right_answers(own), minlength=n)
    return np.asarray((asked >= LEAST_GOLD) & (2 * right < asked))


def _superseded(table: Array, standing: Array) -> Array:
    """Not the last of one receipt on one result, or named by a later one of the same receipt."""
    at = np.flatnonzero(standing & (table["receipt"] > 0))
    found = np.zeros(len(table), bool)
    own = at[table["key"][at] > 0]
    order = own[np.lexsort((own, table["key"][own], table["receipt"][own]))]
    same = _equal_neighbours(order, table, "receipt") & _equal_neighbours(order, table, "key")
    found[order[:-1]] = same
    naming = at[(table["supersedes"][at] != NO_ID) & (table["supersedes"][at] < table["id"][at])]
    named = at[np.minimum(np.searchsorted(table["id"][at], table["supersedes"][naming]), max(len(at) - 1, 0))]
    meant = table["id"][named] == table["supersedes"][naming]
    meant &= table["receipt"][named] == table["receipt"][naming]
    found[named[meant]] = True
    return found


def _equal_neighbours(order: Array, table: Array, name: str) -> Array:
    return np.asarray(table[name][order[1:]] == table[name][order[:-1]])
