"""Rows out of the cells of shards, for each kind of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from rorem_demo.discriminator.sources import Row, Unread
from rorem_demo.feedback.identity import is_id, pair_id, side_id
from rorem_demo.feedback.kinds import PAIRS, RATINGS, Kind
from rorem_demo.feedback.pictures import is_digest
from rorem_demo.feedback.records import CHOICES, Pictures

Cells: TypeAlias = Mapping[str, Any]

_ID_LENGTH = 26
_SIDES: Final = ("left", "right")
_LABELS: Mapping[str, Literal[0, 1]] = {"both-good": 1, "both-bad": 0}
"""Of both results, by the choice."""


@dataclass(frozen=True)
class Cut:
    """How shards of a kind become rows."""

    kind: Kind[Any, Any]
    light: tuple[str, ...]
    """Columns that decide whether a row counts."""
    rows: Callable[[Cells, int], Iterator[Row | Unread]]
    """Of light cells with `pictures`, whether there are any, and the number of the shard."""
    stored: Callable[[str], str]
    """The id in the shard of a row."""
    pictures: Callable[[Cells], dict[str, Pictures]]
    """By the row's id, of cells with all picture columns."""


def _rating(cells: Cells, shard: int) -> Iterator[Row | Unread]:
    sound = len((cells["id"] or "").encode()) == _ID_LENGTH and cells["label"] in {0, 1}
    yield _row(cells, shard, label=cells["label"]) if sound and _measured(cells, "result") else "malformed"


def _vote(cells: Cells, shard: int) -> Iterator[Row | Unread]:
    """A row for each result, if the vote is an answer to each."""
    if not (
        is_id(cells["id"] or "") and cells["choice"] in CHOICES and _measured(cells, "left_result", "right_result")
    ):
        yield "malformed"
    elif cells["gold"]:
        yield "gold"
    elif cells["choice"] not in _LABELS:
        yield "without-label"
    else:
        for side in _SIDES:
            own = {"id": side_id(cells["id"], side), "supersedes": ""}
            own |= {name: cells[f"{side}_{name}"] for name in ("result", "method")}
            yield _row({**cells, **own}, shard, label=_LABELS[cells["choice"]])


def _measured(cells: Cells, *results: str) -> bool:
    """Sizes and digests are there and are what they should be."""
    digests = (cells[name] for name in ("source", "mask", *results))
    pixels = (cells["width"] or 0) * (cells["height"] or 0)
    return pixels > 0 and all(map(is_digest, digests))


def _row(cells: Cells, shard: int, *, label: int) -> Row:
    words = {name: cells[name] or "" for name in ("rater", "supersedes", "receipt", "method", "origin")}
    return Row(
        id=cells["id"],
        source=cells["source"],
        mask=cells["mask"],
        result=cells["result"],
        label=label,
        flags=tuple(cells["flags"] or ()),
        mask_fraction=(cells["mask_pixels"] or 0) / (cells["width"] * cells["height"]),
        pictures=cells["pictures"],
        shard=shard,
        **words,
    )


def _rated(cells: Cells) -> dict[str, Pictures]:
    return {cells["id"]: _pictures(cells, "result")}


def _voted(cells: Cells) -> dict[str, Pictures]:
    return {side_id(cells["id"], side): _pictures(cells, side) for side in _SIDES}


def _pictures(cells: Cells, result: str) -> Pictures:
    source, mask, shown = (cells[f"{part}_picture"]["bytes"] or b"" for part in ("source", "mask", result))
    return Pictures(source=source, mask=mask, result=shown)


_BOTH = ("id", "source", "mask", "width", "height", "mask_pixels", "rater", "flags", "receipt", "origin")

CUTS: Mapping[str, Cut] = {
    RATINGS.name: Cut(RATINGS, (*_BOTH, "result", "method", "label", "supersedes"), _rating, str, _rated),
    PAIRS.name: Cut(
        PAIRS,
        (*_BOTH, "left_result", "right_result", "left_method", "right_method", "choice", "gold"),
        _vote,
        pair_id,
        _voted,
    ),
}
"""By the name of the kind."""
