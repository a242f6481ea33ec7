"""Folders of photos with masks, and true pictures where somebody knows them, as they lie about in data sets.

Three layouts: RORem's `meta.json`, whose GT is the picture without the object; `images/` and `masks/`, perhaps with
`truth/`, files of one name belonging together; and `img/` with the masks in `gt/`. Beside the last two, `about.json`
may say whose photos they are: {"licence": ..., "credit": ..., "cases": {NAME: {"title": ..., "licence": ...}}}.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorem_demo.errors import InputError
from rorem_demo.feedback.triplets import FOLDERS, META, entries, inside
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import Image, Mask, as_mask, size_of

log = logging.getLogger(__name__)

ABOUT = "about.json"
PICTURES = frozenset({".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Extensions of files that are taken for pictures."""
_LAYOUTS = (("images", "masks", "truth"), ("img", "gt", "truth"))
_TOLD = ("title", "licence", "credit")
_LAYOUT = "Name one with meta.json as RORem's data set has, with images/ and masks/, or with img/ and gt/."
_SUFFIX = "_mask"


@dataclass(frozen=True, kw_only=True)
class FolderCase:
    """One photo of a folder and what is to be removed from it; nothing of it has been opened yet."""

    name: str
    """Of the photo's file without its extension; made longer where two share it."""
    source: Path
    mask: Path
    """May not exist."""
    truth: Path | None
    """The photo without the object."""
    title: str = ""
    licence: str = ""
    credit: str = ""


def read_folder(folder: Path) -> Iterator[FolderCase]:
    """Yield every case, in RORem's layout as listed, else by name; entries that name no files inside are logged.

    Raises:
        InputError: it has none of the layouts, or what describes it cannot be read.
    """
    if (folder / META).exists():
        yield from _listed(folder)
        return
    for photos, masks, truths in _LAYOUTS:
        if (folder / photos).is_dir() and (folder / masks).is_dir():
            yield from _beside(folder / photos, folder / masks, folder / truths)
            return
    raise InputError(f"{folder} holds no photos with masks.", hint=_LAYOUT)


def pictures(case: FolderCase, max_pixels: int) -> tuple[Image, Mask, Image | None]:
    """Photo, mask and truth, all of one size; the mask marks something.

    Args:
        case: of `read_folder`.
        max_pixels: larger pictures are refused before they are decoded.

    Raises:
        InputError: a file is missing, damaged, too large or of another size.
    """
    source = decode_photo(file_bytes(case.source), max_pixels=max_pixels).image
    size = size_of(source)
    mask = as_mask(decode_mask(file_bytes(case.mask), size, max_pixels=max_pixels), source)
    if case.truth is None:
        return source, mask, None
    truth = decode_photo(file_bytes(case.truth), max_pixels=max_pixels).image
    if size_of(truth) != size:
        raise InputError(f"The picture without the object is {size_of(truth)} but the photo is {size}.")
    return source, mask, truth


def file_bytes(path: Path) -> bytes:
    """What a file holds. Raises InputError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", hint="Check the folder.") from error


def by_stem(folder: Path) -> dict[str, Path]:
    """Pictures of a folder by their names without extensions; of several that share one, the first by name."""
    if not folder.is_dir():
        return {}
    found = (path for path in sorted(folder.iterdir(), reverse=True) if path.suffix.lower() in PICTURES)
    return {path.stem: path for path in found}


def _beside(photos: Path, masks: Path, truths: Path) -> Iterator[FolderCase]:
    """Photos with the masks and truths of their name; a mask may be called NAME_mask."""
    marked, true, told = by_stem(masks), by_stem(truths), _about(photos.parent)
    for name, source in sorted(by_stem(photos).items()):
        mask = marked.get(name) or marked.get(f"{name}{_SUFFIX}") or masks / f"{name}.png"
        yield FolderCase(name=name, source=source, mask=mask, truth=true.get(name), **told(name))


def _listed(folder: Path) -> Iterator[FolderCase]:
    """Entries of meta.json; GT may be missing."""
    found: list[tuple[list[Path], dict[str, str]]] = []
    for number, entry in enumerate(entries(folder)):
        paths = _paths(folder, entry)
        if paths:
            found.append((paths, _told(entry)))
        else:
            log.warning("Entry %d of %s names no source and mask inside the folder.", number, folder / META)
    names = _apart([[path.stem for path in paths[:2]] for paths, _ in found])
    for name, (paths, told) in zip(names, found, strict=True):
        truth = paths[2] if len(paths) > 2 else None
        yield FolderCase(name=name, source=paths[0], mask=paths[1], truth=truth, **told)


def _paths(folder: Path, entry: Any) -> list[Path]:
    """Source, mask and, where it is named, GT; empty if one of them is no file's name."""
    if not isinstance(entry, Mapping):
        return []
    named = [key for key in FOLDERS if key != FOLDERS[2] or entry.get(key) is not None]
    paths = [inside(folder, entry.get(key)) for key in named]
    found = [path for path in paths if path]
    return found if len(found) == len(paths) else []


def _apart(stems: Sequence[Sequence[str]]) -> Iterator[str]:
    """A name for each photo and mask: the photo's, then with the mask's, then numbered, until no two are the same."""
    shared = Counter(photo for photo, _ in stems)
    names = [photo if shared[photo] == 1 else f"{photo}-{mask}" for photo, mask in stems]
    taken = set(names)
    seen = Counter[str]()
    for name in names:
        seen[name] += 1
        own, number = name, seen[name]
        while seen[name] > 1 and own in taken:
            own, number = f"{name}-{number}", number + 1
        taken.add(own)
        yield own


def _about(folder: Path) -> Callable[[str], dict[str, str]]:
    """What about.json says of a case, by its name; nothing without one."""
    path = folder / ABOUT
    if not path.exists():
        return lambda _: {}
    try:
        said = json.loads(file_bytes(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON.", hint="Mend it, or remove it.") from error
    cases = said.get("cases", {}) if isinstance(said, Mapping) else None
    if not isinstance(cases, Mapping):
        raise InputError(f"{path} does not say what it should.", hint='Write {"licence": ..., "cases": {NAME: {...}}}.')
    return lambda name: _told(said) | _told(cases.get(name))


def _told(said: Any) -> dict[str, str]:
    """Title, licence and credit where they are text, each on one line."""
    given = {key: said.get(key) for key in _TOLD} if isinstance(said, Mapping) else {}
    return {key: " ".join(value.split()) for key, value in given.items() if isinstance(value, str) and value.strip()}
