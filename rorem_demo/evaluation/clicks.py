"""How well a segmenter finds an object from a few clicks.

The protocol of interactive segmentation as in Sofiiuk et al., "Reviving iterative training with mask guidance for
interactive segmentation" (2021): a robot that knows the true mask clicks where the answer is most wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.imaging.io import decode_photo
from rorem_demo.imaging.types import Image, Mask, as_mask
from rorem_demo.segmenters.base import Candidate, Click, Encoding, Segmenter, SegmenterSpec
from rorem_demo.segmenters.segment import encoded, finished, proposed

CLICKS = 5
"""Given on each object."""

_MOST_PIXELS = 50_000_000

_Depth: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClickCase:
    """A photo and one object in it."""

    name: str
    image: Image
    mask: Mask


@dataclass(frozen=True, kw_only=True)
class ClickRun:
    """What one case gave."""

    ious: tuple[float, ...]
    """Of the first candidate, after 1, 2 ... clicks."""
    best_first: float
    """IoU of the best candidate after the first click: what a person who picks one would get."""
    encode_seconds: float
    propose_seconds: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ClickScore:
    """What all cases gave together."""

    cases: int
    ious: tuple[float, ...]
    """Mean over the cases, after 1, 2 ... clicks."""
    best_first: float
    """Mean."""
    encode_seconds: float
    propose_seconds: float
    """Medians."""

    @classmethod
    def of(cls, runs: Sequence[ClickRun]) -> ClickScore:
        """The score of one run or more."""
        return cls(
            cases=len(runs),
            ious=tuple(fmean(ious) for ious in zip(*(run.ious for run in runs), strict=True)),
            best_first=fmean(run.best_first for run in runs),
            encode_seconds=median(run.encode_seconds for run in runs),
            propose_seconds=median(seconds for run in runs for seconds in run.propose_seconds),
        )


def click_cases(folder: Path, most: int | None = None) -> Iterator[ClickCase]:
    """The cases of a folder, in order of names: `img/name.jpg` the photo, `gt/name.png` not black on the object.

    Args:
        folder: of both folders.
        most: this many, evenly spread over the folder; None takes all.

    Raises:
        InputError: no photos, or one that cannot be read or has no mask of its size.
    """
    photos = sorted(folder.glob("img/*.jpg"))
    if not photos:
        raise InputError(f"There are no photos in {folder / 'img'}.", hint="Give a folder that holds img and gt.")
    count = min(most or len(photos), len(photos))
    for number in range(count):
        yield _case(photos[number * len(photos) // count], folder / "gt")


def run_case(spec: SegmenterSpec, segmenter: Segmenter, case: ClickCase, clicks: int = CLICKS) -> ClickRun:
    """Look at the photo and click the object; an object found to the last pixel is clicked no more.

    Raises:
        InputError: the mask does not fit the photo or is empty.
        UnavailableError: the segmenter failed.
    """
    truth = as_mask(case.mask, case.image)
    start = perf_counter()
    encoding = finished(encoded(spec, segmenter, case.image))
    encode_seconds = perf_counter() - start
    rounds = list(_rounds(spec, segmenter, encoding, truth, clicks))
    ious = [iou(candidates[0].mask, truth) if candidates else 0.0 for candidates, _ in rounds]
    return ClickRun(
        ious=(*ious, *ious[-1:] * (clicks - len(ious))),
        best_first=max((iou(candidate.mask, truth) for candidate in rounds[0][0]), default=0.0),
        encode_seconds=encode_seconds,
        propose_seconds=tuple(seconds for _, seconds in rounds),
    )


def next_click(truth: Mask, found: Mask, before: Sequence[Click] = ()) -> Click | None:
    """A click on the deepest pixel of the deepest error, the first in reading order; None if nothing is wrong.

    The edge of the picture counts as an edge of the error. Pixels clicked before are not clicked again.
    """
    missing, surplus = _depth(truth & ~found), _depth(found & ~truth)
    for click in before:
        missing[click.y, click.x] = surplus[click.y, click.x] = 0
    keep = bool(surplus.max() > missing.max())
    depth = surplus if keep else missing
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Click(int(x), int(y), keep=keep) if depth[y, x] > 0 else None


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union, 0..1; 1 if both are empty."""
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def _rounds(
    spec: SegmenterSpec, segmenter: Segmenter, encoding: Encoding, truth: Mask, most: int
) -> Iterator[tuple[list[Candidate], float]]:
    """The candidates after each click and the seconds they took."""
    clicks: list[Click] = []
    best: Candidate | None = None
    found = np.zeros_like(truth)
    while len(clicks) < most and (click := next_click(truth, found, clicks)):
        clicks.append(click)
        start = perf_counter()
        try:
            candidates = proposed(spec, segmenter, encoding, clicks, best)
        except InputError:  # these clicks are sound, so it means that nothing was found
            candidates = []
        yield candidates, perf_counter() - start
        best = candidates[0] if candidates else None
        found = best.mask if best else np.zeros_like(truth)


def _depth(error: Mask) -> _Depth:
    padded = np.pad(error.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth[1:-1, 1:-1], np.float32)


def _case(photo: Path, masks: Path) -> ClickCase:
    image = decode_photo(_bytes(photo), max_pixels=_MOST_PIXELS).image
    levels = cv2.imdecode(np.frombuffer(_bytes(masks / f"{photo.stem}.png"), np.uint8), cv2.IMREAD_GRAYSCALE)
    if levels is None:
        raise InputError(f"The mask of {photo} cannot be read.", hint="Save it as PNG.")
    return ClickCase(photo.stem, image, as_mask(np.asarray(levels > 0), image))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
