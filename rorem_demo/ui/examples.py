"""Example photos: files in `assets/` whose licence allows it; `assets/README.md` names them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ASSETS = Path(__file__).parents[2] / "assets"


@dataclass(frozen=True)
class Example:
    """A photo of ours with something worth removing."""

    file: str
    """Name in `assets/`."""
    title: str
    """What to try, for the button's label."""
    licence: str


EXAMPLES = {
    example.file: example
    for example in (
        Example("coffee.jpg", "The spoon", "CC0-1.0"),
        Example("rocket.jpg", "The towers", "public domain"),
        Example("astronaut.jpg", "The model behind", "public domain"),
    )
}
