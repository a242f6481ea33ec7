"""A run: every result kept, the best first, within its time, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Removal, RemovalOptions, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.turns import Begun, Turns
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.several.plan import Attempt, Plan, plan_for
from rorem_demo.several.run import Ranking, Tried, Trying, ranked, remove_several
from rorem_demo.visits import OpenedPhoto, Result, Visits
from tests.discriminator import judges

IMAGE: Image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
MASK: Mask = np.zeros((60, 80), np.bool_)
MASK[20:30, 20:30] = True
LEVELS = {"low": 40, "middle": 120, "high": 220}


class Level:
    """Paints one grey, or does not."""

    def __init__(self, key: str) -> None:
        self._key = key

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.5)
        if self._key.startswith("broken"):
            raise RuntimeError("secret detail")
        yield Step(1.0, np.full_like(image, LEVELS[self._key]))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    return Level(spec.key)


def row(key: str) -> RemoverSpec:
    cost = Cost(memory_gb=0, fixed_seconds=1)
    return RemoverSpec(
        key=key, title=key.title(), summary="", loader=f"{__name__}:load", licence="", source="", cost=cost
    )


class LikesLight:
    """A judge whose score is how light the hole is."""

    def begin(self) -> None:
        pass

    def likely(self, source: Image, mask: Mask, result: Image) -> Likely | None:
        return Likely(float(result[25, 25].mean()) / 255, "light-1")


class Blind(LikesLight):
    def likely(self, source: Image, mask: Mask, result: Image) -> Likely | None:
        return None


class Clock:
    """Each look takes so many seconds."""

    def __init__(self, step: float) -> None:
        self._now, self._step = -step, step

    def __call__(self) -> float:
        self._now += self._step
        return self._now


@pytest.fixture
def services() -> Services:
    keys = (*LEVELS, "broken", "broken-too")
    return replace(Services.assemble(Settings(), Catalog(*map(row, keys))), discriminator=LikesLight())


@pytest.fixture
def source(services: Services) -> str:
    return opened(services)


def opened(services: Services) -> str:
    return services.visits.keep(OpenedPhoto(Photo(IMAGE, "PNG", None, "lake", ())))[0]


def plan(*keys: str, budget: float = 60.0, seconds: float = 1.0, count: int | None = None) -> Plan:
    attempts = tuple(Attempt(key, RemovalOptions(grow=0), seconds) for key in keys)
    return Plan(attempts, count or len(attempts), budget)


def run(services: Services, source: str, found: Plan, **given: Any) -> tuple[list[Trying], Ranking]:
    *on_the_way, last = remove_several(services, source, MASK, found, **given)
    assert isinstance(last, Ranking)
    assert all(isinstance(update, Trying) for update in on_the_way)
    return on_the_way, last  # type: ignore[return-value]  # as asserted


def methods(ranking: Ranking) -> list[str]:
    return [tried.removal.remover for tried in ranking.results]


def test_the_best_comes_first_and_each_is_a_result_of_its_own(services: Services, source: str) -> None:
    _, ranking = run(services, source, plan("low", "high", "middle"), made_by=("brush",))
    assert methods(ranking) == ["high", "middle", "low"]
    assert ranking.notes == ()
    for tried in ranking.results:
        kept = services.visits.get(tried.result, Result)
        assert (kept.source, kept.made_by, kept.likely) == (source, ("brush",), tried.likely)
        assert kept.photo.image is tried.removal.image
        assert services.judging.subject(tried.result, "light-1").key == tried.result
    assert len({tried.result for tried in ranking.results}) == 3


def test_progress_is_that_of_the_whole_run_and_never_goes_back(services: Services, source: str) -> None:
    updates, _ = run(services, source, plan("low", "broken", "middle"))
    fractions = [update.fraction for update in updates]
    assert fractions == sorted(fractions)
    assert [round(6 * fraction) for fraction in fractions] == [0, 1, 2, 2, 3, 4, 5, 6, 6]
    assert [update.number for update in updates] == [1, 1, 1, 2, 2, 3, 3, 3, 4]


def test_one_that_fails_is_told_and_spoils_nothing(services: Services, source: str) -> None:
    _, ranking = run(services, source, plan("broken", "low", "high"))
    assert methods(ranking) == ["high", "low"]
    assert ranking.notes == ("Broken failed on this photo.",)


def test_if_all_fail_what_the_first_said_is_the_trouble(services: Services, source: str) -> None:
    with pytest.raises(UnavailableError, match="Broken-Too failed"):
        run(services, source, plan("broken-too", "broken"))


def test_what_would_end_too_late_is_not_begun(services: Services, source: str) -> None:
    found = plan("low", "high", "middle", budget=10.0)
    _, ranking = run(services, source, found, clock=Clock(5.0))  # looked at 5 s and 10 s after the start
    assert methods(ranking) == ["high", "low"]
    assert ranking.notes == ("Only 2 of 3 tries fitted into 10 s.",)


def test_the_first_is_tried_whatever_it_takes(services: Services, source: str) -> None:
    _, ranking = run(services, source, plan("low", "high", budget=1.0, seconds=30), clock=Clock(100))
    assert methods(ranking) == ["low"]


class Crowded(Turns):
    """Where everybody waits for a minute, on this clock."""

    def __init__(self, now: Clock) -> None:
        super().__init__()
        self._now = now

    def during(self, visitor: str, seconds: float | None, work: Iterator[Any]) -> Iterator[Any]:
        yield Waiting(3, 60.0)
        self._now._now += 60.0
        yield Begun(60.0)
        yield from work


def test_the_wait_for_others_is_told_before_each_and_takes_nothing_of_the_runs_time(
    services: Services, source: str
) -> None:
    now = Clock(0.0)
    services = replace(services, turns=Crowded(now))
    found = plan("low", "broken", "high", budget=10.0)
    *on_the_way, last = remove_several(services, source, MASK, found, visitor="visitor", clock=now)
    assert isinstance(last, Ranking)
    assert methods(last) == ["high", "low"]
    assert last.notes == ("Broken failed on this photo.",)
    numbers = [update.number if isinstance(update, Trying) else "waits" for update in on_the_way]
    assert numbers == ["waits", 1, 1, 1, "waits", 2, 2, "waits", 3, 3, 3, 4]


def test_a_run_without_a_visitor_takes_no_turns(services: Services, source: str) -> None:
    held = services.turns.during("other", 100.0, iter([1]))
    next(held)
    _, ranking = run(services, source, plan("low", "high"))
    assert methods(ranking) == ["high", "low"]


def test_what_the_plan_left_out_is_told_too(services: Services, source: str) -> None:
    _, ranking = run(services, source, plan("low", "high", count=6))
    assert ranking.notes == ("Only 2 of 6 tries fitted into 60 s.",)


def test_without_a_score_the_order_is_that_of_the_run(services: Services, source: str) -> None:
    _, ranking = run(replace(services, discriminator=Blind()), source, plan("low", "high"))
    assert methods(ranking) == ["low", "high"]
    assert ranking.notes == ("Nothing ranked them: no judge is at work.",)


def test_a_photo_that_is_gone_ends_the_run(services: Services) -> None:
    with pytest.raises(InputError, match="no longer on the server"):
        run(services, "unknown", plan("low", "high"))
    clock = Clock(0.0)
    services = replace(services, visits=Visits(10**9, 60.0, clock))
    updates = remove_several(services, opened(services), MASK, plan("low", "high"))
    next(updates)
    clock._now = 100.0
    with pytest.raises(InputError, match="no longer on the server"):
        list(updates)


def test_results_that_were_pushed_out_are_left_out(services: Services) -> None:
    small = replace(services, visits=Visits(3 * IMAGE.nbytes, 60.0))
    _, ranking = run(small, opened(small), plan("high", "low", "middle"))
    assert methods(ranking) == ["middle"]
    assert ranking.notes == ("There was memory left for 1 of 3 results.",)


def test_closing_early_begins_nothing_more_and_frees_the_model(services: Services, source: str) -> None:
    updates = remove_several(services, source, MASK, plan("low", "high"))
    assert isinstance(next(updates), Trying)
    assert isinstance(next(updates), Trying)
    updates.close()  # type: ignore[attr-defined]  # a generator
    assert services.models.loaded == ("low",)
    run(services, source, plan("low"))


def test_a_selection_that_leaves_nothing_is_refused_once(services: Services, source: str) -> None:
    everything = np.ones_like(MASK)
    with pytest.raises(InputError, match="covers everything"):
        list(remove_several(services, source, everything, plan("low", "high")))


REMOVAL = Removal.__new__(Removal)  # never looked at


@given(st.lists(st.none() | st.floats(0, 1), max_size=9))
def test_any_ranking_is_by_score_then_by_order(scores: Sequence[float | None]) -> None:
    tried = [
        Tried(str(number), REMOVAL, None if score is None else Likely(score, "x"))
        for number, score in enumerate(scores)
    ]
    found = [(each.likely.score if each.likely else -1.0, -int(each.result)) for each in ranked(tried)]
    assert found == sorted(found, reverse=True)
    assert len(found) == len(scores)


def test_real_methods_ranked_by_a_real_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "FLAT", 1.0)  # so that results differ
    version = judges.write_judge(tmp_path / "judge")
    services = Services.assemble(Settings(discriminator=str(tmp_path / "judge"), data=tmp_path))
    source = opened(services)
    _, ranking = run(services, source, plan_for(services, "shift-map", MASK, RemovalOptions(), 3))
    services.close(0.0)
    assert sorted(methods(ranking)) == ["navier-stokes", "shift-map", "telea"]
    told = [tried.likely for tried in ranking.results]
    scores = [likely.score for likely in told if likely]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3
    assert {likely.judge for likely in told if likely} == {version}
    assert [services.likely(tried.result) for tried in ranking.results] == told
