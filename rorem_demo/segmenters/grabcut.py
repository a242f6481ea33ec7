"""grabcut: clicks and boxes to masks by colours and edges alone; needs no weights.

What belongs together is decided among cells of a reduced photo, see `guesses`. Then GrabCut (Rother, Kolmogorov and
Blake, 2004) moves each outline to the edge nearby, on a copy of the object's surroundings with a bounded number of
pixels. So the time hardly depends on the size of the photo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path

import cv2
import numpy as np

from rorem_demo.imaging.cells import SIDE, Cells, Floats, cells_of
from rorem_demo.imaging.masks import bounding_box, distance_to
from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of
from rorem_demo.segmenters.base import BoxPrompt, Candidate, Click, Encoding, EncodingStep, Prompt, SegmenterSpec
from rorem_demo.segmenters.guesses import Pointing, carried, guessed

_LONGEST = 1600
"""Side of the copy in which outlines are looked for."""
_MOST_PIXELS = 60_000
"""Of an object's surroundings while its outline is looked for."""
_MARGIN = SIDE
"""Around an object, in pixels of the photo that is divided into cells."""
_BAND = 0.4 * SIDE
"""How far an outline may move, in the same pixels."""
_CLUSTER = 5
"""Colours in each of GrabCut's two models: so many pixels it needs at least."""
_HELD = 0.5
"""An outline that leaves less IoU with the region it began as has lost the object."""
_DISC = 0.003
"""Radius in which a click is certain, as a share of the photo's shorter side."""
_LEEWAY = 0.05
"""How far an object may look out of its box, as a share of the box's longer side."""
_MOST = 3
_ALIKE_CELLS, _ALIKE = 0.7, 0.9
"""IoU from which two regions, or two masks, are no choice."""


def load(spec: SegmenterSpec, files: tuple[Path, ...]) -> GrabCut:  # noqa: ARG001  # what every loader takes
    """Nothing to load."""
    return GrabCut()


@dataclass(frozen=True, eq=False)
class Look:
    """What is kept of a photo."""

    size: Size
    photo: Image
    """A copy, reduced if the photo is large."""
    cells: Cells

    @property
    def size_bytes(self) -> int:
        return self.photo.nbytes + self.cells.size_bytes


class GrabCut:
    """Every pixel that is clicked is in the mask, or outside for a click that keeps, with a small disc around it."""

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        """Yield progress and at last the Look."""
        photo = _copy(image)
        yield EncodingStep(0.1)
        yield EncodingStep(1.0, Look(size_of(image), photo, cells_of(image)))

    def propose(
        self, encoding: Encoding, prompts: Sequence[Prompt], previous: Candidate | None = None
    ) -> list[Candidate]:
        """Up to three masks, no two of them much alike; the score is the IoU to be expected."""
        assert isinstance(encoding, Look)  # encodings come back to the segmenter that made them
        clicks = [prompt for prompt in prompts if isinstance(prompt, Click)]
        box = next((prompt.box for prompt in prompts if isinstance(prompt, BoxPrompt)), None)
        before = previous.mask if previous else None
        regions, scores = guessed(encoding.cells, Pointing.at(encoding.cells, encoding.size, clicks, box, before))
        found: list[Candidate] = []
        for number in _different(encoding.cells, regions, scores):
            mask = _mask(encoding, regions[:, number] > 0, clicks, box)
            if mask.any() and all(_iou(mask, other.mask) < _ALIKE for other in found):
                found.append(Candidate(mask, float(np.clip(scores[number], 0, 1))))
        return found


def _copy(image: Image) -> Image:
    size = size_of(image)
    if max(size) <= _LONGEST:
        return image.copy()
    return np.asarray(cv2.resize(image, size.scaled(_LONGEST / max(size)), interpolation=cv2.INTER_AREA), np.uint8)


def _different(cells: Cells, regions: Floats, scores: Floats) -> list[int]:
    """The best regions, best first, without those much like a better one."""
    chosen: list[int] = []
    for number in np.argsort(-scores, kind="stable"):
        region = regions[:, number]
        common = cells.areas @ (regions[:, chosen] * region[:, None])
        union = cells.areas @ np.maximum(regions[:, chosen], region[:, None])
        if region.any() and np.all(common < _ALIKE_CELLS * union):
            chosen.append(int(number))
        if len(chosen) == _MOST:
            break
    return chosen


