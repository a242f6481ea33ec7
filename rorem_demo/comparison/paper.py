"""The paper's own numbers: Table 2 of RORem (arXiv 2501.00740), as its authors' repository shows it.

Never measured here. The figures are those of `figures/quantative_result.png` in github.com/leeruibin/RORem: commit
8ef80c1 (2025-01-24) for all columns but one; the discriminator's estimate only stands in the first version of the
figure, commit 9394761 (2025-01-01), which has the same other values but CLIPAway's DINO and CLIP swapped.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from types import MappingProxyType

SOURCE = "Li et al., RORem, CVPR 2025, arXiv 2501.00740, Table 2"
ADDRESS = "https://arxiv.org/abs/2501.00740"
FIGURES = "https://github.com/leeruibin/RORem/blob/{commit}/figures/quantative_result.png"
COMMIT = "8ef80c1"
"""All columns but `estimate`."""
FIRST_COMMIT = "9394761"
"""`estimate`."""
LABEL = "the paper's, not measured here"

COLUMNS = ("people %", "D_phi %", "PSNR", "LPIPS x100", "DINO", "CLIP", "seconds")
"""Of the figures of a row, in their order; D_phi is the paper's discriminator."""


@dataclass(frozen=True)
class Row:
    """One method at one size, as printed."""

    method: str
    people: float
    """Percent of results that people called a success."""
    estimate: float
    """The same as the paper's discriminator estimates it."""
    psnr: float
    lpips: float
    """Times 100; less is nearer."""
    dino: float
    clip: float
    seconds: float

    @property
    def figures(self) -> tuple[float, ...]:
        """In the order of COLUMNS."""
        return astuple(self)[1:]


TABLE_512 = (
    Row("LaMa", 55.4, 48.6, 33.06, 2.99, 0.77, 22.77, 0.15),
    Row("SDXL-INP", 15.8, 16.0, 26.03, 4.72, 0.76, 22.23, 4.52),
    Row("INST", 3.0, 3.6, 23.75, 10.36, 0.74, 20.80, 5.68),
    Row("PowerPaint", 55.8, 56.8, 28.41, 6.06, 0.75, 22.36, 1.98),
    Row("IP2P", 10.0, 7.2, 19.81, 19.95, 0.72, 13.82, 3.62),
    Row("CLIPAway", 32.4, 35.4, 28.69, 3.55, 0.75, 22.91, 4.95),
    Row("DesignEdit", 29.2, 25.4, 26.79, 8.16, 0.68, 22.01, 12.88),
    Row("RORem", 76.2, 74.6, 31.10, 2.86, 0.77, 23.28, 4.03),
    Row("RORem-4S", 74.8, 71.0, 30.08, 3.47, 0.77, 23.24, 0.50),
)
TABLE_1024 = (
    Row("LaMa", 18.2, 13.8, 36.36, 2.68, 0.75, 22.24, 0.21),
    Row("SDXL-INP", 20.4, 18.6, 32.28, 1.59, 0.77, 22.06, 5.57),
    Row("INST", 3.2, 3.6, 24.83, 9.42, 0.77, 20.65, 6.75),
    Row("PowerPaint", 46.8, 54.6, 33.34, 2.40, 0.77, 22.62, 5.61),
    Row("IP2P", 6.6, 4.6, 22.89, 24.90, 0.76, 20.75, 10.46),
    Row("CLIPAway", 23.8, 29.2, 33.04, 1.86, 0.75, 22.42, 41.42),
    Row("DesignEdit", 52.4, 56.8, 32.98, 2.73, 0.77, 22.97, 23.11),
    Row("RORem", 70.2, 71.6, 36.05, 1.44, 0.78, 23.14, 4.44),
    Row("RORem-4S", 67.4, 68.2, 35.02, 1.84, 0.77, 23.03, 0.83),
)
TABLES = MappingProxyType({512: TABLE_512, 1024: TABLE_1024})
"""By the longer side of the pictures."""

ROWS = MappingProxyType({"lama": "LaMa", "sdxl-inpaint": "SDXL-INP", "rorem": "RORem", "rorem-4s": "RORem-4S"})
"""Rows of the paper by key of the catalogue: the same weights. Its other rows are no methods of ours."""


def of_method(key: str) -> dict[int, Row]:
    """The paper's rows of a method of ours, by size; empty if it has none."""
    name = ROWS.get(key)
    return {size: row for size, rows in TABLES.items() for row in rows if row.method == name}


def in_words(key: str) -> str:
    """What the paper says of a method of ours, for its tile; "" if nothing."""
    row = of_method(key).get(512)
    return f"paper: {row.people}% by people at 512" if row else ""
