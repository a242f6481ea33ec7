"""Votes and ratings as tables of numbers, some 80 bytes a row, sorted by id: the same whatever files they lay in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rorem_demo.comparison.voted import Answers
from rorem_demo.comparison.voted_columns import (
    Array,
    bits_of,
    codes_of,
    floats_of,
    ids_of,
    mixed,
    numbers_of,
    words_of,
)
from rorem_demo.discriminator.ledger import Names
from rorem_demo.feedback.records import CHOICES

LEFT, RIGHT, BOTH_GOOD, BOTH_BAD, UNKNOWN = range(5)
"""Choices; the first two are also gold items' sides."""
NO_GOLD = 4
TOO_FAST, REPEATED = 1, 2
"""Flags that matter."""
READY, OWN = 1, 2
"""Photos; a vote without a case is on an own one."""
PAINTED, POINTED, FILE, MIXED = 1, 2, 3, 4

_CHOICE: dict[str, int] = dict(zip(CHOICES, (LEFT, RIGHT, BOTH_GOOD, BOTH_BAD), strict=True))
_GOLD = {"": NO_GOLD, "left": LEFT, "right": RIGHT}
_FLAGS = {"too-fast": TOO_FAST, "repeated": REPEATED}
_WAYS = {
    **dict.fromkeys(("brush", "lasso", "rectangle"), 1),
    **dict.fromkeys(("click", "box", "phrase"), 2),
    "file": 4,
}
_MADE = np.array([0, PAINTED, POINTED, MIXED, FILE, MIXED, MIXED, MIXED], np.uint8)
"""By the bits of `_WAYS`; a shadow that was added to what was marked says nothing."""
_SMALL, _LARGE = 0.05, 0.20