def _mask(look: Look, region: Mask, clicks: Sequence[Click], box: Box | None) -> Mask:
    """A region of cells at the photo's size, with its outline on edges of the photo."""
    size = look.size
    coarse = region[look.cells.labels]
    window = bounding_box(coarse).grown(_MARGIN, size_of(coarse))
    place = carried(window, size_of(coarse), size)
    mask = np.zeros((size.height, size.width), np.bool_)
    mask[place.slices] = _outlined(look, coarse, window, clicks)
    if box is not None:
        near = box.grown(round(_LEEWAY * max(box.size)), size)
        inside = mask[near.slices].copy()
        mask[:] = False
        mask[near.slices] = inside if inside.any() else True
    _mark(mask.view(np.uint8), clicks, _radius(size), values=(1, 0))
    return mask


def _outlined(look: Look, coarse: Mask, window: Box, clicks: Sequence[Click]) -> Mask:
    """The part of the mask in a window of the coarse one, at the photo's size."""
    source = carried(window, size_of(coarse), size_of(look.photo))
    factor = min(1.0, (_MOST_PIXELS / source.size.area) ** 0.5)
    detail = np.asarray(
        cv2.resize(look.photo[source.slices], source.size.scaled(factor), interpolation=cv2.INTER_AREA), np.uint8
    )
    place = carried(window, size_of(coarse), look.size)
    scale = detail.shape[1] / place.size.width
    local = [
        Click(floor((click.x - place.left) * scale), floor((click.y - place.top) * scale), keep=click.keep)
        for click in clicks
    ]
    inside = _resized(coarse[window.slices], size_of(detail))
    band = _BAND * detail.shape[1] / window.size.width
    return _resized(_moved(detail, inside, band, local, round(_radius(look.size) * scale)), place.size)


def _moved(detail: Image, inside: Mask, band: float, clicks: Sequence[Click], radius: int) -> Mask:
    """The mask after GrabCut chose again in a band along its outline; the mask itself where that cannot help."""
    if min(np.count_nonzero(inside), np.count_nonzero(~inside)) < _CLUSTER:
        return inside
    probable = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    certain = np.where(inside, cv2.GC_FGD, cv2.GC_BGD)
    far = np.where(inside, distance_to(~inside), distance_to(inside)) > band
    labels = np.where(far, certain, probable).astype(np.uint8)
    _mark(labels, clicks, radius, values=(cv2.GC_FGD, cv2.GC_BGD))
    if min(np.count_nonzero(labels & 1), np.count_nonzero(~labels & 1)) < _CLUSTER:
        return inside
    cv2.setRNGSeed(0)  # of this thread alone: GrabCut's first guess at colours is drawn
    outer, inner = np.zeros((1, 13 * _CLUSTER)), np.zeros((1, 13 * _CLUSTER))
    cv2.grabCut(np.ascontiguousarray(detail), labels, (0, 0, 0, 0), outer, inner, 1, cv2.GC_INIT_WITH_MASK)
    moved = np.asarray(labels & 1, np.bool_)
    return moved if _iou(moved, inside) >= _HELD else inside


def _resized(mask: Mask, size: Size) -> Mask:
    """The mask at another size, without stairs."""
    soft = cv2.GaussianBlur(mask.astype(np.uint8) * 255, (0, 0), 1)
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR) > 127)


def _radius(size: Size) -> int:
    return round(_DISC * min(size))


def _mark(labels: Image, clicks: Sequence[Click], radius: int, values: tuple[int, int]) -> None:
    """Draw discs, later clicks over earlier ones, and then each clicked pixel over all discs."""
    for reach in (radius, 0):
        for click in clicks:
            cv2.circle(labels, (click.x, click.y), reach, values[click.keep], cv2.FILLED)


def _iou(a: Mask, b: Mask) -> float:
    return float(np.count_nonzero(a & b) / max(1, int(np.count_nonzero(a | b))))
