"""encoded() and proposed(): check, run, check again. The one way to run a segmenter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.types import Box, Image, Size, as_image, size_of
from rorem_demo.runtime.guard import guarded
from rorem_demo.segmenters.base import (
    BoxPrompt,
    Candidate,
    Click,
    Encoding,
    EncodingStep,
    Phrase,
    Prompt,
    PromptKind,
    Segmenter,
    SegmenterSpec,
)
from rorem_demo.segmenters.phrases import SUGGEST, parsed

P = TypeVar("P", Click, BoxPrompt, Phrase)

MOST_CLICKS = 100
"""Clicks for one object; more are a mistake, and only slow."""

PAINT = "Paint over the object instead."
"""The way out when no segmenter helps."""

_KINDS: dict[type[Prompt], PromptKind] = {Click: "click", BoxPrompt: "box", Phrase: "phrase"}


def encoded(spec: SegmenterSpec, segmenter: Segmenter, image: Image) -> Iterator[EncodingStep]:
    """Look at a photo, yielding progress and at last its Encoding.

    Raises:
        InputError: no image.
        UnavailableError: the segmenter failed, ran out of memory, or gave no encoding.
    """
    as_image(image)
    step = EncodingStep(0.0)
    with _guarded(spec):
        for step in segmenter.encode(image):  # the last one is asked for its encoding below
            yield step
    if step.encoding is None:
        raise UnavailableError(f"{spec.title} could not read this photo.", hint=PAINT)


def proposed(
    spec: SegmenterSpec,
    segmenter: Segmenter,
    encoding: Encoding,
    prompts: Sequence[Prompt],
    previous: Candidate | None = None,
) -> list[Candidate]:
    """The masks a segmenter proposes for prompts on a photo, best first; see `Segmenter.propose`.

    Raises:
        InputError: prompts that mean nothing on this photo, or with which nothing is found.
        UnavailableError: the segmenter failed, ran out of memory, or gave masks that do not fit the photo.
    """
    checked = checked_prompts(spec, prompts, encoding.size)
    with _guarded(spec):
        candidates = segmenter.propose(encoding, checked, previous)
    if not candidates:
        raise _nothing_found(checked)
    if any(size_of(candidate.mask) != encoding.size or not candidate.mask.any() for candidate in candidates):
        raise UnavailableError(f"{spec.title} gave a mask of nothing.", hint=PAINT)
    return candidates


def finished(steps: Iterator[EncodingStep]) -> Encoding:
    """Run `encoded` to its end, for callers who show no progress."""
    *_, last = steps
    if last.encoding is None:
        raise UnavailableError("The first look at the photo ended before it was finished.", hint="Try again.")
    return last.encoding


def kinds_of(prompts: Iterable[Prompt]) -> frozenset[PromptKind]:
    """What a segmenter must understand to be given these prompts."""
    return frozenset(_KINDS[type(prompt)] for prompt in prompts)


def checked_prompts(spec: SegmenterSpec, prompts: Sequence[Prompt], size: Size) -> tuple[Prompt, ...]:
    """The prompts as a segmenter may be given them: a box cut at the photo's edges, each pixel clicked once.

    Of clicks on one pixel that contradict each other the last one counts: it is a correction.

    Raises:
        InputError: nothing is pointed at, or something that is not there.
    """
    clicks, boxes, phrases = _of(Click, prompts), _of(BoxPrompt, prompts), _of(Phrase, prompts)
    _check_kinds(spec, prompts)
    if phrases and (clicks or boxes):
        raise InputError("Both a phrase and a place were given.", hint="Give one of them.")
    if len(boxes) > 1 or len(phrases) > 1:
        raise InputError("Several objects were asked for at once.", hint="Ask for one after the other.")
    if phrases:
        parsed(phrases[0].text)  # refuses what says too little before anybody looks at the photo
        return tuple(phrases)
    places = _checked_clicks(clicks, size)
    box = [BoxPrompt(_checked_box(given.box, size)) for given in boxes]
    if not box and all(click.keep for click in places):
        raise InputError("Every click says what should stay.", hint="Click what should go first.")
    return (*box, *places)


def _of(kind: type[P], prompts: Iterable[Prompt]) -> list[P]:
    return [prompt for prompt in prompts if isinstance(prompt, kind)]


def _check_kinds(spec: SegmenterSpec, prompts: Sequence[Prompt]) -> None:
    if not prompts:
        raise InputError("Nothing was pointed at.", hint="Click an object, or drag a box around it.")
    unknown = kinds_of(prompts) - spec.prompts
    if unknown:
        raise InputError(f"{spec.title} does not understand a {min(unknown)}.", hint="Choose another method.")


def _checked_clicks(clicks: Sequence[Click], size: Size) -> list[Click]:
    if len(clicks) > MOST_CLICKS:
        raise InputError(f"{len(clicks)} clicks are too many for one object.", hint="Begin it anew.")
    for click in clicks:
        if not (0 <= click.x < size.width and 0 <= click.y < size.height):
            raise InputError(f"The click at {click.x}, {click.y} is outside the photo.", hint=f"It is {size} pixels.")
    last = {(click.x, click.y): click for click in clicks}
    return list(last.values())


def _checked_box(box: Box, size: Size) -> Box:
    left, top = max(0, box.left), max(0, box.top)
    cut = Box(left, top, min(size.width, box.right), min(size.height, box.bottom))
    if cut.right <= cut.left or cut.bottom <= cut.top:
        raise InputError("The box holds nothing of the photo.", hint="Drag it from one corner to the opposite one.")
    return cut


def _nothing_found(prompts: Sequence[Prompt]) -> InputError:
    for prompt in prompts:
        if prompt == Phrase(SUGGEST):
            return InputError("Found nothing that people usually want gone.", hint="Click what should go.")
        if isinstance(prompt, Phrase):
            named = " ".join(prompt.text.split())
            return InputError(f"Found no “{named}” in this photo.", hint="Try a plainer word, or click it.")
    return InputError("Found nothing there.", hint="Click nearer to its middle, or drag a box around it.")


def _guarded(spec: SegmenterSpec) -> AbstractContextManager[None]:
    return guarded(spec.title, hint=PAINT, memory_hint="Open a smaller photo.")
