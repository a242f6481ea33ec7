"""Curating, from top to bottom: candidates to triplets, in as many processes as were started."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rorem_demo.curation.candidates import Candidate
from rorem_demo.curation.merging import Failure, Merged, drop_unfinished, merged, refuse_foreign, write_folders
from rorem_demo.curation.recipe import Recipe
from rorem_demo.curation.rounds import Round, Rounds
from rorem_demo.curation.table import write_tables
from rorem_demo.curation.team import Team
from rorem_demo.curation.work import Judge, Worker
from rorem_demo.errors import UnavailableError
from rorem_demo.feedback import disk
from rorem_demo.services import Services

ROUNDS = "rounds"
SHARD_SIZE = 64
"""Candidates of a shard, about: what a killed process does again."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done where."""

    recipe: Recipe
    candidates: Collection[Candidate]
    folder: Path
    """For all of it; every process sees it."""
    title: str = ""
    """Of a new round."""
    shard_size: int = SHARD_SIZE
    retry: bool = False
    """Test again what could not be tested before."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an order came to."""

    merged: Merged
    round: int
    """Number of the round that was finished; 0 if there was nothing to test."""

    @property
    def failures(self) -> list[Failure]:
        """Of that round."""
        return [one for one in self.merged.failures if one.round == self.round]


def curate(
    services: Services, judge: Judge, order: Order, team: Team, told: Callable[[int, int], None] = lambda *_: None
) -> Outcome:
    """Finish the round that was begun, or do a new one, and merge it with those before.

    Args:
        services: run the remover.
        judge: scores; of the recipe's version.
        order: what is to be done.
        team: the processes that do it together, each with the same order.
        told: is given the candidates of this process that are done, and all of them.

    Raises:
        InputError: the folder holds a round that was asked for something else, or data from elsewhere.
        StorageError: the folder cannot be written.
        UnavailableError: another run is at this folder, the remover cannot run here, or keeps failing.
    """
    _check_remover(services, order.recipe.method)
    with _alone(order.folder, team):
        number = team.once(lambda: _opened(order))
        if number:
            found = next(one for one in Rounds(order.folder / ROUNDS).all() if one.number == number)
            found.check_same(order.recipe.to_json(), "method", "revision", "judge")  # of each machine
            with services.models.use(order.recipe.method):
                pass  # it is loaded: where that fails, no photo is to blame
            _work(found, Worker(services, judge, order.recipe, order.folder), team, told)
            team.wait()
        return Outcome(merged=team.once(lambda: _merged(order.folder)), round=number)


def _check_remover(services: Services, key: str) -> None:
    spec = services.removers[key]
    if needs := services.missing(spec):
        raise UnavailableError(
            f"{spec.title} cannot run here: it needs {' and '.join(needs)}.", hint="Choose another method."
        )


def _opened(order: Order) -> int:
    """Number of the round; 0 if there is nothing to test."""
    rounds = Rounds(order.folder / ROUNDS)
    if not rounds.all():
        refuse_foreign(order.folder)
    found = rounds.opened(
        order.recipe, order.candidates, title=order.title, shard_size=order.shard_size, retry=order.retry
    )
    return found.number if found else 0


def _work(found: Round, worker: Worker, team: Team, told: Callable[[int, int], None]) -> None:
    """Do this process's shards; which these are depends on nothing that another process does."""
    undone = set(found.undone())
    mine = list(found.shards)[team.index :: team.count]
    total = sum(len(found.shards[number]) for number in mine)
    done = sum(len(found.shards[number]) for number in mine if number not in undone)
    told(done, total)
    for number in mine:
        if number in undone:
            rows = []
            for candidate in found.shards[number]:
                rows.append(worker.tested(candidate))
                told(done := done + 1, total)
            found.finish(number, rows)


def _merged(folder: Path) -> Merged:
    found = merged(Rounds(folder / ROUNDS).all())
    drop_unfinished(folder)
    write_folders(folder, found)
    write_tables(folder, found)
    return found


@contextmanager
def _alone(folder: Path, team: Team) -> Iterator[None]:
    """Keep a second run away from the folder; the lock of a killed one is gone with it."""
    with disk.refusals(folder):
        team.once(lambda: disk.make_folder(folder))
        lock = (folder / ".lock").open("w")
    with lock:
        team.once(lambda: _locked(lock, folder))
        yield


def _locked(lock: object, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]  # a file
    except BlockingIOError:
        raise UnavailableError(f"Another run is at {folder}.", hint="Wait for it, or name another output.") from None
