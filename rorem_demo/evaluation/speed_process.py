"""Asked: a process that loads once, then answers one question after the other; two of them take turns."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from time import perf_counter
from traceback import format_exception
from typing import Any

from rorem_demo.errors import RoremError, UnavailableError
from rorem_demo.evaluation.speed_shapes import Shapes
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.runtime.guard import machine_told

_END_SECONDS = 10.0
_QUIET = {"DIFFUSERS_VERBOSITY": "error", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}
"""Libraries tell of what is no trouble; read when they are imported."""
_FIRST_TO_GO = Path("/proc/self/oom_score_adj")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a process needs to begin; may be sent to it, and importing it imports no torch."""

    title: str
    """What the process is, as people read it."""
    worker: str
    """`package.module:Class`; is made from the job, and its methods are the questions."""
    spec: RemoverSpec
    files: tuple[Path, ...]
    shapes: Shapes
    """Of random weights."""
    folder: Path | None = None
    """Where random weights lie or are to be written; None for real ones."""
    device: str = "cpu"
    size: int = 512
    steps: int = 4
    exact: bool = False
    """All in float32."""
    memory_gb: float
    """About what it needs, for people."""

    @property
    def few_steps(self) -> bool:
        """Whether the row has a LoRA for few steps."""
        return self.spec.loader.endswith(":load_few_steps")


class Asked:
    """The process, seen from the one that asks."""

    def __init__(self, job: Job, process: BaseProcess, connection: Connection, begun: float) -> None:
        self._job, self._process, self._connection, self._begun = job, process, connection, begun

    def ask(self, question: str, *given: Any) -> Any:
        """What the worker's method of this name answers.

        Raises:
            RoremError: as the worker raised it.
            UnavailableError: memory did not suffice, or the process was killed.
        """
        try:
            self._connection.send((question, given))
            answer, error = self._connection.recv()
        except (EOFError, OSError) as gone:
            self._process.join(_END_SECONDS)
            raise UnavailableError(f"The process of {self._job.title} was killed.", hint=self._hint) from gone
        if isinstance(error, MemoryError):
            raise UnavailableError(f"Memory did not suffice for {self._job.title}.", hint=self._hint) from error
        if error is not None:
            raise error
        return answer

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return perf_counter() - self._begun

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def _hint(self) -> str:
        return f"It needs about {self._job.memory_gb:.0f} GB of memory: free some, or measure where there is more."

    def close(self) -> None:
        """End it, whatever it does."""
        self._connection.close()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def asked(job: Job) -> Iterator[Asked]:
    """The process of a job, started anew; ends with the block."""
    context = multiprocessing.get_context("spawn")  # so that it inherits neither memory nor imports
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(job, theirs), daemon=True)
    begun = perf_counter()
    process.start()
    theirs.close()  # else its end would not be seen here
    found = Asked(job, process, ours, begun)
    try:
        yield found
    finally:
        found.close()


def _answer(job: Job, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends this one
    Thread(target=_end_with_parent, daemon=True).start()
    if job.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks for GPUs
    os.environ |= _QUIET
    with suppress(OSError):  # if memory runs out, let it be this process, not the one that tells of it or a stranger
        _FIRST_TO_GO.write_text("1000", encoding="ascii")
    worker: Any = None
    while True:
        try:
            question, given = connection.recv()
        except EOFError:
            return
        answer: Any = None
        error: Exception | None = None
        try:
            with machine_told(job.title):
                worker = worker or _made(job)
                answer = getattr(worker, question)(*given)
        except (RoremError, MemoryError) as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001  # whatever it is, the one who asked is told
            error = RuntimeError(f"{job.title}: {type(raised).__name__}: {raised}")
            error.add_note("".join(format_exception(raised)))  # a traceback would not outlive the way
        try:
            connection.send((answer, error))
        except OSError:  # nobody asks any more
            return


def _made(job: Job) -> Any:
    module, _, name = job.worker.partition(":")
    return getattr(import_module(module), name)(job)


def _end_with_parent() -> None:
    """A parent that was killed tells nobody, and a long run would go on for nobody."""
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def places(folder: Path, spec: RemoverSpec) -> tuple[Path, ...]:
    """Where the files of a row lie in a folder of weights, in the row's order."""
    return tuple(folder / file.repository / file.file for file in spec.weights)
