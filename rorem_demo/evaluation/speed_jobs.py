"""Order, Jobs: what is to be measured, and the processes that do it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.evaluation.benchmark import LARGE, SMALL
from rorem_demo.evaluation.speed_process import Job, places
from rorem_demo.evaluation.speed_report import RANDOM
from rorem_demo.evaluation.speed_shapes import FULL, TINY, Shapes
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Size
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.runtime.devices import computes_in_halves
from rorem_demo.runtime.memory import memory_gb
from rorem_demo.services import Services

Device: TypeAlias = Literal["cpu", "cuda"]

_LOADERS = ("rorem_demo.removers.sdxl:load_few_steps", "rorem_demo.removers.sdxl:load")
"""Of the rows that the authors published a call for."""
_FOLDER = "bench-weights"
_PACKAGE = "rorem_demo.evaluation"
_LIBRARIES_GB = 0.8
_WORK_GB = 0.7
"""What a run holds beside the weights, at 512 x 512 in half precision."""
_HOPE = 0.9
"""Of what is said to be needed; with less there is no point in trying."""
_ROOM = 1.05
"""Of the same, for two at once: what loading takes for a moment, and other programs."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be measured."""

    method: str = "rorem-4s"
    device: Device = "cpu"
    size: int = 512
    repeats: int = 5
    weights: Path | None = None
    """Folder of random weights; None takes the row's own where they are here."""
    photos: bool = False
    """Large photos too."""
    check: bool = False
    """Ours in float32 too."""
    shapes: Shapes = FULL
    small: Size = SMALL
    large: Size = LARGE
    hole: int = 400
    """Width of what is marked, in pixels."""

    @classmethod
    def tiny(cls, weights: Path) -> Order:
        """A trial of all that is done, in seconds; what it measures means nothing."""
        return cls(size=64, repeats=2, weights=weights, shapes=TINY, small=Size(120, 90), large=Size(360, 270), hole=30)


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Both sides, and what comes first."""

    ours: Job
    reference: Job
    revision: str
    """Of the weights."""

    @property
    def preparation(self) -> Job:
        return replace(self.ours, worker=f"{_PACKAGE}.speed_ours:Preparation", title="the preparation", memory_gb=5.0)

    def with_memory(self) -> Jobs:
        """With what each needs, as far as the size of its files tells; once they are there."""
        return replace(self, ours=_with_memory(self.ours), reference=_with_memory(self.reference))

    @property
    def fit_at_once(self) -> bool:
        """Whether memory suffices for both; a GPU's is not looked at."""
        return self._free is None or self._free >= _ROOM * (self.ours.memory_gb + self.reference.memory_gb)

    def check_memory(self) -> None:
        """Refuse now what would be killed later.

        Raises:
            UnavailableError: there is too little for one of them.
        """
        needed = max(self.ours.memory_gb, self.reference.memory_gb)
        if self._free is not None and self._free < _HOPE * needed:
            sentence = f"The reference needs about {needed:.0f} GB of memory, and {self._free:.0f} GB are free"
            raise UnavailableError(f"{sentence}.", hint="End other programs, or measure where there is more.")

    @property
    def _free(self) -> float | None:
        return memory_gb("MemAvailable") if self.ours.device == "cpu" else None


def jobs_for(services: Services, order: Order) -> Jobs:
    """What an order comes to.

    Raises:
        InputError: no such method, or none with a published call; a size or a count that is none.
    """
    spec = services.removers[order.method]
    if spec.loader not in _LOADERS:
        raise InputError(
            f"There is no published call to compare {spec.title} with.",
            hint=f"Choose one of: {', '.join(row.key for row in services.removers if row.loader in _LOADERS)}.",
        )
    _check(order)
    folder, files, revision = _weights(services, spec, order)
    job = Job(
        title=f"ours, {spec.title}",
        worker=f"{_PACKAGE}.speed_ours:Ours",
        spec=replace(spec, size=SizeRule(multiple_of=8, minimum=order.size, longest=order.size)),
        files=files,
        shapes=order.shapes,
        folder=folder,
        device=order.device,
        size=order.size,
        steps=spec.defaults.steps,
        memory_gb=0.0,
    )
    worker = f"{_PACKAGE}.speed_reference:Reference"
    return Jobs(ours=job, reference=replace(job, title="the reference", worker=worker), revision=revision)


def _check(order: Order) -> None:
    if order.repeats < 1:
        raise InputError(f"repeats is {order.repeats}.", hint="Give at least 1.")
    if order.size % 8 or not 64 <= order.size <= 2048:
        raise InputError(f"size is {order.size}.", hint="Give a multiple of 8 from 64 to 2048.")


def _weights(services: Services, spec: RemoverSpec, order: Order) -> tuple[Path | None, tuple[Path, ...], str]:
    """Where random weights belong, or None for the row's own; its files; what the report calls them."""
    if order.weights is None and not services.missing(spec):
        revision = services.weights.pin(spec.weights[0]).revision or "the row's own, of no known revision"
        return None, services.weights.files(spec), revision
    folder = order.weights or services.settings.data / _FOLDER
    return folder, places(folder, spec), RANDOM


def _with_memory(job: Job) -> Job:
    """Ours keeps no text networks; what counts is the numbers the rest is in."""
    ours = job.worker.endswith(":Ours")
    kept = [path for path in job.files if not ours or not path.parent.name.startswith("text_encoder")]
    halves = ours and computes_in_halves() and not job.exact
    factor = 1 if halves or job.device == "cuda" else 2
    gigabytes = sum(path.stat().st_size for path in kept if path.suffix == ".safetensors") / 1e9
    square = (job.size / 512) ** 2
    return replace(job, memory_gb=round(factor * (gigabytes + _WORK_GB * square) + _LIBRARIES_GB, 1))
