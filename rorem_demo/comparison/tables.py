"""Results of one photo as a table, in Markdown or LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rorem_demo.discriminator.score import in_words

HEADINGS = ("Method", "Seconds", "Device", "Licence", "Likely clean", "PSNR in the hole, dB")
UNKNOWN = "n/a"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One result."""

    title: str
    seconds: float | None
    device: str
    licence: str
    likely: float | None
    """0..1; None where no judge was asked."""
    psnr: float | None
    """In the hole, against the truth; None where nobody knows it, infinite where it is met exactly."""

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of HEADINGS."""
        likely = UNKNOWN if self.likely is None else in_words(self.likely)
        return (
            self.title, _number(self.seconds, 2), self.device or UNKNOWN, self.licence or UNKNOWN, likely,
            decibels(self.psnr),
        )  # fmt: skip


def decibels(psnr: float | None) -> str:
    """A ratio as it is printed."""
    return _number(psnr, 1)


def markdown(lines: Iterable[Line], caption: str) -> str:
    """A pipe table under its caption."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells for line in lines)]
    table = "\n".join(f"| {' | '.join(map(_for_markdown, row))} |" for row in rows)
    return f"{_for_markdown(caption)}\n\n{table}\n"


def latex(lines: Sequence[Line], caption: str) -> str:
    """A `table` that needs no package."""
    rows = [HEADINGS, *(line.cells for line in lines)]
    head, *body = [f"    {' & '.join(map(_for_latex, row))} \\\\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{_for_latex(caption)}}}",
            r"  \begin{tabular}{lrlllr}",
            r"    \hline",
            head,
            r"    \hline",
            *body,
            r"    \hline",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _number(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return UNKNOWN
    return "exact" if math.isinf(value) else f"{value:.{digits}f}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _for_markdown(text: str) -> str:
    return re.sub(r"([\\|`*_<>\[\]#])", r"\\\1", _one_line(text))


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def _for_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in _one_line(text))
