"""studied(): what the size of a mask and the softness of its edge do, as a grid of attempts by one method."""

from __future__ import annotations

from dataclasses import dataclass

from rorem_demo.comparison.lineup import Entry
from rorem_demo.removers.base import RemovalOptions

GROWN = (0, 8, 16, 32)
"""Photo pixels the mask is grown by, a row of the grid each."""
NO_RING = "Nothing is added to this mask, so there is no ring in which its edge could be soft."


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One tile of the grid."""

    tile: str
    grow: int
    feather: int
    entry: Entry | None
    """None where there is nothing to try."""

    @property
    def title(self) -> str:
        edge = f"soft over {self.feather} px" if self.feather else "hard"
        return f"grown by {self.grow} px, {edge}" if self.grow else "not grown, hard"


def studied(method: str, seed: int | None) -> tuple[Cell, ...]:
    """Hard and soft edge for each size of mask, row by row, with the same seed.

    A soft edge takes half of the ring by which the mask was grown, as removers' defaults do.
    """
    return tuple(_cell(method, seed, grow, soft=soft) for grow in GROWN for soft in (False, True))


def named(grow: int, feather: int) -> str:
    """What a result with these options is called among others of the same method."""
    return Cell(tile="", grow=grow, feather=min(grow, feather), entry=None).title


def _cell(method: str, seed: int | None, grow: int, *, soft: bool) -> Cell:
    feather = grow // 2 if soft else 0
    tile = f"{grow}-{'soft' if soft else 'hard'}"
    options = RemovalOptions(seed=seed, grow=grow, feather=feather)
    tried = grow > 0 or not soft  # without a ring the soft edge would be the hard one again
    return Cell(
        tile=tile,
        grow=grow,
        feather=feather,
        entry=Entry(tile=tile, method=method, options=options) if tried else None,
    )
