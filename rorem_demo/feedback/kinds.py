"""Kinds of records: all that sets a rating and a vote apart for store, shards and dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar, cast

from rorem_demo.feedback.records import (
    CHOICES,
    SCHEMA,
    VOTE_SCHEMA,
    PairFiles,
    PairPictures,
    PictureFiles,
    Pictures,
    Rating,
    Record,
    Shown,
    Vote,
)

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Shown)


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[R, S]):
    """One kind of records."""

    name: str
    """In the store, and of the folder in the dataset's `data/`; never changes."""
    config: str
    """Configuration of the dataset."""
    record: type[R]
    pictures: type[S]
    files: type[Any]
    """Names of the pictures, under the same names as `pictures`."""
    schema: int
    said: Callable[[R], int]
    """Equal where people said the same."""
    again: str
    """The way out for whoever says again what they took back."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of its pictures."""
        return tuple(field.name for field in fields(self.pictures))

    @property
    def pixels(self) -> tuple[str, ...]:
        """Names of its pictures that show what a camera or a remover made."""
        return tuple(part for part in self.parts if part != "mask")

    @property
    def picture_columns(self) -> tuple[str, ...]:
        """Names of its pictures in the dataset."""
        return tuple(f"{part}_picture" for part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the dataset, in order."""
        return (*(field.name for field in fields(self.record) if field.name != "files"), *self.picture_columns)


RATINGS: Kind[Rating, Pictures] = Kind(
    name="ratings",
    config="default",
    record=Rating,
    pictures=Pictures,
    files=PictureFiles,
    schema=SCHEMA,
    said=lambda rating: rating.label,
    again="Answer again.",
)
PAIRS: Kind[Vote, PairPictures] = Kind(
    name="pairs",
    config="pairs",
    record=Vote,
    pictures=PairPictures,
    files=PairFiles,
    schema=VOTE_SCHEMA,
    said=lambda vote: CHOICES.index(vote.choice),
    again="Judge another pair.",
)
KINDS: Mapping[str, Kind[Any, Any]] = {kind.name: kind for kind in (RATINGS, PAIRS)}
"""By name."""

_KIND_OF: Mapping[type, Kind[Any, Any]] = {kind.record: kind for kind in KINDS.values()}


def kind_of(record: type[R]) -> Kind[R, Any]:
    """The kind of such records."""
    return cast("Kind[R, Any]", _KIND_OF[record])


def parts_of(shown: Shown) -> dict[str, bytes]:
    """Picture files by their part."""
    return {field.name: getattr(shown, field.name) for field in fields(shown)}
