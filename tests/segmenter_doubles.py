"""Segmenters for tests: quick, predictable, and badly behaved on purpose."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.masks import grow
from rorem_demo.imaging.types import Image, Mask, Size, size_of
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.segmenters.base import (
    BoxPrompt,
    Candidate,
    Click,
    EncodingStep,
    Phrase,
    Prompt,
    PromptKind,
    Segmenter,
    SegmenterSpec,
)
from rorem_demo.segmenters.catalog import Segmenters

POINTING: frozenset[PromptKind] = frozenset({"click", "box"})


@dataclass(frozen=True)
class Seen:
    """The photo itself."""

    image: Image

    @property
    def size(self) -> Size:
        return size_of(self.image)

    @property
    def size_bytes(self) -> int:
        return self.image.nbytes


class Alike:
    """The pixels coloured as the clicked ones, wherever they are; every click adds or takes away its colour.

    A box proposes what differs from its corner. Three guesses: as found, grown by 4 pixels, and by 8.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.encoded = 0

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        self.encoded += 1
        for step in range(4):
            time.sleep(self._seconds / 4)
            yield EncodingStep(step / 4)
        yield EncodingStep(1.0, Seen(image.copy()))

    def propose(self, encoding: Seen, prompts: Sequence[Prompt], previous: Candidate | None = None) -> list[Candidate]:
        image = encoding.image.astype(np.int16)
        mask: Mask = np.zeros(image.shape[:2], np.bool_)
        for prompt in prompts:
            if isinstance(prompt, BoxPrompt):
                box = prompt.box
                mask[box.slices] = ~_alike(image, image[box.top, box.left])[box.slices]
            elif isinstance(prompt, Click):
                same = _alike(image, image[prompt.y, prompt.x])
                mask = mask & ~same if prompt.keep else mask | same
        hint = np.full((2, 2), len(prompts), np.float16)
        guesses = [mask, grow(mask, 4), grow(mask, 8)]
        return [Candidate(guess, 0.9 - 0.1 * rank, hint=hint) for rank, guess in enumerate(guesses) if guess.any()]


class Redness:
    """Finds what is red as one box, whatever is asked for; nothing where nothing is."""

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        yield EncodingStep(1.0, Seen(image.copy()))

    def propose(self, encoding: Seen, prompts: Sequence[Prompt], previous: Candidate | None = None) -> list[Candidate]:
        (phrase,) = prompts
        assert isinstance(phrase, Phrase)
        values = encoding.image.astype(np.int16)
        red = (values[..., 0] > 150) & (values[..., 1] < 90)
        rows, columns = np.nonzero(red.any(axis=1))[0], np.nonzero(red.any(axis=0))[0]
        if "zebra" in phrase.text or not len(rows):
            return []
        mask = np.zeros_like(red)
        mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        return [Candidate(mask, 0.5, label="disc")]


class Broken:
    """Fails in the middle of everything."""

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        yield EncodingStep(0.5)
        raise RuntimeError("secret detail")

    def propose(self, encoding: Seen, prompts: Sequence[Prompt], previous: Candidate | None = None) -> list[Candidate]:
        raise AssertionError


def load(spec: SegmenterSpec, files: tuple[Path, ...]) -> Segmenter:
    """The double a row is named for."""
    if spec.key == "torn":
        raise UnavailableError("The weights of Torn cannot be read.", hint="Download them again.")
    doubles = {"alike": Alike(), "slow": Alike(1.2), "brief": Alike(0.05), "redness": Redness(), "broken": Broken()}
    return doubles[spec.key]


def row(
    key: str, prompts: frozenset[PromptKind] = POINTING, *weights: WeightFile, rough: bool = False
) -> SegmenterSpec:
    """A row whose adapter is one of the doubles."""
    return SegmenterSpec(
        key=key,
        title=key.capitalize(),
        summary="A test double.",
        loader="tests.segmenter_doubles:load",
        licence="none",
        source="tests",
        prompts=prompts,
        encode_seconds=0.0,
        weights=weights,
        rough=rough,
    )


def _alike(image: np.ndarray, colour: np.ndarray) -> Mask:
    return np.asarray(np.abs(image - colour).max(axis=2) < 60, np.bool_)


PHRASE: frozenset[PromptKind] = frozenset({"phrase"})
SEGMENTERS: Segmenters = Catalog(row("slow"), row("alike"), row("redness", PHRASE, rough=True))
"""The first look takes a moment."""
