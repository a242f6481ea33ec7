"""What stands in a hole and nowhere around it: a smear in grass, something newly drawn, an object that was left.

Squares of the view are described by their colour and by how much detail they have at three sizes. Each square of the
hole is compared with the known one that is most like it, of the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.surroundings import Hole, Numbers, Plane, blurred, lengths, quantiles, squared

Descriptions: TypeAlias = npt.NDArray[np.float32]
"""N x D, of N squares."""

_DETAILS = 3
"""The finest of `surroundings.SIZES` that squares are described by."""
_DETAIL = 0.5
"""Weight of a logarithm of detail beside a colour."""
_COMPARED = 512
"""About so many known squares are compared with, of larger views; all of a view of 128 pixels."""
_UNCHANGED = (0.1, 0.3)
"""Change of colour, evened, over which a square less and less counts as left."""
_TOLD = (0.75, 0.9, 0.98, 1.0)


class Novelties(NamedTuple):
    """Of every square of a hole, the distance to the most similar known square of the same picture."""

    source: Numbers
    result: Numbers

    @property
    def both(self) -> Numbers:
        """What is foreign before and after."""
        return np.minimum(self.source, self.result)


def novelty(hole: Hole) -> Numbers:
    """How foreign the hole's squares are, by colour and by colour and detail: smears, new things, what was left."""
    inside, known = hole.squares.inside, hole.squares.known
    after, before = squared(hole.result[1]), squared(hole.source[1])
    changed = lengths(after - before)[inside]
    result = _described(after, [band.result for band in hole.bands])
    source = _described(before, [band.source for band in hole.bands])
    colours = Novelties(nearest(before[inside], before[known]), nearest(after[inside], after[known]))
    whole = Novelties(nearest(source[inside], source[known]), nearest(result[inside], result[known]))
    return np.hstack(
        [
            quantiles(changed, (0.02, 0.1, 0.25, 0.5, 0.75, 0.9)),
            foreign(colours),
            foreign(whole),
            left(colours, changed),
            left(whole, changed),
            usual(result[known]),
        ]
    )


def foreign(found: Novelties) -> Numbers:
    """Of the result, of the source and of both: what is foreign in the result alone is new, in both it was left."""
    return np.hstack(
        [
            quantiles(found.result, (0.5, *_TOLD)),
            quantiles(found.source, (0.5, 0.9, 1.0)),
            quantiles(found.both, _TOLD),
        ]
    )


def left(found: Novelties, changed: Numbers) -> Numbers:
    """How foreign those squares of the source were which the result did not change: the object is still there."""
    return np.concatenate([quantiles(found.source * np.exp(-changed / most), _TOLD) for most in _UNCHANGED])


def usual(known: Descriptions) -> Numbers:
    """How far every second known square is from the others: a photo of many things has foreign squares anyhow."""
    return quantiles(nearest(known[::2], known[1::2]), (0.8, 0.96)) if len(known) > 8 else np.zeros(2)


def nearest(squares: Descriptions, known: Descriptions) -> Numbers:
    """Euclidean distance of each to the most similar known one.

    No matrix product: its threads wait for each other where the machine is busy, for a hundred times as long.
    """
    known = np.ascontiguousarray(known[:: max(1, len(known) // _COMPARED)])
    distances, _ = cv2.batchDistance(squares, known, cv2.CV_32F, normType=cv2.NORM_L2, K=1)
    return np.asarray(distances[:, 0])


def _described(colours: Plane, energies: Sequence[Plane]) -> Descriptions:
    """Squares as H x W x 6: colour, and logarithms of detail from fine to coarse."""
    details = [squared(np.log(blurred(energy, 1.4) + np.float32(1e-3))) for energy in energies[:_DETAILS]]
    return np.dstack([colours, *(detail * np.float32(_DETAIL / 2) for detail in details)])
