"""Judging: what visitors say of results they have open.

Only results that this server issued can be judged, by the visit they were issued to; anything else is refused and
counted.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from rorem_demo.errors import InputError
from rorem_demo.feedback.desk import Desk, Rules
from rorem_demo.feedback.hub import Dataset
from rorem_demo.feedback.identity import rater_of, visitor_of
from rorem_demo.feedback.pictures import encoded
from rorem_demo.feedback.publisher import Publisher
from rorem_demo.feedback.publisher import Rules as BatchRules
from rorem_demo.feedback.records import Answer, Pairing, Person, Receipt, Side, Subject, Verdict
from rorem_demo.feedback.screening import Screening, ScreenSpec, load_classifier
from rorem_demo.feedback.store import Store
from rorem_demo.imaging.types import size_of
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.removers.catalog import Removers
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.weights import Weights
from rorem_demo.settings import Settings
from rorem_demo.visits import OpenedPhoto, Result, Visits


@dataclass(frozen=True)
class Judging:
    """Results of visits as subjects of answers."""

    desk: Desk
    visits: Visits
    removers: Removers
    weights: Weights
    machine: Machine

    @classmethod
    def opened(  # noqa: PLR0913, PLR0917  # the parts of the program it stands on
        cls,
        settings: Settings,
        visits: Visits,
        removers: Removers,
        weights: Weights,
        machine: Machine,
        screen: ScreenSpec | None,
    ) -> Judging:
        """With the store and the dataset that the settings name; what screens shared pictures only if it can run here.

        Raises:
            StorageError: the store cannot be opened.
        """
        store = Store(settings.data, settings.rater_key.encode() if settings.rater_key else None)
        publisher = Publisher(store, _dataset(settings), settings.data / "outbox", _batches(settings))
        screening = None
        if screen and not settings.reviewed and not weights.missing(screen):
            screening = Screening(store, partial(load_classifier, screen, weights), publisher.wake)
        rules = Rules(
            per_minute=settings.ratings_per_minute,
            review_delay=timedelta(minutes=settings.review_minutes),
            reviewed=settings.reviewed,
            survives=not settings.on_space,
        )
        return cls(Desk(store, publisher, rules, screening), visits, removers, weights, machine)

    def rate(self, key: str, answer: Answer, *, visit: str, address: str, judge: str = "") -> Receipt:
        """Keep what a visitor says of a result of theirs.

        Args:
            key: id of the result.
            answer: what they say.
            visit: the page's visit.
            address: where the request came from; only a hash of it that changes daily is kept.
            judge: version of the discriminator whose score they saw before they answered; "" if they saw none.

        Raises:
            InputError: the result is unknown, gone, or another visit's; or too many answers.
            StorageError: the answer could not be kept.
        """
        person = self.person(visit, address)
        try:
            subject = self.subject(key, judge)
        except InputError:
            self.desk.refuse("unknown")
            raise
        if self.visits.visit_of(key) != visit:
            self.desk.refuse("foreign")
            raise InputError("This result was made on another page.", hint="Remove something here, then answer.")
        return self.desk.rate(subject, answer, person)

    def vote(self, pairing: Pairing, verdict: Verdict, *, visit: str, address: str) -> Receipt:
        """Keep what a visitor says of two results that were shown to them; what they said first of a pairing stands.

        Raises:
            InputError: too many answers.
            StorageError: the vote could not be kept.
        """
        return self.desk.vote(pairing, verdict, self.person(visit, address))

    def side(self, key: str) -> Side:
        """A result of a visit as one of two.

        Raises:
            InputError: it is gone.
        """
        result = self.visits.get(key, Result)
        removal, spec = result.removal, self.removers[result.removal.remover]
        return Side(
            method=spec.key,
            revision=self.weights.revision(spec),
            options=json.dumps(asdict(removal.options), sort_keys=True),
            result=result.digest,
            seconds=removal.seconds,
            device=self._device(spec),
        )

    def person(self, visit: str, address: str) -> Person:
        """Who answers, as far as anybody may know."""
        key = self.desk.store.key
        return Person(rater=rater_of(key, address, datetime.now(UTC).date()), visitor=visitor_of(key, visit))

    def subject(self, key: str, judge: str = "") -> Subject:
        """A result as what is judged, with the score of that judge if it was told so.

        Raises:
            InputError: it, or the photo it was made from, is gone.
        """
        result = self.visits.get(key, Result)
        source = self.visits.get(result.source, OpenedPhoto)
        removal, photo = result.removal, source.photo
        likely = result.likely if result.likely and result.likely.judge == judge else None
        spec = self.removers[removal.remover]
        width, height = size_of(removal.image)
        return Subject(
            key=key,
            origin="app",
            source=source.digest,
            mask=result.mask_digest,
            result=result.digest,
            width=width,
            height=height,
            method=spec.key,
            revision=self.weights.revision(spec),
            options=json.dumps(asdict(removal.options), sort_keys=True),
            seconds=removal.seconds,
            device=self._device(spec),
            facts=result.mask_facts,
            licence=result.licence,
            score=likely.score if likely else None,
            judge=likely.judge if likely else "",
            issued=result.issued,
            pictures=partial(encoded, photo.image, removal.mask, removal.image, photo.icc),
        )

    def _device(self, spec: RemoverSpec) -> str:
        return "gpu" if spec.gpu_cost and self.machine.gpu else "cpu"


def _dataset(settings: Settings) -> Dataset | None:
    name = settings.feedback_dataset
    return Dataset(name, private=not settings.feedback_public, cache=settings.data / "dataset") if name else None


def _batches(settings: Settings) -> BatchRules:
    return BatchRules(rows=settings.publish_rows, age=settings.publish_minutes * 60)
