"""Whether a judge is moved by what has nothing to do with the object: light, contrast, the encoder, sharpness.

Each change is made to the result alone, as where a method or a Space encodes differently than the photo, and to source
and result together, as where another camera took the photo. The first may lower a score a little, since the result is
then less like its photo; the second should leave it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

from rorem_demo.discriminator.triples import Triple
from rorem_demo.imaging.types import Image, Mask

Score: TypeAlias = Callable[[Image, Mask, Image], float]
"""Of source, mask and result: the chance that the object is gone."""
Of: TypeAlias = Literal["result", "both"]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How scores move under one change."""

    change: str
    """Key of CHANGES."""
    of: Of
    """The result alone, or source and result together."""
    rows: int
    mean: float | None
    """Of the changed score less the first, -1..1; None of no rows."""
    absolute: float | None
    """Mean without the sign."""
    crossed: float | None
    """Share of rows of which the judge then says the opposite."""


def scaled(image: Image, factor: float) -> Image:
    """Brighter or darker: all levels times a factor."""
    return np.asarray(np.rint(np.clip(image.astype(np.float32) * factor, 0, 255)), np.uint8)


def stretched(image: Image, factor: float) -> Image:
    """More or less contrast: distances to the picture's mean times a factor."""
    levels = image.astype(np.float32)
    return np.asarray(np.rint(np.clip((levels - levels.mean()) * factor + levels.mean(), 0, 255)), np.uint8)


def encoded_again(image: Image, quality: int) -> Image:
    """After a JPEG file of that quality, 0..100."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    found = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert found is not None, "OpenCV reads what it wrote"
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def blurred(image: Image, sigma: float) -> Image:
    """Less sharp; sigma in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


CHANGES: Mapping[str, Callable[[Image], Image]] = {
    "brightness 80 %": lambda image: scaled(image, 0.8),
    "brightness 120 %": lambda image: scaled(image, 1.2),
    "contrast 80 %": lambda image: stretched(image, 0.8),
    "contrast 120 %": lambda image: stretched(image, 1.2),
    "JPEG quality 90": lambda image: encoded_again(image, 90),
    "JPEG quality 70": lambda image: encoded_again(image, 70),
    "JPEG quality 40": lambda image: encoded_again(image, 40),
    "blur 0.7 px": lambda image: blurred(image, 0.7),
    "blur 1.5 px": lambda image: blurred(image, 1.5),
}


def probes(
    score: Score,
    triples: Iterable[Triple],
    threshold: float = 0.5,
    changes: Mapping[str, Callable[[Image], Image]] = CHANGES,
) -> tuple[Probe, ...]:
    """Two rows for each change: of the result alone, then of both. One triple is in memory at a time.

    Args:
        score: the judge; it must give the same score for the same pictures.
        triples: some tens of them, of clean and failed removals.
        threshold: probability from which on it says removed.
        changes: what is done to pictures, by name.
    """
    before: list[float] = []
    after: dict[tuple[str, Of], list[float]] = {(name, of): [] for name in changes for of in ("result", "both")}
    for triple in triples:
        before.append(score(triple.source, triple.mask, triple.result))
        for name, change in changes.items():
            result = change(triple.result)
            after[name, "result"].append(score(triple.source, triple.mask, result))
            after[name, "both"].append(score(change(triple.source), triple.mask, result))
    return tuple(_probe(name, of, before, found, threshold) for (name, of), found in after.items())


def _probe(name: str, of: Of, before: list[float], after: list[float], threshold: float) -> Probe:
    if not before:
        return Probe(change=name, of=of, rows=0, mean=None, absolute=None, crossed=None)
    first, second = np.array(before), np.array(after)
    return Probe(
        change=name,
        of=of,
        rows=len(first),
        mean=float((second - first).mean()),
        absolute=float(np.abs(second - first).mean()),
        crossed=float(((second >= threshold) != (first >= threshold)).mean()),
    )
