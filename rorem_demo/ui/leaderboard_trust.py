"""What a reader should know before they trust a board, in plain words."""

from __future__ import annotations

from typing import Any

from rorem_demo.comparison.board import Board, Figure
from rorem_demo.ui.leaderboard_axis import PERCENT, counted, percent

TOO_MUCH = 0.5
"""Share of one judge from which on a warning is due."""

CARE = 0.8
"""Rate of known answers from which on down a warning is due."""
MEANINGS = {
    "taken back": "their authors deleted them",
    "there twice": "a copy of a row",
    "simulated": "a program's",
    "too fast": "within a second nobody has looked",
    "superseded": "the same person answered again",
    "one side over and over": "the same side twenty times in an hour",
    "gold items": "pairs whose answer is known, which measure care",
    "careless judges": "who got fewer than half of the known answers right",
}
"""Of the reasons in `comparison.counting_rules`; the others say all themselves."""


def facts(board: Board) -> list[dict[str, Any]]:
    """Each {"name", "text", "warning", "drawn"}; `drawn` is None where there is no rate."""
    return [_judges(board), _busiest(board), _care(board), _sides(board), _agreement(board)]


def warning(board: Board) -> str:
    """Why the board is not to be trusted as a whole, in a sentence; "" if there is no such reason."""
    if board.largest_judge <= TOO_MUCH:
        return ""
    return "More than half of the votes are one judge's: this is mostly one opinion."


def left_out(board: Board) -> list[dict[str, str]]:
    """Why rows do not count, the commonest reason first."""
    ordered = sorted(board.left_out.items(), key=lambda item: (-item[1], item[0]))
    return [{"why": _why(reason), "count": f"{n:,}"} for reason, n in ordered if n]


def _why(reason: str) -> str:
    """`votes: too fast` with what that means."""
    meaning = MEANINGS.get(reason.rpartition(": ")[2])
    return f"{reason} ({meaning})" if meaning else reason


def _fact(name: str, text: str, warning: str = "", figure: Figure | None = None, unit: str = "vote") -> dict[str, Any]:
    drawn = PERCENT.drawn(figure, unit) if figure else None
    return {"name": name, "text": text, "warning": warning, "drawn": drawn}


def _judges(board: Board) -> dict[str, Any]:
    text = f"{counted(board.judges, 'judge')}. A judge is a connection on one day, not a person."
    return _fact("Judges", f"{text} Intervals are at least as wide as drawing judges, not votes, again makes them.")


def _busiest(board: Board) -> dict[str, Any]:
    text = f"The busiest judge gave {percent(board.largest_judge)} of {counted(board.votes, 'vote')}."
    return _fact("Busiest judge", text if board.votes else "Nobody has voted.", warning(board))


def _care(board: Board) -> dict[str, Any]:
    if board.gold is None:
        return _fact("Care", "No pair with a known answer was judged yet.")
    text = f"{_said(board.gold, 'answer')} to pairs whose answer is known were right. They count nowhere else."
    if board.careless:
        text += f" Votes of {counted(board.careless, 'judge')} with fewer than half of them right do not count."
    careless = "Many of these judges did not look closely." if board.gold.high < CARE else ""
    return _fact("Care", text, careless, board.gold, "answer")


def _sides(board: Board) -> dict[str, Any]:
    share = board.left_share
    if share is None:
        return _fact("Left or right", "No vote chose a side yet.")
    text = f"{_said(share, 'decided vote')} chose the left picture; 50% if the side does not matter."
    leans = not share.low <= 0.5 <= share.high
    leaning = "Judges lean to one side. Sides are random, so no method gains from it." if leans else ""
    return _fact("Left or right", text, leaning, share)


def _agreement(board: Board) -> dict[str, Any]:
    if board.agreement is None:
        return _fact("Agreement", "No two results were judged twice yet.")
    units = counted(board.agreement_units, "pair")
    text = f"Krippendorff's alpha {board.agreement:.2f}, from {units} of results with several votes."
    return _fact("Agreement", f"{text} 1 is full agreement, 0 is chance.")


def _said(figure: Figure, unit: str) -> str:
    low, high = percent(figure.low), percent(figure.high)
    return f"{percent(figure.value)} ({low} to {high}) of {counted(figure.n, unit)}"
