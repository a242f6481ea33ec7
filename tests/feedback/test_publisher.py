"""The publisher against a dataset in memory, and every order of events that hypothesis can think of."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rorem_demo.errors import StorageError
from rorem_demo.feedback.hub import ConflictError, RefusedError, RetryLaterError
from rorem_demo.feedback.publisher import Publisher, Rules
from rorem_demo.feedback.records import PairPictures, Pictures, Rating, Record, Vote
from rorem_demo.feedback.store import Store
from tests.feedback.simulation import Server, Simulated, pairs
from tests.feedback.worker import drawn, drawn_pair, rating, vote

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Time as a test wants it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Replica:
    """A store with its publisher, on a disk that outlives them."""

    folder: Path
    server: Server
    rules: Rules
    clock: Clock

    def __post_init__(self) -> None:
        self.store = Store(self.folder, now=self.clock)
        self.dataset = Simulated("owner/ratings", token="hf_x", cache=self.folder / "cache", server=self.server)
        self.publisher = Publisher(
            self.store, self.dataset, self.folder / "publisher", self.rules, now=self.clock, jitter=lambda low, _: low
        )

    def restart(self) -> None:
        self.store.close()
        self.__post_init__()

    def keep(self, pictures: Pictures | None = None, wait: float = 0.0) -> Rating:
        made = rating(self.store.new_id(), shared=pictures is not None)
        ready = self.clock() + timedelta(seconds=wait)
        return self.store.append(made, visitor=made.id, subject=made.id, pictures=pictures, ready=ready, review=False)

    def judge(self, pictures: PairPictures | None = None) -> Vote:
        made, ready = vote(self.store.new_id(), shared=pictures is not None), self.clock()
        return self.store.append(made, visitor=made.id, subject=made.id, pictures=pictures, ready=ready, review=False)

    def step(self) -> str:
        return self.publisher.step(force=True)

    def settle(self) -> None:
        while self.step() != "nothing":
            pass


Start = Callable[..., Replica]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    """Starts a replica on a disk of its own."""
    started: list[Replica] = []

    def begin(name: str = "a", clock: Clock | None = None, **rules: Any) -> Replica:
        started.append(Replica(tmp_path / name, server, Rules(**rules), clock or Clock()))
        return started[-1]

    yield begin
    for replica in started:
        replica.store.close()


def shards(server: Server) -> list[str]:
    return [path for path in server.files if path.endswith(".parquet")]


# When


def test_answers_wait_for_others_until_the_oldest_is_old_enough(start: Start, server: Server) -> None:
    clock = Clock()
    replica = start(clock=clock, rows=3, age=300)
    replica.keep()
    clock.now += timedelta(seconds=299)
    assert replica.publisher.step() == "nothing"
    clock.now += timedelta(seconds=1)
    assert replica.publisher.step() == "published"
    assert len(server.ids()) == 1


def test_enough_answers_go_at_once_and_no_more_than_that_into_a_shard(start: Start, server: Server) -> None:
    replica = start(rows=3)
    kept = [replica.keep().id for _ in range(4)]
    assert replica.publisher.step() == "published"
    assert server.ids() == kept[:3]
    assert replica.publisher.step() == "nothing"


def test_pictures_bound_a_shard_too(start: Start, server: Server) -> None:
    replica = start(picture_mb=1)
    large = bytes(600_000)
    for number in range(2):
        replica.keep(Pictures(source=large + bytes([number]), mask=b"m", result=b"r"))
    replica.settle()
    assert len(shards(server)) == 2


def test_what_waits_for_its_delay_is_not_even_forced(start: Start, server: Server) -> None:
    replica = start()
    replica.keep(wait=60)
    assert replica.publisher.close(5) == 1
    assert server.ids() == []


def test_an_idle_publisher_leaves_the_hub_alone(start: Start, server: Server) -> None:
    replica = start()
    replica.step()
    asked = server.asked.copy()
    assert replica.publisher.step() == "nothing"
    assert server.asked == asked


@pytest.mark.parametrize("lacking", ["dataset", "token"])
def test_without_a_dataset_or_a_token_answers_stay_here(start: Start, server: Server, lacking: str) -> None:
    replica = start()
    replica.keep()
    none = None if lacking == "dataset" else replace(replica.dataset, token=None)
    assert Publisher(replica.store, none, replica.folder / "p").step(force=True) == "nothing"
    assert not server.asked
    assert replica.store.status().waiting == 1


# What


def test_a_published_answer_is_known_to_be(start: Start, server: Server) -> None:
    replica = start()
    kept = replica.keep(drawn("one"))
    replica.settle()
    held = replica.store.find(kept.id)
    assert held is not None
    assert datetime.fromisoformat(held.published) == NOW
    assert replica.publisher.verify().same == 1


def test_nothing_under_way_stays_in_the_outbox(start: Start, server: Server) -> None:
    replica = start()
    replica.keep(drawn("one"))
    server.fates.append("busy")
    with pytest.raises(RetryLaterError):
        replica.step()
    assert not (replica.folder / "publisher" / "outbox").exists()


def test_a_batch_whose_answer_was_lost_is_found_and_not_sent_again(start: Start, server: Server) -> None:
    replica = start()
    kept = replica.keep()
    server.fates.append("lost")
    with pytest.raises(RetryLaterError):
        replica.step()
    replica.restart()
    later = replica.keep()
    assert [replica.step(), replica.step(), replica.step()] == ["reconciled", "published", "nothing"]
    assert server.ids() == [kept.id, later.id]
    assert server.asked["commit"] == 2


def test_a_batch_that_did_not_arrive_goes_again_under_its_name(start: Start, server: Server) -> None:
    replica = start()
    replica.keep()
    server.fates.append("late")
    with pytest.raises(RetryLaterError):
        replica.step()
    replica.restart()
    replica.keep()
    assert replica.step() == "published"
    ((add, _, _),) = server.late
    assert add.items() <= server.files.items()


def test_what_was_merged_elsewhere_before_its_answer_came_is_found_again(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    kept = {b.keep().id, a.keep().id}
    b.settle()
    server.fates.append("lost")
    with pytest.raises(RetryLaterError):
        a.step()
    b.publisher.compact()
    assert a.step() == "reconciled"
    a.settle()
    assert len(shards(server)) == 1
    assert set(server.ids()) == kept


def test_a_request_that_arrives_after_its_repetition_brings_nothing_twice(start: Start, server: Server) -> None:
    replica = start()
    kept = replica.keep()
    server.fates.append("late")
    with pytest.raises(RetryLaterError):
        replica.step()
    replica.restart()
    replica.settle()
    replica.publisher.compact()
    server.land()
    assert server.ids() == [kept.id]


def test_replicas_that_publish_at_once_lose_nothing(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    kept = {a.keep().id, b.keep().id}
    take = server.take

    def beaten(*what: Any) -> str:
        server.take = take  # type: ignore[method-assign]
        b.settle()
        return take(*what)

    server.take = beaten  # type: ignore[method-assign]
    with pytest.raises(ConflictError):
        a.step()
    a.settle()
    assert sorted(server.ids()) == sorted(kept)


def test_the_card_is_written_with_the_first_shard_and_with_that_of_a_new_month(start: Start, server: Server) -> None:
    replica = start()
    cards = []
    for day in ("10-30", "10-31", "11-01"):
        made = replace(rating(replica.store.new_id(), shared=False), created=f"2026-{day}T00:00:00.000+00:00")
        replica.store.append(made, visitor="", subject="", pictures=None, ready=NOW, review=False)
        replica.settle()
        cards.append(server.files["README.md"].decode())
    assert cards[0] == cards[1]
    assert "Collected in 2026-10." in cards[1]
    assert "Collected from 2026-10 to 2026-11." in cards[2]


# Votes


def folders(server: Server) -> list[str]:
    return sorted(path.split("/")[1] for path in shards(server))


def test_both_kinds_are_published_each_into_its_own_shards_and_compared(start: Start, server: Server) -> None:
    replica = start()
    kept = [replica.keep(drawn("one")), replica.judge(drawn_pair("two")), replica.keep(), replica.judge()]
    assert [replica.step(), replica.step(), replica.step()] == ["published", "published", "nothing"]
    assert folders(server) == ["pairs", "ratings"]
    assert sorted(server.ids()) == [one.id for one in kept]
    found = replica.publisher.verify()
    assert found.sound
    assert found.same == 4


def test_a_vote_that_is_not_as_it_was_kept_is_found(start: Start, server: Server) -> None:
    replica = start()
    kept = replica.judge(drawn_pair("one"))
    replica.store.pictures.drop(kept.files.left if kept.files else "")
    replica.settle()
    assert replica.publisher.verify().different == (kept.id,)


def test_the_card_names_a_configuration_from_its_first_shard_to_its_last(start: Start, server: Server) -> None:
    def configurations() -> int:
        return server.files["README.md"].decode().count("config_name")

    replica = start()
    rated, voted = replica.keep(), replica.judge()
    replica.step()
    assert configurations() == 1
    replica.step()
    assert configurations() == 2
    replica.store.delete(rated.receipt, rated.id)
    assert replica.step() == "deleted"
    assert configurations() == 1
    assert "config_name: pairs" in server.files["README.md"].decode()
    replica.store.delete(voted.receipt, voted.id)
    replica.settle()
    assert configurations() == 0


def test_a_published_vote_that_is_deleted_leaves_with_its_pictures(start: Start, server: Server) -> None:
    replica = start()
    gone, left, rated = replica.judge(drawn_pair("one")), replica.judge(drawn_pair("two")), replica.keep()
    replica.settle()
    replica.store.delete(gone.receipt, gone.id)
    replica.settle()
    assert sorted(server.ids()) == [left.id, rated.id]
    for name, part in (("one", False), ("two", True)):
        assert any(drawn_pair(name).right in data for data in server.files.values()) == part
    assert replica.publisher.verify().sound


def test_a_vote_can_be_deleted_on_a_replica_that_never_had_it(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    published = a.judge()
    a.settle()
    waiting, left = a.judge(), b.judge()
    for gone in (published, waiting):
        b.store.delete(gone.receipt, gone.id)
    b.settle()
    a.settle()
    assert server.ids() == [left.id]
    assert list(a.store.each(Vote)) == []


@pytest.mark.parametrize("fate", ["busy", "lost", "late"])
def test_votes_whose_answer_was_lost_arrive_once(start: Start, server: Server, fate: Any) -> None:
    replica = start()
    voted = replica.judge(drawn_pair("one"))
    server.fates.append(fate)
    with pytest.raises(RetryLaterError):
        replica.step()
    replica.restart()
    rated = replica.keep()
    replica.settle()
    server.land()
    assert Counter(server.ids()) == Counter([voted.id, rated.id])


def test_merging_keeps_the_kinds_apart(start: Start, server: Server) -> None:
    replica = start()
    kept = []
    for _ in range(2):
        kept += [replica.keep(), replica.judge(drawn_pair(str(len(kept))))]
        replica.settle()
    assert folders(server) == ["pairs", "pairs", "ratings", "ratings"]
    assert replica.publisher.compact() == 2
    assert folders(server) == ["pairs", "ratings"]
    assert sorted(server.ids()) == [one.id for one in kept]
    assert replica.publisher.verify().same == 4


# Deletions


def test_a_deleted_row_leaves_the_newest_revision_with_its_pictures(start: Start, server: Server) -> None:
    replica = start()
    kept = [replica.keep(drawn(name)) for name in ("one", "two")]
    replica.settle()
    replica.store.delete(kept[0].receipt, kept[0].id)
    assert replica.step() == "deleted"
    assert server.ids() == [kept[1].id]
    assert not any(drawn("one").source in data for data in server.files.values())
    assert any(drawn("two").source in data for data in server.files.values())
    assert not any(path.is_file() for path in (replica.folder / "cache").rglob("*.parquet"))


def test_a_shard_whose_every_row_was_deleted_goes(start: Start, server: Server) -> None:
    replica = start()
    kept = replica.keep()
    replica.settle()
    replica.store.delete(kept.receipt, kept.id)
    replica.settle()
    assert shards(server) == []
    (stones,) = (data for path, data in server.files.items() if path.startswith("deleted/"))
    assert json.loads(stones)["receipt"] == kept.receipt
    assert b"configs:" not in server.files["README.md"]


def test_an_answer_can_be_deleted_on_a_replica_that_never_had_it(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    published, waiting = a.keep(), None
    a.settle()
    waiting = a.keep()
    for gone in (published, waiting):
        b.store.delete(gone.receipt, gone.id)
    assert b.step() == "deleted"
    assert server.ids() == []
    a.settle()
    assert server.ids() == []
    assert list(a.store.each(Rating)) == []


def test_a_deletion_that_comes_between_looking_and_sending_wins(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    gone = a.keep()
    take = server.take

    def beaten(*what: Any) -> str:
        server.take = take  # type: ignore[method-assign]
        b.store.delete(gone.receipt, gone.id)
        b.settle()
        return take(*what)

    server.take = beaten  # type: ignore[method-assign]
    with pytest.raises(ConflictError):
        a.step()
    a.settle()
    assert shards(server) == []


def test_a_deletion_while_the_shard_is_written_lets_the_others_go_without_it(start: Start, server: Server) -> None:
    replica = start()
    gone, left = replica.keep(drawn("one")), replica.keep(drawn("two"))
    get = replica.store.pictures.get

    def deleting(sha: str) -> bytes:
        replica.store.delete(gone.receipt, gone.id)
        return get(sha)

    replica.store.pictures.get = deleting  # type: ignore[method-assign]
    assert replica.publisher.close(5) == 0
    assert server.ids() == [left.id]


@pytest.mark.parametrize("fate", ["busy", "lost", "late"])
@pytest.mark.parametrize("others", [0, 2])
def test_what_is_deleted_while_it_is_sent_does_not_come_back(
    start: Start, server: Server, fate: Any, others: int
) -> None:
    replica = start()
    gone, *left = [replica.keep() for _ in range(1 + others)]
    server.fates.append(fate)
    with pytest.raises(RetryLaterError):
        replica.step()
    replica.store.delete(gone.receipt, gone.id)
    replica.restart()
    replica.settle()
    server.land()
    replica.settle()
    assert server.ids() == [one.id for one in left]
    assert replica.store.status().waiting == 0


def test_a_list_of_deletions_that_cannot_be_read_stops_publishing(start: Start, server: Server) -> None:
    replica = start()
    server.take({"deleted/x.jsonl": b'{"id": "torn'}, [], None)
    replica.keep()
    with pytest.raises(StorageError, match=r"x\.jsonl"):
        replica.step()
    assert server.ids() == []


def test_a_deletion_that_arrives_late_undoes_no_merge(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    gone, left, other = a.keep(), a.keep(), b.keep()
    a.settle()
    b.settle()
    a.store.delete(gone.receipt, gone.id)
    server.fates.append("late")
    with pytest.raises(RetryLaterError):
        a.step()
    b.publisher.compact()
    server.land()
    a.settle()
    assert Counter(server.ids()) == Counter([left.id, other.id])


# Keeping it small


def test_merging_leaves_every_row_once_and_fewer_files(start: Start, server: Server) -> None:
    replica = start()
    kept = []
    for _ in range(3):
        kept.append(replica.keep(drawn(str(len(kept)))))
        replica.settle()
    for gone in (replica.keep(), replica.keep()):
        replica.store.delete(gone.receipt, gone.id)
        replica.settle()
    assert replica.publisher.compact() == 2 + 1
    assert len(server.files) == 1 + 1 + 1
    assert server.ids() == [one.id for one in kept]
    assert replica.publisher.verify().same == 3
    assert replica.publisher.compact() == 0


def test_merging_starts_anew_when_somebody_publishes_meanwhile(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    kept = []
    for _ in range(2):
        kept.append(a.keep().id)
        a.settle()
    take = server.take

    def beaten(*what: Any) -> str:
        server.take = take  # type: ignore[method-assign]
        kept.append(b.keep().id)
        b.settle()
        return take(*what)

    server.take = beaten  # type: ignore[method-assign]
    a.publisher.compact()
    assert sorted(server.ids()) == sorted(kept)
    assert len(shards(server)) == 1


def test_a_merge_that_arrives_late_brings_nothing_back(start: Start, server: Server) -> None:
    a, b = start("a"), start("b")
    kept = []
    for _ in range(2):
        kept.append(a.keep())
        a.settle()
    server.fates.append("late")
    with pytest.raises(RetryLaterError):
        a.publisher.compact()
    b.store.delete(kept[0].receipt, kept[0].id)
    b.settle()
    server.land()
    assert server.ids() == [kept[1].id]


def test_shards_of_different_months_stay_apart(start: Start, server: Server) -> None:
    replica = start()
    for month in (10, 11):
        made = replace(rating(replica.store.new_id(), shared=False), created=f"2026-{month}-03T00:00:00.000+00:00")
        replica.store.append(made, visitor="", subject="", pictures=None, ready=NOW, review=False)
        replica.settle()
    assert replica.publisher.compact() == 0


def test_a_purge_notes_what_dies_and_keeps_every_row(start: Start, server: Server) -> None:
    replica = start()
    kept = [replica.keep() for _ in range(2)]
    replica.settle()
    replica.store.delete(kept[0].receipt, kept[0].id)
    before = list(server.commits)
    assert replica.publisher.purge() == 3
    assert list(server.commits) == ["squashed"]
    (note,) = (json.loads(data) for path, data in server.files.items() if path.startswith("purges/"))
    assert set(before) < set(note["revisions"])
    assert server.ids() == [kept[1].id]


def test_a_comparison_names_every_difference(start: Start, server: Server, tmp_path: Path) -> None:
    a, b = start("a"), start("b")
    foreign = b.keep()
    b.settle()
    lost, same = a.keep(), None
    a.settle()
    server.take({}, [path for path in shards(server) if lost.id in path], server.head)
    same = a.keep()
    a.settle()
    server.take({"data/ratings/2026-11/copy.parquet": server.files[shards(server)[-1]]}, [], server.head)
    damaged = a.keep(drawn("x"))
    a.store.pictures.drop(damaged.files.mask if damaged.files else "")
    a.settle()
    found = a.publisher.verify()
    assert (found.same, found.missing, found.extra) == (1, (lost.id,), (foreign.id,))
    assert (found.twice, found.different, found.taken_back) == ((same.id,), (damaged.id,), ())
    assert not found.sound
    a.store.delete(foreign.receipt, foreign.id)
    assert a.publisher.verify().taken_back == (foreign.id,)


# In the background


@contextmanager
def running(publisher: Publisher) -> Iterator[Publisher]:
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.close(5)


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def test_in_the_background_it_publishes_when_woken(start: Start, server: Server) -> None:
    replica = start(rows=1)
    with running(replica.publisher) as publisher:
        assert until(lambda: server.asked["listing"] == 1)
        replica.keep()
        publisher.wake()
        assert until(lambda: len(server.ids()) == 1)


def test_a_failure_is_told_and_forgotten_after_a_success(start: Start, server: Server) -> None:
    replica = start(rows=1)
    replica.keep()
    server.fates.append("busy")
    with running(replica.publisher):
        assert until(lambda: replica.store.status().last_error == "no answer")
        assert until(lambda: len(server.ids()) == 1)
        assert until(lambda: replica.store.status().last_error == "")


def test_a_failure_that_nobody_foresaw_ends_nothing(start: Start, server: Server) -> None:
    replica = start(rows=1)
    replica.keep()
    take = server.take

    def broken(*_: Any) -> str:
        server.take = take  # type: ignore[method-assign]
        raise ZeroDivisionError

    server.take = broken  # type: ignore[method-assign]
    with running(replica.publisher):
        assert until(lambda: "ZeroDivisionError" in replica.store.status().last_error)
        assert until(lambda: len(server.ids()) == 1)


@pytest.mark.parametrize(("failures", "pause"), [(0, 0.5), (3, 4.0), (20, 150.0)])
def test_pauses_double_up_to_five_minutes(start: Start, failures: int, pause: float, server: Server) -> None:
    replica = start()
    replica.keep()
    server.fates.append("busy")
    assert replica.publisher._try(failures, force=True) == pause


def test_the_hub_is_left_alone_as_long_as_it_asked(start: Start, server: Server) -> None:
    replica = start()
    replica.keep()

    def limited(*_: Any) -> str:
        raise RetryLaterError("too many", after=55)

    server.take = limited  # type: ignore[method-assign]
    assert replica.publisher._try(0, force=True) == 55.5


def test_what_the_operator_must_mend_is_not_asked_for_again_soon(start: Start, server: Server) -> None:
    replica = start()
    replica.keep()

    def refused(*_: Any) -> str:
        raise RefusedError("no rights")

    server.take = refused  # type: ignore[method-assign]
    began = time.monotonic()
    assert replica.publisher._try(0, force=True) == 150.0
    assert replica.publisher.close(20) == 1
    assert time.monotonic() - began < 5
    assert replica.store.status().last_error == "no rights"


def test_closing_publishes_what_waits(start: Start, server: Server) -> None:
    replica = start()
    replica.publisher.start()
    kept = [replica.keep(drawn(str(number))).id for number in range(5)]
    assert replica.publisher.close(5) == 0
    assert server.ids() == kept


def test_closing_does_not_wait_longer_than_it_may(start: Start, server: Server) -> None:
    replica = start()
    held, take = threading.Event(), server.take

    def hanging(*what: Any) -> str:
        held.wait(5)
        return take(*what)

    server.take = hanging  # type: ignore[method-assign]
    replica.publisher.start()
    replica.keep()
    began = time.monotonic()
    assert replica.publisher.close(0.3) == 1
    assert time.monotonic() - began < 2
    held.set()
    assert until(lambda: not replica.publisher._thread.is_alive() if replica.publisher._thread else False)


def test_a_second_process_waits_its_turn(start: Start, server: Server) -> None:
    replica = start()
    replica.keep()
    other = Publisher(replica.store, replica.dataset, replica.folder / "publisher")
    with replica.publisher._alone(), pytest.raises(RetryLaterError, match="Another process"):
        other.step(force=True)
    assert other.step(force=True) == "published"


def test_maintenance_without_a_dataset_says_so(start: Start) -> None:
    publisher = Publisher(start().store, None, Path("unused"))
    with pytest.raises(RefusedError, match="No dataset"):
        publisher.verify()


# Every order of events

WHO = st.integers(0, 1)
FATES = st.sampled_from(["well", "late", "lost", "busy"])
EVENTS = st.one_of(
    st.tuples(st.sampled_from(["keep", "judge"]), WHO),
    st.tuples(st.just("step"), WHO, FATES),
    st.tuples(st.just("delete"), WHO, st.integers(0, 3)),
    st.tuples(st.just("land")),
    st.tuples(st.just("compact"), WHO, FATES),
    st.tuples(st.just("restart"), WHO),
)


class World:
    """Two replicas, one dataset, and what ought to be in it."""

    def __init__(self, folder: Path) -> None:
        self.server = Server()
        self.replicas = [Replica(folder / name, self.server, Rules(rows=2), Clock()) for name in "ab"]
        self.kept: list[Record] = []
        self.gone: set[str] = set()

    def happen(self, name: str, who: int = 0, what: Any = None) -> None:
        replica = self.replicas[who]
        match name:
            case "keep":
                self.kept.append(replica.keep())
            case "judge":
                self.kept.append(replica.judge())
            case "delete" if what < len(self.kept):
                one = self.kept[-1 - what]
                replica.store.delete(one.receipt, one.id)
                self.gone.add(one.id)
            case "land":
                self.server.land()
            case "step" | "compact":
                self.server.fates = deque([what])
                with suppress(ConflictError, RetryLaterError):
                    replica.step() if name == "step" else replica.publisher.compact()
            case "restart":
                replica.restart()

    def settle(self) -> None:
        """Everything goes well from now on, but for what is under way."""
        self.server.fates.clear()
        for _ in range(3):
            for replica in self.replicas:
                replica.publisher._looked = -float("inf")
                replica.settle()
            while self.server.late:
                self.server.land()

    def check(self) -> None:
        alive = {one.id for one in self.kept} - self.gone
        assert Counter(self.server.ids()) == Counter(alive)
        for tree in self.server.commits.values():
            check_tree(tree)
        for replica in self.replicas:
            assert replica.store.status().waiting == 0
            assert replica.publisher.verify().sound


def check_tree(tree: dict[str, bytes]) -> None:
    """At no time a row lies beside a tombstone that names it, or is there twice."""
    rows = [row for path, data in tree.items() if path.endswith(".parquet") for row in pairs(data)]
    lines = [line for path, data in tree.items() if path.startswith("deleted/") for line in data.splitlines()]
    assert not {receipt for _, receipt in rows} & {json.loads(line)["receipt"] for line in lines}
    assert len(rows) == len(set(rows))


def race(events: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        for one in events:
            world.happen(*one)
        event(f"commits: {len(world.server.commits) // 4 * 4}")
        world.settle()
        world.check()
        for replica in world.replicas:
            replica.store.close()


@given(st.lists(EVENTS, max_size=12))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_every_answer_arrives_once_and_no_deleted_one(events: list[tuple[Any, ...]]) -> None:
    race(events)


@pytest.mark.slow
@given(st.lists(EVENTS, min_size=10, max_size=40))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_for_longer(events: list[tuple[Any, ...]]) -> None:
    race(events)
