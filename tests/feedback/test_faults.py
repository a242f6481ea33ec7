"""Faults between processes, the real client and a loopback Hub: rows are counted before and after.

Nothing is patched: processes are killed where the Hub holds their requests. As long as the disk survives, every answer
that was thanked for is in the dataset exactly once in the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.feedback.faults import FAULTS, Fault, measure
from tests.feedback.lab import COMMIT, KEY, PATIENCE, Lab, Process, ids
from tests.feedback.worker import NAME, drawn, drawn_pair
from tests.hub_faults import Point

pytestmark = pytest.mark.slow

STEPS: tuple[tuple[str, str, Point], ...] = (
    ("POST", "/api/repos/create", "before"),
    ("POST", "/api/repos/create", "after"),
    ("GET", "/tree/", "before"),
    ("POST", "/preupload/", "before"),
    ("POST", "/info/lfs/objects/batch", "before"),
    ("PUT", "/lfs/", "before"),
    ("PUT", "/lfs/", "after"),
    ("POST", "/info/lfs/objects/verify", "before"),
    ("POST", COMMIT, "before"),
    ("POST", COMMIT, "after"),
)
"""Of the first batch, in their order."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


def publish(process: Process) -> None:
    assert process.ask("flush", PATIENCE) == 0


def failed(said: Any) -> str:
    """Name of the error that a command ended with."""
    assert isinstance(said, dict), said
    return str(said["error"])


def lists(lab: Lab) -> list[str]:
    """Receipts in the newest revision's lists of deletions."""
    found = [data for path, data in lab.files.items() if path.startswith("deleted/")]
    return [json.loads(line)["receipt"] for data in found for line in data.splitlines()]


# Killed


@pytest.mark.parametrize(("method", "part", "point"), STEPS)
def test_killed_at_any_step_it_publishes_once_after_a_restart(lab: Lab, method: str, part: str, point: Point) -> None:
    process = lab.start()
    kept = process.keep(3, "pictures")
    gate = lab.hub.hold(method, part, point)
    process.tell("step")
    assert gate.arrived.wait(PATIENCE)
    process.kill()
    gate.release()  # what the Hub had may arrive now or later
    process = lab.start()
    kept += process.keep(2)
    publish(process)
    assert lab.rows == ids(kept)
    assert process.ask("verify")["same"] == len(kept)


