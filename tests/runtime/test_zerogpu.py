"""What a GPU worker may do to a task: fork, pickle both ways, drop what it changed, die. `in_a_fork` does just that."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.errors import InputError, RoremError, UnavailableError
from rorem_demo.imaging.types import Image, Mask, Size
from rorem_demo.removers.base import Cost, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.on_zerogpu import OnZeroGpu
from rorem_demo.runtime.zerogpu import MARGIN, STARTING, add_task, duration, on_gpu, work
from tests.runtime.forks import in_a_fork

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
RUN = in_a_fork(work)


def called(name: str, *arguments: Any) -> list[Any]:
    return list(on_gpu(name, 1.0, *arguments, run=RUN))


def counted(count: int) -> Iterator[tuple[int, int]]:
    for number in range(count):
        yield number, os.getpid()


def test_values_come_back_from_another_process() -> None:
    add_task("counted", counted)
    values = called("counted", 3)
    assert [number for number, _ in values] == [0, 1, 2]
    assert os.getpid() not in {process for _, process in values}


def test_nothing_yielded_is_nothing() -> None:
    add_task("counted", counted)
    assert called("counted", 0) == []


STATE: list[int] = []


def remembering() -> Iterator[int]:
    STATE.append(1)
    yield len(STATE)


def test_what_a_worker_remembers_is_lost() -> None:
    add_task("remembering", remembering)
    assert [called("remembering"), called("remembering")] == [[1], [1]]
    assert STATE == []


def refusing(kind: type[RoremError], message: str, hint: str) -> Iterator[int]:
    yield 1
    raise kind(message, hint=hint)


@pytest.mark.parametrize("kind", [InputError, UnavailableError, RoremError])
def test_our_errors_come_back_as_they_were(kind: type[RoremError]) -> None:
    add_task("refusing", refusing)
    with pytest.raises(kind) as caught:
        called("refusing", kind, "Bad.", "Do better.")
    assert type(caught.value) is kind
    assert caught.value.sentence == "Bad. Do better."


def raising(error: Exception) -> Iterator[int]:
    yield 1
    raise error


def test_any_other_error_is_a_sentence_without_its_words() -> None:
    add_task("raising", raising)
    with pytest.raises(UnavailableError, match=r"^The GPU failed on this photo\.$"):
        called("raising", ValueError("secret detail"))
    with pytest.raises(MemoryError):
        called("raising", MemoryError())


LOST = RuntimeError("CUDA error: unspecified launch failure")


def test_lack_of_gpu_memory_comes_back_as_lack_of_memory() -> None:
    add_task("raising", raising)
    with pytest.raises(MemoryError):
        called("raising", RuntimeError("CUDA error: out of memory"))


def test_a_gpu_that_is_lost_is_told_and_another_worker_will_do() -> None:
    add_task("raising", raising)
    with pytest.raises(UnavailableError) as caught:
        called("raising", LOST)
    assert caught.value.sentence == "The GPU stopped working on this photo. Try again."


def test_a_worker_whose_gpu_is_lost_ends_with_an_error_so_that_nobody_gets_it_again() -> None:
    add_task("raising", raising)
    outcomes = work("raising", 1.0, LOST)
    assert len([next(outcomes), next(outcomes)]) == 2, "a value, and the sentence"
    with pytest.raises(RuntimeError, match="unspecified"):
        next(outcomes)


def dying(how: str) -> Iterator[int]:
    yield 1
    if how == "exit":
        os._exit(1)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_worker_that_dies_is_told_without_markup(how: str, caplog: pytest.LogCaptureFixture) -> None:
    add_task("dying", dying)
    with caplog.at_level(logging.CRITICAL), pytest.raises(UnavailableError) as caught:
        called("dying", how)
    assert str(caught.value) == "There is no GPU for this now (GPU task aborted)."
    assert caught.value.hint


def test_leaving_early_ends_the_worker() -> None:
    add_task("counted", counted)
    values = on_gpu("counted", 1.0, 1000, run=RUN)
    _, process = next(values)
    values.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@given(st.floats(0, 300))
def test_the_time_asked_for_covers_what_is_expected(seconds: float) -> None:
    assert duration("any", seconds) >= STARTING + MARGIN * seconds
    assert duration("any", seconds) < STARTING + MARGIN * seconds + 1


def test_four_steps_ask_for_single_digits() -> None:
    cost = REMOVERS["rorem-4s"].gpu_cost
    assert cost is not None
    assert duration("rorem-4s", cost.seconds(Size(512, 512), 30_000, 4)) < 10


# A remover


class Grey:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.5)
        yield Step(1.0, np.where(mask[..., None], np.uint8(options.seed), image))


SPEC = RemoverSpec(
    key="grey",
    title="Grey",
    summary="",
    loader="",
    licence="",
    source="",
    cost=Cost(memory_gb=1, fixed_seconds=40),
    gpu_cost=Cost(memory_gb=1, fixed_seconds=1),
)


def test_a_remover_works_there_as_it_does_here() -> None:
    image: Image = np.zeros((8, 8, 3), np.uint8)
    mask: Mask = np.eye(8, dtype=np.bool_)
    steps = list(OnZeroGpu(SPEC, Grey()).fill(image, mask, ResolvedOptions(seed=7)))
    assert [step.fraction for step in steps] == [0.5, 1.0]
    assert steps[-1].image is not None
    assert (steps[-1].image[mask] == 7).all()
    away = list(on_gpu("grey", 1.0, image, mask, ResolvedOptions(seed=7), run=RUN))
    assert np.array_equal(away[-1].image, steps[-1].image)
