"""What the stage sends and is told: parsed once at the border, plain JSON out.

The browser's value is hostile: its length is bounded before it is parsed, every field is checked, and a bad one
is an InputError with one sentence.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from rorem_demo.discriminator.score import NOT_SURE, Likely, percent_of
from rorem_demo.discriminator.score import in_words as score_in_words
from rorem_demo.errors import InputError
from rorem_demo.imaging.drawings import Drawing, parse_drawing
from rorem_demo.imaging.types import Box
from rorem_demo.segmenters.base import BoxPrompt, Click, Phrase, Prompt

LONGEST_VALUE = 65_536
"""Characters of JSON that are read at all; the page itself keeps to 4 KB."""

_LONGEST_ID = 64
_MOST_IDS = 500
_FAR = 2**31
"""No photo is as large; NumPy could not count so far."""


@dataclass(frozen=True)
class RemovalRequest:
    """The stage's value when Remove is pressed."""

    photo: str
    """Id of the photo."""
    drawing: Drawing
    run: int
    """The page's own count of removals; told back so that it can drop answers it no longer waits for."""

    @property
    def made_by(self) -> tuple[str, ...]:
        """How the entries of the selection were made."""
        return tuple(sorted({entry.kind for entry in self.drawing.entries}))


def parse_json(text: object) -> dict[str, Any]:
    """The object in a JSON text from the browser.

    Raises:
        InputError: not text, too long, or no object.
    """
    if not isinstance(text, str | bytes) or len(text) > LONGEST_VALUE:
        raise _unreadable()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(value, dict):
        raise _unreadable()
    return value


def parse_removal(text: object) -> RemovalRequest:
    """The stage's value, checked.

    Raises:
        InputError: anything is missing or malformed.
    """
    value = parse_json(text)
    photo, run = value.get("photo"), value.get("run")
    if not isinstance(photo, str) or len(photo) > 64 or type(run) is not int or not 0 <= run < 2**53:
        raise _unreadable()
    return RemovalRequest(photo, parse_drawing(value.get("drawing")), run)


@dataclass(frozen=True)
class PointingRequest:
    """What the stage sends when somebody points at something."""

    prompts: tuple[Prompt, ...]
    previous: str | None
    """Id of the mask the last click corrects."""
    preview: bool
    """Only to be shown while the pointer rests there; nothing is kept."""


def parse_pointing(text: object) -> PointingRequest:
    """A pointing request, checked for its form; what it means on the photo is `segmenters.segment`'s to check.

    Raises:
        InputError: anything is malformed.
    """
    value = parse_json(text)
    clicks, box, phrase, previous = (value.get(name) for name in ("clicks", "box", "phrase", "previous"))
    prompts: list[Prompt] = [] if box is None else [BoxPrompt(Box(*_whole_numbers(box, 4)))]
    if not isinstance(clicks, list | None) or not isinstance(previous, str | None):
        raise _unreadable()
    for click in clicks or []:
        x, y, keep = _whole_numbers(click, 3)
        prompts.append(Click(x, y, keep=bool(keep)))
    if phrase is not None:
        if not isinstance(phrase, str):
            raise _unreadable()
        prompts.append(Phrase(phrase))
    return PointingRequest(tuple(prompts), previous, preview=value.get("preview") is True)


def _whole_numbers(value: object, count: int) -> list[int]:
    if not isinstance(value, list) or len(value) != count:
        raise _unreadable()
    if any(type(number) is not int or abs(number) > _FAR for number in value):
        raise _unreadable()
    return value


def _unreadable() -> InputError:
    return InputError("The selection could not be read.", hint="Reload the page and mark the object again.")


def visit_in(value: dict[str, Any]) -> str:
    """The page's token in what it sent.

    Raises:
        InputError: there is none.
    """
    visit = value.get("visit")
    if not isinstance(visit, str) or not 0 < len(visit) <= _LONGEST_ID:
        raise InputError("The page has no token.", hint="Reload it.")
    return visit


def ids_in(value: object) -> list[str]:
    """Ids the page sent, the last 500 of them.

    Raises:
        InputError: it is no list of texts.
    """
    if not isinstance(value, list) or any(not isinstance(key, str) for key in value):
        raise InputError("The request could not be read.", hint="Reload the page.")
    return [key[:_LONGEST_ID] for key in value[-_MOST_IDS:]]


def seconds_of(value: object) -> float | None:
    """A time the page measured, between none and an hour; None if it is no number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return min(max(float(value), 0.0), 3600.0) if value == value else None  # noqa: PLR0124  # not nan


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Others are before the removal, or before its next attempt."""

    run: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Started:
    """The removal's turn has come."""

    run: int
    seconds: float
    """About how long it will take."""
    title: str
    """Of the remover."""


@dataclass(frozen=True, kw_only=True)
class Working:
    """A removal on its way."""

    run: int
    fraction: float
    box: Box | None
    """None without a preview."""
    preview: str | None
    """Data address of the window as far as it is."""
    title: str = ""
    """Of the remover at work, where it is another one than the page was told; "" if not."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What the judge says of a result."""

    words: str
    percent: int | None
    """How likely it is clean; None near the middle, where a number would say nothing."""
    judge: str
    """Its version."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A finished removal."""

    run: int
    photo: str
    """Id of the result, which is a photo like any other."""
    seconds: float
    changed_outside: int
    title: str
    seed: int | None
    """Of what was drawn at random; None if nothing is."""
    notes: tuple[str, ...] = ()
    score: Score | None = None
    """None where it was not asked for, or nobody can tell."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Finished removals of one run, the best first."""

    run: int
    results: tuple[Done, ...]
    notes: tuple[str, ...]
    """Of the run as a whole."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What went wrong, in one sentence with a way out."""

    run: int
    sentence: str
    alternative: str | None = None
    """Key of a method to offer instead."""
    alternative_title: str | None = None


def in_words(likely: Likely | None) -> str:
    """What the page says of a score; nothing where there is none."""
    return score_in_words(likely.score) if likely else ""


def scored(likely: Likely | None) -> Score | None:
    """The same with its number, for where results stand beside each other."""
    if likely is None:
        return None
    percent = percent_of(likely.score)
    sure = not NOT_SURE[0] <= percent <= NOT_SURE[1]
    return Score(words=in_words(likely), percent=percent if sure else None, judge=likely.judge)


Update = Waits | Started | Working | Done | Ranked | Trouble
_numbers = count()


def to_props(update: Update) -> dict[str, Any]:
    """The update as the stage's script reads it; numbered, because the browser is not told of a value that stays."""
    return {"kind": type(update).__name__.lower(), "number": next(_numbers), **asdict(update)}
