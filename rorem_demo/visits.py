"""Visits: visitors' photos, masks, encodings and results, by unguessable ids, with an expiry and a bound on memory.

One kind of thing is kept: an Item, which is what one id stands for. A result is an Item like the photo it came
from, so "continue from this result" is using its id. Whoever knows an id may use it; ids carry 128 random bits
and are never listed. Items of one page belong to one visit, so that a visitor who opens fifty photos pushes out
their own, not other people's.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from secrets import token_urlsafe
from threading import Lock
from time import monotonic
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import digest, facts
from rorem_demo.feedback.records import MaskFacts
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Mask, Size, size_of
from rorem_demo.removers.base import Removal
from rorem_demo.segmenters.base import Candidate, Encoding


@dataclass(frozen=True)
class OpenedPhoto:
    """A photo as it was given."""

    photo: Photo
    licence: str = ""
    """Of an example, or of what was made from one; "" for what is the visitor's own."""

    @cached_property
    def digest(self) -> str:
        """sha256 of the pixels."""
        return digest(self.photo.image)

    @property
    def size_bytes(self) -> int:
        return self.photo.image.nbytes


@dataclass(frozen=True)
class OpenedMask:
    """A mask of a photo, from a file or from a segmenter, packed: every click of a visitor leaves up to three."""

    data: bytes
    size: Size
    photo: str
    """Id of the photo it was given for."""
    score: float = 1.0
    """As the segmenter's Candidate had it."""
    hint: npt.NDArray[np.float16] | None = None
    """What the segmenter that proposed it wants to see again."""

    @classmethod
    def of(cls, mask: Mask, photo: str) -> OpenedMask:
        """The mask of a file."""
        return cls(zlib.compress(np.packbits(mask).tobytes(), level=1), size_of(mask), photo)

    @classmethod
    def proposed(cls, candidate: Candidate, photo: str) -> OpenedMask:
        """The mask a segmenter proposed."""
        return replace(cls.of(candidate.mask, photo), score=candidate.score, hint=candidate.hint)

    @property
    def mask(self) -> Mask:
        bits = np.frombuffer(zlib.decompress(self.data), np.uint8)
        return np.unpackbits(bits, count=self.size.area).view(np.bool_).reshape(self.size.height, self.size.width)

    @property
    def candidate(self) -> Candidate:
        """What the segmenter proposed."""
        return Candidate(self.mask, self.score, hint=self.hint)

    @property
    def size_bytes(self) -> int:
        return len(self.data) + (0 if self.hint is None else self.hint.nbytes)


@dataclass(frozen=True)
class Encoded:
    """What a segmenter keeps of a photo."""

    encoding: Encoding

    @property
    def size_bytes(self) -> int:
        return self.encoding.size_bytes


@dataclass(frozen=True, kw_only=True)
class Result(OpenedPhoto):
    """What a removal made of a photo; a photo itself, with the same name, format and colour profile."""

    removal: Removal
    source: str
    """Id of the photo it was made from."""
    made_by: tuple[str, ...] = ()
    """How the entries of its mask were made."""
    likely: Likely | None = None
    """What its visitor was told of it."""
    issued: datetime = field(default_factory=partial(datetime.now, UTC))

    @cached_property
    def mask_digest(self) -> str:
        """sha256 of the mask as used."""
        return digest(self.removal.mask)

    @cached_property
    def mask_facts(self) -> MaskFacts:
        """What is kept of the mask when it is not shared."""
        return facts(self.removal.mask, self.made_by)

    @property
    def size_bytes(self) -> int:
        return self.photo.image.nbytes + self.removal.mask.nbytes  # the photo shares the removal's image


Item = OpenedPhoto | OpenedMask | Encoded | Result
T = TypeVar("T", OpenedPhoto, OpenedMask, Encoded, Result)


@dataclass
class _Kept:
    item: Item
    visit: str
    size_bytes: int
    used: float
    """By the clock, in seconds."""


class Visits:
    """Everything visitors have open in this process.

    Args:
        capacity_bytes: arrays kept at most; above it the visit that holds most loses its oldest item.
        expiry_seconds: an item unused for so long is dropped.
        clock: seconds; a seam for tests.
    """

    def __init__(self, capacity_bytes: int, expiry_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._capacity = capacity_bytes
        self._expiry = expiry_seconds
        self._clock = clock
        self._kept: dict[str, _Kept] = {}  # least recently used first
        self._held: dict[str, int] = {}  # bytes by visit
        self._items: Counter[str] = Counter()  # how many, by visit
        self._lock = Lock()

    def keep(self, item: Item, visit: str | None = None, key: str | None = None) -> tuple[str, str]:
        """Store an item; returns its id and its visit's.

        `visit` is what the page was told earlier; a new or unknown one begins a new visit. Only the expiry
        and the bound remove items, so no id is ever used twice. `key` is for what can be found by another item's
        id, as an encoding by its photo's: something only the server makes up, and as hard to guess.
        """
        key = key or token_urlsafe(16)
        with self._lock:
            self._expire()
            visit = visit if visit in self._held else token_urlsafe(16)
            if key in self._kept:
                self._drop(key)
            self._kept[key] = _Kept(item, visit, item.size_bytes, self._clock())
            self._held[visit] = self._held.get(visit, 0) + item.size_bytes
            self._items[visit] += 1
            self._shrink(spare=key)
        return key, visit

    def get(self, key: str, kind: type[T]) -> T:
        """The item an id stands for.

        Raises:
            InputError: the id is unknown, has expired, or stands for something else.
        """
        with self._lock:
            self._expire()
            kept = self._kept.pop(key, None)
            if kept is not None:
                self._kept[key] = kept
                kept.used = self._clock()
        if kept is None or not isinstance(kept.item, kind):
            raise InputError("This photo is no longer on the server.", hint="Open it again.")
        return kept.item

    def __contains__(self, key: str) -> bool:
        """Whether an id stands for something; asking is no use of it."""
        with self._lock:
            self._expire()
            return key in self._kept

    def visit_of(self, key: str) -> str | None:
        """The visit an item belongs to, or None if it is gone."""
        with self._lock:
            self._expire()
            kept = self._kept.get(key)
            return kept.visit if kept else None

    @property
    def size_bytes(self) -> int:
        """Bytes of all arrays kept."""
        with self._lock:
            return sum(self._held.values())

    def _expire(self) -> None:
        deadline = self._clock() - self._expiry
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest].used >= deadline:
                return
            self._drop(oldest)

    def _shrink(self, spare: str) -> None:
        while sum(self._held.values()) > self._capacity and len(self._kept) > 1:
            others = {kept.visit for key, kept in self._kept.items() if key != spare}
            greediest = max(others, key=self._held.__getitem__)
            self._drop(next(key for key, kept in self._kept.items() if kept.visit == greediest and key != spare))

    def _drop(self, key: str) -> None:
        """Forget an item, and its visit with the last one."""
        dropped = self._kept.pop(key)
        self._held[dropped.visit] -= dropped.size_bytes
        self._items[dropped.visit] -= 1
        if not self._items[dropped.visit]:
            del self._held[dropped.visit], self._items[dropped.visit]
