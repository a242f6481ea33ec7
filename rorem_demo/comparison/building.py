"""Make ready cases: photos and masks of folders, and results of methods beside them.

Method by method, since a model takes longer to load than to run. Whatever is there already and was made of the same
photo and mask, by the same revision with the same options, stays. A run may be killed at any moment: case.json never
names a picture that is not whole, because it is written after it, and before a picture changes that it names.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from rorem_demo.comparison.building_methods import Made, Method
from rorem_demo.comparison.building_names import id_of
from rorem_demo.comparison.building_pictures import in_srgb, patch_of, png, source_file
from rorem_demo.comparison.cases import Case, CaseResult, read_case
from rorem_demo.comparison.cases_checks import one_line
from rorem_demo.comparison.cases_format import CASE, files_of, ordered, text_of
from rorem_demo.comparison.folders import FolderCase, file_bytes
from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.pictures import digest, facts
from rorem_demo.imaging.io import decode_mask, decode_photo, encode_mask
from rorem_demo.imaging.types import Box, Image, Mask, as_mask, size_of

Judge = Callable[[Image, Mask, Image], Likely | None]
"""Says of photo, mask and result how likely it is clean."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one case, or of one result of it."""

    case: str
    """Its id, or the photo's name if it could not be read."""
    method: str
    """Key; "" if the case itself could not be read."""
    result: CaseResult | None = None
    """None if it failed."""
    kept: bool = False
    """It was there already."""
    error: Exception | None = None


