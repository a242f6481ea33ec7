"""Selecting: from what a visitor points at to masks, with one look at each photo.

A photo's encoding is kept among the visitor's own items, under their bound and expiry; models are shared because
they hold nothing of anybody's. Several photos are not encoded at once: on a few cores that only makes all of them
late. A phrase is found as boxes and each box refined by the segmenter that acts on boxes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from time import perf_counter

import numpy as np

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Image, Mask, Size, size_of
from rorem_demo.runtime.pool import ModelPool
from rorem_demo.runtime.weights import Weights
from rorem_demo.segmenters.base import (
    BoxPrompt,
    Candidate,
    Encoding,
    Prompt,
    PromptKind,
    Segmenter,
    SegmenterSpec,
)
from rorem_demo.segmenters.catalog import Segmenters
from rorem_demo.segmenters.segment import PAINT, checked_prompts, encoded, finished, kinds_of, proposed
from rorem_demo.visits import Encoded, OpenedPhoto, Visits

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a segmenter made of prompts."""

    method: SegmenterSpec
    candidates: tuple[Candidate, ...]
    """Best first."""
    seconds: float
    """Without the first look at the photo."""

    several: bool
    """Each candidate is an object of its own, not another guess at the same one."""

    @property
    def objects(self) -> tuple[Candidate, ...]:
        """The best mask for each object."""
        return self.candidates if self.several else self.candidates[:1]

    @property
    def mask(self) -> Mask:
        """All objects together."""
        return np.asarray(np.logical_or.reduce([found.mask for found in self.objects]), np.bool_)


@dataclass(frozen=True)
class Preparation:
    """A first look at a photo on its way."""

    method: SegmenterSpec
    fraction: float
    """0..1."""


