"""on_gpu(): the one door to ZeroGPU's GPU.

ZeroGPU forks this process for every call and lends the fork a GPU: arguments and results are pickled, globals the
fork changes are lost, and no error but gradio's own comes back. So there is one function, at module level, over a
table of tasks that is filled before launch; tasks take and yield plain values and CPU arrays; failures come back as
values and are raised here. Elsewhere the same function runs where it is called.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeAlias

import spaces

from rorem_demo import errors
from rorem_demo.errors import RoremError, UnavailableError
from rorem_demo.runtime.troubles import gpu_lost, out_of_memory

log = logging.getLogger(__name__)

Task: TypeAlias = Callable[..., Iterator[Any]]
Run: TypeAlias = Callable[..., Generator[Any]]

STARTING = 4.0
"""Seconds a worker may take before the task begins: a fork moves weights to its GPU."""
MARGIN = 1.5
"""Asked for, over what the cost model expects: a task that outlasts its duration is killed."""

_MEMORY = "MemoryError"
_TASKS: dict[str, Task] = {}


@dataclass(frozen=True)
class _Value:
    value: Any


@dataclass(frozen=True)
class _Failure:
    """An error as a value: its class by name, because only the names of the parent's classes are sure to be known."""

    kind: str
    message: str
    hint: str

    def error(self) -> RoremError | MemoryError:
        if self.kind == _MEMORY:
            return MemoryError(self.message)
        kind: type[RoremError] = getattr(errors, self.kind)
        return kind(self.message, hint=self.hint)


def add_task(name: str, task: Task) -> None:
    """Make a task callable on the GPU; before launch, for workers know what was there when they were forked."""
    _TASKS[name] = task


def work(name: str, seconds: float, *arguments: Any) -> Generator[_Value | _Failure]:  # noqa: ARG001  # for `duration`
    """Run a task in the worker; never raises, but once the GPU is lost and that is told."""
    try:
        for value in _TASKS[name](*arguments):
            yield _Value(value)
    except RoremError as error:
        if error.__cause__ is not None:
            log.exception("%s failed on the GPU", name)
        yield _Failure(type(error).__name__, str(error), error.hint)
    except Exception as error:  # the border of the worker: its traceback goes to the log, for it cannot come back
        if out_of_memory(error):
            yield _Failure(_MEMORY, str(error), "")
            return
        log.exception("%s failed on the GPU", name)
        if gpu_lost(error):
            yield _Failure("UnavailableError", "The GPU stopped working on this photo.", "Try again.")
            raise  # ZeroGPU keeps a worker for the next visitor unless it ended with an error
        yield _Failure("UnavailableError", "The GPU failed on this photo.", "Try another method.")


def duration(name: str, seconds: float, *arguments: Any) -> int:  # noqa: ARG001  # called with the task's arguments
    """Seconds to ask ZeroGPU for; a visitor's quota is checked against them."""
    return ceil(STARTING + MARGIN * seconds)


_run: Run = spaces.GPU(duration=duration)(work)


def on_gpu(name: str, seconds: float, *arguments: Any, run: Run = _run) -> Iterator[Any]:
    """What a task yields, computed on the GPU.

    Args:
        name: of the task.
        seconds: it will take, as far as known.
        arguments: of the task; picklable, arrays on the CPU.
        run: a seam for tests.

    Raises:
        RoremError: as the task raised it.
        MemoryError: it ran out of memory.
        UnavailableError: the task failed otherwise, or there was no GPU for it.
    """
    with closing(run(name, seconds, *arguments)) as outcomes:  # closing this closes the worker's
        while (outcome := _next(outcomes)) is not None:
            if isinstance(outcome, _Failure):
                raise outcome.error()
            yield outcome.value


def _next(outcomes: Iterator[_Value | _Failure]) -> _Value | _Failure | None:
    try:
        return next(outcomes, None)
    except Exception as error:  # ZeroGPU's own: no quota left, no GPU free, the worker died
        raise UnavailableError(_told(error), hint="Try again in a minute, or choose another method.") from error


def _told(error: Exception) -> str:
    """ZeroGPU's message as a sentence, without its markup."""
    text = re.sub(r"<[^>]*>", "", str(getattr(error, "message", error)))
    return f"There is no GPU for this now ({' '.join(text.split())[:200] or type(error).__name__})."
