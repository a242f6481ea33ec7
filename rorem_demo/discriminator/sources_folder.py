"""Rows of a folder as RORem's training code reads it: source/, mask/, GT/ and meta.json with `score`.

An entry may say more than RORem's code reads, and one that `feedback.layout` wrote does: `digests`
(`feedback.triplets`), `method`, `origin`, `rater` and `flags`. Nothing tells answers that were taken back: export anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from rorem_demo.discriminator.sources import Row, Unread
from rorem_demo.discriminator.triples import MOST_PIXELS, Triple, decoded
from rorem_demo.errors import InputError, RoremError
from rorem_demo.feedback.records import Origin, Pictures
from rorem_demo.feedback.triplets import FOLDERS, Skipped, Triplet, entries, read_folder


@dataclass(frozen=True)
class Folder:
    """Entries of a meta.json; each is a shard of its own."""

    folder: Path

    revision = ""
    deletions = ""

    @property
    def dataset(self) -> str:
        return self.folder.resolve().name

    def rows(self) -> Iterator[Row | Unread]:
        """Every entry; decodes its pictures for their digests."""
        found = read_folder(self.folder, max_pixels=MOST_PIXELS)
        for number, (entry, triplet) in enumerate(zip(self._entries, found, strict=True)):
            yield triplet.why if isinstance(triplet, Skipped) else _row(entry, triplet, number)

    def taken_back(self) -> Iterator[str]:
        """None: the folder does not tell."""
        return iter(())

    def pictures(self, shard: int, ids: Collection[str]) -> Iterator[tuple[str, Triple | RoremError]]:
        """Decoded pictures of an entry, or why there are none."""
        try:
            files = [(self.folder / self._entries[shard][name]).read_bytes() for name in FOLDERS]
            triple: Triple | RoremError = decoded(Pictures(source=files[0], mask=files[1], result=files[2]))
        except OSError as error:
            triple = InputError(f"{error.filename} cannot be read: {error.strerror}.", hint="Fetch it again.")
        except InputError as error:
            triple = error
        for one in ids:
            yield one, triple

    @cached_property
    def _entries(self) -> list[Any]:
        return entries(self.folder)


def _row(entry: dict[str, Any], triplet: Triplet, number: int) -> Row | Unread:
    if triplet.label is None:
        return "without-answer"
    subject, origin = triplet.subject, entry.get("origin")
    return Row(
        # Of the entry's place: the same answer twice in a list may be two raters'.
        id=f"{number:026d}",
        source=subject.source,
        mask=subject.mask,
        result=subject.result,
        label=triplet.label,
        rater=_word(entry.get("rater")),
        flags=_words(entry.get("flags")),
        supersedes="",
        receipt="",
        method=_word(entry.get("method")),
        origin=str(origin) if origin in get_args(Origin) else "imported",
        mask_fraction=subject.facts.pixels / (subject.width * subject.height),
        pictures=True,
        shard=number,
    )


def _word(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _words(given: Any) -> tuple[str, ...]:
    return tuple(map(_word, given)) if isinstance(given, list) else ()
