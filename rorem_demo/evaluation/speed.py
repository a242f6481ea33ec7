"""measure(): how fast our removal is beside the published call, in turns, on this machine, in one run.

Two processes load the same weights, each once and in its own way; then one works while the other sleeps. All figures
are medians of runs on photos that no run saw before, since we keep what the VAE made of the last ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any, TypeAlias

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.speed_errors import Seen, errors_of
from rorem_demo.evaluation.speed_jobs import Jobs, Order, jobs_for
from rorem_demo.evaluation.speed_machine import cpu_name, memory_gb, versions
from rorem_demo.evaluation.speed_photos import Scene, photos_compared
from rorem_demo.evaluation.speed_process import Asked, asked
from rorem_demo.evaluation.speed_report import STAGES, UNET, Machine, Photos, Rates, Report, Side
from rorem_demo.services import Services

Told: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the processes answered."""

    ours: Side
    reference: Side
    seen: tuple[Seen, Seen]
    facts: Any
    rates: Rates | None
    photos: Photos | None


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
        ours=found.ours,
        reference=found.reference,
        errors=errors_of(*found.seen, jobs, order, told),
        rates=found.rates,
        photos=found.photos,
    )


def _found(jobs: Jobs, order: Order, told: Told) -> _Found:
    scene = Scene(order.small, order.hole)
    with asked(jobs.ours) as one:
        colds = [_begun(one, scene, "ours", told)]  # before the other one takes memory and time
        with asked(jobs.reference) as other:
            colds.append(_begun(other, scene, "the reference", told))
            runs = _in_turns((one, other), scene, order.repeats, told)
            facts = [side.ask("facts") for side in (one, other)]
            told("comparing")
            seen = Seen.of(one, order), Seen.of(other, order)
        ours, reference = map(_side, runs, colds, facts)
        _check_calls(ours, reference)
        rates = _rates(one.ask("rates"), ours)
        sizes = order.small, order.large
        photos = photos_compared(one, sizes, order.hole, order.repeats, told) if order.photos else None
    return _Found(ours=ours, reference=reference, seen=seen, facts=facts[0], rates=rates, photos=photos)


def _begun(side: Asked, scene: Scene, name: str, told: Told) -> float:
    """Seconds from the start of the process to its first PNG."""
    side.ask("run", *scene.files(0), 0)
    age = side.age
    side.ask("loaded")
    told(f"{name}: {age:.1f} s to the first picture")
    return age


def _in_turns(sides: tuple[Asked, Asked], scene: Scene, repeats: int, told: Told) -> tuple[list[Any], list[Any]]:
    """Runs of each; both get the same photo in each round."""
    runs: tuple[list[Any], list[Any]] = ([], [])
    for number in range(1, repeats + 1):
        files = scene.files(number)
        for side, ran in zip(sides, runs, strict=True):
            ran.append(side.ask("run", *files, number))
        one, other = (ran[-1].seconds for ran in runs)
        told(f"run {number} of {repeats}: ours {one:.2f} s, the reference {other:.2f} s")
    return runs


def _side(runs: Sequence[Any], cold_seconds: float, facts: Any) -> Side:
    total = sum(run.seconds for run in runs)
    return Side(
        seconds=median(run.seconds for run in runs),
        runs=tuple(run.seconds for run in runs),
        shares={stage: sum(run.stages.get(stage, 0.0) for run in runs) / total for stage in STAGES},
        calls=dict(runs[-1].calls),
        numbers=facts.numbers,
        load_seconds=facts.load_seconds,
        cold_seconds=cold_seconds,
        peak_gb=facts.peak_gb,
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
