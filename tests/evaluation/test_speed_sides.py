"""Both sides in this process, on tiny random weights: the same work, the same picture, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.speed_errors import _psnr, _relative
from rorem_demo.evaluation.speed_ours import Ours, Preparation
from rorem_demo.evaluation.speed_photos import Scene
from rorem_demo.evaluation.speed_process import Job, places
from rorem_demo.evaluation.speed_reference import Reference
from rorem_demo.evaluation.speed_report import REST, STAGES
from rorem_demo.evaluation.speed_shapes import TINY
from rorem_demo.evaluation.speed_stages import Stopwatch
from rorem_demo.evaluation.speed_worker import Worker
from rorem_demo.imaging.io import decode_photo
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Size, size_of
from rorem_demo.removers.catalog import REMOVERS

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning:diffusers"
)

SQUARE, PHOTO = Scene(Size(64, 64), 20), Scene(Size(120, 90), 30)


def job(folder: Path, method: str = "rorem-4s", steps: int = 4) -> Job:
    spec = replace(REMOVERS[method], size=SizeRule(multiple_of=8, minimum=64, longest=64))
    return Job(
        title="",
        worker="",
        spec=spec,
        files=places(folder, spec),
        shapes=TINY,
        folder=folder,
        size=64,
        steps=steps,
        exact=True,
        memory_gb=1.0,
    )


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread: None) -> None:
    """As `one_thread` says."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Job:
    made = job(tmp_path_factory.mktemp("weights"))
    Preparation(made).prepare()
    return made


@pytest.fixture(scope="module")
def sides(made: Job) -> Iterator[dict[str, Worker]]:
    """Ours and the reference in float32; their stopwatches are one inside the other, so only the inner counts."""
    with ExitStack() as stack:
        found: dict[str, Worker] = {}
        for kind in (Ours, Reference):
            found[kind.__name__] = worker = kind(made)
            stack.callback(worker.close)
            worker.run(*PHOTO.files(0), 0)
        yield dict(reversed(found.items()))


def measured(kind: type[Worker], given: Job) -> tuple[Any, Worker]:
    worker = kind(given)
    try:
        return worker.run(*PHOTO.files(1), 1), worker
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        (Ours, {"encode": 1, "unet": 4, "decode": 1}),
        (Reference, {"text": 2, "encode": 1, "unet": 4, "decode": 1}),
    ],
)
def test_each_side_takes_four_real_steps_and_its_stages_make_up_the_whole(
    made: Job, kind: type[Worker], calls: dict[str, int]
) -> None:
    ran, worker = measured(kind, made)
    assert ran.calls == calls
    assert sum(ran.stages.values()) == pytest.approx(ran.seconds)
    assert set(ran.stages) == {*calls, REST} <= set(STAGES)
    assert all(seconds > 0 for seconds in ran.stages.values())
    facts = worker.facts()
    assert set(facts.numbers.values()) == {"float32"}
    assert facts.peak_gb > 0.1
    assert facts.load_seconds > 0
    assert facts.gpu is facts.gpu_peak_gb is None


def test_ours_in_float32_gives_the_published_calls_picture(sides: dict[str, Worker]) -> None:
    ours, theirs = (sides[name].picture(SQUARE.image(7), SQUARE.mask, 7) for name in ("Ours", "Reference"))
    assert (_psnr(ours, theirs) or 99.0) >= 40
    assert theirs.std() > 5, "a picture without contrast proves nothing"
    other = sides["Ours"].picture(SQUARE.image(7), SQUARE.mask, 8)
    assert (_psnr(other, theirs) or 99.0) < 30, "another noise makes another picture"


def test_the_unets_are_the_same(sides: dict[str, Worker]) -> None:
    for side in sides.values():
        side.run(*PHOTO.files(2), 2)
    ours, theirs = (sides[name].guess(3) for name in ("Ours", "Reference"))
    assert (_relative(ours, theirs) or 0.0) < 1e-4
    assert ours is not None
    assert ours.std() > 0.1


