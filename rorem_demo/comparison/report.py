"""A board in words and numbers, for a terminal and as Markdown: every figure with its interval and how many it is from.

As many digits are printed as come out the same wherever the same answers are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rorem_demo.comparison.board import RANKED_FROM, SHOWN_FROM, Board, Figure, MethodRow

JSON, MARKDOWN = "board.json", "leaderboard.md"
"""Names of the files of a report."""
NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """Part of a report."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def headline(board: Board) -> tuple[str, ...]:
    """What was counted, from where and when; a line each."""
    place = board.dataset or "this machine's own store"
    place += f" at {board.revision}" if board.revision else ""
    days = f", from {board.first} to {board.last}" if board.first else ""
    lines = [
        f"{_many(board.votes, 'vote')} of {_many(board.judges, 'judge')} and {_many(board.ratings, 'thumb')}{days}.",
        f"Counted {board.made} from {place} by version {board.app}, rules {board.rules}.",
        "A judge is a connection on one day: whoever comes back tomorrow is another.",
    ]
    if board.deletions and board.deletions != board.revision:
        lines.insert(2, f"What was taken back until {board.deletions} is left out.")
    if board.simulated:
        lines.insert(0, "SIMULATED: a program gave these answers, not people.")
    return tuple(lines)


def tables(board: Board) -> tuple[Table, ...]:
    """All of it; tables without rows are left out."""
    found = (
        Table(
            "Methods",
            ("place", "method", "strength", "votes", "success", "thumbs", "judge's estimate", "gap", "state"),
            tuple(map(_method, board.methods)),
        ),
        Table(
            "Pairs",
            ("first", "second", "first won", "second won", "both good", "both bad", "share of first"),
            tuple(
                (
                    row.first,
                    row.second,
                    *map(str, (row.first_wins, row.second_wins, row.both_good, row.both_bad)),
                    percent(row.share),
                )
                for row in board.pairs
            ),
        ),
        Table(
            "Share of votes won, by kind",
            ("kind", "", "method", "share", "votes"),
            tuple((row.group, row.name, row.method, percent(row.share), str(row.share.n)) for row in board.strata),
        ),
        Table("Checks", ("what", "found", "from"), _checks(board)),
        Table("Left out", ("reason", "rows"), tuple((why, str(count)) for why, count in board.left_out.items())),
    )
    return tuple(table for table in found if table.rows)


def in_markdown(board: Board) -> str:
    """The board as a page; the same board is the same text."""
    title = "# Leaderboard, simulated" if board.simulated else "# Leaderboard"
    parts = [title, "\n".join(f"{line}  " for line in headline(board)).rstrip()]
    for table in tables(board):
        parts += [f"## {table.title}", _piped(table)]
    parts.append("How each figure is made, and what does not count: docs/leaderboard.md of the program.")
    return "\n\n".join(parts) + "\n"


def percent(figure: Figure | None) -> str:
    """A rate as percents with its interval."""
    return NOTHING if figure is None else f"{_points(figure.value)}% ({_points(figure.low)} to {_points(figure.high)})"


def strength(figure: Figure | None) -> str:
    """A strength with its interval."""
    return NOTHING if figure is None else f"{figure.value:.0f} ({figure.low:.0f} to {figure.high:.0f})"


def state_in_words(row: MethodRow) -> str:
    """Why a method is preliminary or hidden."""
    match row.state:
        case "ranked":
            return "ranked"
        case "preliminary":
            return f"preliminary: fewer than {RANKED_FROM} votes"
        case "hidden" if row.votes < SHOWN_FROM:
            return f"hidden: fewer than {SHOWN_FROM} votes"
    return "hidden: one judge alone, or never against the others"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _points(rate: float) -> str:
    return f"{100 * rate:.1f}"


def _method(row: MethodRow) -> tuple[str, ...]:
    return (
        str(row.place or NOTHING),
        row.key,
        strength(row.strength),
        str(row.votes),
        percent(row.success),
        str(row.success.n if row.success else 0),
        percent(row.estimate),
        NOTHING if row.gap is None else f"{row.gap:+.1f}",
        state_in_words(row),
    )


def _checks(board: Board) -> tuple[tuple[str, str, str], ...]:
    alpha = NOTHING if board.agreement is None else f"{board.agreement:.3f}"
    return (
        ("votes for the left side", percent(board.left_share), _from(board.left_share, "votes for a side")),
        ("right answers on gold items", percent(board.gold), _from(board.gold, "gold items")),
        ("agreement of judges (Krippendorff's alpha)", alpha, f"{board.agreement_units} pairs of results judged twice"),
        ("votes of the busiest judge", f"{_points(board.largest_judge)}%", f"{board.votes} votes"),
        ("judges left out for gold items", str(board.careless), f"{board.judges + board.careless} judges"),
    )


def _from(figure: Figure | None, what: str) -> str:
    return f"{figure.n if figure else 0} {what}"


def _piped(table: Table) -> str:
    lines: Sequence[Sequence[str]] = (table.header, ["---"] * len(table.header), *table.rows)
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    """Names come from elsewhere and must not end a cell or begin a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