_COMMON = [
    ("id", "S26"),
    ("judge", "u4"),
    ("day", "u4"),
    ("flags", "u1"),
    ("simulated", "?"),
    ("gone", "?"),
]
_VOTE = np.dtype(
    [
        *_COMMON,
        ("left", "u4"),
        ("right", "u4"),
        ("choice", "u1"),
        ("gold", "u1"),
        ("unit", "u8"),
        ("turned", "?"),
        ("size", "u1"),
        ("photo", "u1"),
        ("made", "u1"),
    ]
)
_RATING = np.dtype(
    [
        *_COMMON,
        ("supersedes", "S26"),
        ("receipt", "u8"),
        ("key", "u8"),
        ("method", "u4"),
        ("label", "u1"),
        ("score", "f8"),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All readable rows of a kind."""

    table: Array
    """Of votes: left and right (methods), choice, gold, unit (the two results, 0 if unknown), turned (the right one has
    the lesser digest), size, photo, made (strata from 1, 0 if unknown). Of ratings: supersedes, receipt, key (the
    result), method, label, score. Of both: id, judge, day, flags, simulated, gone (taken back)."""
    methods: tuple[str, ...]
    """Names by number, in the order of the alphabet, as are the others."""
    judges: tuple[str, ...]
    days: tuple[str, ...]
    """UTC."""
    malformed: int
    """Rows that lack what they must have."""


class _Named:
    """Names as they are met."""

    def __init__(self) -> None:
        self.methods, self.judges, self.days = Names(), Names(), Names()

    def common(self, batch: pa.RecordBatch, table: Array, gone: pa.Array) -> Array:
        """Fill what both kinds have; returns which rows have an id."""
        table["id"], sound = ids_of(batch["id"])
        table["judge"] = numbers_of(batch["rater"], self.judges)
        table["day"] = numbers_of(pc.utf8_slice_codeunits(batch["created"].cast(pa.string()), 0, 10), self.days)
        table["flags"] = bits_of(batch["flags"], _FLAGS)
        table["simulated"] = codes_of(batch["origin"], {"simulated": 1}, 0)
        table["gone"] = pc.is_in(batch["receipt"].cast(pa.string()), gone)
        return sound

    def rows(self, parts: list[Array], columns: Iterable[str], malformed: int) -> Rows:
        """All parts sorted by id, names numbered by their alphabet."""
        table = np.concatenate(parts)
        methods, places = self.methods.sorted()
        for column in columns:
            table[column] = places[table[column]] if len(places) else 0
        judges, places = self.judges.sorted()
        table["judge"] = places[table["judge"]] if len(places) else 0
        days, places = self.days.sorted()
        table["day"] = places[table["day"]] if len(places) else 0
        return Rows(
            table=_in_order(table),
            methods=methods.all(),
            judges=judges.all(),
            days=days.all(),
            malformed=malformed,
        )


def read_votes(answers: Answers) -> Rows:
    """Every vote of a place; raises as `Answers.batches`."""
    named, parts, malformed = _Named(), [np.empty(0, _VOTE)], 0
    gone = pa.array(sorted(set(answers.taken_back())), pa.string())
    for batch in answers.batches("pairs"):
        table = np.zeros(len(batch), _VOTE)
        sound = named.common(batch, table, gone)
        table["left"] = numbers_of(batch["left_method"], named.methods)
        table["right"] = numbers_of(batch["right_method"], named.methods)
        table["choice"] = codes_of(batch["choice"], _CHOICE, UNKNOWN)
        table["gold"] = codes_of(batch["gold"], _GOLD, 255)
        table["unit"], table["turned"] = _unit(batch)
        table["size"] = _size(batch)
        table["photo"] = codes_of(batch["case"], {"": OWN}, READY) * np.asarray(batch["case"].is_valid())
        table["made"] = _MADE[bits_of(batch["mask_made_by"], _WAYS)]
        for name in ("left_method", "right_method"):
            sound &= codes_of(batch[name], {"": 0}, 1) == 1
        sound &= table["gold"] != 255
        parts.append(table[sound])
        malformed += int(np.count_nonzero(~sound))
    return named.rows(parts, ("left", "right"), malformed)


def read_ratings(answers: Answers) -> Rows:
    """Every rating of a place; raises as `Answers.batches`."""
    named, parts, malformed = _Named(), [np.empty(0, _RATING)], 0
    gone = pa.array(sorted(set(answers.taken_back())), pa.string())
    for batch in answers.batches("ratings"):
        table = np.zeros(len(batch), _RATING)
        sound = named.common(batch, table, gone)
        table["supersedes"], _ = ids_of(batch["supersedes"])
        table["receipt"] = words_of(batch["receipt"])
        table["key"] = mixed(*(words_of(batch[name]) for name in ("source", "mask", "result")))
        table["method"] = numbers_of(batch["method"], named.methods)
        label, score = floats_of(batch["label"]), floats_of(batch["score"])
        table["label"] = label == 1
        table["score"] = np.where((score >= 0) & (score <= 1), score, np.nan)
        sound &= (label == 0) | (label == 1)
        parts.append(table[sound])
        malformed += int(np.count_nonzero(~sound))
    return named.rows(parts, ("method",), malformed)


def _unit(batch: pa.RecordBatch) -> tuple[Array, Array]:
    """What is judged, whichever result is on which side, and where they are turned."""
    left, right = words_of(batch["left_result"]), words_of(batch["right_result"])
    photo = (words_of(batch["source"]), words_of(batch["mask"]))
    return mixed(*photo, np.minimum(left, right), np.maximum(left, right)), right < left


def _size(batch: pa.RecordBatch) -> Array:
    """1, 2, 3 for a mask under 5%, from 5 to 20% and over 20% of the photo."""
    photo = floats_of(batch["width"]) * floats_of(batch["height"])
    share = floats_of(batch["mask_pixels"]) / np.where(photo > 0, photo, np.nan)
    return np.select([~(share >= 0), share < _SMALL, share <= _LARGE], [0, 1, 2], 3)


def _in_order(table: Array) -> Array:
    """Sorted by id, and rows of one id by what they say, so that nothing hangs on the order in which they came."""
    found = table[np.argsort(table["id"], kind="stable")]
    same = found["id"][1:] == found["id"][:-1]
    again = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(again):
        some = found[again]
        names = [name for name in table.dtype.names or () if name != "id"]
        found[again] = some[np.lexsort((*(some[name] for name in names), some["id"]))]
    return found
