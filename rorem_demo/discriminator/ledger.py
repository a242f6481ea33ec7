"""Ledger: all answers of a place without their pictures, 170 bytes each, and which of them count.

What counts depends on the rows alone, never on their order. A row that does not is counted under the first of these
reasons that fits:

    tombstoned         its receipt is on a list of deletions
    twice              another row has its id
    superseded         its author answered again on the same result
    too-fast, pictures-rejected, pictures-damaged    flagged (see `ratings_filter`)
    other-origin       not of the origins asked for
    without-pictures   no row of the same result has any

What a source cannot give as a row is counted under its own words (`sources.Unread`), of blind votes `gold` and
`without-label` among them: only both-good and both-bad say of each result whether it succeeded, and are two rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.ratings_filter import DROPPED, weight_of
from rorem_demo.discriminator.sources import Row, Unread
from rorem_demo.feedback.records import Origin

Array: TypeAlias = npt.NDArray[Any]

REASONS = ("used", "tombstoned", "twice", "superseded", *DROPPED, "other-origin", "without-pictures")
"""Verdicts; a row's is its place here."""
USED = 0

_KIND = np.dtype(
    [
        ("id", "S26"),
        ("supersedes", "S26"),
        ("receipt", "S32"),  # digests as they are: numpy fills up with zero bytes, and equal ones stay equal
        ("key", "S32"),
        ("photo", "S32"),
        ("rater", "u4"),
        ("method", "u4"),
        ("origin", "u4"),
        ("label", "u1"),
        ("dropped", "u1"),
        ("pictures", "?"),
        ("weight", "f4"),
        ("fraction", "f4"),
        ("shard", "u4"),
    ]
)
_AT_ONCE = 10_000
_ORIGINS = get_args(Origin)


class Names:
    """Strings as numbers, in the order in which they came."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._numbers = {name: number for number, name in enumerate(names)}

    def number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def all(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def sorted(self) -> tuple[Names, Array]:
        """The same in alphabetical order, and the place of each in it by its number."""
        order = sorted(range(len(self._numbers)), key=self.all().__getitem__)
        return Names(sorted(self._numbers)), np.argsort(np.array(order, np.intp))


class Ledger:
    """Answers of a place.

    Args:
        rows: in any order.
        taken_back: receipts.
        origins: those asked for; None is all.
    """

    def __init__(
        self, rows: Iterable[Row | Unread], taken_back: Iterable[str], origins: Collection[str] | None = None
    ) -> None:
        self.methods, self.raters, self.origins = Names(), Names(), Names(_ORIGINS)
        self.unread: Counter[str] = Counter()
        """Rows that could not be read, by reason."""
        self.rows = self._filled(rows)
        self.methods = self._in_order("method", self.methods)
        self.raters = self._in_order("rater", self.raters)
        self.origins = self._in_order("origin", self.origins)
        gone = {_short(receipt) for receipt in taken_back}
        self.verdicts = _verdicts(self.rows, gone, self._wanted(origins))

    def counts(self) -> dict[str, int]:
        """How many rows were read, used, and left out for each reason; reasons without any are not named."""
        found = np.bincount(self.verdicts, minlength=len(REASONS)).tolist()
        left_out = {reason: found[number] for number, reason in enumerate(REASONS) if found[number] and number != USED}
        read = len(self.rows) + self.unread.total()
        return {"read": read, "used": found[USED], **left_out, **dict(sorted(self.unread.items()))}

    def _filled(self, rows: Iterable[Row | Unread]) -> Array:
        parts, left = [np.empty(0, _KIND)], iter(rows)
        while some := list(islice(left, _AT_ONCE)):
            self.unread.update(row for row in some if isinstance(row, str))
            parts.append(np.array([self._cells(row) for row in some if isinstance(row, Row)], _KIND))
        return np.concatenate(parts)

    def _in_order(self, column: str, names: Names) -> Names:
        """The names numbered by their alphabet, so that nothing hangs on the order of rows; in the rows, too."""
        ordered, places = names.sorted()
        self.rows[column] = places[self.rows[column]]
        return ordered

    def _cells(self, row: Row) -> tuple[Any, ...]:
        weight = weight_of(row.flags, row.origin)
        dropped = next((number for number, flag in enumerate(DROPPED, 1) if flag in row.flags), 0)
        return (
            row.id.encode(),
            row.supersedes.encode(),
            _short(row.receipt or row.id),
            key_of(row),
            bytes.fromhex(row.source),
            self.raters.number(f"{row.origin} {row.rater}"),
            self.methods.number(row.method),
            self.origins.number(row.origin),
            row.label,
            dropped,
            row.pictures,
            weight,
            row.mask_fraction,
            row.shard,
        )

    def _wanted(self, origins: Collection[str] | None) -> Array:
        return np.array([origins is None or name in origins for name in self.origins.all()])


def key_of(row: Row) -> bytes:
    """What is judged. Not the result's digest alone: an untouched photo is the same result under any mask."""
    return hashlib.sha256(f"{row.source} {row.mask} {row.result}".encode()).digest()


