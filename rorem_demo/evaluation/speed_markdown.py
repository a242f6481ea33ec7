"""The tables of docs/speed.md, from the JSON files beside it, and the same for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rorem_demo.errors import InputError
from rorem_demo.evaluation.speed_report import FULL, RANDOM, STAGES, TIMES, UNET, Report, Side

SIDES = ("", "s", *STAGES, "load", "to the first PNG", "most memory", "while running")
"""Head of the table of both sides."""
NOT_RUN = "not run: no GPU was at hand"

_BEGIN, _END = "<!-- speed-*.json -->\n", "<!-- end -->"
_LEAST_REPEATS = 5


def write_tables(folder: Path) -> None:
    """Bring speed.md in this folder up to date with the reports there; raises InputError as `reports` does."""
    path = folder / "speed.md"
    path.write_text(document(path.read_text(encoding="utf-8"), reports(folder)), encoding="utf-8")


def reports(folder: Path) -> list[Report]:
    """Those that lie there, CPU first, then by size and method, the quickest machine first.

    Raises:
        InputError: one is no report, or of a trial, which measures nothing.
    """
    found = []
    for path in sorted(folder.glob("speed-*.json")):
        report = Report.from_json(path.read_bytes())
        if report.shape != FULL or report.repeats < _LEAST_REPEATS:
            hint = f"Measure the full networks, each at least {_LEAST_REPEATS} times."
            raise InputError(f"{path.name} is of a trial.", hint=hint)
        found.append(report)
    return sorted(found, key=lambda report: (report.device, report.size, report.method, report.ours.seconds))


def document(text: str, found: Sequence[Report]) -> str:
    """The text with the tables of these reports in the place of its old ones.

    Raises:
        InputError: the text has no such place.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise InputError(f"There is no place for tables: {_BEGIN.strip()} ... {_END}.", hint="Put it there.")
    return f"{before}{begin}{tables(found)}{end}{after}"


def tables(found: Sequence[Report]) -> str:
    """A table of ratios, and a section for each report."""
    head = ("method", "device", "size", "ours", "published call", "ratio", "measured")
    rows: list[tuple[str, ...]] = [
        (
            f"`{report.method}`",
            f"`{report.device}`",
            f"{report.size} x {report.size}",
            f"{report.ours.seconds:.2f} s",
            f"{report.reference.seconds:.2f} s",
            f"**{report.ratio_text}**",
            f"{report.made}, {_unet_numbers(report)}",
        )
        for report in found
    ]
    rows += [("`rorem-4s`", f"`{device}`", *[""] * 4, said) for device, said in _absent(found)]
    return "\n".join(("", *_table(head, rows), "", *(_section(report) for report in found)))


def side_rows(report: Report) -> list[tuple[str, ...]]:
    """Rows below `SIDES`: ours, the published call, and how many times as much it takes."""
    ours, reference = report.ours, report.reference
    rows = [_side_row("ours", ours), _side_row("published call", reference)]
    times = [""] * len(SIDES)
    times[:2] = "ratio", report.ratio_text
    times[-4] = f"{reference.load_seconds / ours.load_seconds:.1f}{TIMES}"
    times[-3] = f"{reference.cold_seconds / ours.cold_seconds:.1f}{TIMES}"
    times[-2] = f"{reference.peak_gb / ours.peak_gb:.1f}{TIMES}"
    return [*rows, tuple(times)]


def sentences(report: Report) -> Iterator[str]:
    """What else was measured."""
    errors = report.errors
    if errors.unet_relative is not None:
        yield f"Relative error of our UNet in {_unet_numbers(report)}, against float32: {errors.unet_relative:.2%}."
    psnr = f" (PSNR {errors.psnr_db:.1f} dB)" if errors.psnr_db else ""
    difference = f"{errors.levels_mean:.2f} grey levels in the mean, {errors.levels_max} at most{psnr}"
    yield f"Our picture against the published call's in float32, same noise: {difference}."
    if errors.exact_levels_max is not None:
        exact = f"PSNR {errors.exact_psnr_db:.1f} dB" if errors.exact_psnr_db else "equal"
        yield f"The same with ours in float32 too: {exact}, {errors.exact_levels_max} grey levels at most."
    if rates := report.rates:
        yield (
            f"Our UNet: {rates.unet_operations:.3g} x 10^12 operations a call, {rates.unet_rate:.3g} x 10^12 a second: "
            f"{rates.share:.0%} of the {rates.matrix_rate:.3g} that large products of matrices reach here in "
            f"{rates.matrix_numbers}."
        )
    if photos := report.photos:
        yield (
            f"A photo of {photos.large} takes {photos.large_seconds:.2f} s, one of {photos.small} "
            f"{photos.small_seconds:.2f} s, both with {photos.hole} pixels marked: {photos.ratio:.2f}{TIMES}."
        )


def _absent(found: Sequence[Report]) -> list[tuple[str, str]]:
    devices = {report.device for report in found}
    said = {"cpu": "not run yet", "cuda": NOT_RUN}
    return [(device, words) for device, words in said.items() if device not in devices]


def _section(report: Report) -> str:
    machine = report.machine
    where = machine.gpu or f"{machine.cores} cores, {machine.threads} threads"
    packages = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    weights = "random weights" if report.weights == RANDOM else f"weights of {report.weights}"
    anew = "" if report.at_once else ", each in a process started anew"
    about = (
        f"{report.made}, {machine.cpu}, {where}, {machine.memory_gb:.0f} GB of memory; {packages}; {weights}; "
        f"{report.steps} steps on both sides; medians of {report.repeats} runs in turns{anew}; ours in "
        f"{_numbers(report.ours)}, the published call in {_numbers(report.reference)}."
    )
    title = f"### {report.method} on {report.device}, {report.size} x {report.size}, {_unet_numbers(report)}"
    said = [f"- {sentence}" for sentence in sentences(report)]
    return "\n".join((title, "", about, "", *_table(SIDES, side_rows(report)), "", *said, "", ""))


def _side_row(name: str, side: Side) -> tuple[str, ...]:
    shares = [f"{side.shares[stage]:.1%}" for stage in STAGES]
    running = side.gpu_peak_gb if side.gpu_peak_gb is not None else side.running_gb
    most, while_running = (f"{value:.1f} GB" if value is not None else "" for value in (side.peak_gb, running))
    times = (f"{side.load_seconds:.1f} s", f"{side.cold_seconds:.1f} s")
    return (name, f"{side.seconds:.2f} s", *shares, *times, most, while_running)


def _unet_numbers(report: Report) -> str:
    return report.ours.numbers.get(UNET, "its numbers")


def _numbers(side: Side) -> str:
    """`bfloat16`, or each with what is in it."""
    kinds = dict.fromkeys(side.numbers.values())
    if len(kinds) == 1:
        return next(iter(kinds))
    parts = [f"{kind} ({', '.join(name for name, its in side.numbers.items() if its == kind)})" for kind in kinds]
    return " and ".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
