"""Ratings and votes as they are kept, made of what people say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rorem_demo import __version__
from rorem_demo.feedback.records import (
    SHARED_LICENCE,
    Answer,
    Consent,
    Pairing,
    PairPictures,
    Pictures,
    Rating,
    Subject,
    Verdict,
    Vote,
)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a record says of its being given."""

    id: str
    created: str
    rater: str
    flags: tuple[str, ...]
    receipt: str


def label_of(answer: Answer) -> Literal[0, 1]:
    """1 = removed."""
    return 1 if answer.removed else 0


def rating(subject: Subject, answer: Answer, given: Given, supersedes: str) -> Rating:
    """An answer as it is kept, without its pictures."""
    return Rating(
        app=__version__,
        **vars(given),
        **subject.columns,
        label=label_of(answer),
        reasons=answer.reasons,
        comment=answer.comment,
        score=subject.score,
        judge=subject.judge,
        consent=_consent(subject.licence, share=answer.share),
        licence=subject.licence or (SHARED_LICENCE if answer.share else ""),
        supersedes=supersedes,
    )


def rated_pictures(subject: Subject, answer: Answer) -> Pictures | None:
    """What is kept of them, which takes a while: all that is shared or public."""
    return subject.pictures() if answer.share or subject.licence else None


def said(rating: Rating) -> Answer:
    """What a person said, as far as it was kept."""
    share = rating.consent == "pictures"
    return Answer(removed=rating.label == 1, reasons=rating.reasons, comment=rating.comment, share=share)


def meant(subject: Subject, answer: Answer) -> Answer:
    """The answer as it would be kept: pictures that are public need no sharing."""
    return replace(answer, share=answer.share and not subject.licence)


def vote(pairing: Pairing, verdict: Verdict, given: Given, *, pictures: bool) -> Vote:
    """A verdict as it is kept, without its pictures, of which `pictures` tells whether there are any."""
    return Vote(
        app=__version__,
        **vars(given),
        **pairing.columns,
        choice=verdict.choice,
        reasons=verdict.reasons,
        consent=_consent(pairing.licence, share=verdict.share and not pairing.gold),
        licence=(pairing.licence or SHARED_LICENCE) if pictures else "",
    )


def voted_pictures(pairing: Pairing, verdict: Verdict) -> PairPictures | None:
    """What is kept of them, which takes a while: what is shared, and public ones that get a label; never gold."""
    wanted = verdict.choice in {"both-good", "both-bad"} if pairing.licence else verdict.share
    return pairing.pictures() if wanted and not pairing.gold else None


def _consent(licence: str, *, share: bool) -> Consent:
    return "public" if licence else "pictures" if share else "answer"
