"""A report for people: tables in Markdown. A figure that is not defined is a dash, and a line below says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rorem_demo.discriminator.figures import (
    PAPER_LARGEST_GAP,
    PAPER_MEAN_GAP,
    Baseline,
    Evaluation,
    MethodRates,
    Part,
    Scores,
    Stratum,
)
from rorem_demo.discriminator.probes import Probe
from rorem_demo.statistics import Interval

DASH = "-"
_FIGURES = {
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "within": "AUROC within each method, mean",
    "within_lowest": "AUROC within each method, lowest",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "brier_before": "Brier score before calibration",
    "ece": "calibration error (ECE)",
    "ece_before": "calibration error before calibration",
}


def markdown(evaluation: Evaluation, probes: Sequence[Probe] = (), pictures: Sequence[str] = ()) -> str:
    """Everything, below a title that the caller writes.

    Args:
        evaluation: what was found.
        probes: bias probes; none if not measured.
        pictures: paths of plots, as the text is to name them.
    """
    sections = {
        "Figures": _figures(evaluation),
        "Goals": goals(evaluation),
        "Success rate per method": rates(evaluation.test),
        "Methods held out of training": rates(evaluation.held_out),
        "By mask size": _strata(evaluation.strata),
        "Baselines": baselines(evaluation),
        "Easy negatives": _easy(evaluation),
        "Bias probes": probe_table(probes),
    }
    shown = "".join(f"![{path.rpartition('/')[2].partition('.')[0]}]({path})\n" for path in pictures)
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"{_about(evaluation)}\n{body}" + (f"\n## Plots\n\n{shown}" if shown else "")


def rates(part: Part) -> str:
    """People beside the judge, method by method, and the gap beside the paper's."""
    if not part.methods:
        return "There are no such rows.\n"
    head = ("method", "rows", "photos", "accepted %", "judge %", "expected %", "gap, points", "AUROC")
    lines = [table(head, map(_method, part.methods)), _reasons(_method_reasons(part.methods))]
    if part.gaps:
        own = f"Gap: mean {part.gaps.mean:.1f}, largest {part.gaps.largest:.1f} ({_cell(part.gaps.method)}) points. "
        paper = f"The paper's discriminator: mean {PAPER_MEAN_GAP}, largest {PAPER_LARGEST_GAP}, on its own methods.\n"
        lines.append(f"\n{own}{paper}")
    return "".join(lines)


def goals(evaluation: Evaluation) -> str:
    """What was wanted and what was found."""
    rows = (
        (goal.name, f"{goal.wanted:.2f}", number(goal.found), "yes" if goal.met else "no") for goal in evaluation.goals
    )
    return table(("goal", "wanted", "found", "met"), rows)


def baselines(evaluation: Evaluation) -> str:
    """The judge and what takes no network, on the same rows."""
    head = ("rows", "judge", "accuracy", "AUROC", "within each method, mean", "Brier")
    rows, reasons = [], []
    for part in (evaluation.test, evaluation.held_out):
        if not part.scores.rows:
            continue
        judges: list[tuple[str, Scores | Baseline]] = [("**the network**", part.scores)]
        for name, found in (*judges, *((each.name, each) for each in part.baselines)):
            figures = (found.accuracy, found.auroc, found.within, found.brier)
            rows.append((part.name, name, *map(number, figures)))
        reasons += [f"{each.name}, {part.name}: {each.why}" for each in part.baselines if each.why]
    return table(head, rows) + _reasons(reasons) if rows else "There are no rows.\n"


def probe_table(probes: Sequence[Probe]) -> str:
    """How far each change moves the score."""
    if not probes:
        return "Not measured.\n"
    head = ("change", "made to", "mean change of score", "mean size of change", "other verdict %", "rows")
    of = {"result": "the result", "both": "source and result"}
    return table(
        head,
        (
            (each.change, of[each.of], signed(each.mean, 3), number(each.absolute), percent(each.crossed), each.rows)
            for each in probes
        ),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, its cells made safe."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(str(cell)) for cell in line)} |\n" for line in lines)


def number(value: float | None) -> str:
    """Three digits after the point, or a dash."""
    return DASH if value is None else f"{value:.3f}"