class Selecting:
    """The segmenters of this machine, at work on photos that visitors have open.

    Args:
        segmenters: the catalogue.
        weights: where theirs are.
        visits: where photos are found and encodings kept.
        preferred: key of the row to take before others, where it understands the prompt and runs here.
    """

    def __init__(self, segmenters: Segmenters, weights: Weights, visits: Visits, preferred: str | None = None) -> None:
        self.segmenters = segmenters
        self._weights = weights
        self._visits = visits
        self._preferred = segmenters[preferred] if preferred else None
        capacity = len(tuple(segmenters))
        self._models: ModelPool[Segmenter] = ModelPool(partial(segmenters.load, weights=weights), capacity, shared=True)
        self._broken: set[str] = set()  # rows whose weights are here but could not be loaded
        self._encoding = Lock()

    def missing(self, spec: SegmenterSpec) -> tuple[str, ...]:
        """What this machine lacks to run a segmenter, in plain words."""
        return ("weights that can be read",) if spec.key in self._broken else self._weights.missing(spec)

    def acting(self, *kinds: PromptKind, key: str | None = None) -> SegmenterSpec:
        """The row that answers prompts of these kinds here, or the one named.

        Raises:
            InputError: no such row.
            UnavailableError: it cannot run here, or none that understands them all can.
        """
        rows = [self.segmenters[key]] if key else [row for row in self._in_order() if row.prompts.issuperset(kinds)]
        if not rows:
            raise UnavailableError(f"Nothing here understands a {kinds[0]}.", hint=PAINT)
        for row in rows:
            if not self.missing(row):
                return row
        needs = " and ".join(self.missing(rows[0]))
        raise UnavailableError(f"{rows[0].title} cannot run here: it needs {needs}.", hint=PAINT)

    def loaded(self, *kinds: PromptKind, key: str | None = None) -> SegmenterSpec:
        """The row that answers such prompts, with its model in memory; raises as `acting` does.

        A row nobody asked for by name gives way to the next if its weights cannot be read: visitors cannot
        mend that, so the log tells whoever can.
        """
        spec = self.acting(*kinds, key=key)
        try:
            self._models.preload(spec.key)
        except UnavailableError as error:
            if key:
                raise
            log.error("%s", error.sentence, exc_info=error)  # noqa: TRY400  # its cause is what matters
            self._broken.add(spec.key)
            return self.loaded(*kinds)
        return spec

    def encode(self, photo: str, spec: SegmenterSpec) -> Iterator[float]:
        """Look at an open photo once, yielding how far it is, 0..1; at once if that was done.

        Raises:
            InputError: the photo is gone.
            UnavailableError: the segmenter failed.
        """
        name = f"{photo}/{spec.key}"
        image = self._visits.get(photo, OpenedPhoto).photo.image
        if name in self._visits:
            return
        yield 0.0
        with self._encoding:
            if name in self._visits:  # by whoever held the lock
                return
            with self._models.use(spec.key) as model:
                for step in encoded(spec, model, image):
                    if step.encoding is not None:
                        self._visits.keep(Encoded(step.encoding), self._visits.visit_of(photo), name)
                    yield step.fraction

    def prepare(self, photo: str, *kinds: PromptKind) -> Iterator[Preparation]:
        """Look at an open photo with every segmenter that prompts of these kinds will need; raises as `encode` does."""
        spec = self.loaded(*kinds)
        for needed in [spec, self.loaded("box")] if spec.rough else [spec]:
            for fraction in self.encode(photo, needed):
                yield Preparation(needed, fraction)
        yield Preparation(spec, 1.0)

    def propose(
        self, photo: str, prompts: Sequence[Prompt], *, key: str | None = None, previous: Candidate | None = None
    ) -> Proposal:
        """Masks for what prompts mean on an open photo; `previous` is what the last of them corrects.

        Raises:
            InputError: the photo is gone, or the prompts mean nothing on it.
            UnavailableError: nothing here understands them, or the segmenter failed.
        """

        def encoding_of(spec: SegmenterSpec) -> Encoding:
            for _ in self.encode(photo, spec):
                pass
            return self._visits.get(f"{photo}/{spec.key}", Encoded).encoding

        size = size_of(self._visits.get(photo, OpenedPhoto).photo.image)
        return self._proposal(size, prompts, encoding_of, key, previous)

    def select(self, image: Image, prompts: Sequence[Prompt], key: str | None = None) -> Proposal:
        """Masks for what prompts mean on a photo nobody has open; raises as `propose` does."""

        def encoding_of(spec: SegmenterSpec) -> Encoding:
            with self._encoding, self._models.use(spec.key) as model:
                return finished(encoded(spec, model, image))

        return self._proposal(size_of(image), prompts, encoding_of, key, None)

    def _proposal(
        self,
        size: Size,
        prompts: Sequence[Prompt],
        encoding_of: Callable[[SegmenterSpec], Encoding],
        key: str | None,
        previous: Candidate | None,
    ) -> Proposal:
        kinds = kinds_of(prompts)
        spec = self.loaded(*kinds, key=key)
        checked_prompts(spec, prompts, size)  # before the first look, which takes long
        refiner = self.loaded("box") if spec.rough else None
        encoding = encoding_of(spec)
        finer = encoding_of(refiner) if refiner else None
        start = perf_counter()
        with self._models.use(spec.key) as model:
            candidates = proposed(spec, model, encoding, prompts, previous)
        if refiner and finer:
            candidates = [self._refined(refiner, finer, candidate) for candidate in candidates]
        several = "phrase" in kinds
        return Proposal(method=spec, candidates=tuple(candidates), seconds=perf_counter() - start, several=several)

    def _refined(self, spec: SegmenterSpec, encoding: Encoding, found: Candidate) -> Candidate:
        """What a detector found, with the outline of the object instead of a box; the box if there is none."""
        prompt = BoxPrompt(bounding_box(found.mask))
        try:
            with self._models.use(spec.key) as model:
                masks = proposed(spec, model, encoding, [prompt])
        except InputError:  # nothing found in the box
            return found
        return replace(masks[0], score=found.score, label=found.label)

    def _in_order(self) -> list[SegmenterSpec]:
        return sorted(self.segmenters, key=lambda row: row != self._preferred)
