"""How long removers take, and how that grows with the photo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import cv2
import numpy as np

from rorem_demo.imaging.types import Image, Mask, Size, size_of
from rorem_demo.removers.base import Cost, Removal, RemovalOptions, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.erase import erase, finish
from rorem_demo.services import Services

SMALL = Size(1155, 866)
LARGE = Size(4000, 3000)
"""1 and 12 megapixels of one shape."""
SHARES = (0.01, 0.05, 0.1)
"""Of the photo that is marked."""
OVERHEAD = "overhead"
"""Names the row of a remover that does nothing."""

_OCTAVES = 8
_CONTRAST = 60.0
"""Levels of the coarsest octave."""
_SHAPES = 40

Run: TypeAlias = Callable[[Image, Mask], Removal]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Median seconds of one remover on one scene at two sizes."""

    method: str
    share: float
    """Of the photo that is marked, 0..1."""
    small_seconds: float
    large_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long the large photo takes."""
        return self.large_seconds / self.small_seconds


def measured_speeds(
    services: Services,
    *,
    repeats: int,
    small: Size = SMALL,
    large: Size = LARGE,
    shares: tuple[float, ...] = SHARES,
) -> Iterator[Speed]:
    """A row per share for the overhead of `erase` and for every CPU remover that runs here.

    Small and large runs alternate, so that a slow minute of the machine touches both alike.
    """
    large_photo = textured(large)
    photos = np.asarray(cv2.resize(large_photo, small, interpolation=cv2.INTER_AREA), np.uint8), large_photo
    for method, run in _runs(services):
        for share in shares:
            pairs = [(photo, centred_mask(size_of(photo), share)) for photo in photos]
            run(*pairs[0])  # the first run may load a model
            seconds = [[run(*pair).seconds for pair in pairs] for _ in range(repeats)]
            small_seconds, large_seconds = map(median, zip(*seconds, strict=True))
            yield Speed(method=method, share=share, small_seconds=small_seconds, large_seconds=large_seconds)


def textured(size: Size, seed: int = 0) -> Image:
    """A picture with detail at every scale and with edges; the same seed gives the same one."""
    random = np.random.default_rng(seed)
    canvas = np.full((size.height, size.width, 3), 128, np.float32)
    for octave in range(_OCTAVES):
        cells = random.standard_normal((3 * 2**octave, 4 * 2**octave, 3), np.float32)
        canvas += _CONTRAST * 0.6**octave * cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC)
    image = np.clip(canvas, 0, 255).astype(np.uint8)
    for _ in range(_SHAPES):
        centre = (random.random(2) * size).astype(int).tolist()
        axes = (random.random(2) * 0.05 * max(size)).astype(int).tolist()
        colour = random.integers(0, 256, 3).tolist()
        cv2.ellipse(image, centre, axes, 360 * random.random(), 0, 360, colour, thickness=max(1, max(size) // 200))
    return image


def centred_mask(size: Size, share: float) -> Mask:
    """An ellipse in the middle that covers about `share` of the picture; share below pi / 4."""
    rows = np.linspace(-1, 1, size.height)[:, None]
    columns = np.linspace(-1, 1, size.width)
    return np.asarray(rows**2 + columns**2 <= 4 * share / np.pi, np.bool_)


def _runs(services: Services) -> Iterator[tuple[str, Run]]:
    yield OVERHEAD, lambda image, mask: finish(erase(_UNCHANGED, _Unchanged(), image, mask, RemovalOptions()))
    for spec in services.removers:
        if spec.preselected == "anywhere" and not services.missing(spec):
            yield spec.key, _run_of(spec.key, services)


def _run_of(key: str, services: Services) -> Run:
    return lambda image, mask: finish(services.remove(key, image, mask, RemovalOptions()))


class _Unchanged:
    """Fills a hole with what is in it."""

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:  # noqa: ARG002  # Remover's
        yield Step(1.0, image)


_UNCHANGED = RemoverSpec(
    key=OVERHEAD,
    title="Overhead",
    summary="Does nothing.",
    loader=f"{__name__}:_Unchanged",
    licence="Apache-2.0",
    source="",
    cost=Cost(memory_gb=0, fixed_seconds=0),
)
