"""Measured quality, from top to bottom: pairs with known truth, several methods, a report that can be looked at.

In a run's folder: `measured.jsonl` (one line a result), `strips/` (a small picture of each), `features/` (where FID is
measured), and at the end quality.json, quality.md and sheet.jpg.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from rorem_demo import __version__
from rorem_demo.comparison.folders import FolderCase, read_folder
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.evaluation.quality_ledger import Ledger, opened
from rorem_demo.evaluation.quality_markdown import markdown
from rorem_demo.evaluation.quality_measures import DISTANCES, FEATURES, FID, why_empty
from rorem_demo.evaluation.quality_report import About, Report, reported
from rorem_demo.evaluation.quality_sheet import sheet_of
from rorem_demo.evaluation.quality_team import Plan, measured
from rorem_demo.evaluation.quality_work import BASELINES, SEEN, STRIPS, Measured, Task
from rorem_demo.feedback import disk
from rorem_demo.removers.base import RemovalOptions, ResolvedOptions
from rorem_demo.services import Services

REPORT, TEXT, SHEET = "quality.json", "quality.md", "sheet.jpg"
_VERSION = 1
"""Of how figures are computed: raised when the same result would get others."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be measured, and where it is kept."""

    pairs: Path
    methods: tuple[str, ...]
    folder: Path
    processes: int = 1
    seed: int = 0
    cases: int | None = None
    """So many, spread over the folder; None: all."""


def measure(services: Services, order: Order, told: Callable[[int, int], None] = lambda *_: None) -> Report:
    """Measure what was not measured yet, and write the report.

    Args:
        services: run the methods and the judge.
        order: what is wanted.
        told: is given how many results there are, and how many there will be.

    Raises:
        InputError: a method is unknown or named twice, or there are no pairs with a truth.
        StorageError: the folder cannot be written.
        UnavailableError: a method cannot run here, another run is at the folder, or a process was killed.
    """
    _check(services, order)
    cases, without = _chosen(order)
    empty = {spec.key: why_empty(services.weights, spec, len(cases)) for spec in (*DISTANCES, *FEATURES)}
    measures = tuple(sorted(key for key, why in empty.items() if not why))
    tasks = _tasks(services, order, cases, measures)
    with opened(order.folder) as ledger:
        for name in (STRIPS, SEEN):
            disk.make_folder(order.folder / name)
        plan = Plan(
            settings=services.settings,
            removers=services.removers,
            folder=order.folder,
            seed=order.seed,
            measures=measures,
        )
        left = [task for task in tasks if not ledger.done(task, features=FID in measures)]
        done = len(tasks) - len(left)
        told(done, len(tasks))
        for number, found in enumerate(measured(services, plan, left, order.processes), done + 1):
            ledger.add(found)
            told(number, len(tasks))
        about = About.of(services, order.pairs.resolve().name, order.seed, without, empty)
        results = _by_method(tasks, ledger)
        exact = reported(about, lambda key: made_how(services, key, order.seed), results, order.folder)
        report = Report.from_json(exact.to_json())  # rounded once, so that all that is written agrees
        _write(order.folder, report, results)
    return report


def _check(services: Services, order: Order) -> None:
    if not order.methods or len(set(order.methods)) < len(order.methods):
        raise InputError("Each method is to be named once.", hint="Name some, with commas between.")
    for key in order.methods:
        if key in BASELINES:
            raise InputError(f"{key} is measured with every run.", hint="Leave it out.")
        spec = services.removers[key]
        if needs := services.missing(spec):
            raise UnavailableError(
                f"{spec.title} cannot run here: it needs {' and '.join(needs)}.", hint="Leave it out."
            )


def _chosen(order: Order) -> tuple[list[FolderCase], int]:
    """Cases with a truth, evenly spread if there are more than asked for; and how many have none."""
    found = list(read_folder(order.pairs))
    true = [case for case in found if case.truth]
    if not true:
        hint = "Name a folder whose meta.json names a GT, or with truth/ beside images/ and masks/."
        raise InputError(f"{order.pairs} holds no pairs with a truth.", hint=hint)
    count = min(order.cases or len(true), len(true))
    return [true[number * len(true) // count] for number in range(count)], len(found) - len(true)


def _tasks(services: Services, order: Order, cases: Sequence[FolderCase], measures: tuple[str, ...]) -> list[Task]:
    """Method by method, since no process keeps many models."""
    files = {case.name: [_digest(path) for path in (case.source, case.mask, case.truth)] for case in cases}
    judge = _judge(services)
    return [
        Task(case=case, method=key, identity=_identity([*files[case.name], judge, measures, how]))
        for key in (*BASELINES, *order.methods)
        for how in [made_how(services, key, order.seed)]
        for case in cases
    ]


def made_how(services: Services, key: str, seed: int) -> tuple[str, str, Mapping[str, float]]:
    """Key, revision and options of a method."""
    if key in BASELINES:
        return key, __version__, asdict(ResolvedOptions())
    spec = services.removers[key]
    return key, services.weights.revision(spec), asdict(spec.defaults.overridden(RemovalOptions(seed=seed)))


def _judge(services: Services) -> str:
    """Version of the judge; of one that is published it must be fetched to know."""
    if not services.discriminator.told.version:
        services.discriminator.look()
    return services.discriminator.told.version


def _identity(parts: object) -> str:
    return sha256(json.dumps([_VERSION, __version__, parts], sort_keys=True).encode()).hexdigest()


def _digest(path: Path | None) -> str:
    """Of a file's bytes; of one that cannot be read "", since measuring it will say so."""
    try:
        return sha256(path.read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


def _by_method(tasks: Sequence[Task], ledger: Ledger) -> dict[str, list[Measured]]:
    """In the order of the tasks, whoever was quicker."""
    found: dict[str, list[Measured]] = {task.method: [] for task in tasks}
    for task in tasks:
        if result := ledger.get(task):
            found[task.method].append(result)
    return found


def _write(folder: Path, report: Report, results: Mapping[str, Sequence[Measured]]) -> None:
    disk.write_whole(folder / REPORT, report.to_json().encode())
    disk.write_whole(folder / TEXT, markdown(report, SHEET).encode())
    disk.write_whole(folder / SHEET, sheet_of(report, results, folder))
