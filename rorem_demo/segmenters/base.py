"""SegmenterSpec, Segmenter, prompts, Encoding, Candidate: what a segmenter is, is asked, and gives.

A segmenter holds weights and nothing else. What it knows of a photo is an Encoding, and what a visitor meant is
the list of all their prompts: both are values that belong to the visitor, so one model serves everybody at once
and nobody's clicks can reach another's photo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.types import Box, Image, Mask, Size
from rorem_demo.runtime.pins import WeightFile


@dataclass(frozen=True)
class Click:
    """One pixel of the photo, `0 <= x < width` and `0 <= y < height`."""

    x: int
    y: int
    keep: bool = False
    """This pixel is not part of the object: it stays in the photo."""


@dataclass(frozen=True)
class BoxPrompt:
    """The object fills about this box, in photo pixels."""

    box: Box


@dataclass(frozen=True)
class Phrase:
    """Everything these words name."""

    text: str


Prompt: TypeAlias = Click | BoxPrompt | Phrase
PromptKind: TypeAlias = Literal["click", "box", "phrase"]


class Encoding(Protocol):
    """What a segmenter keeps of a photo, so that each further prompt is quick: plain CPU arrays, picklable."""

    @property
    def size(self) -> Size:
        """Of the photo."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes of its arrays."""
        ...


@dataclass(frozen=True)
class EncodingStep:
    """How far an encoding is; the last step carries it."""

    fraction: float
    """0..1."""
    encoding: Encoding | None = None


@dataclass(frozen=True)
class Candidate:
    """One mask that may be what was meant."""

    mask: Mask
    """At the photo's size; never empty."""
    score: float
    """The segmenter's own estimate of its quality, 0..1."""
    label: str = ""
    """What a phrase named it."""
    hint: npt.NDArray[np.float16] | None = None
    """What the segmenter wants to see again with the next prompt for the same object; small."""


@dataclass(frozen=True, kw_only=True)
class SegmenterSpec:
    """What is known of a segmenter without loading it: one row of the catalogue."""

    key: str
    title: str
    summary: str
    """One plain sentence."""
    loader: str
    """`package.module:function`; takes this spec and the paths of its weights, returns the Segmenter."""
    licence: str
    """Of the code and the weights together, the stricter one."""
    source: str
    """Where the method comes from: a paper, or a project."""
    prompts: frozenset[PromptKind]
    """Kinds it understands."""
    encode_seconds: float
    """About how long the first look at a photo takes on two CPU cores."""
    weights: tuple[WeightFile, ...] = ()
    packages: tuple[str, ...] = field(default=())
    """Modules that must be installed beyond `requirements.txt`."""
    rough: bool = False
    """Its masks are only boxes around the objects, for another segmenter to refine."""


class Segmenter(Protocol):
    """A loaded model without any state of a caller: several may use it at once. Only `segment` calls it."""

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        """Yield progress and at last the Encoding of a photo, which is left untouched. Closing it cancels."""
        ...

    def propose(
        self, encoding: Encoding, prompts: Sequence[Prompt], previous: Candidate | None = None
    ) -> list[Candidate]:
        """Masks at the photo's size, best first.

        For clicks and at most one box, which all mean one object: up to three masks of it. For a phrase: one
        mask for each object found, none if nothing is. `previous` is the candidate the last click corrects.
        The same arguments give the same masks on the same machine.
        """
        ...