@pytest.mark.parametrize("method", ["rorem", "rorem-mixed"])
def test_rows_of_many_steps_are_compared_with_their_own_call(tmp_path: Path, method: str) -> None:
    given = job(tmp_path, method, steps=3)
    Preparation(given).prepare()
    pictures = []
    for kind in (Ours, Reference):
        ran, worker = measured(kind, given)
        assert ran.calls["unet"] == 3
        pictures.append(worker.picture(SQUARE.image(7), SQUARE.mask, 7))
    assert (_psnr(*pictures) or 99.0) >= 40


def test_ours_writes_the_whole_photo_and_the_published_call_its_square(sides: dict[str, Worker]) -> None:
    files = PHOTO.files(4)
    sizes = {
        name: size_of(decode_photo(side._way.removed(*files, 4), max_pixels=10**6).image)
        for name, side in sides.items()
    }
    assert sizes == {"Ours": Size(120, 90), "Reference": Size(64, 64)}


def test_rates_are_counted(made: Job) -> None:
    _, worker = measured(Ours, made)
    rates = worker.rates()
    assert rates
    operations, matrix_rate, numbers = rates
    assert 1e-6 < operations < 1e-3
    assert matrix_rate > 0
    assert numbers == "float32"


def test_memory_while_running_is_told_once_loading_is_over(made: Job) -> None:
    _, worker = measured(Ours, made)
    assert worker.facts().running_gb is None
    worker.loaded()
    facts = worker.facts()
    assert facts.running_gb is None or facts.running_gb <= facts.peak_gb


def test_no_gpu_is_told(made: Job) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UnavailableError, match="There is no GPU here"):
        Ours(replace(made, device="cuda"))


# The stopwatch alone


def test_a_stage_within_a_stage_is_counted_once_and_all_is_as_before_afterwards(monkeypatch: Any) -> None:
    class Network:
        dtype = torch.float32

        def outer(self) -> int:
            sleep(0.01)
            return self.inner() + 1

        def inner(self) -> int:
            sleep(0.01)
            return 1

    monkeypatch.setattr(
        "rorem_demo.evaluation.speed_stages._WATCHED", ((Network, "outer", "unet"), (Network, "inner", "decode"))
    )
    before = dict(Network.__dict__)
    watch = Stopwatch()
    with watch.watching():
        for _ in range(2):
            result, seconds = watch.timed(lambda: Network().outer() + Network().inner())
            assert result == 3
            assert watch.calls == {"unet": 1, "decode": 1}
            assert watch.seconds["unet"] >= 0.02
            assert 0.01 <= watch.seconds["decode"] < seconds
            assert sum(watch.seconds.values()) == pytest.approx(seconds)
    assert dict(Network.__dict__) == before


def test_diffusers_is_as_before_afterwards() -> None:
    before = UNet2DConditionModel.__call__
    with Stopwatch().watching():
        assert UNet2DConditionModel.__call__ is not before
    assert UNet2DConditionModel.__call__ is before


def test_a_stage_that_fails_is_left(monkeypatch: Any) -> None:
    class Network:
        dtype = torch.float32

        def fail(self) -> None:
            raise ZeroDivisionError

        def work(self) -> None:
            pass

    monkeypatch.setattr(
        "rorem_demo.evaluation.speed_stages._WATCHED", ((Network, "fail", "unet"), (Network, "work", "decode"))
    )
    watch = Stopwatch()
    with watch.watching():
        with pytest.raises(ZeroDivisionError):
            watch.timed(Network().fail)
        watch.timed(Network().work)
    assert watch.calls == {"decode": 1}


# Scenes


def test_scenes_differ_by_number_and_mark_a_disc_of_the_same_pixels() -> None:
    large = Scene(Size(360, 270), 30)
    assert abs(int(large.mask.sum()) - np.pi * 15**2) < 30
    assert int(large.mask.sum()) == int(PHOTO.mask.sum())
    assert not np.array_equal(PHOTO.image(1), PHOTO.image(2))
    assert PHOTO.files(1) == PHOTO.files(1)
