"""Prepared examples: what a network takes of each, computed once and kept on disk, so that no epoch decodes twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.examples import Examples
from rorem_demo.discriminator.splits import Part
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import ConfigError, InputError, RoremError, StorageError
from rorem_demo.feedback import disk

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
Progress: TypeAlias = Callable[[int, int], None]
"""Told how many are done, and of how many."""

BROKEN = "broken-pictures"
_LAYOUT = "layout.json"
_CHECKSUM = 4
"""Bytes of a crc32, at the end of a file."""


@dataclass(frozen=True)
class Layout:
    """Names, types and shapes of the arrays of one example; a file has them one after the other."""

    arrays: tuple[tuple[str, str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, arrays: Arrays) -> Layout:
        return cls(tuple((name, array.dtype.str, array.shape) for name, array in sorted(arrays.items())))

    @property
    def size(self) -> int:
        """Bytes of a file, the checksum included."""
        return _CHECKSUM + sum(np.dtype(kind).itemsize * prod(shape) for _, kind, shape in self.arrays)

    def split(self, data: bytes) -> dict[str, npt.NDArray[Any]]:
        """The arrays, read-only views of the data."""
        found, start = {}, 0
        for name, kind, shape in self.arrays:
            found[name] = np.frombuffer(data, kind, prod(shape), start).reshape(shape)
            start += found[name].nbytes
        return found


@dataclass(frozen=True, eq=False)
class Prepared(Sequence[dict[str, npt.NDArray[Any]]]):
    """Arrays of examples, each read from its file when it is asked for."""

    examples: Examples
    """Those whose pictures could be opened, in the same order."""
    folder: Path
    layout: Layout

    @property
    def counts(self) -> dict[str, int]:
        """As those of the examples before, but answers on pictures that could not be opened are `broken-pictures`."""
        return self.examples.counts

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return _read(_path(self.folder, _name(self.examples, index)), self.layout)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Prepared:
        """Those marked."""
        return replace(self, examples=self.examples.where(chosen))

    def part(self, name: Part, held_out: Collection[str] = ()) -> Prepared:
        """A split, or what is held out with methods; see `part_of`."""
        return replace(self, examples=self.examples.part(name, held_out))


def prepare(
    examples: Examples,
    folder: Path,
    window: Callable[[Triple], Arrays],
    version: str,
    progress: Progress = lambda done, of: None,  # noqa: ARG005  # nobody listens
) -> Prepared:
    """The arrays of all examples; only those are computed that are not in the folder yet.

    May be killed at any time and started again, and several processes may do it at once. Files are named by the
    example's key, so another revision of the dataset computes only what is new. If no pictures open, what comes out
    is empty; `examples.check_trainable` of it says so.

    To fetch each file of a dataset once, prepare what all parts need and take the parts of what comes out.

    Args:
        examples: any part of a place.
        folder: of the cache.
        window: gives the arrays of a triple, always with the same names, types and shapes.
        version: of `window`: another one computes all anew, in a folder of its own.
        progress: told after each.

    Raises:
        ConfigError: `window` gives other shapes than before under the same version.
        StorageError: the folder cannot be written.
        RoremError: as reading the source raises.
    """
    home = folder / version
    layout = _layout(home)
    there = np.array([_is_there(home, name, layout) for name in _names(examples)], bool)
    done, total = int(there.sum()), len(examples)
    progress(done, total)
    missing = np.flatnonzero(~there)
    for number, triple in examples.where(~there).triples():
        arrays = _computed(window, triple)
        if arrays is not None:
            layout = layout or _new_layout(home, arrays)
            _write(home, _name(examples, missing[number]), arrays, layout)
            there[missing[number]] = True
        done += 1
        progress(done, total)
    whole = replace(examples.where(there), counts=_counts(examples, there))
    return Prepared(whole, home, layout or Layout(()))


def _computed(window: Callable[[Triple], Arrays], triple: Triple | RoremError) -> Arrays | None:
    """None where the pictures are broken, or the window cannot be cut from them."""
    if isinstance(triple, RoremError):
        return None
    try:
        return window(triple)
    except InputError:
        return None


def _counts(examples: Examples, there: npt.NDArray[np.bool_]) -> dict[str, int]:
    broken = int(examples.rows["ratings"][~there].sum())
    if not broken:
        return dict(examples.counts)
    return examples.counts | {"used": examples.counts["used"] - broken, BROKEN: broken}


def _layout(home: Path) -> Layout | None:
    with suppress(FileNotFoundError, ValueError):
        listed = json.loads((home / _LAYOUT).read_bytes())
        return Layout(tuple((name, kind, tuple(shape)) for name, kind, shape in listed))
    return None


def _new_layout(home: Path, arrays: Arrays) -> Layout:
    layout = Layout.of(arrays)
    disk.make_folder(home)
    disk.write_whole(home / _LAYOUT, json.dumps(layout.arrays).encode())
    return layout


def _write(home: Path, name: str, arrays: Arrays, layout: Layout) -> None:
    found = Layout.of(arrays)
    if found != layout:
        raise ConfigError(
            f"The window gives {found.arrays} and {home.name} has {layout.arrays}.", hint="Give it a new version."
        )
    data = b"".join(np.ascontiguousarray(arrays[part]).tobytes() for part, _, _ in layout.arrays)
    path = _path(home, name)
    unfinished = path.with_name(f"{name}.{token_hex(8)}{disk.UNFINISHED}")
    with disk.refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Without waiting for the disk, unlike what people said: it can be computed anew, and the checksum tells.
            unfinished.write_bytes(data + crc32(data).to_bytes(_CHECKSUM))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _read(path: Path, layout: Layout) -> dict[str, npt.NDArray[Any]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise StorageError(f"{path} is gone.", hint="Start again; it is made anew.") from error
    if int.from_bytes(data[-_CHECKSUM:]) != crc32(memoryview(data)[:-_CHECKSUM]):
        path.unlink(missing_ok=True)
        raise StorageError(f"{path} was damaged and is removed.", hint="Start again; it is made anew.")
    return layout.split(data)


def _is_there(home: Path, name: str, layout: Layout | None) -> bool:
    """A file of the right size; what is in it is checked when it is read."""
    try:
        return layout is not None and _path(home, name).stat().st_size == layout.size
    except FileNotFoundError:
        return False


def _names(examples: Examples) -> Iterator[str]:
    return (_name(examples, number) for number in range(len(examples)))


def _name(examples: Examples, number: int | np.intp) -> str:
    key: bytes = examples.rows["key"][number]
    return key.ljust(32, b"\0").hex()


def _path(home: Path, name: str) -> Path:
    return home / name[:2] / name
