"""A board as the page tells it: every figure in words, from how many votes, and where it lies on its axis.

What the page draws is a Drawn: {"x", "low", "high"} from 0 to 1 along the axis, {"text", "range", "of"} in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from shlex import quote
from typing import Any

from rorem_demo.comparison.board import RANKED_FROM, SHOWN_FROM, Board, Figure, MethodRow, PairRow, Stratum
from rorem_demo.comparison.boards import Told
from rorem_demo.ui.leaderboard_axis import PERCENT, Axis, counted, strength_axis
from rorem_demo.ui.leaderboard_trust import facts, left_out, warning

GROUPS = {"mask size": "How much is marked", "photo": "Whose photo", "mask made by": "How it was marked"}
SIMULATED = "Simulated: a program gave these answers. They say nothing about the methods."


@dataclass(frozen=True, kw_only=True)
class Named:
    """A method as it is shown everywhere."""

    title: str
    licence: str
    """"" if unknown."""
    colour: str


def in_words(board: Board, named: Callable[[str], Named]) -> dict[str, Any]:
    """For the page, as JSON."""
    axis = strength_axis([row.strength for row in board.methods if row.strength])
    place = {row.key: at for at, row in enumerate(board.methods)}
    return {
        "empty": not board.methods,
        "banner": " ".join(filter(None, [SIMULATED if board.simulated else "", warning(board)])),
        "summary": summary(board),
        "axis": {"strength": axis.ticks, "rate": PERCENT.ticks},
        "methods": [asdict(named(row.key)) | _method(row, axis) for row in board.methods],
        "pairs": [_pair(row, place) for row in board.pairs if row.votes and {row.first, row.second} <= place.keys()],
        "strata": _strata(board, place),
        "facts": facts(board),
        "left_out": left_out(board),
        "source": source(board),
    }


def summary(board: Board) -> str:
    """How much all of it rests on."""
    when = f"{day(board.first)} to {day(board.last)}" if board.first != board.last else day(board.first)
    votes = f"{counted(board.votes, 'blind vote')} by {counted(board.judges, 'judge')}"
    parts = [votes, counted(board.ratings, "thumb"), *([when] if board.first else [])]
    return " · ".join(parts)


def waiting(told: Told) -> str:
    """How many votes the board does not know yet; "" of none."""
    if not told.waiting:
        return ""
    wait = "waits" if told.waiting == 1 else "wait"
    published = told.board is not None and told.board.dataset
    return f"{counted(told.waiting, 'vote')} {wait} to be {'published' if published else 'counted'}."


def source(board: Board) -> dict[str, str]:
    """What it was counted from, and how anybody counts it again."""
    hub = board.dataset.count("/") == 1
    command = "python -m rorem_demo leaderboard"
    for name, value in (("dataset", board.dataset), ("revision", board.revision)):
        command += f" --{name} {quote(value)}" if value else ""
    return {
        "dataset": board.dataset or "this server's own answers",
        "where": "" if board.dataset else " on this server",
        "address": f"https://huggingface.co/datasets/{board.dataset}/tree/{board.revision}" if hub else "",
        "revision": board.revision,
        "deletions": board.deletions if board.deletions != board.revision else "",
        "counted": f"version {board.app}, counting rules {board.rules}",
        "made": board.made,
        "command": command,
    }


def day(date: str) -> str:
    """Of an ISO date: 4 Oct 2026; as it is if it is none."""
    try:
        found = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{found.day} {found:%b %Y}"


def _method(row: MethodRow, axis: Axis) -> dict[str, Any]:
    shown = row.state != "hidden"
    return {
        "key": row.key,
        "place": row.place,
        "state": row.state,
        "note": note(row),
        "votes": f"{row.votes:,}",
        "strength": axis.drawn(row.strength, "vote") if shown and row.strength else None,
        "success": PERCENT.drawn(row.success, "thumb") if row.success else None,
        "estimate": PERCENT.drawn(row.estimate, "thumb") if row.estimate else None,
        "gap": gap(row.gap),
    }


def note(row: MethodRow) -> str:
    """What is to be known before its figures are trusted, or why there are none."""
    if row.state == "ranked":
        return ""
    if row.state == "preliminary":
        return f"preliminary: under {RANKED_FROM} votes"
    if row.votes < SHOWN_FROM:
        return f"no strength before {SHOWN_FROM} votes"
    return "no strength yet: too few judges, or no votes that link it to the others"


def gap(points: float | None) -> str:
    """The judge's estimate beside people's rate; "" if it is unknown."""
    if points is None:
        return ""
    size = round(abs(points))
    if size == 0:
        return "as people say"
    return f"{counted(size, 'point')} {'higher' if points > 0 else 'lower'}"


def _pair(row: PairRow, place: dict[str, int]) -> dict[str, Any]:
    """Both ways round, since a table reads from row to column."""
    there = PERCENT.drawn(row.share, "vote") if row.share else None
    back = PERCENT.drawn(_other(row.share), "vote") if row.share else None
    return {
        "first": place[row.first],
        "second": place[row.second],
        "counts": [f"{n:,}" for n in (row.first_wins, row.second_wins, row.both_good, row.both_bad)],
        "votes": f"{row.votes:,}",
        "share": there,
        "other": back,
    }


def _other(share: Figure) -> Figure:
    return Figure(1 - share.value, 1 - share.high, 1 - share.low, share.n)


def _strata(board: Board, place: dict[str, int]) -> list[dict[str, Any]]:
    """Groups and their parts in the board's order, methods in the order of the table."""
    groups: dict[str, dict[str, list[Stratum]]] = {}
    for row in board.strata:
        if row.method in place:
            groups.setdefault(row.group, {}).setdefault(row.name, []).append(row)
    return [
        {
            "group": GROUPS.get(group, group),
            "parts": [{"name": name, "rows": _part(rows, place)} for name, rows in parts.items()],
        }
        for group, parts in groups.items()
    ]


def _part(rows: list[Stratum], place: dict[str, int]) -> list[dict[str, Any]]:
    told = [{"method": place[row.method], "share": PERCENT.drawn(row.share, "vote")} for row in rows]
    return sorted(told, key=lambda row: row["method"])
