"""The same faults for CommitScheduler and for this program; every scenario returns what was thanked for.

A disk that is gone is one no process is started on again: a Space's disk ends with the Space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.feedback.lab import COMMIT, Lab, Process

Side: TypeAlias = Literal["theirs", "ours"]
Kept: TypeAlias = list[tuple[str, str]]

SAME = "votes.json"
"""Name of CommitScheduler's file where it is always the same; else a new one for each process, as documented."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong, in words, and how it is made to."""

    title: str
    happen: Callable[[Lab, Side], Kept]
    theirs: int
    """Answers that CommitScheduler 2.4.0 loses."""
    ours: int = 0


@dataclass(frozen=True)
class Outcome:
    """Answers that were thanked for and are not in the dataset, or are there more than once."""

    kept: int
    lost: int
    duplicated: int


def measure(fault: Fault, side: Side) -> Outcome:
    """What becomes of the answers of one side."""
    with Lab({"theirs": "scheduler_worker", "ours": "worker"}[side]) as lab:
        kept = fault.happen(lab, side)
        rows = lab.rows
    twice = sum(count - 1 for count in rows.values())
    return Outcome(len(kept), sum(1 for key, _ in kept if not rows[key]), twice)


def start(lab: Lab, side: Side, disk: str = "disk", name: str = "", **options: float) -> Process:
    """A process that publishes in the background; `name` is that of CommitScheduler's file."""
    if side == "ours":
        return lab.start(disk, "--background", **options)
    return lab.start(disk, name=name) if name else lab.start(disk)


def terminated(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(5)
    process.terminate()
    return kept


def left_with_pictures(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(20, "pictures")
    process.leave()
    return kept


def killed_after_the_thanks(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(5)
    process.kill()
    return kept


def fresh_disk(lab: Lab, side: Side) -> Kept:
    kept: Kept = []
    for disk in ("old", "new"):
        process = start(lab, side, disk, SAME)
        kept += process.keep(5)
        process.ask("step")
        process.leave()
    return kept


def two_replicas(lab: Lab, side: Side) -> Kept:
    replicas = [start(lab, side, disk, SAME) for disk in "ab"]
    kept = [row for replica in replicas for row in replica.keep(5)]
    for replica in replicas:
        replica.ask("step")
    for replica in replicas:
        replica.leave()
    return kept


def refused_at_the_end(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(5)
    lab.hub.refuse("POST", COMMIT, 503)
    process.leave()
    return kept


def hanging(lab: Lab, side: Side) -> Kept:
    process = start(lab, side, age=0.5, deadline=30, request=120)
    kept = process.keep(5)
    snare = lab.snare("POST", COMMIT)
    process.ask("tick")
    assert snare.arrived.wait(20)
    kept += process.keep(5)
    process.terminate()
    return kept


def torn(lab: Lab, side: Side) -> Kept:
    process = start(lab, side, name=SAME)
    kept = process.keep(5)
    process.tell("tear")
    process.wait()
    process = start(lab, side, name=SAME)
    kept += process.keep(5)
    process.ask("step")
    process.leave()
    return kept


def killed_while_sending(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(5)
    gate = lab.hub.hold("POST", COMMIT)
    process.tell("step")
    assert gate.arrived.wait(20)
    process.kill()
    gate.release()
    process = start(lab, side)
    kept += process.keep(5)
    process.ask("step")
    process.leave()
    return kept


def answer_lost(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(5)
    lab.hub.lose("POST", COMMIT)
    process.ask("step")
    kept += process.keep(5)
    process.ask("step")
    process.leave()
    return kept


def limited(lab: Lab, side: Side) -> Kept:
    process = start(lab, side)
    kept = process.keep(5)
    for status in (409, 412, 429):
        lab.hub.refuse("POST", COMMIT, status, {"RateLimit": '"api";r=0;t=1'})
        process.ask("step")
    process.leave()
    return kept


FAULTS = (
    Fault("SIGTERM before the next upload", terminated, 5),
    Fault("normal exit with 20 answers and their pictures waiting", left_with_pictures, 20),
    Fault("503 on the last commit before a normal exit", refused_at_the_end, 5),
    Fault("a request that hangs, then SIGTERM", hanging, 10),
    Fault("restart on a fresh disk, same file name", fresh_disk, 5),
    Fault("two replicas, same file name", two_replicas, 5),
    Fault("kill -9 in the middle of writing, restart on the same disk", torn, 1),
    Fault("kill -9 while the Hub has the commit, restart on the same disk", killed_while_sending, 0),
    Fault("the answer to a commit lost", answer_lost, 0),
    Fault("409, 412 and 429 on commits, then a normal exit", limited, 0),
    Fault("kill -9 before the next upload, disk gone", killed_after_the_thanks, 5, 5),
)
"""Those of both. Where the disk is not said to be the same one, it is gone at the end."""
