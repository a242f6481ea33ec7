"""Fields: what a JSON file from anywhere says, admitted value by value or refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from re import Pattern
from typing import Any

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box, Size

LONGEST = 300
"""Characters of a text."""
_MOST_OPTIONS = 40
_FAR_TOO_LARGE = 1e15


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text as `Fields.text` admits it: on one line, without anything that cannot be seen."""
    seen = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(seen.split())[:longest].rstrip()


def parsed(data: bytes) -> Fields:
    """The object that a file holds.

    Raises:
        InputError: it is no JSON, or no object.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError("it is no JSON") from error
    if not isinstance(value, dict):
        raise InputError("it holds no object")
    return Fields(value)


@dataclass(frozen=True)
class Fields:
    """Values by name; each question raises InputError where the value is missing or not what was asked for."""

    values: Mapping[str, Any]

    def text(self, name: str, longest: int = LONGEST) -> str:
        """One line of text, perhaps empty."""
        value = self.values.get(name)
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            raise InputError(f"{name} is no line of text")
        return value

    def matching(self, name: str, pattern: Pattern[str]) -> str:
        """Text that all of the pattern fits."""
        value = self.values.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise InputError(f"{name} is not what it should be")
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number within these, both included."""
        value = self.values.get(name)
        if type(value) is not int or not low <= value <= high:
            raise InputError(f"{name} is no number from {low} to {high}")
        return value

    def number(self, name: str, high: float) -> float | None:
        """A number from 0 to `high`, or null."""
        value = self.values.get(name)
        if value is None:
            return None
        if type(value) not in {int, float} or not 0 <= value <= high:  # also false for nan
            raise InputError(f"{name} is no number from 0 to {high:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise InputError(f"{name} is neither true nor false")
        return value

    def box(self, name: str, size: Size) -> Box | None:
        """A box that is not empty and lies within the size, or null."""
        value = self.values.get(name)
        return None if value is None else box_of(value, name, size)

    def inner(self, name: str) -> Fields:
        """An object."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise InputError(f"{name} is no object")
        return Fields(value)

    def many(self, name: str, most: int) -> list[Any]:
        """A list."""
        value = self.values.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise InputError(f"{name} is no list of at most {most}")
        return value

    def objects(self, name: str, most: int) -> list[Fields]:
        """A list of objects."""
        values = self.many(name, most)
        if not all(isinstance(value, dict) for value in values):
            raise InputError(f"{name} holds something else than objects")
        return [Fields(value) for value in values]

    def options(self, name: str) -> str:
        """Names with numbers, words or switches, as JSON with sorted keys."""
        values = self.inner(name).values
        if len(values) > _MOST_OPTIONS or not all(map(_is_option, values, values.values())):
            raise InputError(f"{name} holds something else than names with numbers or words")
        return json.dumps(values, sort_keys=True)


def box_of(value: Any, name: str, size: Size) -> Box:
    """Four whole numbers as a box that is not empty and lies within the size. Raises InputError."""
    if not isinstance(value, list) or len(value) != 4 or any(type(edge) is not int for edge in value):
        raise InputError(f"{name} is no box")
    box = Box(*value)
    if not (0 <= box.left < box.right <= size.width and 0 <= box.top < box.bottom <= size.height):
        raise InputError(f"{name} lies outside the photo")
    return box


def _is_option(name: str, value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        said = True
    elif isinstance(value, int | float):
        said = isfinite(value) and abs(value) < _FAR_TOO_LARGE
    else:
        said = isinstance(value, str) and len(value) <= LONGEST and value.isprintable()
    return said and name.isprintable() and len(name) <= LONGEST
