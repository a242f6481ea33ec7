"""Ready cases: photos with masks and results that were computed beforehand.

A set is a folder with a folder for each case: case.json says everything, pictures lie beside it. Sets come from
anywhere, so nothing of them is believed: values are checked when the set is read, with the names and lengths of the
files; their pixels when they are looked at, by their digests.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from rorem_demo.comparison.cases_format import CASE, case_of
from rorem_demo.comparison.cases_values import Case, CaseResult, CaseSet
from rorem_demo.errors import InputError, StorageError

__all__ = ["Case", "CaseResult", "CaseSet", "read_case", "read_cases"]

log = logging.getLogger(__name__)

_LONGEST = 2_000_000
"""Bytes of a case.json."""


def read_cases(folder: Path) -> CaseSet:
    """The cases of a folder that `compare` wrote; broken ones are left out, counted and logged. None of no folder.

    Folders without case.json are no cases. No picture is opened: 10,000 cases take seconds.
    """
    cases: dict[str, Case] = {}
    said, broken = sha256(), 0
    for place in _folders(folder):
        try:
            files = _files(place)
            if CASE not in files:
                continue
            data = _text(place, files)
            cases[place.name] = case_of(data, place, files)
            said.update(f"{place.name} {sha256(data).hexdigest()}\n".encode())
        except (OSError, InputError) as error:
            broken += 1
            log.warning("The ready case %s is left out: %s", ascii(str(place)), error)
    return CaseSet(cases=cases, version=said.hexdigest()[:16] if cases else "", broken=broken)


def read_case(folder: Path) -> Case | None:
    """The case of one folder; None without case.json.

    Raises:
        InputError: it is broken.
        StorageError: the folder cannot be read.
    """
    try:
        files = _files(folder) if folder.is_dir() else {}
        return case_of(_text(folder, files), folder, files) if CASE in files else None
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}.", hint="Check its permissions.") from error


def _folders(folder: Path) -> list[Path]:
    """Folders in a folder by name, but none that a link leads to: a set may come from strangers."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("The ready cases in %s cannot be read: %s.", folder, error.strerror)
        return []


def _files(folder: Path) -> dict[str, int]:
    """Bytes of each file of a folder, by name; links are no files."""
    with os.scandir(folder) as entries:
        return {
            entry.name: entry.stat(follow_symlinks=False).st_size
            for entry in entries
            if entry.is_file(follow_symlinks=False)
        }


def _text(folder: Path, files: Mapping[str, int]) -> bytes:
    if files[CASE] > _LONGEST:
        raise InputError(f"{CASE} is too long")
    return (folder / CASE).read_bytes()
