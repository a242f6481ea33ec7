"""Options: ranges, and how what was asked meets a remover's defaults."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Size
from rorem_demo.removers.base import LIMITS, Cost, RemovalOptions, RemoverSpec, ResolvedOptions
from rorem_demo.runtime.devices import Machine


def asking(name: str, value: float) -> RemovalOptions:
    options: dict[str, Any] = {name: value}
    return RemovalOptions(**options)


def test_every_option_has_a_limit_and_a_resolved_value() -> None:
    asked = [option.name for option in fields(RemovalOptions)]
    assert asked == [option.name for option in fields(ResolvedOptions)]
    assert sorted(asked) == sorted(LIMITS)


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_inclusive(name: str) -> None:
    for value in LIMITS[name]:
        assert asking(name, value).asked() == {name: value}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("beyond", [-1, 1])
def test_outside_the_limits_is_refused_by_name(name: str, beyond: int) -> None:
    low, high = LIMITS[name]
    with pytest.raises(InputError, match=name):
        asking(name, low - 1 if beyond < 0 else high + 1)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        asking(name, value)


def test_defaults_are_within_the_limits() -> None:
    for name, (low, high) in LIMITS.items():
        assert low <= getattr(ResolvedOptions(), name) <= high


def test_what_was_asked_replaces_the_default() -> None:
    defaults = ResolvedOptions(grow=20, seed=3)
    assert defaults.overridden(RemovalOptions(seed=5)) == ResolvedOptions(grow=20, seed=5)


def test_a_zero_that_was_asked_for_counts() -> None:
    assert ResolvedOptions().overridden(RemovalOptions(grow=0)).grow == 0


def test_nothing_asked_leaves_the_defaults() -> None:
    assert ResolvedOptions().overridden(RemovalOptions()) == ResolvedOptions()


def test_cost_adds_up_window_steps_and_hole() -> None:
    cost = Cost(memory_gb=8, fixed_seconds=1, seconds_per_step=0.5, seconds_per_hole_megapixel=2)
    assert cost.seconds(Size(2000, 1000), hole=500_000, steps=4) == pytest.approx(1 + 0.5 * 4 * 2 + 2 * 0.5)


def test_the_cost_is_that_of_the_machine() -> None:
    slow, fast = Cost(memory_gb=8, fixed_seconds=40), Cost(memory_gb=8, fixed_seconds=2)
    spec = RemoverSpec(key="a", title="A", summary="", loader="", licence="", source="", cost=slow, gpu_cost=fast)
    with_gpu, without = Machine(gpu=True, cores=2), Machine(gpu=False, cores=2)
    assert (spec.cost_on(with_gpu), spec.cost_on(without)) == (fast, slow)
    assert replace(spec, gpu_cost=None).cost_on(with_gpu) == slow
    old, slower = Machine(gpu=False, cores=2, halves=False), Cost(memory_gb=16, fixed_seconds=300)
    assert (spec.cost_on(old), replace(spec, float32_cost=slower).cost_on(old)) == (slow, slower)
    assert replace(spec, float32_cost=slower).cost_on(without) == slow
    assert replace(spec, float32_cost=slower).cost_on(replace(old, gpu=True)) == fast
    assert (spec.runs_on, replace(spec, gpu_cost=None).runs_on) == ("GPU or CPU", "CPU")