def test_a_commit_that_arrives_long_after_its_sender_was_killed_brings_nothing_twice(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(3)
    snare = lab.snare("POST", COMMIT)
    process.tell("step")
    assert snare.arrived.wait(PATIENCE)
    process.kill()
    process = lab.start()
    kept += process.keep(2)
    publish(process)
    process.ask("delete", *reversed(kept.pop(0)))
    assert process.ask("step") == "deleted"
    commits = len(lab.hub.repositories[KEY].commits)
    snare.release()
    time.sleep(0.5)
    assert len(lab.hub.repositories[KEY].commits) == commits
    assert lab.rows == ids(kept)


def test_killed_between_the_answer_and_the_next_batch_it_publishes_later(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(20, "pictures")
    process.kill()
    publish(lab.start())
    assert lab.rows == ids(kept)


# Refused, lost, hanging


@pytest.mark.parametrize(
    ("status", "error"), [(409, "RetryLaterError"), (412, "ConflictError"), (503, "RetryLaterError")]
)
def test_a_commit_that_was_refused_goes_again(lab: Lab, status: int, error: str) -> None:
    process = lab.start()
    kept = process.keep(3)
    lab.hub.refuse("POST", COMMIT, status)
    assert failed(process.ask("step")) == error
    assert process.ask("status")["published"] == 0
    publish(process)
    assert lab.rows == ids(kept)


def test_a_limit_of_the_hub_is_waited_for(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(3)
    lab.hub.refuse("POST", COMMIT, 429, {"RateLimit": '"api";r=0;t=4'})
    began = time.monotonic()
    publish(process)
    assert time.monotonic() - began > 4
    assert lab.rows == ids(kept)
    assert lab.hub.asked("POST", COMMIT) == 2


def test_a_commit_whose_answer_was_lost_is_found_and_not_made_again(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(3)
    lab.hub.lose("POST", COMMIT)
    assert failed(process.ask("step")) == "RetryLaterError"
    assert process.ask("step") == "reconciled"
    publish(process)
    assert lab.rows == ids(kept)
    assert lab.hub.asked("POST", COMMIT) == 1


def test_a_request_that_hangs_is_given_up_and_made_again(lab: Lab) -> None:
    process = lab.start(request=4)
    kept = process.keep(3)
    snare = lab.snare("POST", COMMIT)
    assert failed(process.ask("step")) == "RetryLaterError"
    publish(process)
    snare.release()
    time.sleep(0.5)
    assert lab.rows == ids(kept)


# Several


def test_replicas_that_publish_at_once_lose_and_double_nothing(lab: Lab) -> None:
    replicas = [lab.start(disk, rows=2) for disk in ("a", "b")]
    kept = [row for replica in replicas for row in replica.keep(6)]
    for replica in replicas:
        replica.tell("flush", PATIENCE)
    assert [replica.hear() for replica in replicas] == [0, 0]
    assert lab.rows == ids(kept)
    assert [replica.ask("verify")["same"] for replica in replicas] == [6, 6]


def test_two_processes_of_one_store_do_not_publish_twice(lab: Lab) -> None:
    processes = [lab.start(rows=2) for _ in range(2)]
    kept = processes[0].keep(6)
    for process in processes:
        process.tell("flush", PATIENCE)
    assert [process.hear() for process in processes] == [0, 0]
    assert lab.rows == ids(kept)


def test_merging_while_another_replica_tries_again_doubles_nothing(lab: Lab) -> None:
    a, b = lab.start("a"), lab.start("b")
    kept = b.keep(2)
    publish(b)
    kept += a.keep(3)
    gate = lab.hub.hold("POST", COMMIT, "after")
    a.tell("step")
    assert gate.arrived.wait(PATIENCE)
    a.kill()
    gate.release()
    assert b.ask("compact") == 1
    a = lab.start("a")
    kept += a.keep(1)
    publish(a)
    assert lab.rows == ids(kept)
    assert a.ask("verify")["same"] == 4


# Damaged


def test_a_torn_picture_costs_the_picture_and_not_the_answer(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(2, "pictures")
    process.kill()
    torn = next(file for file in (lab.folder / "disk" / "pictures").rglob("*") if file.is_file())
    torn.write_bytes(torn.read_bytes()[:-20])
    process = lab.start()
    publish(process)
    assert lab.rows == ids(kept)
    found = process.ask("verify")
    assert (found["same"], len(found["different"])) == (1, 1)


def test_a_torn_shard_in_the_outbox_is_made_anew(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(3, "pictures")
    gate = lab.hub.hold("PUT", "/lfs/")
    process.tell("step")
    assert gate.arrived.wait(PATIENCE)
    process.kill()
    (shard,) = (lab.folder / "disk").rglob("outbox/*.parquet")
    shard.write_bytes(shard.read_bytes()[:1000])
    gate.release()
    process = lab.start()
    publish(process)
    assert lab.rows == ids(kept)
    assert process.ask("verify")["same"] == 3


def test_a_disk_that_is_full_delays_and_loses_nothing(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(4, "large")
    process.ask("limit", 1 << 20)
    assert failed(process.ask("step")) == "StorageError"
    assert lab.rows == Counter()
    process.ask("limit", -1)
    publish(process)
    assert lab.rows == ids(kept)
    assert process.ask("verify")["same"] == 4


def test_a_clock_that_goes_back_changes_no_order_and_loses_nothing(lab: Lab) -> None:
    process = lab.start()
    kept = process.keep(2)
    publish(process)
    process.leave()
    process = lab.start(back=5)
    kept += process.keep(2)
    publish(process)
    assert sorted(kept) == kept
    assert lab.rows == ids(kept)


def test_a_fresh_disk_adds_to_what_is_there_and_knows_what_was_deleted(lab: Lab) -> None:
    process = lab.start("old")
    kept = process.keep(3)
    publish(process)
    gone = kept.pop()
    process.ask("delete", *reversed(gone))
    assert process.ask("step") == "deleted"
    process.leave()
    process = lab.start("new")
    kept += process.keep(2)
    publish(process)
    assert lab.rows == ids(kept)
    assert process.ask("tombstones") == [gone[1]]


# Deleted


def test_what_was_deleted_before_it_was_published_was_never_there(lab: Lab) -> None:
    process = lab.start()
    gone, *kept = process.keep(2, "pictures")
    process.ask("delete", *reversed(gone))
    publish(process)
    assert lists(lab) == [gone[1]]
    assert lab.rows == ids(kept)
    trees = lab.hub.repositories[KEY].commits.values()
    assert not any(drawn(gone[0]).source in data for tree in trees for data in tree.values())


def test_what_was_deleted_afterwards_leaves_the_newest_revision_and_with_a_purge_all_others(lab: Lab) -> None:
    process = lab.start()
    gone, *kept = process.keep(3, "pictures")
    publish(process)
    process.ask("delete", *reversed(gone))
    assert process.ask("step") == "deleted"
    assert lab.rows == ids(kept)
    assert lists(lab) == [gone[1]]
    picture = drawn(gone[0]).source
    assert not any(picture in data for data in lab.files.values())
    assert not any(picture in file.read_bytes() for file in (lab.folder / "disk").rglob("*") if file.is_file())
    assert process.ask("purge") > 1
    trees = lab.hub.repositories[KEY].commits.values()
    assert not any(picture in data for tree in trees for data in tree.values())
    assert lab.rows == ids(kept)


@pytest.mark.parametrize("published", [True, False])
def test_an_answer_is_deleted_on_another_replica_than_the_one_that_has_it(lab: Lab, *, published: bool) -> None:
    a, b = lab.start("a"), lab.start("b")
    gone, *kept = a.keep(2)
    if published:
        publish(a)
    b.ask("delete", *reversed(gone))
    assert b.ask("step") == "deleted"
    kept += a.keep(1)
    publish(a)
    assert lab.rows == ids(kept)
    assert lists(lab) == [gone[1]]
    assert list(a.ask("rows")) == [key for key, _ in kept]


@pytest.mark.parametrize("arrived", [True, False])
def test_what_is_deleted_while_it_is_sent_does_not_come_back(lab: Lab, *, arrived: bool) -> None:
    process = lab.start()
    gone, *kept = process.keep(3)
    gate = lab.hub.hold("POST", COMMIT, "after" if arrived else "before")
    process.tell("step")
    assert gate.arrived.wait(PATIENCE)
    process.kill()
    gate.forget()
    process = lab.start()
    process.ask("delete", *reversed(gone))
    publish(process)
    assert lab.rows == ids(kept)
    assert lists(lab) == [gone[1]]


# Ending


@pytest.mark.parametrize("how", ["leave", "terminate"])
def test_who_ends_publishes_before(lab: Lab, how: str) -> None:
    process = lab.start()
    kept = process.keep(30, "pictures")
    getattr(process, how)()
    assert lab.rows == ids(kept)


def test_who_ends_under_a_hub_that_hangs_ends_in_time_and_publishes_later(lab: Lab) -> None:
    process = lab.start("disk", "--background", age=0.1, deadline=3)
    kept = process.keep(3)
    gate = lab.hub.hold("POST", COMMIT)
    process.ask("tick")
    assert gate.arrived.wait(PATIENCE)
    began = time.monotonic()
    process.terminate(20)
    assert time.monotonic() - began < 10
    gate.release()
    publish(lab.start())
    assert lab.rows == ids(kept)


# Read


LOAD = """
import json, sys
from datasets import load_dataset
whole = load_dataset(*sys.argv[1:], split="train")
stream = load_dataset(*sys.argv[1:], split="train", streaming=True)
sizes = [row["source_picture"].size for row in stream if row["source_picture"]]
print(json.dumps({"ids": whole["id"][:], "streamed": [row["id"] for row in stream], "sizes": sizes}))
"""


def test_datasets_reads_every_row_once_with_its_pictures(lab: Lab) -> None:
    process = lab.start(rows=3)
    kept = process.keep(3, "pictures") + process.keep(2)
    publish(process)
    read = loaded(lab, NAME)
    assert Counter(read["ids"]) == Counter(read["streamed"]) == ids(kept)
    assert read["sizes"] == [[16, 16]] * 3


def loaded(lab: Lab, *what: str) -> Any:
    """What `datasets` reads of a dataset, and maybe a configuration, in a process of its own."""
    command = [sys.executable, "-c", LOAD, *what]
    said = subprocess.run(command, env=lab.environment, capture_output=True, text=True, check=True)
    return json.loads(said.stdout.splitlines()[-1])


@pytest.mark.parametrize("rated", [True, False])
def test_datasets_reads_votes_as_a_configuration_of_their_own(lab: Lab, *, rated: bool) -> None:
    process = lab.start(rows=3)
    voted = process.keep(4, "votes")
    ratings = process.keep(2) if rated else []
    publish(process)
    read = loaded(lab, NAME, "pairs")
    assert Counter(read["ids"]) == Counter(read["streamed"]) == ids(voted)
    assert read["sizes"] == [[16, 16]] * 4
    if rated:
        assert Counter(loaded(lab, NAME)["ids"]) == ids(ratings)
    assert process.ask("verify")["same"] == len(voted) + len(ratings)


# Votes


@pytest.mark.parametrize("point", ["before", "after"])
def test_killed_while_the_hub_has_a_batch_of_votes_it_publishes_once_after_a_restart(lab: Lab, point: Point) -> None:
    process = lab.start()
    kept = process.keep(3, "votes") + process.keep(2)
    gate = lab.hub.hold("POST", COMMIT, point)
    process.tell("step")
    assert gate.arrived.wait(PATIENCE)
    process.kill()
    gate.release()
    process = lab.start()
    kept += process.keep(1, "votes")
    publish(process)
    assert lab.rows == ids(kept)
    assert process.ask("verify")["same"] == len(kept)


def test_two_replicas_publish_both_kinds_and_a_vote_is_deleted_on_the_other(lab: Lab) -> None:
    a, b = lab.start("a"), lab.start("b")
    gone, *kept = a.keep(2, "votes")
    kept += a.keep(2) + b.keep(2, "votes") + b.keep(1, "pictures")
    publish(a)
    publish(b)
    b.ask("delete", *reversed(gone))
    assert b.ask("step") == "deleted"
    kept += a.keep(1, "votes")
    publish(a)
    assert lab.rows == ids(kept)
    assert lists(lab) == [gone[1]]
    picture = drawn_pair(gone[0]).left
    assert not any(picture in data for data in lab.files.values())
    for replica in (a, b):
        found = replica.ask("verify")
        assert not any(found[name] for name in ("missing", "different", "twice", "taken_back"))


# Compared


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_the_table_of_faults_says_what_happens(fault: Fault) -> None:
    for side, lost in (("theirs", fault.theirs), ("ours", fault.ours)):
        found = measure(fault, side)
        assert (found.lost, found.duplicated) == (lost, 0), side
