"""The report for people, in Markdown; a figure that is not there is a dash, and a line below says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rorem_demo.evaluation.quality_figures import Figure
from rorem_demo.evaluation.quality_measures import DISTANCES, FEATURES, FID
from rorem_demo.evaluation.quality_report import CLEAN, About, MethodQuality, Report
from rorem_demo.evaluation.quality_work import BASELINES

DASH = "-"
_MOST_NAMED = 20
"""Failures; quality.json has all."""
CAUTION = """No number here stands alone; look at the sheet.

- PSNR, SSIM and distances compare with the one picture that was there. They reward copying and closeness to its mean:
  a smear of the right colour can beat sharp texture that nobody would object to, and does where the truth is smooth.
- A judge that sees no truth can take a smear for a smooth background, or a wrong but clean texture for the right one.
- Figures of frames from one camera are alike, so intervals over pairs are narrower than those over places would be.
"""


_BASELINES = "".join(f"- `{key}`: {said}.\n" for key, said in BASELINES.items())
MEANING = f"""In the hole: the pixels of the mask, result against truth. Outside: those that lie beyond the mask as the
method grew it, which our removers leave as they are in the photo; so PSNR and SSIM there say how near the photo itself
is to the truth. The ring between is counted in neither. In brackets: 95% intervals, by bootstrap over pairs, of rates
Wilson's; rows are of the same pairs, so intervals that overlap do not make two methods alike. A pair whose pixels are
all equal has no PSNR and is left out of its mean; `equal` means that all were. s: median seconds of a pair. Measured
with every run:

{_BASELINES}"""


def markdown(report: Report, sheet: str = "") -> str:
    """All of it.

    Args:
        report: what was measured.
        sheet: path of the picture with best and worst results, as the text is to name it.
    """
    shown = f"\n## Best and worst\n\n![best and worst results of each method]({sheet})\n" if sheet else ""
    failures = f"\n## Failures\n\n{_failures(report)}" if report.failures else ""
    return f"# Quality on {report.about.pairs}\n\n{CAUTION}\n{tables(report)}\n{MEANING}{shown}{failures}"


def tables(report: Report) -> str:
    """What was measured and where, both tables, and why columns are empty: what documents quote."""
    return "\n".join((_about(report.about), _in_the_hole(report), _outside(report), *_notes(report)))


def _about(about: About) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in about.packages.items())
    machine = f"{about.cores} CPU cores, {'a GPU' if about.gpu else 'no GPU'}"
    left_out = f" {about.without_truth} pairs without a truth were left out." if about.without_truth else ""
    return (
        f"Pairs of `{about.pairs}`, measured {about.made} by version {about.app} on {machine}; Python {about.python}, "
        f"{packages}; seed {about.seed}.{left_out}\n"
    )


def _in_the_hole(report: Report) -> str:
    networks = [spec.title for spec in (*DISTANCES, *FEATURES)]
    head = ("in the hole", "pairs", "failed", "PSNR, dB", "SSIM", *networks, "likely clean, %", "judge's mean, %", "s")
    return _table(head, map(_hole_cells, report.methods))


def _hole_cells(found: MethodQuality) -> list[str]:
    return [
        f"`{found.key}`",
        str(found.pairs),
        str(found.failures),
        _decibels(found.hole_psnr, found),
        _shown(found.hole_ssim, "{:.3f}".format),
        *(_shown(found.distances.get(spec.key), "{:.3f}".format) for spec in DISTANCES),
        DASH if found.fid is None else f"{found.fid:.1f}",
        _shown(found.clean, _percent),
        _shown(found.likely, _percent),
        DASH if found.seconds is None else f"{found.seconds:.2f}",
    ]


def _outside(report: Report) -> str:
    head = ("outside", "PSNR, dB", "SSIM", "pixels changed")
    cells = (
        (
            f"`{found.key}`",
            _decibels(found.outside_psnr, found),
            _shown(found.outside_ssim, "{:.3f}".format),
            str(found.changed_outside),
        )
        for found in report.methods
    )
    return _table(head, cells)


def _notes(report: Report) -> Iterator[str]:
    judges = sorted({judge for found in report.methods for judge in found.judges})
    if judges:
        yield (
            f"Likely clean: results to which the judge {' and '.join(f'`{judge}`' for judge in judges)} gives "
            f"{CLEAN:.0%} or more.\n"
        )
    yield "".join(f"- {title} is empty: {why}\n" for title, why in _empty(report))


def _empty(report: Report) -> Iterator[tuple[str, str]]:
    titles = {spec.key: spec.title for spec in DISTANCES} | {FID: FEATURES[FID].title}
    yield from ((titles.get(key, key), why) for key, why in report.about.empty.items() if why)
    if report.about.why_no_judge:
        yield "Likely clean", report.about.why_no_judge


def _failures(report: Report) -> str:
    lines = [f"- `{each.method}`, {each.case}: {each.sentence}\n" for each in report.failures[:_MOST_NAMED]]
    more = len(report.failures) - len(lines)
    return "".join(lines) + (f"- and {more} more, in quality.json\n" if more else "")


def _decibels(figure: Figure | None, found: MethodQuality) -> str:
    """PSNR, and of how many pairs if some are equal; `equal` where all are."""
    if figure is None:
        return "equal" if found.pairs else DASH
    return _shown(figure, "{:.2f}".format) + (f", {figure.n} pairs" if figure.n < found.pairs else "")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _shown(figure: Figure | None, said: Callable[[float], str]) -> str:
    if figure is None:
        return DASH
    if figure.low is None or figure.high is None:
        return said(figure.value)
    return f"{said(figure.value)} ({said(figure.low)} to {said(figure.high)})"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
