"""Measuring in several processes, each with its own models."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

import cv2

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.quality_work import Measured, Task, Worker
from rorem_demo.removers.catalog import Removers
from rorem_demo.services import Services
from rorem_demo.settings import Settings

_THREADS = "OMP_NUM_THREADS"
_AT_WORK: list[Worker] = []
"""In a process that measures: the one that does."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a process needs to become a worker; may be sent to it."""

    settings: Settings
    removers: Removers
    folder: Path
    seed: int
    measures: tuple[str, ...]

    def worker(self, services: Services | None = None) -> Worker:
        """One with services of its own, unless given some."""
        services = services or Services.assemble(self.settings, self.removers)
        return Worker(services, self.folder, self.seed, self.measures)


def measured(services: Services, plan: Plan, tasks: Sequence[Task], processes: int) -> Iterator[Measured]:
    """Yield the figures of all tasks as they come, in any order.

    Args:
        services: do the work where one process is enough.
        plan: for several.
        tasks: tasks of one method should be neighbours, since no process keeps many models.
        processes: at most so many.

    Raises:
        RoremError: what `Worker.measured` raises.
        UnavailableError: a process was killed.
    """
    processes = min(processes, len(tasks))
    if processes <= 1:
        yield from map(plan.worker(services).measured, tasks)
        return
    threads = max(1, services.machine.cores // processes)
    context = multiprocessing.get_context("spawn")  # torch and CUDA do not survive a fork
    with _threads(threads), ProcessPoolExecutor(processes, context, _begin, (plan, threads)) as pool:
        try:
            for future in as_completed([pool.submit(_measured, task) for task in tasks]):
                yield future.result()
        except BrokenProcessPool as error:
            hint = "If memory was short, take fewer processes; start again: what is done is not done again."
            raise UnavailableError("A process that measured was killed.", hint=hint) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(plan: Plan, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends this one
    Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(threads)
    _AT_WORK.append(plan.worker())


def _measured(task: Task) -> Measured:
    return _AT_WORK[0].measured(task)


def _end_with_parent() -> None:
    """A parent that was killed tells nobody, and this process would wait for its next task forever."""
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Processes begun meanwhile compute with so many threads, which is settled when they import numpy and torch."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = str(count)
    try:
        yield
    finally:
        del os.environ[_THREADS]
        if before is not None:
            os.environ[_THREADS] = before
