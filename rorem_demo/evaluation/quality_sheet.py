"""The sheet of a run: the best and the worst pairs of each method, with their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rorem_demo.discriminator.score import in_words
from rorem_demo.evaluation.quality_report import Report
from rorem_demo.evaluation.quality_strips import Shown, sheet
from rorem_demo.evaluation.quality_work import BASELINES, Measured

_EACH = 3
"""Best, and worst."""


def sheet_of(report: Report, results: Mapping[str, Sequence[Measured]], folder: Path) -> bytes:
    """A JPEG with all methods but the baselines; by PSNR in the hole, which the figures beside it may contradict."""
    methods = []
    for found in report.methods:
        if found.key not in BASELINES:
            best, worst = ([_shown(each, folder) for each in side] for side in extremes(results[found.key]))
            methods.append((found.key, best, worst))
    return sheet(methods)


def extremes(found: Sequence[Measured]) -> tuple[list[Measured], list[Measured]]:
    """Up to three of the best, best first, and of the worst, worst first; none is in both."""
    order = sorted(
        (each for each in found if each.hole_psnr is not None), key=lambda each: each.hole_psnr or 0.0, reverse=True
    )
    count = min(_EACH, max(1, len(order) // 2))
    return order[:count], order[count:][::-1][:count]


def _shown(each: Measured, folder: Path) -> Shown:
    said = f"; {in_words(each.likely)}" if each.likely is not None else ""
    similar = f", SSIM {each.hole_ssim:.2f}" if each.hole_ssim is not None else ""
    return Shown(path=folder / each.strip, text=f"{each.case}: {each.hole_psnr:.1f} dB{similar}{said}")
