"""Views: the three pictures of a round as files.

They are made together when it is issued, so that no request for one tells how long it took to make. All three have
one size and come from one encoder at one quality, without any metadata but the photo's colour profile, which they
share.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np

from rorem_demo.comparison.rounds import Pixels
from rorem_demo.imaging.io import encode_image
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Image, Mask, Size, size_of

View: TypeAlias = Literal["left", "right", "source"]
VIEWS: tuple[View, ...] = get_args(View)
SHOWN = SizeRule(longest=1280)
CAPACITY = 128 * 2**20
"""Bytes of files kept; a round that lost its own has all three made anew."""


@dataclass(frozen=True)
class Views:
    """JPEG files."""

    left: bytes
    right: bytes
    source: bytes
    """With the outline of what was to go."""
    size: Size

    @property
    def size_bytes(self) -> int:
        return len(self.left) + len(self.right) + len(self.source)


def views_of(pixels: Pixels) -> Views:
    """The files of a round."""
    fit = SHOWN.fit(size_of(pixels.source))
    outlined = _outlined(fit.image(pixels.source), fit.mask(pixels.mask))
    pictures = (fit.image(pixels.left), fit.image(pixels.right), outlined)
    left, right, source = (encode_image(picture, "JPEG", pixels.icc) for picture in pictures)
    return Views(left, right, source, fit.padded)


class Gallery:
    """Views of rounds, as many as there is room for.

    Args:
        capacity: bytes.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, Views] = OrderedDict()  # least recently used first
        self._size = 0
        self._lock = Lock()

    def put(self, key: str, views: Views) -> None:
        """Keep the views of a round; the oldest ones make room."""
        with self._lock:
            self._kept[key] = views
            self._size += views.size_bytes
            while self._size > self._capacity and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._size -= dropped.size_bytes

    def get(self, key: str, make: Callable[[], Views]) -> Views:
        """The views of a round, made anew where there was no room for them."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        self.put(key, made := make())
        return made


def _outlined(image: Image, mask: Mask) -> Image:
    """A light line with a dark one around it, just outside the mask: seen on any ground, and it hides nothing."""
    width = max(2, round(max(size_of(image)) / 400))
    marked = mask.view(np.uint8)
    near, far = (cv2.dilate(marked, _disc(radius)).astype(np.bool_) for radius in (width, 2 * width))
    drawn = image.copy()
    drawn[far & ~near] = 0
    drawn[near & ~mask] = 255
    return drawn


def _disc(radius: int) -> cv2.typing.MatLike:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
