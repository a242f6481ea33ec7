"""What is asked, answered, kept and published: frozen values, the same on disk and in the dataset.

A row of the dataset is a Rating; RORem's training row {"source", "mask", "GT", "score"} is a Rating with pictures,
where GT is the result that was judged and score is the label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args
from unicodedata import category

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box

SCHEMA = 1
"""Version of Rating; a reader refuses a newer one."""

Origin: TypeAlias = Literal["app", "annotate", "imported", "simulated"]
"""Who answered: a visitor after a removal, an annotator, somebody elsewhere, or a program that plays a rater."""
Consent: TypeAlias = Literal["answer", "pictures", "public"]
"""What may be kept: the answer alone; the pictures too, shared by the visitor; or pictures that were public before."""
Reason: TypeAlias = Literal[
    "object-visible", "something-new", "blurry", "colours-changed", "background-changed", "shadow-left", "other"
]
"""Why a removal did not succeed."""
REASONS: tuple[Reason, ...] = get_args(Reason)
LONGEST_COMMENT = 200
"""Characters of the text that goes with the reason `other`."""
SHARED_LICENCE = "CC-BY-4.0"
"""Of pictures that visitors share."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person says of one result.

    Raises:
        InputError: the comment is too long, or reasons go with a yes.
    """

    removed: bool
    """Is it gone? Becomes the label, 1 or 0."""
    reasons: tuple[Reason, ...] = ()
    """Sorted, none twice."""
    comment: str = ""
    """Becomes one line, without control characters and halves of characters, which no file could hold."""
    share: bool = False
    """The visitor shares photo, mask and result."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "comment", _one_line(self.comment))
        if len(self.comment) > LONGEST_COMMENT:
            raise InputError("The comment is too long.", hint=f"Say it in {LONGEST_COMMENT} characters.")
        if self.removed and (self.reasons or self.comment):
            raise InputError("Reasons go with a no.", hint="Answer No to give reasons.")
        object.__setattr__(self, "reasons", tuple(sorted(set(self.reasons))))


def _one_line(text: str) -> str:
    kept = (character for character in text if character.isspace() or category(character) not in {"Cc", "Cs"})
    return " ".join("".join(kept).split())


@dataclass(frozen=True, kw_only=True)
class MaskFacts:
    """What is kept of a mask when the mask itself is not."""

    pixels: int
    """Marked, as the remover was given it (grown)."""
    boxes: tuple[Box, ...]
    """Of its parts, largest first, at most eight; photo pixels."""
    made_by: tuple[str, ...]
    """How its entries were made: brush, lasso, rectangle, file, click, box, phrase, shadow; sorted."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Picture files of one result, small enough for a row (see `pictures.encoded`), without any metadata."""

    source: bytes
    mask: bytes
    """1 bit PNG, white = remove, of the source's size."""
    result: bytes


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is judged: one result that this server issued, or one it was given to have judged."""

    key: str
    """The opaque id under which it was issued; not published."""
    origin: Origin
    source: str
    """sha256 of the pixels (`pictures.digest`), as are mask and result."""
    mask: str
    result: str
    width: int
    height: int
    method: str
    """Key of the remover."""
    revision: str
    """Of the model: commits of its weights, or the program's version where it has none; "" if unknown."""
    options: str
    """Resolved options with the seed, as JSON with sorted keys."""
    seconds: float
    device: str
    facts: MaskFacts
    licence: str = ""
    """Of pictures that are public already, so that they are kept without asking; "" if they are the visitor's."""
    score: float | None = None
    """What the discriminator said, if it was shown: 0..1, 1 = removed."""
    judge: str = ""
    """Version of that discriminator."""
    issued: datetime
    """When the result was shown first, UTC."""
    pictures: Callable[[], Pictures] = field(compare=False, repr=False)
    """Encodes them; called only if they are kept."""

    @property
    def columns(self) -> dict[str, Any]:
        """What a Rating says of the result itself, by its field."""
        same = ("origin", "source", "mask", "result", "width", "height", "method", "revision", "options", "device")
        facts = {f"mask_{name}": getattr(self.facts, name) for name in ("pixels", "boxes", "made_by")}
        return {name: getattr(self, name) for name in same} | facts | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who answers, as far as anybody may know."""

    rater: str
    """Keyed hash of where the request came from and of the day (`identity.rater_of`)."""
    visitor: str
    """Hash of the page's visit; never published. Tells whose change of mind it is."""


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """sha256 of three picture files; they lie in the store's `pictures/` under these names."""

    source: str
    mask: str
    result: str


@dataclass(frozen=True, kw_only=True)
class Rating:
    """One answer as it is kept and published. Immutable: a change of mind is a new one."""

    id: str
    """ULID: sortable by time, even where the clock went back."""
    schema: int = SCHEMA
    app: str
    """Version of the program."""
    created: str
    """UTC, ISO 8601 with milliseconds and `+00:00`."""
    origin: Origin
    source: str
    mask: str
    result: str
    width: int
    height: int
    method: str
    revision: str
    options: str
    seconds: float
    device: str
    mask_pixels: int
    mask_boxes: tuple[Box, ...]
    mask_made_by: tuple[str, ...]
    label: Literal[0, 1]
    """1 = removed."""
    reasons: tuple[Reason, ...]
    comment: str
    score: float | None
    judge: str
    rater: str
    flags: tuple[str, ...]
    """Signals for a later filter: too-fast, repeated, many, pictures-rejected, pictures-damaged; sorted."""
    consent: Consent
    licence: str
    """Of the pictures; "" where there are none."""
    supersedes: str
    """Id of the same person's earlier answer on the same result; ""."""
    receipt: str
    """sha256 of the receipt's secret; all answers of one person on one result share it."""
    files: PictureFiles | None = None
    """The pictures kept with it."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the person gets for an answer."""

    text: str
    """`ID-SECRET`: whoever has it may delete the answer."""
    id: str
    removed: bool
    reasons: tuple[Reason, ...]
    share: bool
    """Its pictures are kept too."""
    saved: str
    """UTC, ISO 8601."""
    published: str
    """The same, or "" while it lies here alone."""
    waits_for: Literal["", "delay", "review", "token", "dataset"] = ""
    """What publishing waits for, beyond the next batch; `token` and `dataset` are the operator's to give."""
    survives: bool = True
    """The disk it lies on outlives a restart."""


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """An answer that its author took back."""

    id: str
    """Of the rating its receipt named."""
    receipt: str
    """sha256 of the secret; every row with it is dropped."""
    deleted: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Ratings that go into one shard, frozen with their name before anything is sent."""

    name: str
    """`FIRSTID-HASH`: from its content when it was frozen, so that the same rows are always the same file."""
    ratings: tuple[Rating, ...]
    sending: bool
    """Somebody began to send it before: ask the dataset what arrived."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The store in numbers."""

    kept: int
    """Ratings here, published or not."""
    published: int
    waiting: int
    """Not published yet, those in review included."""
    in_review: int
    """Shared pictures that a reviewer has to see."""
    oldest_waiting: str = ""
    """When it was saved, UTC, ISO 8601."""
    last_published: str = ""
    last_error: str = ""
    """One sentence; "" after a success."""
    refused: dict[str, int] = field(default_factory=dict)
    """Answers not taken, by reason: unknown, foreign, limit, malformed."""
