"""Colour and name of every method, the same wherever it is shown.

Colours are for marks beside names, never for text: each has a contrast of at least 3:1 on all of the page's
backgrounds, light and dark.
"""

from __future__ import annotations

from colorsys import hls_to_rgb
from hashlib import sha256
from types import MappingProxyType

from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.services import Services

PALETTE = (
    "#e82e7b", "#a059e7", "#cf3dc2", "#a47158", "#2d7be8", "#009048", "#c5610a", "#00899f", "#947b00",
    "#d94c4c", "#448e10", "#7171dc",
)  # fmt: skip
"""By place in the catalogue; neighbours there are far apart here."""
NEUTRAL = "#7c7c85"
"""Of what no method made: the photo itself, and the truth."""

_FIXED = MappingProxyType(
    {
        "untouched": NEUTRAL,
        "truth": NEUTRAL,
        **dict(zip((spec.key for spec in REMOVERS), PALETTE, strict=False)),
    }
)
_LUMINANCE = 0.205  # in the middle between white and black, as the eye has it


def colour_of(key: str) -> str:
    """Of a method's mark, as `#rrggbb`: by its place in the catalogue, others by a hash of their name."""
    return _FIXED.get(key) or _hashed(key)


def title_of(services: Services, key: str) -> str:
    """What a method is called: by the catalogue, or by the ready cases it was imported with, or its key."""
    titles = {spec.key: spec.title for spec in services.removers}
    if key in titles:
        return titles[key]
    results = (result for case in services.cases.cases.values() for result in case.results)
    return next((result.title for result in results if result.method == key), key)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0..1, as WCAG 2 defines it."""
    levels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hashed(key: str) -> str:
    """Of any hue, duller than the catalogue's."""
    hue = int.from_bytes(sha256(key.encode("utf-8", "replace")).digest()[:4]) / 2**32
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if luminance(_hex(hue, middle)) < _LUMINANCE else (low, middle)
    return _hex(hue, low)


def _hex(hue: float, lightness: float) -> str:
    return "#" + "".join(f"{round(255 * level):02x}" for level in hls_to_rgb(hue, lightness, 0.4))
