"""Encodings: what a VAE made of the last pictures it was given, so that the next removal from one need not wait."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic

from torch import Tensor

MOST = 8
"""Of one VAE: a picture of 512 x 512 pixels is 64 KB."""
EXPIRY = 600.0
"""Seconds; visits keep their photos longer, and nobody finds an encoding who has not its picture."""


class Encodings:
    """By the picture's own values. May be asked from several threads; two at once may both encode.

    Args:
        clock: seconds; a seam for tests.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[Tensor, float]] = OrderedDict()  # oldest first
        self._lock = Lock()

    def of(self, pixels: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """What `encode` makes of the pixels, a contiguous float32 tensor on the CPU; nobody may change it."""
        key = hashlib.blake2b(repr(tuple(pixels.shape)).encode() + pixels.numpy().tobytes(), digest_size=32).digest()
        with self._lock:
            self._expire()
            if key in self._kept:
                return self._kept[key][0]
        made = encode(pixels)
        with self._lock:
            self._kept[key] = made, self._clock() + EXPIRY
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return made

    def __len__(self) -> int:
        with self._lock:
            self._expire()
            return len(self._kept)

    def _expire(self) -> None:
        while self._kept and next(iter(self._kept.values()))[1] < self._clock():
            self._kept.popitem(last=False)
