"""Desk: takes answers, gives receipts. All that the faces know of feedback.

An answer is on disk when `rate` returns. Answers come from strangers, so there are limits, which refuse with a
sentence and are counted, and flags, which only mark a row for a later filter: nothing is dropped silently.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Literal

from rorem_demo import __version__
from rorem_demo.errors import InputError
from rorem_demo.feedback.identity import read_receipt, receipt_hash, receipt_of, secret_of
from rorem_demo.feedback.publisher import Publisher
from rorem_demo.feedback.records import (
    SHARED_LICENCE,
    Answer,
    Consent,
    Person,
    Pictures,
    Rating,
    Receipt,
    Status,
    Subject,
)
from rorem_demo.feedback.screening import Screening
from rorem_demo.feedback.store import Held, Store

TOO_FAST = timedelta(seconds=1)
"""Nobody looks at a picture and answers sooner."""
MANY = 100
"""Answers of one rater in an hour from which on they are flagged."""
REPEATED = 20
"""Answers of one rater in an hour that are all the same, from which on they are flagged."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the operator decides about answers."""

    per_minute: int = 30
    """Answers of one rater; more are refused."""
    review_delay: timedelta = timedelta(hours=1)
    """How long shared pictures stay here before they may be published."""
    reviewed: bool = False
    """Shared pictures wait for a reviewer, however long."""
    survives: bool = True
    """The store's disk outlives a restart."""