def _short(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _verdicts(rows: Array, gone: Collection[bytes], wanted: Array) -> Array:
    found = np.full(len(rows), USED, np.uint8)

    def judge(reason: str, fits: Array) -> None:
        found[fits & (found == USED)] = REASONS.index(reason)

    judge("tombstoned", np.isin(rows["receipt"], np.array(sorted(gone), "S32")))
    judge("twice", _again(rows, found == USED))
    judge("superseded", _superseded(rows, found == USED))
    giving = rows["pictures"] & (found == USED)
    for number, flag in enumerate(DROPPED, 1):
        judge(flag, rows["dropped"] == number)
    judge("other-origin", ~wanted[rows["origin"]])
    judge("without-pictures", ~np.isin(rows["key"], rows["key"][giving]))
    return found


def _again(rows: Array, standing: Array) -> Array:
    """All of one id but the first by what they say: a merge that was cut off leaves rows twice, one maybe bare."""
    told = ("fraction", "supersedes", "dropped", "method", "origin", "weight", "label", "rater", "receipt", "key")
    order = np.lexsort((*(rows[name] for name in told), ~rows["pictures"], rows["id"]))
    order = order[standing[order]]
    again = np.zeros(len(rows), bool)
    again[order[1:]] = rows["id"][order[1:]] == rows["id"][order[:-1]]
    return again


def _superseded(rows: Array, standing: Array) -> Array:
    """Not the last of one receipt on one result, or named by a later one of the same receipt."""
    order = np.lexsort((rows["id"], rows["key"], rows["receipt"]))
    order = order[standing[order]]
    ordered = rows[order]
    superseded = np.zeros(len(rows), bool)
    same = (ordered["receipt"][1:] == ordered["receipt"][:-1]) & (ordered["key"][1:] == ordered["key"][:-1])
    superseded[order[:-1]] = same
    naming = rows[standing & (rows["supersedes"] > b"") & (rows["supersedes"] < rows["id"])]
    named = {(one["receipt"], one["supersedes"]) for one in naming}
    for number in np.flatnonzero(standing & np.isin(rows["id"], naming["supersedes"])):
        superseded[number] |= (rows[number]["receipt"], rows[number]["id"]) in named
    return superseded


def givers(ledger: Ledger) -> Array:
    """Of each result that is used, the row whose pictures are taken: sorted by key, the first by id.

    Flagged rows may give pictures, since only their answer is in doubt; those taken back or superseded may not.
    """
    rows, verdicts = ledger.rows, ledger.verdicts
    never = np.isin(verdicts, [REASONS.index(reason) for reason in ("tombstoned", "twice", "superseded")])
    used = np.unique(rows["key"][verdicts == USED])
    may = np.flatnonzero(rows["pictures"] & ~never & np.isin(rows["key"], used))
    order = may[np.lexsort((rows["id"][may], rows["key"][may]))]
    _, first = np.unique(rows["key"][order], return_index=True)
    return np.asarray(order[first])