def signed(value: float | None, digits: int = 1) -> str:
    """With its sign, or a dash."""
    return DASH if value is None else f"{value:+.{digits}f}"


def percent(share: float | None, interval: Interval | None = None) -> str:
    """Of a share of 1, with its interval if there is one."""
    if share is None:
        return DASH
    return f"{100 * share:.1f}" + (f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})" if interval else "")


def _about(evaluation: Evaluation) -> str:
    origins = ", ".join(f"{count} {origin or 'unknown'}" for origin, count in evaluation.origins.items()) or "none"
    simulated = (
        "Labels of origin `simulated` are a program's, no person's. " if "simulated" in evaluation.origins else ""
    )
    return (
        f"Rows by who labelled them: {origins}. {simulated}The judge says removed from a probability of "
        f"{evaluation.threshold:g} on. Intervals are 95 %, from {evaluation.draws} draws of whole photos "
        f"(seed {evaluation.seed}).\n"
    )


def _figures(evaluation: Evaluation) -> str:
    parts = (evaluation.test, evaluation.held_out)
    rows: list[tuple[object, ...]] = [
        ("rows", *(part.scores.rows for part in parts)),
        ("photos", *(part.scores.photos for part in parts)),
        ("labelled removed", *(part.scores.positives for part in parts)),
    ]
    for name, title in _FIGURES.items():
        rows.append((title, *(_with_interval(name, part.scores) for part in parts)))
    reasons = [f"{part.name}: {reason}" for part in parts for reason in _score_reasons(part.scores)]
    return table(("figure", *(part.name for part in parts)), rows) + _reasons(reasons)


def _with_interval(name: str, scores: Scores) -> str:
    value: float | None = getattr(scores, name)
    around = scores.auroc_interval if name == "auroc" else None
    return number(value) + (f" ({around.low:.3f} to {around.high:.3f})" if around else "")


def _score_reasons(scores: Scores) -> list[str]:
    """What is missing, once for each reason."""
    if not scores.rows:
        return ["there are no rows"]
    titles = _FIGURES | {"auroc_interval": "interval of the AUROC"}
    return [f"{titles[name]}: {reason}" for name, reason in scores.why.items()]


def _method(rates: MethodRates) -> tuple[object, ...]:
    gap = rates.gap_interval
    return (
        rates.method,
        rates.rows,
        rates.photos,
        percent(rates.people, rates.people_interval),
        percent(rates.judged, rates.judged_interval),
        percent(rates.expected),
        signed(rates.gap) + (f" ({gap.low:+.1f} to {gap.high:+.1f})" if gap else ""),
        number(rates.auroc),
    )


def _method_reasons(methods: Iterable[MethodRates]) -> list[str]:
    titles = {"auroc": "AUROC", "intervals": "intervals"}
    return [f"{rates.method}: no {titles[name]}, {why}" for rates in methods for name, why in rates.why.items()]


def _strata(strata: Sequence[Stratum]) -> str:
    head = ("mask, of the photo", "rows", "labelled removed", "accuracy", "AUROC", "within each method, mean", "ECE")
    rows = []
    for each in strata:
        found = each.scores
        figures = (found.accuracy, found.auroc, found.within, found.ece)
        rows.append((each.name, found.rows, found.positives, *map(number, figures)))
    missing = [f"{each.name}: {each.scores.why['auroc']}" for each in strata if "auroc" in each.scores.why]
    return table(head, rows) + _reasons(missing)


def _easy(evaluation: Evaluation) -> str:
    if not evaluation.easy:
        return "There are none among these rows.\n"
    rows = ((each.kind, each.rows, percent(each.right)) for each in evaluation.easy)
    return table(("kind", "rows", "judged rightly %"), rows) + "\nThey count for no other figure and no goal.\n"


def _reasons(reasons: Sequence[str]) -> str:
    return "".join(["\n", *(f"- {_cell(reason).removesuffix('.')}.\n" for reason in reasons)]) if reasons else ""


def _cell(text: str) -> str:
    """Text that neither ends a cell nor a line: names of methods come from datasets of others."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
