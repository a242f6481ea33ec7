"""case.json: read with every value checked, and written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rorem_demo import __version__
from rorem_demo.comparison.cases_checks import Fields, box_of, parsed
from rorem_demo.comparison.cases_values import Case, CaseResult
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import MOST_BOXES
from rorem_demo.feedback.records import MaskFacts
from rorem_demo.imaging.types import Size
from rorem_demo.removers.catalog import REMOVERS

CASE = "case.json"
SCHEMA = 1
"""Version of case.json; newer ones are not read."""
ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?")
"""Of a case, and of a method."""
RESERVED = frozenset({"case", "source", "mask", "truth", "untouched"})
"""No method's names: files of a case, and the sides of gold items."""
_FILE = re.compile(r"[a-z0-9][a-z0-9-]{0,80}\.(png|jpg|webp)")
_DIGEST = re.compile("[0-9a-f]{64}")
_ORIGIN = re.compile("[0-9a-f]{64}|")
_WORD = re.compile("[a-z]{1,20}")
_MOST_PIXELS = 200_000_000
_MOST_RESULTS = 200
_LONGEST_REVISION = 2000
_A_YEAR = 3e7


def case_of(data: bytes, folder: Path, files: Mapping[str, int]) -> Case:
    """The case that a case.json tells of. Raises InputError where it says something it may not."""
    told = parsed(data)
    told.whole("schema", SCHEMA, SCHEMA)
    if not ID.fullmatch(folder.name):
        raise InputError("its folder's name is no name of a case")
    size = Size(told.whole("width", 1, _MOST_PIXELS), told.whole("height", 1, _MOST_PIXELS))
    if size.area > _MOST_PIXELS:
        raise InputError("it is too large")
    source, mask = told.inner("source"), told.inner("mask")
    truth = told.inner("truth") if told.values.get("truth") is not None else None
    results = tuple(_result(each, size, files) for each in told.objects("results", _MOST_RESULTS))
    if len({result.method for result in results}) < len(results):
        raise InputError("two results are of one method")
    return Case(
        id=folder.name,
        folder=folder,
        title=told.text("title"),
        licence=told.text("licence"),
        credit=told.text("credit"),
        size=size,
        source_file=_file(source, files),
        source_digest=source.matching("digest", _DIGEST),
        mask_file=_file(mask, files),
        mask_digest=mask.matching("digest", _DIGEST),
        facts=_facts(mask, size),
        truth=_file(truth, files) if truth else "",
        truth_box=truth.box("box", size) if truth else None,
        truth_digest=truth.matching("digest", _DIGEST) if truth else "",
        origin=told.matching("origin", _ORIGIN),
        results=ordered(results),
    )


def _result(told: Fields, size: Size, files: Mapping[str, int]) -> CaseResult:
    method = told.matching("method", ID)
    if method in RESERVED:
        raise InputError(f"{method} is no method's name")
    return CaseResult(
        method=method,
        title=told.text("title"),
        licence=told.text("licence"),
        revision=told.text("revision", _LONGEST_REVISION),
        options=told.options("options"),
        seconds=told.number("seconds", _A_YEAR),
        device=told.text("device"),
        imported=told.flag("imported"),
        file=_file(told, files),
        box=told.box("box", size),
        digest=told.matching("digest", _DIGEST),
        changed_outside=told.whole("changed_outside", 0, size.area),
        score=told.number("score", 1.0),
        judge=told.text("judge"),
    )


def _facts(mask: Fields, size: Size) -> MaskFacts:
    makers = mask.many("made_by", 20)
    if not all(isinstance(maker, str) and _WORD.fullmatch(maker) for maker in makers):
        raise InputError("made_by is not what it should be")
    return MaskFacts(
        pixels=mask.whole("pixels", 1, size.area),
        boxes=tuple(box_of(box, "boxes", size) for box in mask.many("boxes", MOST_BOXES)),
        made_by=tuple(makers),
    )


def _file(told: Fields, files: Mapping[str, int]) -> str:
    """A file's name: in the folder itself, there, and as long as it was."""
    name = told.matching("file", _FILE)
    if name not in files:
        raise InputError(f"{name} is missing")
    if files[name] != told.whole("bytes", 1, 2**40):
        raise InputError(f"{name} is damaged")
    return name


def ordered(results: tuple[CaseResult, ...]) -> tuple[CaseResult, ...]:
    """Results in the order of the catalogue, others by their names after them."""
    places = {spec.key: place for place, spec in enumerate(REMOVERS)}
    return tuple(sorted(results, key=lambda result: (places.get(result.method, len(places)), result.method)))


def text_of(case: Case) -> bytes:
    """What case.json says of a case whose pictures are in their files."""
    lengths = {name: (case.folder / name).stat().st_size for name in files_of(case)}
    truth = _picture(case.truth, case.truth_digest, lengths) | {"box": case.truth_box} if case.truth else None
    mask = _picture(case.mask_file, case.mask_digest, lengths)
    told = {
        "schema": SCHEMA,
        "app": __version__,
        "title": case.title,
        "licence": case.licence,
        "credit": case.credit,
        "width": case.size.width,
        "height": case.size.height,
        "origin": case.origin,
        "source": _picture(case.source_file, case.source_digest, lengths),
        "mask": mask | {"pixels": case.facts.pixels, "boxes": case.facts.boxes, "made_by": case.facts.made_by},
        "truth": truth,
        "results": [_told(result, lengths) for result in ordered(case.results)],
    }
    return (json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def files_of(case: Case) -> tuple[str, ...]:
    """Names of its pictures."""
    named = (case.source_file, case.mask_file, case.truth, *(result.file for result in case.results))
    return tuple(name for name in named if name)


def _picture(file: str, digest: str, lengths: Mapping[str, int]) -> dict[str, Any]:
    return {"file": file, "bytes": lengths[file], "digest": digest}


def _told(result: CaseResult, lengths: Mapping[str, int]) -> dict[str, Any]:
    return asdict(result) | {"options": json.loads(result.options), "bytes": lengths[result.file]}
