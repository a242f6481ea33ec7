"""A board from answers: read, filtered, fitted. Slow, seconds for a million votes; imports pyarrow and pandas."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np

from rorem_demo import __version__
from rorem_demo.comparison.board import RANKED_FROM, Board, MethodRow, PairRow, State, Stratum
from rorem_demo.comparison.counting_rules import RULES, Counted, counted_ratings, counted_votes
from rorem_demo.comparison.fitting import STRATA, Ballot, Fit, fitted
from rorem_demo.comparison.fitting_ratings import Thumbs, fitted_gold, fitted_ratings
from rorem_demo.comparison.voted import Answers
from rorem_demo.comparison.voted_columns import Array
from rorem_demo.comparison.voted_rows import BOTH_BAD, BOTH_GOOD, read_ratings, read_votes
from rorem_demo.statistics import krippendorff_alpha

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WON, _LOST = 0, 1


def count(answers: Answers, *, simulated: bool = False, now: datetime | None = None) -> Board:
    """The board of a place's answers; the same rows give the same figures, bit for bit, whatever files they lie in.

    Args:
        answers: the place.
        simulated: count what programs gave, and only that; the board says so.
        now: what the board says of when it was made; None is now.

    Raises:
        RoremError: the place cannot be read, or is of a newer version.
    """
    votes = counted_votes(read_votes(answers), simulated=simulated)
    ratings = counted_ratings(read_ratings(answers), simulated=simulated)
    ballot = Ballot(votes)
    fit, judges = fitted(ballot), ballot.of_judge
    agreement, units = _agreement(ballot)
    days = _days(votes) + _days(ratings)
    return Board(
        made=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds"),
        app=__version__,
        dataset=answers.dataset,
        revision=answers.revision,
        first=min(days, default=""),
        last=max(days, default=""),
        votes=len(ballot.votes),
        ratings=int(ratings.used.sum()),
        judges=int(np.count_nonzero(judges)),
        largest_judge=float(judges.max(initial=0)) / max(len(ballot.votes), 1),
        methods=_methods(ballot, fit, ratings),
        pairs=_pairs(ballot, fit),
        strata=_strata(votes.rows.methods, fit),
        left_share=fit.left_share,
        gold=fitted_gold(votes),
        agreement=agreement,
        agreement_units=units,
        left_out=_left_out(votes, ratings),
        simulated=simulated,
        careless=votes.careless,
        deletions=answers.deletions,
        rules=RULES,
    )


def _methods(ballot: Ballot, fit: Fit, ratings: Counted) -> tuple[MethodRow, ...]:
    """Those with a place first, by the lower bound of their strength."""
    names = ballot.counted.rows.methods
    thumbs, numbers = fitted_ratings(ratings), {name: number for number, name in enumerate(names)}
    order = sorted(fit.strengths, key=lambda method: (-fit.strengths[method].low, -fit.strengths[method].value, method))
    ranked = [
        _row(names[method], place, ballot, fit, method, thumbs.get(names[method]))
        for place, method in enumerate(order, 1)
    ]
    others = (_judged(ballot.counted, "left", "right") | _judged(ratings, "method")) - {row.key for row in ranked}
    hidden = [_row(name, None, ballot, fit, numbers.get(name, -1), thumbs.get(name)) for name in sorted(others)]
    return (*ranked, *hidden)


def _row(  # noqa: PLR0913, PLR0917  # what a row is made from
    name: str, place: int | None, ballot: Ballot, fit: Fit, method: int, thumbs: Thumbs | None
) -> MethodRow:
    votes = int(ballot.of_method[method]) if method >= 0 else 0
    state: State = "hidden" if place is None else "preliminary" if votes < RANKED_FROM else "ranked"
    return MethodRow(
        key=name,
        state=state,
        place=place,
        votes=votes,
        strength=fit.strengths.get(method),
        success=thumbs.success if thumbs else None,
        estimate=thumbs.estimate if thumbs else None,
        gap=thumbs.gap if thumbs else None,
    )


def _judged(counted: Counted, *columns: str) -> set[str]:
    table = counted.rows.table[counted.judged]
    return {counted.rows.methods[number] for column in columns for number in np.unique(table[column]).tolist()}


def _pairs(ballot: Ballot, fit: Fit) -> tuple[PairRow, ...]:
    names, choice = ballot.counted.rows.methods, ballot.votes["choice"]
    tie = (choice == BOTH_GOOD) | (choice == BOTH_BAD)
    outcome = np.where(tie, choice, np.where(ballot.first_points == 2, _WON, _LOST))
    counts = np.bincount(4 * ballot.pair + outcome, minlength=4 * len(ballot.pairs)).reshape(-1, 4).tolist()
    return tuple(
        PairRow(
            first=names[first],
            second=names[second],
            first_wins=own[_WON],
            second_wins=own[_LOST],
            both_good=own[BOTH_GOOD],
            both_bad=own[BOTH_BAD],
            share=share,
        )
        for (first, second), own, share in zip(ballot.pairs.tolist(), counts, fit.shares, strict=True)
    )


def _strata(names: tuple[str, ...], fit: Fit) -> tuple[Stratum, ...]:
    """In the order of STRATA, methods by name."""
    return tuple(
        Stratum(group=STRATA[place][0], name=STRATA[place][1], method=names[method], share=fit.strata[place, method])
        for place, method in sorted(fit.strata)
    )


def _agreement(ballot: Ballot) -> tuple[float | None, int]:
    """Krippendorff's alpha of what judges said of the same two results, each judge's first answer."""
    votes = ballot.votes
    choice = np.where(votes["turned"] & (votes["choice"] < BOTH_GOOD), 1 - votes["choice"], votes["choice"])
    known = np.flatnonzero(votes["unit"] > 0)
    order = known[np.lexsort((known, votes["judge"][known], votes["unit"][known]))]
    unit, judge = votes["unit"][order], votes["judge"][order]
    again = np.append(False, (unit[1:] == unit[:-1]) & (judge[1:] == judge[:-1]))[: len(order)]
    return krippendorff_alpha(unit[~again], choice[order][~again])


def _days(counted: Counted) -> list[str]:
    """First and last day of what counts."""
    found: Array = np.unique(counted.rows.table["day"][counted.used])
    named = [day for day in (counted.rows.days[number] for number in found.tolist()) if _DAY.fullmatch(day)]
    return [named[0], named[-1]] if named else []


def _left_out(votes: Counted, ratings: Counted) -> dict[str, int]:
    """Reasons with their kind, most first."""
    found = {f"votes: {reason}": number for reason, number in votes.left_out.items() if number}
    found |= {f"ratings: {reason}": number for reason, number in ratings.left_out.items() if number}
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))
