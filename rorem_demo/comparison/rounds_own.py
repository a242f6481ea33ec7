"""Rounds of a visitor's own photo: two results that were made for them just now, as a Round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from rorem_demo.comparison.policy import POLICY
from rorem_demo.comparison.rounds import Pixels, Round, Told, encoded_pixels
from rorem_demo.feedback.pictures import digest, facts
from rorem_demo.feedback.records import Pairing
from rorem_demo.imaging.types import size_of
from rorem_demo.judging import Judging
from rorem_demo.visits import OpenedMask, OpenedPhoto, Result, Visits


@dataclass(frozen=True, kw_only=True)
class OwnPair:
    """Ids of what a visit has open."""

    photo: str
    mask: str
    """As the visitor drew it: methods grow it, each by its own habit."""
    made_by: tuple[str, ...]
    """How the entries of the mask were made."""
    left: str
    right: str


def own_round(judging: Judging, own: OwnPair) -> Round:
    """Two results of a visitor's photo.

    Raises:
        InputError: one of the ids stands for nothing any more.
    """
    visits, removers = judging.visits, judging.removers
    photo, mask = visits.get(own.photo, OpenedPhoto), visits.get(own.mask, OpenedMask).mask
    size = size_of(photo.photo.image)
    left, right = judging.side(own.left), judging.side(own.right)
    read = partial(_read, visits, own)
    pairing = Pairing(
        key="",
        origin="app",
        case="",
        cases="",
        source=photo.digest,
        mask=digest(mask),
        width=size.width,
        height=size.height,
        facts=facts(mask, own.made_by),
        left=left,
        right=right,
        policy=POLICY,
        licence=photo.licence,
        issued=datetime.now(UTC),
        pictures=partial(encoded_pixels, read),
    )
    told = [Told(title=removers[side.method].title, result=key) for side, key in ((left, own.left), (right, own.right))]
    return Round(pairing=pairing, read=read, left=told[0], right=told[1])


def results_of(visits: Visits, keys: Iterable[str]) -> list[Result]:
    """Results by their ids. Raises InputError where one is gone."""
    return [visits.get(key, Result) for key in keys]


def _read(visits: Visits, own: OwnPair) -> Pixels:
    photo = visits.get(own.photo, OpenedPhoto).photo
    left, right = results_of(visits, (own.left, own.right))
    mask = visits.get(own.mask, OpenedMask).mask
    return Pixels(photo.image, mask, left.photo.image, right.photo.image, photo.icc)
