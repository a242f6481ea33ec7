"""Serve the app with votes of simulated judges, as a module of its own: for the Leaderboard's screenshot.

Simulated judges vote on the ready cases whose truth is known: the nearer a result's hole is to the truth (PSNR), the
likelier it wins; of two that are both far from it they say that both are bad. The page says that they are simulated.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rorem_demo import __version__
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.boards import Boards
from rorem_demo.comparison.cases import Case, CaseSet
from rorem_demo.comparison.counting import count
from rorem_demo.comparison.voted import stored_answers
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import Choice, Vote
from rorem_demo.feedback.store import Store
from rorem_demo.imaging.metrics import psnr
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.app import build, launch

VOTES, JUDGES = 1200, 40
BAD = 20.0
"""dB in the hole below which a judge may call a result bad."""


@dataclass(frozen=True)
class Counted:
    """The board that is shown, whatever is voted meanwhile."""

    board: Board

    def newest(self) -> str:
        """Always the same."""
        return "simulated"

    def count(self, newest: str) -> Board:  # noqa: ARG002  # a Tally's
        """The board."""
        return self.board

    def waiting(self) -> int:
        """None."""
        return 0


def main() -> None:
    """Vote, count, serve."""
    settings = Settings.from_environment(os.environ)
    services = Services.assemble(settings)
    store = Store(settings.data / "simulated")
    for vote in votes(services.cases, store):
        store.append(vote, visitor=vote.id, subject=vote.id, pictures=None, ready=datetime.now(UTC), review=False)
    board = count(stored_answers(store), simulated=True)
    folder = Path(settings.data / "leaderboard")
    tally = Counted(replace(board, dataset="simulated judges"))
    services.__dict__["boards"] = Boards(lambda: store, "simulated judges", folder, 0.0, tally=tally)
    launch(build(services), services)


def votes(cases: CaseSet, store: Store) -> Iterator[Vote]:
    """Of random pairs of results by random judges; the same numbers each time."""
    random = np.random.default_rng(0)
    found = [case for case in cases.cases.values() if case.truth]
    near = {case.id: nearness(case) for case in found}
    for _ in range(VOTES):
        case = found[random.integers(len(found))]
        left, right = random.choice(sorted(near[case.id]), 2, replace=False)
        choice = said(near[case.id][left], near[case.id][right], random)
        yield vote(case, str(left), str(right), choice, rater=f"{random.integers(JUDGES):016x}", store=store)


def nearness(case: Case) -> dict[str, float]:
    """PSNR in the hole, by method."""
    truth, mask = case.true_image(), case.mask()
    return {result.method: psnr(case.image(result.method), truth, mask) for result in case.results}


def said(left: float, right: float, random: np.random.Generator) -> Choice:
    """What a simulated judge says of two nearnesses, in dB."""
    if max(left, right) < BAD and random.random() < 0.5:
        return "both-bad"
    if abs(left - right) < 1 and random.random() < 0.3:
        return "both-good"
    return "left" if random.random() < 1 / (1 + np.exp((right - left) / 2)) else "right"


def vote(  # noqa: PLR0913  # each is asked for by name or place
    case: Case, left: str, right: str, choice: Choice, *, rater: str, store: Store
) -> Vote:
    """The vote as a row of the store."""
    sides = {f"{side}_{name}": value for side, method in (("left", left), ("right", right))
             for name, value in side_of(case, method).items()}  # fmt: skip
    key = store.new_id()
    return Vote(
        id=key,
        app=__version__,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        origin="simulated",
        case=case.id,
        cases="",
        source=case.source_digest,
        mask=case.mask_digest,
        width=case.size.width,
        height=case.size.height,
        mask_pixels=case.facts.pixels,
        mask_boxes=case.facts.boxes,
        mask_made_by=case.facts.made_by,
        **sides,
        choice=choice,
        reasons=(),
        gold="",
        policy="random/1",
        rater=rater,
        flags=(),
        consent="answer",
        licence="",
        receipt=digest(np.frombuffer(key.encode(), np.uint8)),
    )


def side_of(case: Case, method: str) -> dict[str, object]:
    """What a vote says of one of its results."""
    found = case.result(method)
    return {"method": method, "revision": found.revision, "options": found.options, "result": found.digest,
            "seconds": found.seconds or 0.0, "device": found.device}  # fmt: skip


if __name__ == "__main__":
    main()
