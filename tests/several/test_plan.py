"""The plan of a run: what was asked for first, everything once, nothing that does not fit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.discriminator.current import Current
from rorem_demo.errors import InputError
from rorem_demo.removers.base import Cost, RemovalOptions, RemoverSpec, ResolvedOptions
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.several.plan import MOST, Plan, offered, plan_for, planned, why_not

KEYS = "abcdef"


def row(key: str, **given: Any) -> RemoverSpec:
    seeded = given.pop("seeded", False)
    return RemoverSpec(
        key=key,
        title=key.title(),
        summary="",
        loader="",
        licence="",
        source="",
        cost=given.pop("cost", Cost(memory_gb=0, fixed_seconds=1)),
        uses=frozenset({"seed", "steps"} if seeded else ()),
        **given,
    )


def plan(rows: str, *, seconds: dict[str, float] | None = None, count: int = 3, **given: Any) -> Plan:
    """Of methods named by letters, a capital one uses a seed; the first is chosen, each takes a second."""
    first, *others = (row(letter, seeded=letter.isupper()) for letter in rows)
    costs = dict.fromkeys(rows, 1.0) | (seconds or {})
    options = given.pop("options", RemovalOptions())
    return planned(first, options, others, costs, count=count, budget=given.pop("budget", 60.0))


def tried(found: Plan) -> list[str]:
    """Like `A A1 b`: a digit for a seed."""
    return [attempt.key + str(attempt.options.seed or "") for attempt in found.attempts]


def test_one_try_is_what_was_asked_for() -> None:
    options = RemovalOptions(seed=7, steps=30, context=2.0)
    (attempt,) = plan("Abc", count=1, options=options).attempts
    assert (attempt.key, attempt.options) == ("A", options)


def test_another_seed_and_another_method_take_turns() -> None:
    assert tried(plan("AbC", count=6)) == ["A", "A1", "b", "A2", "C", "A3"]


def test_a_method_without_a_seed_is_tried_once() -> None:
    assert tried(plan("abc", count=6)) == ["a", "b", "c"]
    assert tried(plan("abC", count=6)) == ["a", "b", "C", "C1", "C2", "C3"]


def test_the_preferred_methods_are_taken_and_the_cheapest_of_them_begun_first() -> None:
    assert tried(plan("abcd", seconds={"b": 5.0, "c": 2.0, "d": 0.1})) == ["a", "c", "b"]


def test_what_does_not_fit_leaves_its_place_to_what_does() -> None:
    assert tried(plan("abcd", seconds={"b": 50.0}, budget=10.0)) == ["a", "c", "d"]


def test_what_was_asked_for_is_tried_even_if_it_takes_too_long() -> None:
    assert tried(plan("Ab", seconds={"A": 100.0}, budget=10.0)) == ["A"]


def test_other_methods_are_given_the_selections_options_and_the_seed_and_keep_their_own_way() -> None:
    options = RemovalOptions(seed=5, steps=50, guidance=3.0, grow=2, feather=1, context=0.5)
    found = plan("AB", options=options, count=3)
    again, other = sorted(found.attempts[1:], key=lambda attempt: attempt.key)
    assert again.options == replace(options, seed=6)
    assert other.options == RemovalOptions(seed=5, grow=2, feather=1)


def test_seeds_begin_at_the_methods_own_and_go_round() -> None:
    chosen = row("A", seeded=True, defaults=ResolvedOptions(seed=9))
    found = planned(chosen, RemovalOptions(), [], {"A": 1.0}, count=2, budget=60)
    assert [attempt.options.seed for attempt in found.attempts] == [None, 10]
    last = 2**32 - 1
    found = planned(chosen, RemovalOptions(seed=last), [], {"A": 1.0}, count=2, budget=60)
    assert [attempt.options.seed for attempt in found.attempts] == [last, 0]


@given(
    seeded=st.lists(st.booleans(), min_size=1, max_size=6),
    costs=st.lists(st.floats(0, 100), min_size=6, max_size=6),
    count=st.integers(1, MOST),
    budget=st.floats(1, 200),
    seed=st.none() | st.integers(0, 2**32 - 1),
)
def test_any_plan_keeps_its_promises(
    seeded: list[bool], costs: list[float], count: int, budget: float, seed: int | None
) -> None:
    rows = [row(key, seeded=uses) for key, uses in zip(KEYS, seeded, strict=False)]
    seconds = dict(zip(KEYS, costs, strict=True))
    options = RemovalOptions(seed=seed, steps=7)
    found = planned(rows[0], options, rows[1:], seconds, count=count, budget=budget)
    first, *others = found.attempts
    assert (first.key, first.options) == ("a", options)
    assert len(found.attempts) <= count
    assert not others or found.seconds <= budget + 1e-6
    assert all(one.seconds <= other.seconds for one, other in pairwise(others))
    specs = {spec.key: spec for spec in rows}
    pictures = {(each.key, specs[each.key].defaults.overridden(each.options)) for each in found.attempts}
    assert len(pictures) == len(found.attempts)
    assert all("seed" in specs[each.key].uses or each.options.seed is None for each in others)


# --- of a program -------------------------------------------------------------------------------------------------

MASK = np.zeros((100, 100), np.bool_)
MASK[40:60, 40:60] = True


@pytest.fixture
def services() -> Services:
    """With a judge that nobody has looked for yet."""
    services = Services.assemble(Settings(discriminator="owner/judge", best_of_seconds=20))
    assert why_not(services) == ""
    return services


def test_on_a_bare_machine_the_classical_methods_are_tried(services: Services) -> None:
    found = plan_for(services, "telea", MASK, RemovalOptions(), 6)
    assert [attempt.key for attempt in found.attempts] == ["telea", "navier-stokes", "shift-map"]
    assert (found.count, found.budget) == (6, 20)
    assert found.seconds == pytest.approx(sum(services.estimates(MASK).values()))


def test_the_chosen_methods_options_count_in_its_estimate(services: Services) -> None:
    slow = row("slow", seeded=True, cost=Cost(memory_gb=0, fixed_seconds=0, seconds_per_step=100))
    services = replace(services, removers=Catalog(slow, *REMOVERS))
    few, many = (plan_for(services, "slow", MASK, RemovalOptions(steps=steps), 3) for steps in (1, 10))
    assert many.attempts[0].seconds == pytest.approx(10 * few.attempts[0].seconds)


def test_an_unknown_method_is_refused(services: Services) -> None:
    with pytest.raises(InputError, match="nothing-like-it"):
        plan_for(services, "nothing-like-it", MASK, RemovalOptions(), 3)


@pytest.mark.parametrize(
    ("rows", "counts"), [("a", ()), ("ab", (2,)), ("abc", (3,)), ("abcd", (3, 4)), ("A", (3, 6)), ("abcdefg", (3, 6))]
)
def test_no_more_are_offered_than_differ(services: Services, rows: str, counts: tuple[int, ...]) -> None:
    catalogue = Catalog(*(row(letter, seeded=letter.isupper()) for letter in rows))
    assert offered(replace(services, removers=catalogue)) == counts


def test_without_a_judge_none_are_offered_and_the_reason_is_told(services: Services) -> None:
    blind = replace(services, discriminator=Current(None, off="It is switched off."))
    assert (offered(blind), why_not(blind)) == ((), "It is switched off.")
