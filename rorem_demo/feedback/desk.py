"""Desk: takes answers, gives receipts. All that the faces know of feedback.

An answer is on disk when `rate` or `vote` returns. Answers come from strangers, so there are limits, which refuse with
a sentence and are counted, and flags, which only mark a row for a later filter: nothing is dropped silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Literal

from rorem_demo.errors import InputError
from rorem_demo.feedback import answers
from rorem_demo.feedback.identity import read_receipt, receipt_hash, receipt_of, secret_of
from rorem_demo.feedback.kinds import PAIRS, RATINGS, Kind, R
from rorem_demo.feedback.publisher import Publisher
from rorem_demo.feedback.records import (
    CHOICES,
    Answer,
    Pairing,
    Person,
    Rating,
    Receipt,
    Record,
    Shown,
    Status,
    Subject,
    Verdict,
    Vote,
)
from rorem_demo.feedback.screening import Screening
from rorem_demo.feedback.store import Held, Store

TOO_FAST = timedelta(seconds=1)
"""Nobody looks at a picture and answers sooner."""
MANY = 100
"""Answers of one rater in an hour, ratings and votes together, from which on they are flagged."""
REPEATED = 20
"""Ratings of one rater in an hour that are all the same, or votes, from which on they are flagged."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the operator decides about answers."""

    per_minute: int = 30
    """Answers of one rater, ratings and votes together; more are refused."""
    review_delay: timedelta = timedelta(hours=1)
    """How long shared pictures stay here before they may be published."""
    reviewed: bool = False
    """Shared pictures wait for a reviewer, however long."""
    survives: bool = True
    """The store's disk outlives a restart."""


class Desk:
    """Takes answers about results and pairs of them, and takes them back.

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
        pictures = answers.rated_pictures(subject, answer)  # slow, so before the lock
        with self._lock:  # a double click is one answer
            standing = self._standing(subject, person)
            if standing is not None and answers.said(standing) == answers.meant(subject, answer):
                return self._receipt(standing, self._secret(standing))
            self._limit(person)
            withdrawn = standing if standing and standing.consent == "pictures" and not answer.share else None
            earlier = None if withdrawn else standing
            label, thread = answers.label_of(answer), earlier.receipt if earlier else ""
            given = self._given(RATINGS, label, subject.issued, person, thread)
            made = answers.rating(subject, answer, given, earlier.id if earlier else "")
            kept = self._keep(made, subject.key, person, pictures)
            if withdrawn:  # what is shared no longer goes at once, but not before the new answer is kept
                self.store.delete(withdrawn.receipt, withdrawn.id)
        self._wake()
        return self._receipt(kept, self._secret(kept))

    def vote(self, pairing: Pairing, verdict: Verdict, person: Person) -> Receipt:
        """Keep what a person says of two results; their first verdict on a round stands, whatever is said later.

        Raises:
            InputError: too many answers from there, which is counted; or they have taken their vote on it back.
            StorageError: it could not be kept.
        """
        # Of the round, not of the record's id: whoever takes a vote back knows the names, and may not vote on it anew.
        secret = secret_of(self.store.key, f"{person.visitor} {pairing.key}")
        pictures = answers.voted_pictures(pairing, verdict)  # slow, so before the lock
        with self._lock:
            standing = self.store.standing(person.visitor, pairing.key)
            if isinstance(standing, Vote):
                return self._receipt(standing, secret)
            self._limit(person)
            said = CHOICES.index(verdict.choice)
            given = self._given(PAIRS, said, pairing.issued, person, receipt_hash(secret))
            made = answers.vote(pairing, verdict, given, pictures=pictures is not None)
            kept = self._keep(made, pairing.key, person, pictures)
        self._wake()
        return self._receipt(kept, secret)

    def receipt(self, text: str) -> Receipt:
        """What became of the answer with this receipt.

        Raises:
            InputError: there is no such answer here; it may have been deleted.
        """
        held = self._find(text)
        if held is None:
            raise InputError("No answer with this receipt is kept here.", hint="It may have been deleted.")
        return self._receipt(held.record, read_receipt(text)[1])

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

    def _standing(self, subject: Subject, person: Person) -> Rating | None:
        found = self.store.standing(person.visitor, subject.key)
        return found if isinstance(found, Rating) else None

    def _find(self, text: str) -> Held[Any] | None:
        key, secret = read_receipt(text)
        held = self.store.find(key)
        return held if held is not None and held.record.receipt == receipt_hash(secret) else None

    def _limit(self, person: Person) -> None:
        recent = self.store.recent(person.rater, _now() - timedelta(minutes=1)).total()
        if recent >= self._rules.per_minute:
            self.refuse("limit")
            raise InputError("Many answers came from here within a minute.", hint="Wait a minute, then go on.")

    def _given(
        self, kind: Kind[R, Any], said: int, issued: datetime, person: Person, receipt: str = ""
    ) -> answers.Given:
        """A new record's; `said` as `Kind.said` gives it, the receipt made from the record's id if none is told."""
        key = self.store.new_id()
        return answers.Given(
            id=key,
            created=_now().isoformat(timespec="milliseconds"),
            rater=person.rater,
            flags=self._flags(kind, said, issued, person),
            receipt=receipt or receipt_hash(secret_of(self.store.key, key)),
        )

    def _keep(self, record: R, subject: str, person: Person, pictures: Shown | None) -> R:
        private = record.consent == "pictures"
        return self.store.append(
            record,
            visitor=person.visitor,
            subject=subject,
            pictures=pictures,
            ready=_now() + (self._rules.review_delay if private else timedelta()),
            review=private and (self._rules.reviewed or self._screening is not None),
        )

    def _flags(self, kind: Kind[R, Any], said: int, issued: datetime, person: Person) -> tuple[str, ...]:
        recent = self.store.recent(person.rater, _now() - timedelta(hours=1))
        alike = sum(count for (name, _), count in recent.items() if name == kind.name)
        flags = {
            "too-fast": _now() - issued < TOO_FAST,
            "many": recent.total() >= MANY,
            "repeated": alike >= REPEATED and recent[kind.name, said] == alike,
        }
        return tuple(sorted(name for name, raised in flags.items() if raised))

    def _receipt(self, record: Record, secret: str) -> Receipt:
        held = self.store.find(record.id)
        if held is None:  # deleted by its author in another window, just now
            raise InputError("This answer was deleted a moment ago.", hint="Answer again if you want to.")
        return Receipt(
            text=receipt_of(record.id, secret),
            id=record.id,
            removed=record.label == 1 if isinstance(record, Rating) else None,
            choice=record.choice if isinstance(record, Vote) else None,
            reasons=record.reasons,
            share=record.consent == "pictures",
            saved=held.saved,
            published=held.published,
            waits_for=self._waits_for(held),
            survives=self._rules.survives,
        )

    def _secret(self, rating: Rating) -> str:
        """Of the receipt; made from the id of the person's first answer on the result, so that it stays the same."""
        first = rating
        while first.supersedes and (held := self.store.find(first.supersedes)) is not None:
            first = held.record
        return secret_of(self.store.key, first.id)

    def _waits_for(self, held: Held[Any]) -> Literal["", "delay", "review", "token", "dataset"]:
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


def _now() -> datetime:
    return datetime.now(UTC)
