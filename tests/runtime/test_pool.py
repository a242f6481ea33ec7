"""ModelPool: loads once, lends to one, evicts the least recently used."""

import sys
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from types import SimpleNamespace

import pytest

from rorem_demo.errors import UnavailableError
from rorem_demo.runtime.pool import ModelPool

THREADS = 8


class Loads:
    """A loader that counts."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()

    def __call__(self, key: str) -> str:
        self.of[key] += 1
        return f"{key}{self.of[key]}"


@pytest.fixture
def loads() -> Loads:
    return Loads()


def used(pool: ModelPool[str], *keys: str) -> list[str]:
    models = []
    for key in keys:
        with pool.use(key) as model:
            models.append(model)
    return models


def together(work: Sequence[Callable[[], object]]) -> None:
    """Run the callables at once, each in a thread, and raise what they raise."""
    barrier = Barrier(len(work))

    def start(task: Callable[[], object]) -> None:
        barrier.wait()
        task()

    with ThreadPoolExecutor(len(work)) as executor:
        for future in [executor.submit(start, task) for task in work]:
            future.result()


def test_a_model_loads_once_under_contention(loads: Loads) -> None:
    pool = ModelPool(loads, 2)
    together([lambda: used(pool, "a")] * THREADS)
    assert loads.of == {"a": 1}


def test_two_models_load_at_the_same_time() -> None:
    meeting = Barrier(2, timeout=10)
    pool = ModelPool(lambda key: f"{key}{meeting.wait()}", 2)  # neither loads unless both do
    together([lambda: used(pool, "a"), lambda: used(pool, "b")])


def test_a_model_is_used_by_one_caller_at_a_time(loads: Loads) -> None:
    pool = ModelPool(loads, 1)
    inside: list[int] = []

    def work() -> None:
        for _ in range(200):
            with pool.use("a"):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()

    together([work] * THREADS)


def test_who_waits_gets_the_model_after_its_user(loads: Loads) -> None:
    pool = ModelPool(loads, 1)
    waiting, order = Event(), []

    def second() -> None:
        waiting.set()
        with pool.use("a"):
            order.append("second")

    with ThreadPoolExecutor(1) as executor:
        with pool.use("a"):
            future = executor.submit(second)
            waiting.wait()
            order.append("first")
        future.result()
    assert order == ["first", "second"]


def test_the_least_recently_used_is_evicted(loads: Loads) -> None:
    pool = ModelPool(loads, 2)
    used(pool, "a", "b", "a", "c")
    assert pool.loaded == ("a", "c")
    assert used(pool, "b") == ["b2"]


def test_room_is_made_before_loading() -> None:
    pool: ModelPool[str] = ModelPool(lambda key: f"{key} beside {pool.loaded}", 1)
    assert used(pool, "a", "b") == ["a beside ()", "b beside ()"]


def test_a_model_in_use_is_never_evicted(loads: Loads) -> None:
    pool = ModelPool(loads, 1)
    with pool.use("a"):
        used(pool, "b", "c")
        assert "a" in pool.loaded
    assert pool.loaded == ("a",)
    assert loads.of["a"] == 1


def test_the_pool_shrinks_back_after_an_overflow(loads: Loads) -> None:
    pool = ModelPool(loads, 1)
    with pool.use("a"), pool.use("b"), pool.use("c"):
        assert len(pool.loaded) == 3
    assert len(pool.loaded) == 1


def test_a_failing_load_leaves_nothing_and_is_tried_again() -> None:
    outcomes = iter([UnavailableError("No weights."), None])

    def load(key: str) -> str:
        if error := next(outcomes):
            raise error
        return key

    pool = ModelPool(load, 1)
    with pytest.raises(UnavailableError), pool.use("a"):
        pass
    assert pool.loaded == ()
    assert used(pool, "a") == ["a"]


def test_one_failing_load_does_not_stop_those_who_wait() -> None:
    first = iter([True])

    def load(key: str) -> str:
        if next(first, False):
            raise UnavailableError("Not now.")
        return key

    pool = ModelPool(load, 1)
    failures: list[Exception] = []

    def work() -> None:
        try:
            used(pool, "a")
        except UnavailableError as error:
            failures.append(error)

    together([work] * THREADS)
    assert len(failures) == 1
    assert pool.loaded == ("a",)


def test_an_error_while_using_a_model_keeps_it(loads: Loads) -> None:
    pool = ModelPool(loads, 1)
    with pytest.raises(ZeroDivisionError), pool.use("a"):
        _ = 1 / 0
    assert used(pool, "a") == ["a1"]


def test_preload_loads_now(loads: Loads) -> None:
    pool = ModelPool(loads, 2)
    pool.preload("a", "b")
    assert pool.loaded == ("a", "b")


@pytest.mark.parametrize("capacity", [0, -1])
def test_capacity_is_at_least_one(loads: Loads, capacity: int) -> None:
    pool = ModelPool(loads, capacity)
    used(pool, "a", "a")
    assert loads.of["a"] == 1


LOST = RuntimeError("CUDA error: unspecified launch failure")


def test_a_model_whose_gpu_was_lost_is_not_lent_again(loads: Loads) -> None:
    pool = ModelPool(loads, 2)
    with pytest.raises(UnavailableError), pool.use("a"):
        raise UnavailableError("No GPU.") from LOST
    assert pool.loaded == ()
    assert used(pool, "a") == ["a2"]


def test_who_waits_for_a_model_whose_gpu_is_lost_gets_a_new_one(loads: Loads) -> None:
    pool = ModelPool(loads, 1)
    waiting = Event()

    def second() -> list[str]:
        waiting.set()
        return used(pool, "a")

    def first() -> list[str]:
        with pool.use("a"):
            second_is_told.append(executor.submit(second))
            waiting.wait()
            raise LOST

    second_is_told: list[Future[list[str]]] = []
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(RuntimeError):
            first()
        assert second_is_told[0].result() == ["a2"]
    assert pool.loaded == ("a",)


class Model:
    """Something that can be watched."""


@pytest.mark.parametrize("in_use", [True, False])
def test_after_an_eviction_the_gpu_gets_its_memory_back(monkeypatch: pytest.MonkeyPatch, *, in_use: bool) -> None:
    alive: list[bool] = []
    watched: list[weakref.ref[Model]] = []
    cuda = SimpleNamespace(
        is_initialized=lambda: in_use, empty_cache=lambda: alive.append(any(model() for model in watched))
    )
    monkeypatch.setitem(sys.modules, "torch.cuda", cuda)
    pool = ModelPool(lambda _: Model(), 1)
    with pool.use("a") as model:
        watched.append(weakref.ref(model))
    del model
    assert alive == [], "nothing was evicted"
    with pool.use("b"):
        assert alive == [False] * in_use, "after the model is gone, and not where no GPU is used"


def test_a_gpu_that_is_lost_does_not_disturb_the_eviction(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LOST

    monkeypatch.setitem(sys.modules, "torch.cuda", SimpleNamespace(is_initialized=lambda: True, empty_cache=fail))
    assert used(ModelPool(loads, 1), "a", "b") == ["a1", "b1"]
