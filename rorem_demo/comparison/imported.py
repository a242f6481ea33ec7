"""Results that were made elsewhere: a folder with a picture for each case, named as it is.

Beside them, method.json may say what made them: {"title", "licence", "revision", "options", "seconds", "device"}, all
of which may be left out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from rorem_demo.comparison.building_methods import Made, Method
from rorem_demo.comparison.building_names import id_of
from rorem_demo.comparison.building_pictures import in_srgb
from rorem_demo.comparison.cases import Case
from rorem_demo.comparison.cases_checks import Fields, parsed
from rorem_demo.comparison.cases_format import ID, RESERVED
from rorem_demo.comparison.folders import by_stem, file_bytes
from rorem_demo.errors import InputError
from rorem_demo.imaging.io import decode_photo
from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.removers.catalog import Removers
from rorem_demo.removers.erase import count_changed

TOLD = "method.json"
_A_YEAR = 3e7
_NOTHING: dict[str, Any] = {"title": "", "licence": "", "revision": "", "options": {}, "seconds": None, "device": ""}


def imported(name: str, folder: Path, removers: Removers) -> Method:
    """The results of a folder, under a key of the catalogue or a name of their own.

    Raises:
        InputError: the name cannot be a method's, or the folder holds no pictures or a broken method.json.
    """
    if not ID.fullmatch(name) or name in RESERVED:
        raise InputError(f"{name!r} cannot be a method's name.", hint="Use small letters, digits and hyphens.")
    files = {id_of(stem): path for stem, path in by_stem(folder).items()}
    if not files:
        raise InputError(f"{folder} holds no pictures.", hint="Name them as the cases: NAME.png, .jpg or .webp.")
    spec = next((row for row in removers if row.key == name), None)
    told = _told(folder)
    return Method(
        key=name,
        title=told.text("title") or (spec.title if spec else name),
        licence=told.text("licence") or (spec.licence if spec else ""),
        revision=told.text("revision"),
        options=told.options("options"),
        device=told.text("device"),
        imported=True,
        make=partial(_made, files, told.number("seconds", _A_YEAR)),
        cases=frozenset(files),
    )


def _made(files: dict[str, Path], seconds: float | None, case: Case, source: Image, mask: Mask) -> Made:
    path = files[case.id]
    image = in_srgb(decode_photo(file_bytes(path), max_pixels=max(4 * case.size.area, 1_000_000)))
    if size_of(image) != case.size:
        hint = "Give it in the photo's size."
        raise InputError(f"{path.name} is {size_of(image)} but the photo is {case.size}.", hint=hint)
    changed = count_changed(source, image, ~mask)
    return Made(image=image, mask=mask, seconds=seconds, changed_outside=changed)


def _told(folder: Path) -> Fields:
    path = folder / TOLD
    if not path.exists():
        return Fields(_NOTHING)
    try:
        told = Fields(_NOTHING | dict(parsed(file_bytes(path)).values))
        for name in ("title", "licence", "revision", "device"):
            told.text(name)
        told.options("options")
        told.number("seconds", _A_YEAR)
    except InputError as error:
        raise InputError(f"{path} is not what it should be: {error}.", hint="Mend it, or remove it.") from error
    return told
