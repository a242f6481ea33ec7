"""What is asked, answered, kept and published: frozen values, the same on disk and in the dataset.

A row of the dataset is a Rating or, in the configuration `pairs`, a Vote. RORem's training row {"source", "mask",
"GT", "score"} is a Rating with pictures, where GT is the result that was judged and score is the label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args
from unicodedata import category

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box

SCHEMA = 1
"""Version of Rating; a reader refuses a newer one."""
VOTE_SCHEMA = 1
"""Version of Vote, likewise."""

Origin: TypeAlias = Literal["app", "annotate", "imported", "simulated"]
"""Who answered: a visitor after a removal, an annotator, somebody elsewhere, or a program that plays a rater."""
Consent: TypeAlias = Literal["answer", "pictures", "public"]
"""What may be kept: the answer alone; the pictures too, shared by the visitor; or pictures that were public before."""
Reason: TypeAlias = Literal[
    "object-visible", "something-new", "blurry", "colours-changed", "background-changed", "shadow-left", "other"
]
"""Why a removal did not succeed."""
Choice: TypeAlias = Literal["left", "right", "both-good", "both-bad"]
"""What may be said of two results; the first two only say which is better."""
CHOICES: tuple[Choice, ...] = get_args(Choice)
Gold: TypeAlias = Literal["", "left", "right"]
"""The side that is right of a pair whose answer is known, the untouched photo being the other; "" of all others."""
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
class Side:
    """One of two results that are shown beside each other."""

    method: str
    revision: str
    options: str
    result: str
    """sha256 of the pixels, as in Subject, as are the others."""
    seconds: float
    device: str


@dataclass(frozen=True, kw_only=True)
class PairPictures:
    """As Pictures, of two results."""

    source: bytes
    mask: bytes
    left: bytes
    right: bytes


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """What is judged: two results of one photo and mask, which this server issued without their names."""

    key: str
    """The opaque id of the round; not published."""
    origin: Origin
    case: str
    """Id of the ready case; "" of a visitor's own photo."""
    cases: str
    """Version of the set of cases; "" of a visitor's own photo."""
    source: str
    mask: str
    width: int
    height: int
    facts: MaskFacts
    left: Side
    right: Side
    gold: Gold = ""
    policy: str
    """Why these two were chosen: the pair policy's name and version."""
    licence: str = ""
    """Of pictures that are public already; "" if they are the visitor's."""
    issued: datetime
    """When the two were shown, UTC."""
    pictures: Callable[[], PairPictures] = field(compare=False, repr=False)
    """Encodes them; called only if they are kept."""

    @property
    def columns(self) -> dict[str, Any]:
        """What a Vote says of the two results themselves, by its field."""
        same = ("origin", "case", "cases", "source", "mask", "width", "height", "gold", "policy")
        facts = {f"mask_{name}": getattr(self.facts, name) for name in ("pixels", "boxes", "made_by")}
        sides = {"left": self.left, "right": self.right}
        results = {f"{side}_{part.name}": getattr(of, part.name) for side, of in sides.items() for part in fields(of)}
        seconds = {f"{side}_seconds": round(of.seconds, 3) for side, of in sides.items()}
        return {name: getattr(self, name) for name in same} | facts | results | seconds


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a person says of two results, before they are told the methods.

    Raises:
        InputError: reasons go with `both-good`.
    """

    choice: Choice
    reasons: tuple[Reason, ...] = ()
    """What is wrong with the worse one, or with both; sorted, none twice."""
    share: bool = False
    """The visitor shares photo, mask and both results."""

    def __post_init__(self) -> None:
        if self.choice == "both-good" and self.reasons:
            raise InputError("Reasons go with a result that is not good.", hint="Leave them out.")
        object.__setattr__(self, "reasons", tuple(sorted(set(self.reasons))))


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """As PictureFiles, of two results."""

    source: str
    mask: str
    left: str
    right: str


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One judgement of a blind pair as it is kept and published. Immutable, and final: names were told after it.

    Its pictures are kept where the visitor shared them, and of public photos where both results got the same label,
    since only such a vote says of each result whether it succeeded.
    """

    id: str
    schema: int = VOTE_SCHEMA
    app: str
    created: str
    origin: Origin
    case: str
    cases: str
    source: str
    mask: str
    width: int
    height: int
    mask_pixels: int
    mask_boxes: tuple[Box, ...]
    mask_made_by: tuple[str, ...]
    left_method: str
    left_revision: str
    left_options: str
    left_result: str
    left_seconds: float
    left_device: str
    right_method: str
    right_revision: str
    right_options: str
    right_result: str
    right_seconds: float
    right_device: str
    choice: Choice
    reasons: tuple[Reason, ...]
    gold: Gold
    policy: str
    rater: str
    flags: tuple[str, ...]
    """As of a Rating, but `repeated` is the same choice over and over."""
    consent: Consent
    licence: str
    receipt: str
    """sha256 of the receipt's secret; of this vote alone."""
    files: PairFiles | None = None


Record: TypeAlias = Rating | Vote
"""What is kept and published; what sets them apart stands in `kinds`."""
Shown: TypeAlias = Pictures | PairPictures
"""Picture files of a record."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the person gets for an answer."""

    text: str
    """`ID-SECRET`: whoever has it may delete the answer."""
    id: str
    removed: bool | None
    """None of a vote."""
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
    choice: Choice | None = None
    """Of a vote."""


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """An answer that its author took back."""

    id: str
    """Of the record its receipt named."""
    receipt: str
    """sha256 of the secret; every row with it is dropped."""
    deleted: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records of one kind that go into one shard, frozen with their name before anything is sent."""

    name: str
    """`FIRSTID-HASH`: from its content when it was frozen, so that the same rows are always the same file."""
    records: tuple[Record, ...]
    sending: bool
    """Somebody began to send it before: ask the dataset what arrived."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The store in numbers."""

    kept: int
    """Answers here, ratings and votes, published or not."""
    published: int
    waiting: int
    """Not published yet, those in review included."""
    in_review: int
    """Shared pictures that a reviewer has to see."""
    votes: int = 0
    """Of those kept."""
    votes_waiting: int = 0
    """Of those waiting."""
    oldest_waiting: str = ""
    """When it was saved, UTC, ISO 8601."""
    last_published: str = ""
    last_error: str = ""
    """One sentence; "" after a success."""
    refused: dict[str, int] = field(default_factory=dict)
    """Answers not taken, by reason: unknown, foreign, limit, malformed, skipped."""
