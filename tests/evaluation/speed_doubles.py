"""Workers without networks, for processes of the speed benchmark; importing this imports no torch."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from rorem_demo.errors import InputError
from rorem_demo.evaluation.speed_process import Job
from rorem_demo.evaluation.speed_shapes import TINY
from rorem_demo.removers.catalog import REMOVERS


class Echo:
    """Says what it is asked, and fails when asked to."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._made = os.getpid(), time.monotonic()

    def made(self) -> tuple[int, float]:
        return self._made

    def said(self, *given: Any) -> tuple[Any, ...]:
        return given

    def gpus(self) -> str | None:
        return os.environ.get("CUDA_VISIBLE_DEVICES")

    def refuse(self) -> None:
        raise InputError("Not so.", hint="Otherwise.")

    def starve(self) -> None:
        raise MemoryError

    def starve_as_torch(self) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    def break_down(self) -> None:
        raise ZeroDivisionError("by nothing")

    def wait(self) -> None:
        time.sleep(60)


class Unloadable:
    def __init__(self, job: Job) -> None:
        raise MemoryError


def job(worker: str = "Echo", device: str = "cpu") -> Job:
    return Job(
        title="the echo",
        worker=f"tests.evaluation.speed_doubles:{worker}",
        spec=REMOVERS["rorem-4s"],
        files=(Path("nowhere"),),
        shapes=TINY,
        device=device,
        memory_gb=14.4,
    )
