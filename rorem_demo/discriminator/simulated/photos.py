"""Real photos whose truth is known, and real results without one: for evaluation only, never for training.

The folders are those that `ROREM_TEST_PHOTOS` names for tests; their licences differ and nothing of them is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.removals import AS_THEY_ARE, Removed
from rorem_demo.discriminator.simulated.rows import rows_of, subject_of
from rorem_demo.errors import InputError
from rorem_demo.feedback.shards import Row
from rorem_demo.feedback.triplets import Triplet
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import Image, Mask, size_of

LICENCE = "for evaluation only"
_MOST_PIXELS = 40_000_000
_OBJECT, _SHADOW, _UNKNOWN = 255, 50, 170
"""Levels of CDnet's labels."""
_LEAST = 150
"""Pixels of a vehicle that somebody would remove."""


def highway(folder: Path) -> Iterator[Pair]:
    """One pair per frame of `pairs_highway`: its largest vehicle with its shadow, all others left where they are."""
    plate = _photo(folder / "plate.png")
    for path in sorted((folder / "input").glob("*.jpg")):
        source = _photo(path)
        labels = _levels(folder / "label" / f"{path.stem.replace('in', 'gt')}.png")
        thing, whole = _largest(labels)
        if np.count_nonzero(thing) >= _LEAST:
            truth = np.where(whole[..., None], plate, source)
            yield Pair.of(source, truth, thing, f"highway-{path.stem}")


def road(folder: Path) -> Iterator[Pair]:
    """The pairs of `pairs_road`; outside the mask truth and photo are taken to be the same."""
    for path in sorted(folder.glob("*_input.jpg")):
        source, name = _photo(path), path.name.removesuffix("_input.jpg")
        thing = decode_mask((folder / f"{name}_mask.png").read_bytes(), size_of(source), max_pixels=_MOST_PIXELS)
        if np.count_nonzero(thing) >= _LEAST:
            truth = np.where(thing[..., None], _photo(folder / f"{name}_gt.jpg"), source)
            yield Pair.of(source, truth, thing, f"road-{name}")


def true_rows(photos: Path, seed: int = 0, most: int | None = None) -> Iterator[Row]:
    """Rows of both folders, removed by the removers and all other methods, labelled by the same rule.

    Args:
        photos: with `pairs_highway` and `pairs_road`.
        seed: of masks, methods and answers.
        most: pairs of each folder at most, evenly spread.

    Raises:
        InputError: a folder is missing.
    """
    for name, read in (("pairs_highway", highway), ("pairs_road", road)):
        pairs = list(read(_there(photos / name)))
        step = max(1, len(pairs) // most) if most else 1
        for number, pair in enumerate(pairs[::step][:most]):
            yield from rows_of(pair, np.random.default_rng([seed, number, len(name)]), licence=LICENCE)


def removed_by_migan(photos: Path, seed: int = 0) -> Iterator[Triplet]:
    """MI-GAN's results of `migan_places2_object`, and the same photos by our removers.

    Nobody has rated them and no truth is known: their label is None.

    Raises:
        InputError: the folder is missing.
    """
    folder = _there(photos / "migan_places2_object")
    for number, path in enumerate(sorted((folder / "images").glob("*.png"))):
        source = _photo(path)
        mask = decode_mask((folder / "masks" / path.name).read_bytes(), size_of(source), max_pixels=_MOST_PIXELS)
        result = _photo(folder / "results" / "migan" / path.name)
        pair = Pair(source, source, mask, mask, f"migan-{path.stem}")
        done = {"migan": Removed(np.where(mask[..., None], result, source), mask, 0.0)}
        chance = np.random.default_rng([seed, number])
        done |= {key: method(pair, chance) for key, method in AS_THEY_ARE.items()}
        for key, removed in done.items():
            yield Triplet(subject=subject_of(pair, key, removed, "{}", LICENCE), label=None)


def _there(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder} is missing.", hint="Name the folder that holds it.")
    return folder


def _photo(path: Path) -> Image:
    return decode_photo(path.read_bytes(), max_pixels=_MOST_PIXELS).image


def _levels(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


def _largest(labels: Image) -> tuple[Mask, Mask]:
    """The largest object, and with it the shadow and the unknown border that touch it."""
    known = np.isin(labels, (_OBJECT, _SHADOW, _UNKNOWN)).astype(np.uint8)
    _, groups = cv2.connectedComponents(known)
    sizes = np.bincount(groups[labels == _OBJECT].ravel(), minlength=2)
    sizes[0] = 0
    whole = groups == int(sizes.argmax())
    return whole & (labels == _OBJECT), whole & (known > 0)