class Desk:
    """Takes answers about results, and takes them back.

    Args:
        store: where they are kept.
        publisher: what sends them to the dataset.
        rules: the operator's.
        screening: looks at shared pictures before they are published; None publishes them unseen, after the delay.
    """

    def __init__(self, store: Store, publisher: Publisher, rules: Rules, screening: Screening | None = None) -> None:
        self.store = store
        self.publisher = publisher
        self._rules = rules
        self._screening = screening
        self._lock = Lock()

    def rate(self, subject: Subject, answer: Answer, person: Person) -> Receipt:
        """Keep what a person says of a result; the same answer again gives the same receipt.

        Raises:
            InputError: too many answers from there; it is counted.
            StorageError: it could not be kept.
        """
        pictures = subject.pictures() if answer.share or subject.licence else None  # slow, so before the lock
        with self._lock:  # a double click is one answer
            standing = self.store.standing(person.visitor, subject.key)
            if standing is not None and _said(standing) == _meant(subject, answer):
                return self._receipt(standing)
            self._limit(person)
            withdrawn = standing if standing and standing.consent == "pictures" and not answer.share else None
            earlier = None if withdrawn else standing
            kept = self._keep(self._rating(subject, answer, person, earlier), subject, person, pictures)
            if withdrawn:  # what is shared no longer goes at once, but not before the new answer is kept
                self.store.delete(withdrawn.receipt, withdrawn.id)
        self._wake()
        return self._receipt(kept)

    def receipt(self, text: str) -> Receipt:
        """What became of the answer with this receipt.

        Raises:
            InputError: there is no such answer here; it may have been deleted.
        """
        held = self._find(text)
        if held is None:
            raise InputError("No answer with this receipt is kept here.", hint="It may have been deleted.")
        return self._receipt(held.rating)

    def delete(self, text: str, person: Person) -> str:
        """Take an answer back, on whichever server it lies; returns a sentence that says what happens.

        A receipt that is unknown here may be another replica's: its tombstone is published all the same, and applies
        wherever the secret fits.

        Raises:
            InputError: no receipt, or too many unknown ones from there.
            StorageError: it could not be written.
        """
        key, secret = read_receipt(text)
        held = self._find(text)
        if held is None:
            self._limit(person)
            self.store.count_refusal("unknown-receipt")
        self.store.delete(receipt_hash(secret), key)
        self.publisher.wake()
        if held is not None and not held.published:
            return "Deleted. It had not been published."
        return "Deleted here. It leaves the newest version of the dataset within minutes."

    def status(self) -> Status:
        """The store in numbers."""
        return self.store.status()

    def refuse(self, why: str) -> None:
        """Count an answer that was not taken."""
        self.store.count_refusal(why)

    def start(self) -> None:
        """Begin to publish in the background."""
        self.publisher.start()
        if self._screening:
            self._screening.start()

    def close(self, deadline: float) -> None:
        """Publish what may be published within so many seconds, then close the store."""
        if self._screening:
            self._screening.close()
        self.publisher.close(deadline)
        self.store.close()

    def _wake(self) -> None:
        self.publisher.wake()
        if self._screening:
            self._screening.wake()

    def _find(self, text: str) -> Held | None:
        key, secret = read_receipt(text)
        held = self.store.find(key)
        return held if held is not None and held.rating.receipt == receipt_hash(secret) else None

    def _limit(self, person: Person) -> None:
        recent, _, _ = self.store.recent(person.rater, _now() - timedelta(minutes=1))
        if recent >= self._rules.per_minute:
            self.refuse("limit")
            raise InputError("Many answers came from here within a minute.", hint="Wait a minute, then go on.")

    def _rating(self, subject: Subject, answer: Answer, person: Person, standing: Rating | None) -> Rating:
        key = self.store.new_id()
        consent: Consent = "public" if subject.licence else "pictures" if answer.share else "answer"
        return Rating(
            id=key,
            app=__version__,
            created=_now().isoformat(timespec="milliseconds"),
            **subject.columns,
            label=1 if answer.removed else 0,
            reasons=answer.reasons,
            comment=answer.comment,
            score=subject.score,
            judge=subject.judge,
            rater=person.rater,
            flags=self._flags(subject, answer, person),
            consent=consent,
            licence=subject.licence or (SHARED_LICENCE if answer.share else ""),
            supersedes=standing.id if standing else "",
            receipt=standing.receipt if standing else receipt_hash(secret_of(self.store.key, key)),
        )

    def _keep(self, rating: Rating, subject: Subject, person: Person, pictures: Pictures | None) -> Rating:
        private = rating.consent == "pictures"
        return self.store.append(
            rating,
            visitor=person.visitor,
            subject=subject.key,
            pictures=pictures,
            ready=_now() + (self._rules.review_delay if private else timedelta()),
            review=private and (self._rules.reviewed or self._screening is not None),
        )

    def _flags(self, subject: Subject, answer: Answer, person: Person) -> tuple[str, ...]:
        recent, yes, no = self.store.recent(person.rater, _now() - timedelta(hours=1))
        same = yes if answer.removed else no
        flags = {
            "too-fast": _now() - subject.issued < TOO_FAST,
            "many": recent >= MANY,
            "repeated": recent >= REPEATED and same == recent,
        }
        return tuple(sorted(name for name, raised in flags.items() if raised))

    def _receipt(self, rating: Rating) -> Receipt:
        held = self.store.find(rating.id)
        if held is None:  # deleted by its author in another window, just now
            raise InputError("This answer was deleted a moment ago.", hint="Answer again if you want to.")
        return Receipt(
            text=receipt_of(rating.id, self._secret(rating)),
            id=rating.id,
            removed=rating.label == 1,
            reasons=rating.reasons,
            share=rating.consent == "pictures",
            saved=held.saved,
            published=held.published,
            waits_for=self._waits_for(held),
            survives=self._rules.survives,
        )

    def _secret(self, rating: Rating) -> str:
        """Of the receipt; made from the id of the person's first answer on the result, so that it stays the same."""
        first = rating
        while first.supersedes and (held := self.store.find(first.supersedes)) is not None:
            first = held.rating
        return secret_of(self.store.key, first.id)

    def _waits_for(self, held: Held) -> Literal["", "delay", "review", "token", "dataset"]:
        if held.published:
            return ""
        dataset = self.publisher.dataset
        if dataset is None:
            return "dataset"
        if not dataset.has_token:
            return "token"
        if held.review == "waiting":
            return "review"
        return "delay" if held.ready > _now() else ""


def _said(rating: Rating) -> Answer:
    return Answer(
        removed=rating.label == 1, reasons=rating.reasons, comment=rating.comment, share=rating.consent == "pictures"
    )


def _meant(subject: Subject, answer: Answer) -> Answer:
    """The answer as it would be kept: pictures that are public need no sharing."""
    return replace(answer, share=answer.share and not subject.licence)


def _now() -> datetime:
    return datetime.now(UTC)
