"""Which two methods are judged next: the pair with the fewest votes until every pair has enough, then the vaguest.

A pair is two methods' keys in the order of the alphabet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from rorem_demo.comparison.board import Board

Pair: TypeAlias = tuple[str, str]

POLICY = "fewest-then-vaguest/1"
"""Name and version, as they stand in every vote."""
ENOUGH = 30
"""Votes of a pair from which on its interval says more than their number."""


@dataclass(frozen=True)
class Standing:
    """What is known of a pair."""

    votes: int
    width: float
    """Of the 95% interval of the first one's share of votes, 0..1; 1 where nobody voted."""


UNKNOWN = Standing(0, 1.0)


def pair_of(one: str, other: str) -> Pair:
    """Two methods as a pair."""
    return (one, other) if one < other else (other, one)


def standings(board: Board | None, since: Iterable[Pair]) -> dict[Pair, Standing]:
    """Every pair that anybody judged.

    Args:
        board: the votes as last counted, if they were.
        since: the pair of each vote after that. Such votes narrow an interval as if they were like those before.
    """
    counted = {(row.first, row.second): row for row in board.pairs} if board else {}
    later = Counter(since)
    found: dict[Pair, Standing] = {}
    for pair in counted.keys() | later.keys():
        row = counted.get(pair)
        before = row.votes if row else 0
        width = row.share.high - row.share.low if row and row.share else 1.0
        votes = before + later[pair]
        found[pair] = Standing(votes, width * (before / votes) ** 0.5 if before else 1.0)
    return found


def next_pair(choices: Collection[Pair], known: Mapping[Pair, Standing], chance: Random) -> Pair:
    """One of the pairs, of which there is at least one; ties are broken at random."""

    def turn(pair: Pair) -> tuple[float, float]:
        standing = known.get(pair, UNKNOWN)
        return (0, standing.votes) if standing.votes < ENOUGH else (1, -standing.width)

    first = min(map(turn, choices))
    return chance.choice(sorted(pair for pair in choices if turn(pair) == first))


def in_words(choices: Collection[Pair], known: Mapping[Pair, Standing]) -> str:
    """The policy with its numbers as they are now; it names no method, for that would tell which are next."""
    votes = [known.get(pair, UNKNOWN).votes for pair in choices]
    done = sum(count >= ENOUGH for count in votes)
    rule = (
        f"Which methods meet next: the two that met least often, until every two have {ENOUGH} votes; then the two of"
        " which the votes say least, by the width of the 95% interval. Sides and ties are drawn at random."
    )
    if not votes:
        return rule
    now = f"Now {done} of {len(votes)} pairs {'has' if done == 1 else 'have'} {ENOUGH}"
    now += f", the least {min(votes)}." if done < len(votes) else "."
    return f"{rule} {now}"
