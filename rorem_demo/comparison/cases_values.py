"""Case, CaseResult, CaseSet: what is known of ready cases; their pixels stay in their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rorem_demo.comparison.cases_pictures import mask_image, patched, whole_image
from rorem_demo.errors import InputError
from rorem_demo.feedback.records import MaskFacts
from rorem_demo.imaging.types import Box, Image, Mask, Size
from rorem_demo.removers.base import LIMITS


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What one method made of a case."""

    method: str
    """Key of the remover, or the name it was imported under."""
    title: str
    licence: str
    """Of the method; "" if unknown."""
    revision: str
    """As in `feedback.records.Subject`."""
    options: str
    """Resolved options with the seed, as JSON with sorted keys; "{}" if unknown."""
    seconds: float | None
    """None if unknown."""
    device: str
    imported: bool
    """Made elsewhere."""
    file: str
    """In the case's folder."""
    box: Box | None
    """Where the file lies on the source, which it equals elsewhere; None: it is the whole picture."""
    digest: str
    """`feedback.pictures.digest` of the whole result."""
    changed_outside: int
    """Pixels that differ from the source outside the mask: as the remover had grown it, or the case's if imported."""
    score: float | None
    """How likely it is clean, by the judge; None if none was asked."""
    judge: str

    @property
    def grown_by(self) -> int:
        """Pixels by which the remover widened the case's mask; 0 if imported, since nobody knows."""
        grow = 0 if self.imported else json.loads(self.options).get("grow", 0)
        return grow if type(grow) is int and 0 <= grow <= LIMITS["grow"][1] else 0


@dataclass(frozen=True, kw_only=True)
class Case:
    """A photo, a mask and results; pixels stay in their files."""

    id: str
    """Of its folder: small letters, digits and hyphens."""
    folder: Path
    title: str
    licence: str
    credit: str
    size: Size
    source_digest: str
    mask_digest: str
    facts: MaskFacts
    """Of the mask as it was given, which removers grew."""
    truth: str
    """File of the photo without the object; "" if nobody knows."""
    results: tuple[CaseResult, ...]
    """In the order of the catalogue, imported ones after them; may be empty."""
    source_file: str = "source.png"
    mask_file: str = "mask.png"
    truth_box: Box | None = None
    """As of a result."""
    truth_digest: str = ""
    origin: str = ""
    """sha256 of the files the case was made from; "" if unknown."""

    def source(self) -> Image:
        """The photo. Raises StorageError where a file is missing, damaged or changed; so do the others."""
        return whole_image(self.folder / self.source_file, self.size, self.source_digest)

    def mask(self) -> Mask:
        """The mask, as it was given."""
        return mask_image(self.folder / self.mask_file, self.size, self.mask_digest)

    def true_image(self) -> Image:
        """The photo without the object. Raises InputError, too, where nobody knows it."""
        if not self.truth:
            raise InputError(f"Nobody knows the case {self.id} without its object.", hint="Take another case.")
        return self._image(self.truth, self.truth_box, self.truth_digest)

    def image(self, method: str) -> Image:
        """The whole result of a method. Raises InputError, too, where it has none."""
        result = self.result(method)
        return self._image(result.file, result.box, result.digest)

    def result(self, method: str) -> CaseResult:
        """What is known of the result of a method. Raises InputError where it has none."""
        for result in self.results:
            if result.method == method:
                return result
        raise InputError(f"The case {self.id} has no result of {method!r}.", hint="Choose another method.")

    def _image(self, file: str, box: Box | None, promised: str) -> Image:
        if box is None:
            return whole_image(self.folder / file, self.size, promised)
        return patched(self.folder / file, box, self.folder / self.source_file, self.size, promised)


@dataclass(frozen=True, kw_only=True)
class CaseSet:
    """All sound cases of a folder."""

    cases: Mapping[str, Case]
    """By id, in order of ids."""
    version: str
    """16 hex digits of what the cases say; "" of none."""
    broken: int = 0
    """Cases left out, because they could not be read."""
