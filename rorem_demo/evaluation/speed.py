"""measure(): how fast our removal is beside the published call, in turns, on this machine, in one run.

Two processes load the same weights, each once and in its own way; then one works while the other sleeps. Where memory
does not suffice for both, each run has a process of its own, which makes one picture first. All figures are medians of
runs on photos that no run saw before, since we keep what the VAE made of the last ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Protocol, TypeAlias

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.speed_errors import Seen, errors_of
from rorem_demo.evaluation.speed_jobs import Jobs, Order, jobs_for
from rorem_demo.evaluation.speed_machine import cpu_name, versions
from rorem_demo.evaluation.speed_photos import Scene, photos_compared
from rorem_demo.evaluation.speed_process import Asked, Job, asked
from rorem_demo.evaluation.speed_report import STAGES, UNET, Machine, Photos, Rates, Report, Side
from rorem_demo.runtime.memory import memory_gb
from rorem_demo.services import Services

Told: TypeAlias = Callable[[str], None]

_CHUNK = 2**24


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the processes answered."""

    ours: Side
    reference: Side
    seen: tuple[Seen, Seen]
    facts: Any
    rates: Rates | None
    photos: Photos | None
    at_once: bool


def measure(services: Services, order: Order, told: Told) -> Report:
    """Run both sides in turns.

    Args:
        services: of this machine; only its settings, rows and weights are used.
        order: what to do.
        told: hears what is going on, a few words at a time.

    Raises:
        InputError: no such method, or none with a published call; a size or a count that is none.
        UnavailableError: memory does not suffice, there is no GPU, or a process was killed.
        StorageError: random weights cannot be written.
    """
    jobs = jobs_for(services, order)
    told("preparing")
    with asked(jobs.preparation) as preparation:
        preparation.ask("prepare")
    jobs = jobs.with_memory()
    jobs.check_memory()
    found = _found(jobs, order, told)
    return Report(
        made=datetime.now(UTC).date().isoformat(),
        machine=_machine(services.machine.cores, found.facts),
        versions=versions(),
        method=order.method,
        device=order.device,
        size=order.size,
        steps=jobs.ours.steps,
        repeats=order.repeats,
        weights=jobs.revision,
        shape=order.shapes.name,
        at_once=found.at_once,
        ours=found.ours,
        reference=found.reference,
        errors=errors_of(*found.seen, jobs, order, told),
        rates=found.rates,
        photos=found.photos,
    )


def _found(jobs: Jobs, order: Order, told: Told) -> _Found:
    scene = Scene(order.small, order.hole)
    with _begun(jobs.ours, scene, told) as (_, ours_cold):
        pass  # alone, as the other one will be
    at_once = jobs.fit_at_once
    with ExitStack() as stack:
        if not at_once:
            told("memory does not suffice for both at once: each run starts its process anew")
            runs = _in_turns((_Anew(jobs.ours, scene), _Anew(jobs.reference, scene)), scene, order.repeats, told)
        other, other_cold = stack.enter_context(_begun(jobs.reference, scene, told))
        if at_once:
            one, _ = stack.enter_context(_begun(jobs.ours, scene, told))
            runs = _in_turns((one, other), scene, order.repeats, told)
        reference, theirs = _side(runs[1], other_cold, other.ask("facts")), Seen.of(other, order)
        other.close()
        if not at_once:
            one, _ = stack.enter_context(_begun(jobs.ours, scene, told))
        facts = one.ask("facts")
        ours, seen = _side(runs[0], ours_cold, facts), Seen.of(one, order)
        _check_calls(ours, reference)
        rates = _rates(one.ask("rates"), ours)
        sizes = order.small, order.large
        photos = photos_compared(one, sizes, order.hole, order.repeats, told) if order.photos else None
    both = seen, theirs
    return _Found(ours=ours, reference=reference, seen=both, facts=facts, rates=rates, photos=photos, at_once=at_once)


class _Answers(Protocol):
    def ask(self, question: str, *given: Any) -> Any: ...


class _Anew(_Answers):
    """A process that is started for each question, and makes one picture before it answers."""

    def __init__(self, job: Job, scene: Scene) -> None:
        self._job, self._scene = job, scene

    def ask(self, question: str, *given: Any) -> Any:
        with _begun(self._job, self._scene, lambda said: None) as (side, _):  # noqa: ARG005  # named so
            return side.ask(question, *given)


@dataclass(frozen=True, kw_only=True)
class _Cold:
    """A start with nothing beside it but what the system kept of the files."""

    seconds: float
    """From the start of the process to its first PNG."""
    facts: Any


@contextmanager
def _begun(job: Job, scene: Scene, told: Told) -> Iterator[tuple[Asked, _Cold]]:
    for path in job.files:
        _read(path)
    photo, mask = scene.files(0)
    with asked(job) as side:
        side.ask("run", photo, mask, 0)
        cold = _Cold(seconds=side.age, facts=side.ask("facts"))
        side.ask("loaded")
        told(f"{job.title}: {cold.seconds:.1f} s to the first picture")
        yield side, cold


def _read(path: Path) -> None:
    """So that whoever loads it next finds it in the system's memory, whatever ran before."""
    with path.open("rb", buffering=0) as file:
        while file.read(_CHUNK):
            pass


def _in_turns(sides: tuple[_Answers, _Answers], scene: Scene, repeats: int, told: Told) -> tuple[list[Any], list[Any]]:
    """Runs of each; both get the same photo in each round."""
    runs: tuple[list[Any], list[Any]] = ([], [])
    for number in range(1, repeats + 1):
        files = scene.files(number)
        for side, ran in zip(sides, runs, strict=True):
            ran.append(side.ask("run", *files, number))
        one, other = (ran[-1].seconds for ran in runs)
        told(f"run {number} of {repeats}: ours {one:.2f} s, the reference {other:.2f} s")
    return runs


def _side(runs: Sequence[Any], cold: _Cold, facts: Any) -> Side:
    total = sum(run.seconds for run in runs)
    return Side(
        seconds=median(run.seconds for run in runs),
        runs=tuple(run.seconds for run in runs),
        shares={stage: sum(run.stages.get(stage, 0.0) for run in runs) / total for stage in STAGES},
        calls=dict(runs[-1].calls),
        numbers=facts.numbers,
        load_seconds=cold.facts.load_seconds,
        cold_seconds=cold.seconds,
        peak_gb=max(cold.facts.peak_gb, facts.peak_gb),
        running_gb=facts.running_gb,
        gpu_peak_gb=facts.gpu_peak_gb,
    )


def _check_calls(ours: Side, reference: Side) -> None:
    """Fewer steps would be no speed."""
    one, other = (side.calls.get(UNET, 0) for side in (ours, reference))
    if one and one != other:  # where our UNet is not seen, what it makes is compared all the same
        sentence = f"Ours called the UNet {one} times and the reference {other} times"
        raise UnavailableError(f"{sentence}, so their times are of different work.", hint="Mend that first.")


def _rates(counted: tuple[float, float, str] | None, ours: Side) -> Rates | None:
    if counted is None:
        return None
    operations, matrix_rate, numbers = counted
    seconds = ours.shares[UNET] * sum(ours.runs) / len(ours.runs) / ours.calls[UNET]
    return Rates(
        unet_operations=operations,
        unet_rate=operations / seconds,
        matrix_rate=matrix_rate,
        matrix_numbers=numbers,
    )


def _machine(cores: int, facts: Any) -> Machine:
    total = round(memory_gb("MemTotal") or 0.0, 1)
    return Machine(cpu=cpu_name(), cores=cores, threads=facts.threads, memory_gb=total, gpu=facts.gpu)
