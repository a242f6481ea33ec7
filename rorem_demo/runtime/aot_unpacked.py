"""unpacked(): what torch unpacks of a package, removed even if its process was killed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

_MAPS = Path("/proc/self/maps")
_TEMPORARY = Path("/tmp")  # noqa: S108  # where torch unpacks, whatever the environment says
_PLACE = re.compile(r"(/tmp/[^/]+)/\S*/data/aotinductor/\S*\.so$", re.MULTILINE)


@contextmanager
def unpacked(folder: Path) -> Iterator[None]:
    """Note in the folder where a package that is loaded within was unpacked to; remove what dead processes left.

    torch unpacks into a new folder, and removes it when the process ends in good order. ZeroGPU's workers never do.
    """
    notes, before = folder / ".unpacked", _mapped()
    yield
    with suppress(OSError):  # a folder that nobody may write to: then nothing is removed
        notes.mkdir(exist_ok=True)
        _sweep(notes)
        for place in _mapped() - before:
            (notes / f"{os.getpid()}-{place.name}").symlink_to(place)


def _sweep(notes: Path) -> None:
    for note in notes.iterdir():
        process, _, name = note.name.partition("-")
        if Path("/proc", process).exists() or not note.is_symlink():
            continue
        place = note.readlink()
        if place == _TEMPORARY / name and not place.is_symlink():
            rmtree(place, ignore_errors=True)
        note.unlink(missing_ok=True)


def _mapped() -> set[Path]:
    """The folders that hold libraries of packages this process has loaded; none where the system does not say."""
    told = _MAPS.read_text(encoding="utf-8") if _MAPS.exists() else ""
    return set(map(Path, _PLACE.findall(told)))
