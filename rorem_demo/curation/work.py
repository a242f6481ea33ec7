"""Work: a candidate tested, and its pictures kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rorem_demo.curation.candidates import Candidate
from rorem_demo.curation.recipe import Recipe
from rorem_demo.curation.rounds import Row
from rorem_demo.errors import InputError, RoremError, UnavailableError
from rorem_demo.feedback import disk
from rorem_demo.feedback.pictures import digest, encoded, name_of
from rorem_demo.feedback.records import Pictures
from rorem_demo.feedback.triplets import FOLDERS
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import Image, Mask, as_mask, size_of
from rorem_demo.removers.base import Removal, RemovalOptions
from rorem_demo.removers.erase import finish
from rorem_demo.services import Services

ORIGIN = "curated"
"""Of a triplet that only a program has judged."""
_DECIMALS = 6
_MOST_FAILURES = 20
"""Removals that fail one after the other: then it is not the photos."""


class Judge(Protocol):
    """A discriminator, loaded."""

    @property
    def version(self) -> str: ...

    def score(self, source: Image, mask: Mask, result: Image) -> float:
        """How likely the object is gone, 0..1."""
        ...


@dataclass
class Worker:
    """Tests candidates and keeps their pictures in `folder`.

    Pictures are named by what they hold and written before the row that names them, so testing a candidate again
    leaves the folder as it was.
    """

    services: Services
    judge: Judge
    recipe: Recipe
    folder: Path
    _failed: int = field(default=0, init=False)
    """Removals one after the other."""

    def tested(self, candidate: Candidate) -> Row:
        """What became of it; a photo that cannot be read or a removal that fails is a row, too.

        Raises:
            StorageError: its pictures could not be kept.
            UnavailableError: the last twenty removals failed.
        """
        try:
            entry, pictures = self._made(candidate)
        except Exception as error:  # noqa: BLE001  # one bad file, however bad, must not end the round
            return self._failure(candidate, error)
        self._failed = 0
        band = self.recipe.bands.of(entry["score"])
        if band != "rejected" or self.recipe.rejected:
            entry = _kept(self.folder / band, pictures) | entry
        return Row(photo=candidate.photo, mask=candidate.mask, band=band, entry=entry)

    def _failure(self, candidate: Candidate, error: Exception) -> Row:
        sentence = error.sentence if isinstance(error, RoremError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, InputError):
            self._failed += 1
            if self._failed >= _MOST_FAILURES:
                hint = "Mend it and start again: what is done is not done again."
                raise UnavailableError(f"{_MOST_FAILURES} removals failed, the last with: {sentence}", hint=hint)
        return Row(photo=candidate.photo, mask=candidate.mask, band=None, sentence=" ".join(sentence.split()))

    def _made(self, candidate: Candidate) -> tuple[dict[str, Any], Pictures]:
        """The entry without its pictures, and these."""
        if candidate.fault:
            raise InputError(candidate.fault)
        limit = self.services.settings.max_pixels
        photo = decode_photo(_read(Path(self.recipe.images) / candidate.photo), max_pixels=limit)
        marked = decode_mask(_read(Path(self.recipe.masks) / candidate.mask), size_of(photo.image), max_pixels=limit)
        options = RemovalOptions.given(self.recipe.options)
        removal = finish(self.services.remove(self.recipe.method, photo.image, as_mask(marked, photo.image), options))
        score = self.judge.score(photo.image, removal.mask, removal.image)
        pictures = encoded(photo.image, removal.mask, removal.image, photo.icc)
        return self._entry(candidate, photo.image, removal, score), pictures

    def _entry(self, candidate: Candidate, source: Image, removal: Removal, score: float) -> dict[str, Any]:
        spec = self.services.removers[self.recipe.method]
        return {
            "score": as_prediction(score),
            "origin": ORIGIN,
            "judge": self.recipe.judge,
            "method": spec.key,
            "revision": self.recipe.revision,
            "options": asdict(removal.options),
            "seed": removal.options.seed,
            "seconds": round(removal.seconds, 4),
            "device": "gpu" if spec.gpu_cost and self.services.machine.gpu else "cpu",
            "mask_made_by": ["file"],
            "licence": self.recipe.licence,
            "digests": {
                "source": digest(source),
                "mask": digest(removal.mask),
                "result": digest(removal.image),
            },
            "photo": candidate.photo,
        }


def as_prediction(score: float) -> float:
    """The score as it is written down: never exactly 0 or 1, which readers of a meta.json take for a person's answer.

    Raises:
        UnavailableError: it is no number.
    """
    if not math.isfinite(score):
        raise UnavailableError("The discriminator gave no number.", hint="Train it again.")
    least = 10.0**-_DECIMALS
    return min(max(round(score, _DECIMALS), least), 1 - least)


def _kept(folder: Path, pictures: Pictures) -> dict[str, str]:
    """The names of three pictures in the folder, where they now are."""
    names = {}
    for key, data in zip(FOLDERS, (pictures.source, pictures.mask, pictures.result), strict=True):
        names[key] = f"{key}/{name_of(data)}.{'png' if key == 'mask' else 'jpg'}"
        path = folder / names[key]
        if not path.exists():
            disk.make_folder(path.parent)
            disk.write_whole(path, data)
    return names


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
