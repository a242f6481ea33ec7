"""Rounds: what was tested when, kept in a folder so that nothing is lost or done twice, whenever a process is killed.

rounds/0001/
    round.json         title, recipe, and the candidates, frozen before the first is tested
    shard-00000.json   the rows of a part of them; written when the whole part is done

A shard is a hash of the photo's name, so all masks of a photo are in one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rorem_demo.curation.candidates import Candidate
from rorem_demo.curation.recipe import Band, Recipe
from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback import disk

ROUND = "round.json"
_NAME = re.compile(r"\d{4,}")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of a candidate."""

    photo: str
    mask: str
    band: Band | None
    """None: it could not be tested."""
    sentence: str = ""
    """Why not."""
    entry: Mapping[str, Any] = field(default_factory=dict)
    """Its entry in a meta.json; names no pictures where they were not kept."""

    @property
    def key(self) -> str:
        """What the triplet is known by: its pixels."""
        return " ".join(self.entry["digests"].values())


@dataclass(frozen=True)
class Round:
    """A round in its folder."""

    folder: Path

    @property
    def number(self) -> int:
        """From 1."""
        return int(self.folder.name)

    @property
    def title(self) -> str:
        return str(self._content["title"])

    @property
    def recipe(self) -> Mapping[str, Any]:
        """As `Recipe.to_json` gives it."""
        found: Mapping[str, Any] = self._content["recipe"]
        return found

    @cached_property
    def shards(self) -> dict[int, list[Candidate]]:
        """Candidates by the number of their shard, sorted; none is empty."""
        count, found = int(self._content["shards"]), dict[int, list[Candidate]]()
        for given in self._content["candidates"]:
            candidate = Candidate(*given)
            found.setdefault(shard_of(candidate.photo, count), []).append(candidate)
        return {number: sorted(found[number]) for number in sorted(found)}

    def check_same(self, recipe: Mapping[str, Any], *names: str) -> None:
        """Refuse to go on with another recipe.

        Args:
            recipe: as `Recipe.to_json` gives it.
            names: of what must be the same; by default all of it.

        Raises:
            InputError: something is not.
        """
        changed = [name for name in names or recipe if self.recipe.get(name) != recipe[name]]
        if changed:
            told = f"{changed[0]} {self.recipe.get(changed[0])!r}, not {recipe[changed[0]]!r}"
            raise InputError(
                f"{self.title} is not finished and has {told}.", hint="Finish it first, or name another output."
            )

    def undone(self) -> list[int]:
        """Numbers of the shards that are not done."""
        return [number for number in self.shards if not self._path(number).exists()]

    def finish(self, shard: int, rows: Sequence[Row]) -> None:
        """Write what became of a shard, in one step.

        Raises:
            StorageError: it cannot be written.
        """
        disk.write_whole(self._path(shard), json.dumps([asdict(row) for row in rows], indent=1).encode())

    def rows(self) -> Iterator[Row]:
        """Of all shards that are done.

        Raises:
            StorageError: one is damaged.
        """
        for number in self.shards:
            if self._path(number).exists():
                yield from (Row(**row) for row in _read(self._path(number)))

    def _path(self, shard: int) -> Path:
        return self.folder / f"shard-{shard:05}.json"

    @cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = _read(self.folder / ROUND)
        return content


@dataclass(frozen=True)
class Rounds:
    """All rounds of a folder."""

    folder: Path

    def all(self) -> list[Round]:
        """Those that were begun, in order."""
        found = [path.parent for path in self.folder.glob(f"*/{ROUND}") if _NAME.fullmatch(path.parent.name)]
        return [Round(path) for path in sorted(found, key=lambda path: int(path.name))]

    def opened(
        self, recipe: Recipe, candidates: Collection[Candidate], *, title: str, shard_size: int, retry: bool
    ) -> Round | None:
        """The round that was begun and not finished, or a new one of what no round with this recipe tested.

        Args:
            recipe: what is asked for.
            candidates: all there are.
            title: of a new round.
            shard_size: candidates a shard of a new round has, about.
            retry: test again what could not be tested.

        Returns:
            None if there is nothing to test.

        Raises:
            InputError: a round was begun that was asked for something else.
            StorageError: the folder cannot be written.
        """
        before, asked = self.all(), recipe.to_json()
        if before and before[-1].undone():
            before[-1].check_same(asked)
            return before[-1]
        known = _known((one for one in before if one.recipe == asked), retry=retry)
        fresh = sorted(one for one in set(candidates) if (one.photo, one.mask) not in known)
        if not fresh:
            return None
        number = before[-1].number + 1 if before else 1
        content = {
            "title": title or f"Round {number}",
            "recipe": asked,
            "shards": -(-len(fresh) // shard_size),
            "candidates": [[one.photo, one.mask, one.fault] for one in fresh],
        }
        folder = self.folder / f"{number:04}"
        disk.make_folder(folder)
        disk.write_whole(folder / ROUND, json.dumps(content, indent=1).encode())
        return Round(folder)


def shard_of(photo: str, count: int) -> int:
    """The shard of a photo, from 0."""
    digest = hashlib.sha256(photo.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % count


def _known(rounds: Iterator[Round], *, retry: bool) -> set[tuple[str, str]]:
    """Photo and mask of what was tested."""
    return {(row.photo, row.mask) for one in rounds for row in one.rows() if row.band or not retry}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read.", hint="Remove it: what it held is then done again.") from error
