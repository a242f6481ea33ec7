"""Turns: one at a time, who used the machine least goes next, nobody starves, and what is told comes true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from statistics import median
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.runtime import turns as turns_module
from rorem_demo.runtime.turns import Begun, Turns
from rorem_demo.runtime.turns_line import WINDOW, Outlasting, Place, Waiting
from tests.runtime.turns_simulated import Asked, Turn, simulated

# --- the rule, in simulated time ----------------------------------------------------------------------------------


def began(turns: Sequence[Turn]) -> list[str]:
    """Visitors in the order their turns began."""
    begun = [turn.place for turn in turns if turn.place.begun is not None]
    return [place.visitor for place in sorted(begun, key=lambda place: place.begun or 0.0)]


def test_who_wants_many_gives_way_between_them() -> None:
    many = [Asked("many", 0, (10,) * 5)]
    assert began(simulated([*many, Asked("one", 3, (10,))])) == ["many", "one", *["many"] * 4]
    assert began(simulated([*many, Asked("a", 3, (1,)), Asked("b", 4, (1,))]))[:3] == ["many", "a", "b"]


def test_ten_places_of_one_visitor_are_no_better_than_one() -> None:
    ten = [Asked("ten", 0, (5,)) for _ in range(10)]
    assert began(simulated([*ten, Asked("one", 1, (5,)), Asked("two", 2, (5,))]))[:3] == ["ten", "one", "two"]


def test_who_used_it_least_goes_first_and_use_is_forgotten() -> None:
    before = [Asked("much", 0, (20,)), Asked("little", 20, (5,)), Asked("other", 25, (6,))]
    assert began(simulated([*before, Asked("much", 26, (1,)), Asked("little", 27, (1,))]))[3:] == ["little", "much"]
    later = 25 + WINDOW
    again = [Asked("other", later, (6,)), Asked("much", later + 1, (1,)), Asked("little", later + 2, (1,))]
    assert began(simulated([*before, *again]))[3:] == ["other", "much", "little"]


whole = st.integers(1, 30).map(float)
visitors = st.sampled_from("abcde")
asking = st.builds(
    Asked,
    visitors,
    st.integers(0, 150).map(float),
    st.lists(whole, min_size=1, max_size=4).map(tuple),
    st.sampled_from([float("inf"), 5.0, 40.0]),
)


@given(st.lists(asking, max_size=12))
def test_one_at_a_time_everybody_who_stays_and_no_pause(asked: Sequence[Asked]) -> None:
    turns = simulated(asked)
    assert all(turn.left or turn.ended is not None for turn in turns)
    spans = sorted((turn.place.begun or 0.0, turn.ended or 0.0) for turn in turns if not turn.left)
    for (_, end), (start, _) in pairwise(spans):
        assert end <= start
    for turn in turns:
        if not turn.left and turn.waited:  # then somebody worked all that time
            worked = sum(
                min(end, turn.place.begun or 0.0) - max(start, turn.place.arrived)
                for start, end in spans
                if start < (turn.place.begun or 0.0) and end > turn.place.arrived
            )
            assert worked == pytest.approx(turn.waited)


def lately(turns: Sequence[Turn], visitor: str, now: float) -> float:
    """Seconds in the window, from what happened."""
    spans = [
        (turn.place.begun or 0.0, turn.ended)
        for turn in turns
        if turn.place.visitor == visitor and turn.ended is not None and turn.ended <= now
    ]
    return sum(max(0.0, end - max(start, now - WINDOW)) for start, end in spans)


@given(st.lists(asking, max_size=12))
def test_nobody_goes_before_one_who_has_used_it_less(asked: Sequence[Asked]) -> None:
    turns = simulated(asked)
    for turn in turns:
        if turn.place.begun is None:
            continue
        now = turn.place.begun
        for other in turns:
            gone = other.left or other.place.begun is None or other.place.begun <= now
            if other.place.arrived < now and not gone:
                assert lately(turns, turn.place.visitor, now) <= lately(turns, other.place.visitor, now)


@given(st.lists(asking, max_size=16))
def test_nobody_starves_the_bound_holds(asked: Sequence[Asked]) -> None:
    """As the docstring of `turns_line` says: once no use of yours counts, one turn of each who was there before."""
    turns = simulated(asked)
    for turn in turns:
        if turn.place.begun is None:
            continue
        own = [
            other.ended
            for other in turns
            if other.place.visitor == turn.place.visitor and other.ended is not None and other.ended <= turn.place.begun
        ]
        first_in_line = max(turn.place.arrived, *own, 0.0)
        forgotten = max(first_in_line, max(own, default=-WINDOW) + WINDOW)
        between = [
            other.place
            for other in turns
            if other is not turn and other.place.begun is not None and forgotten <= other.place.begun < turn.place.begun
        ]
        assert max(Counter(place.visitor for place in between).values(), default=0) <= 1
        assert all(place.visitor != turn.place.visitor for place in between)
        assert all(place.arrived <= first_in_line for place in between)


# --- what is told -------------------------------------------------------------------------------------------------


def test_what_is_told_counts_the_turn_at_work_and_those_before() -> None:
    turns = simulated([Asked("a", 0, (10, 10)), Asked("b", 4, (3,)), Asked("c", 4, (2,))], telling=True)
    first, b, c, second = turns
    assert first.told == []
    assert b.told[0] == (4, Waiting(1, 6.0))
    assert c.told[0] == (4, Waiting(2, 9.0))
    assert c.told[-1] == (10, Waiting(1, 3.0))
    assert second.told[0] == (10, Waiting(2, 5.0))


def test_of_a_turn_nobody_knows_the_length_of_no_seconds_are_told() -> None:
    turns = Turns(clock=lambda: 0.0)
    held, waiting = turns.during("a", None, iter([1])), turns.during("b", 1.0, iter([2]))
    assert next(held) == Begun(0.0)
    assert next(waiting) == Waiting(1, None)


def test_a_turn_that_outlasts_its_estimate_is_always_thought_to_have_a_tenth_of_it_left() -> None:
    now = 0.0
    turns = Turns(clock=lambda: now)
    held = turns.during("a", 10.0, iter([1]))
    next(held)
    now = 50.0
    assert next(turns.during("b", 1.0, iter([2]))) == Waiting(1, 1.0)


def test_turns_that_outlast_their_estimates_teach_how_much_longer_they_take() -> None:
    outlasting = Outlasting()
    for took in [2.0] * 100:
        outlasting.learn(Place("a", 1.0, 0.0, begun=0.0), took)
        outlasting.learn(Place("a", 0.01, 0.0, begun=0.0), 100.0)  # too short to say anything
    now = Place("b", 10.0, 0.0, begun=0.0)
    assert [outlasting.left(now, lasted) for lasted in (0.0, 15.0, 20.0, 99.0)] == [20.0, 5.0, 1.0, 1.0]


def test_what_was_broken_off_teaches_nothing() -> None:
    now = 0.0
    turns = Turns(clock=lambda: now)
    for _ in range(50):
        broken_off = turns.during("a", 10.0, iter([1]))
        next(broken_off)
        now += 1.0
        broken_off.close()  # type: ignore[attr-defined]  # a generator
    held = turns.during("a", 10.0, iter([1]))
    next(held)
    assert next(turns.during("b", 1.0, iter([2]))) == Waiting(1, 10.0)


@given(st.lists(asking, max_size=10))
def test_where_nobody_comes_or_leaves_what_is_told_comes_true(asked: Sequence[Asked]) -> None:
    """All are there from the start, and nobody asks again: then the forecast is the rule itself."""
    at_once = [Asked(one.visitor, 0.0, one.seconds[:1]) for one in asked]
    for turn in simulated(at_once, telling=True):
        for when, told in dict(turn.told).items():  # the last of those who came at once has come
            assert told.seconds == pytest.approx((turn.place.begun or 0.0) - when)


def mixed_hour(seed: int, apart: float) -> Iterator[Asked]:
    """An hour of removals, Best of 3 and 6, comparisons of eight and bursts of ten calls, by somebody new each time.

    `apart`: seconds between two who come, in the mean.
    """
    random, now = Random(seed), 0.0
    for number in range(10_000):
        now += random.expovariate(1 / apart)
        if now > 3600:
            return
        kind, one = random.random(), random.choice([1.5, 4.0, 9.0])
        count = 1 if kind < 0.7 else random.choice([3, 6]) if kind < 0.85 else 8
        lengths = tuple(one * random.uniform(0.5, 2.0) for _ in range(count))
        if kind < 0.95:
            yield Asked(f"visitor {number}", now, lengths)
        else:
            yield from [Asked(f"visitor {number}", now, (one,)) for _ in range(10)]


@pytest.mark.parametrize("apart", [30, 20], ids=["half-busy", "busy"])
def test_over_an_hour_with_durations_known_beforehand_half_of_what_is_told_is_within_30_percent(apart: float) -> None:
    """What is off is too short: who comes later, and has used the machine less, goes before."""
    errors = []
    for seed in range(3):
        turns = simulated(mixed_hour(seed, apart), telling=True)
        tellings = [(turn, when, told) for turn in turns for when, told in turn.told]
        for one, when, told in tellings:
            actual = (one.place.begun or 0.0) - when
            assert told.seconds is not None
            if actual > 0:
                errors.append((told.seconds - actual) / actual)
    assert len(errors) > 1000
    assert median(map(abs, errors)) < 0.30
    assert median(errors) <= 0


# --- the turns, in threads ----------------------------------------------------------------------------------------


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    monkeypatch.setattr(turns_module, "TOLD_EVERY", 0.02)
    return Turns()


def test_alone_nobody_waits_and_the_work_is_passed_on(turns: Turns) -> None:
    assert list(turns.during("a", 1.0, iter([1, 2]))) == [Begun(0.0), 1, 2]


def test_one_who_waits_is_told_again_and_again_and_begins_when_the_other_ends(turns: Turns) -> None:
    held, waiting = turns.during("a", 10.0, iter([1])), turns.during("b", 1.0, iter([2]))
    next(held)
    told: list[Any] = [next(waiting) for _ in range(3)]
    assert [one.before for one in told] == [1, 1, 1]
    seconds = [one.seconds for one in told]
    assert 10 >= seconds[0] > seconds[1] > seconds[2] > 9
    assert list(held) == [1]
    begun, *rest = waiting
    assert isinstance(begun, Begun)
    assert begun.waited >= 0.04
    assert rest == [2]


def failing() -> Iterator[int]:
    yield 1
    raise RuntimeError("secret detail")


def test_a_turn_that_fails_or_is_closed_is_free_at_once(turns: Turns) -> None:
    with pytest.raises(RuntimeError, match="secret detail"):
        list(turns.during("a", 1.0, failing()))
    held = turns.during("a", 1.0, iter([1]))
    next(held)
    held.close()  # type: ignore[attr-defined]  # a generator
    forgotten = turns.during("a", 1.0, iter([1]))
    next(forgotten)
    del forgotten
    assert list(turns.during("b", 1.0, iter([2])))[1:] == [2]


def test_who_leaves_while_waiting_is_before_nobody_and_their_work_is_not_begun(turns: Turns) -> None:
    done: list[str] = []

    def work(name: str) -> Iterator[str]:
        done.append(name)
        yield name

    held = turns.during("a", 1.0, work("a"))
    leaving, staying = turns.during("b", 1.0, work("b")), turns.during("c", 1.0, work("c"))
    next(held)
    assert [next(one).before for one in (leaving, staying)] == [1, 2]  # type: ignore[union-attr]  # they wait
    leaving.close()  # type: ignore[attr-defined]  # a generator
    told = next(staying)
    assert isinstance(told, Waiting)
    assert told.before == 1
    held.close()  # type: ignore[attr-defined]  # a generator
    assert list(staying)[1:] == ["c"]
    assert done == ["c"]


def test_in_many_threads_one_works_at_a_time_and_all_are_served(turns: Turns) -> None:
    at_work, most, served, start = 0, 0, [], Barrier(8)

    def work() -> Iterator[int]:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        yield 1
        at_work -= 1

    def visit(name: str) -> None:
        start.wait()
        for number in range(25):
            run = turns.during(name, 0.001, work() if number % 5 else iter(()))
            if number % 7 == 3:
                next(run)
                run.close()  # type: ignore[attr-defined]  # a generator; it may wait or have begun, not worked
            else:
                list(run)
        served.append(name)

    threads = [Thread(target=visit, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(served) == [str(number) for number in range(8)]
    assert (most, at_work) == (1, 0)
