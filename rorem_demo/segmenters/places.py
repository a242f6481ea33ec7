"""chosen(): which of the things a detector found are meant, by where they are and how large they look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from rorem_demo.imaging.types import Box, Size

_SURE = 0.5
"""Of the best score: what is less sure is not asked where it is, or a shadow at the edge would be the left dog."""
_FAR = 0.25
_TINY = 0.01
"""In the background is what covers at most this part of the largest of its kind, or of the photo."""
_ASIDE = 0.1
"""Part of the photo that something beside the main subject covers at most."""


class Found(NamedTuple):
    """One thing a detector found."""

    box: Box
    score: float
    """0..1."""
    name: str


class Place(Enum):
    """Where a thing is, or how large it looks."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    MIDDLE = "middle"
    BACKGROUND = "background"
    FRONT = "front"
    BIGGEST = "biggest"
    SMALLEST = "smallest"
    ASIDE = "aside"
    """Anywhere, but not the main subject."""


@dataclass(frozen=True)
class Wanted:
    """Things of one kind."""

    name: str
    """In the singular, without article or place."""
    count: int | None = None
    """How many of them; None is all."""
    places: tuple[Place, ...] = ()
    """All of these hold."""


def chosen(found: Sequence[Found], wanted: Sequence[Wanted], size: Size) -> list[Found]:
    """The things meant, surest first, each once; `size` is the photo's."""
    picked = {thing: None for one in wanted for thing in _meant(found, one, size)}
    return sorted(picked, key=lambda thing: -thing.score)


def _meant(found: Sequence[Found], wanted: Wanted, size: Size) -> list[Found]:
    alike = sorted((thing for thing in found if thing.name == wanted.name), key=lambda thing: -thing.score)
    if wanted.count is None:
        largest = max((thing.box.size.area for thing in alike), default=0)
        return [thing for thing in alike if all(_WITHIN[place](thing.box, size, largest) for place in wanted.places)]
    if not wanted.places:
        return alike[: wanted.count]
    sure = [thing for thing in alike if thing.score >= _SURE * alike[0].score]
    return sorted(sure, key=lambda thing: sum(_RANK[place](thing.box, size) for place in wanted.places))[: wanted.count]


def _x(box: Box, size: Size) -> float:
    return (box.left + box.right) / 2 / size.width


def _y(box: Box, size: Size) -> float:
    return (box.top + box.bottom) / 2 / size.height


def _part(box: Box, size: Size) -> float:
    return box.size.area / size.area


def _off_centre(box: Box, size: Size) -> float:
    return float(((_x(box, size) - 0.5) ** 2 + (_y(box, size) - 0.5) ** 2) ** 0.5)


def _is_far(box: Box, size: Size, largest: int) -> bool:
    return box.size.area <= max(_FAR * largest, _TINY * size.area)


_RANK: dict[Place, Callable[[Box, Size], float]] = {
    Place.LEFT: _x,
    Place.RIGHT: lambda box, size: -_x(box, size),
    Place.TOP: _y,
    Place.BOTTOM: lambda box, size: -_y(box, size),
    Place.MIDDLE: _off_centre,
    Place.BACKGROUND: _part,
    Place.FRONT: lambda box, size: -_part(box, size),
    Place.BIGGEST: lambda box, size: -_part(box, size),
    Place.SMALLEST: _part,
    Place.ASIDE: _part,
}
"""Which of several is meant: the one with the least."""

_WITHIN: dict[Place, Callable[[Box, Size, int], bool]] = {
    Place.LEFT: lambda box, size, _: _x(box, size) <= 0.5,
    Place.RIGHT: lambda box, size, _: _x(box, size) >= 0.5,
    Place.TOP: lambda box, size, _: _y(box, size) <= 0.5,
    Place.BOTTOM: lambda box, size, _: _y(box, size) >= 0.5,
    Place.MIDDLE: lambda box, size, _: _off_centre(box, size) <= 0.25,
    Place.BACKGROUND: _is_far,
    Place.FRONT: lambda box, size, largest: not _is_far(box, size, largest),
    Place.BIGGEST: lambda box, _, largest: box.size.area >= 0.5 * largest,
    Place.SMALLEST: lambda box, _, largest: box.size.area < 0.5 * largest,
    Place.ASIDE: lambda box, size, _: _part(box, size) <= _ASIDE,
}
"""Which are meant by all of them; the last argument is the area of the largest of their kind."""