def build(
    cases: Iterable[FolderCase | Case], methods: Sequence[Method], output: Path, judge: Judge, max_pixels: int
) -> Iterator[Outcome]:
    """Write the cases into a set with a result of each method; yields every result, and every failure.

    Args:
        cases: photos with masks, or cases of the set itself.
        methods: what makes results.
        output: folder of the set; made where it is missing.
        judge: is asked about each new result.
        max_pixels: larger photos are refused.

    Raises:
        StorageError: the set cannot be written, or somebody else writes to it.
    """
    disk.make_folder(output)
    with _alone(output):
        ready: dict[str, Case] = {}
        for case in cases:
            outcome = _taken(case, output, ready, max_pixels)
            if outcome:
                yield outcome
        for method in methods:
            for key in ready if method.cases is None else [key for key in ready if key in method.cases]:
                ready[key], outcome = _tried(ready[key], method, judge)
                yield outcome


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The only one who writes to the folder."""
    with disk.refusals(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(f"Somebody else writes to {folder}.", hint="Wait until they are done.") from error
        yield
    finally:
        os.close(handle)


def _taken(case: FolderCase | Case, output: Path, ready: dict[str, Case], max_pixels: int) -> Outcome | None:
    """Add the case to those that are ready; what went wrong otherwise, unless the disk did."""
    if isinstance(case, Case):
        ready[case.id] = case
        return None
    key = id_of(case.name)
    if key in ready:
        error = InputError(f"Two photos are called {key}.", hint="Rename one of them.")
        return Outcome(case=case.name, method="", error=error)
    try:
        ready[key] = _prepared(case, output / key, max_pixels)
    except StorageError:
        raise
    except Exception as fault:  # noqa: BLE001  # a bad file, however bad, must not end the run
        return Outcome(case=case.name, method="", error=fault)
    return None


def _prepared(given: FolderCase, folder: Path, max_pixels: int) -> Case:
    """The case as it lies in its folder, made anew unless it was made of the same files."""
    files = [file_bytes(path) for path in (given.source, given.mask, given.truth) if path]
    origin = sha256("".join(sha256(data).hexdigest() for data in files).encode()).hexdigest()
    told = {name: one_line(getattr(given, name)) for name in ("title", "licence", "credit")}
    told["title"] = told["title"] or one_line(given.name)
    try:
        there = read_case(folder)
    except InputError:
        there = None
    if there and there.origin == origin:
        case = replace(there, **told)  # type: ignore[arg-type]  # all three are text
        if case != there:
            _write(case)
    else:
        case = _begun(folder, files, max_pixels, origin, told)
    _tidy(case)
    return case


def _begun(folder: Path, files: Sequence[bytes], max_pixels: int, origin: str, told: dict[str, str]) -> Case:
    """A case without results, in the place of any that was there."""
    photo = decode_photo(files[0], max_pixels=max_pixels)
    source = in_srgb(photo)
    size = size_of(source)
    mask = as_mask(decode_mask(files[1], size, max_pixels=max_pixels), source)
    suffix, data = source_file(files[0], photo, source)
    pictures = {f"source.{suffix}": data, "mask.png": encode_mask(mask)}
    truth = in_srgb(decode_photo(files[2], max_pixels=max_pixels)) if len(files) > 2 else None
    box = None
    if truth is not None:
        if size_of(truth) != size:
            raise InputError(f"The picture without the object is {size_of(truth)} but the photo is {size}.")
        box, patch = patch_of(source, truth, mask)
        pictures["truth.png"] = png(patch)
    case = Case(
        id=folder.name,
        folder=folder,
        **told,
        size=size,
        source_file=f"source.{suffix}",
        source_digest=digest(source),
        mask_digest=digest(mask),
        facts=facts(mask, ("file",)),
        truth="" if truth is None else "truth.png",
        truth_box=box,
        truth_digest="" if truth is None else digest(truth),
        origin=origin,
        results=(),
    )
    disk.make_folder(folder)
    with disk.refusals(folder):
        (folder / CASE).unlink(missing_ok=True)
    for name, data in pictures.items():
        disk.write_whole(folder / name, data)
    _write(case)
    return case


def _tried(case: Case, method: Method, judge: Judge) -> tuple[Case, Outcome]:
    """The case with a result of the method, if there was none or another one."""
    there = next((result for result in case.results if result.method == method.key), None)
    said = (there.revision, there.options, there.imported) if there else None
    if said != (method.revision, method.options, method.imported):
        there = None
    if there and not method.imported:
        return _kept(case, method, there)
    try:
        source, mask = case.source(), case.mask()
        made = method.make(case, source, mask)
        if there and digest(made.image) == there.digest:
            return _kept(case, method, replace(there, seconds=made.seconds, device=method.device))
        likely = judge(source, made.mask, made.image)
    except Exception as error:  # noqa: BLE001  # one method must not end the run
        return case, Outcome(case=case.id, method=method.key, error=error)
    case, result = _with_result(case, method, made, likely, patch_of(source, made.image, mask))
    return case, Outcome(case=case.id, method=method.key, result=result)


def _kept(case: Case, method: Method, result: CaseResult) -> tuple[Case, Outcome]:
    """The case as it is, but for what is told of the method today."""
    result = replace(result, title=one_line(method.title), licence=one_line(method.licence))
    if result not in case.results:
        others = (each for each in case.results if each.method != method.key)
        case = replace(case, results=ordered((*others, result)))
        _write(case)
    return case, Outcome(case=case.id, method=method.key, result=result, kept=True)


def _with_result(
    case: Case, method: Method, made: Made, likely: Likely | None, patch: tuple[Box | None, Image]
) -> tuple[Case, CaseResult]:
    """The case with this result, on the disk."""
    result = CaseResult(
        method=method.key,
        title=one_line(method.title),
        licence=one_line(method.licence),
        revision=method.revision,
        options=method.options,
        seconds=None if made.seconds is None else round(made.seconds, 3),
        device=method.device,
        imported=method.imported,
        file=f"{method.key}.png",
        box=patch[0],
        digest=digest(made.image),
        changed_outside=made.changed_outside,
        score=round(likely.score, 4) if likely else None,
        judge=likely.judge if likely else "",
    )
    others = tuple(each for each in case.results if each.method != method.key)
    if len(others) < len(case.results):
        _write(replace(case, results=others))
    disk.write_whole(case.folder / result.file, png(patch[1]))
    case = replace(case, results=ordered((*others, result)))
    _write(case)
    return case, result


def _write(case: Case) -> None:
    disk.write_whole(case.folder / CASE, text_of(case))


def _tidy(case: Case) -> None:
    """Remove pictures that the case does not name, and what a killed run left unfinished."""
    named = {CASE, *files_of(case)}
    with disk.refusals(case.folder):
        for path in case.folder.iterdir():
            if path.name not in named and path.suffix in {".png", ".jpg", ".webp", disk.UNFINISHED}:
                path.unlink()
