"""Candidates: a photo and what is to be removed from it, named as they lie in their folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorem_demo.errors import InputError
from rorem_demo.feedback.triplets import META, entries, inside


@dataclass(frozen=True, order=True)
class Candidate:
    """A photo and a mask, by their paths inside the folders they are looked for in."""

    photo: str
    mask: str
    fault: str = ""
    """Why it cannot be tested, known already: counted as a failure."""


def is_layout(folder: Path) -> bool:
    """The folder holds a meta.json, so it is read as RORem's layout."""
    return (folder / META).exists()


def listed(folder: Path) -> list[Candidate]:
    """A candidate for each entry of a folder in RORem's layout; several may share a photo. GT and score are not read.

    Raises:
        InputError: its meta.json cannot be read, or is empty.
    """
    found = [_entry(folder, number, entry) for number, entry in enumerate(entries(folder))]
    if not found:
        raise InputError(f"{folder / META} lists nothing.")
    return list(dict.fromkeys(found))


def _entry(folder: Path, number: int, entry: Any) -> Candidate:
    names: list[Any] = [entry.get(key) for key in ("source", "mask")] if isinstance(entry, Mapping) else []
    if names and all(inside(folder, name) for name in names):
        return Candidate(names[0], names[1])
    return Candidate(f"{META}#{number}", "", f"Entry {number} names no source and mask inside the folder.")
