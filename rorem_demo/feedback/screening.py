"""Screening: shared pictures wait for a reviewer unless a classifier finds them harmless.

It stands before the reviewer: rows are kept as waiting for review, and this accepts them in the background. What it
finds doubtful, cannot read, or did not come to before the program ended waits for a person, or for the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Protocol, cast

from rorem_demo.errors import RoremError
from rorem_demo.feedback.kinds import kind_of
from rorem_demo.feedback.store import Store
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.weights import Weights

log = logging.getLogger(__name__)

DOUBTFUL = 0.5
"""Score from which on a person has to look."""
_REPOSITORY = "Falconsai/nsfw_image_detection"


@dataclass(frozen=True, kw_only=True)
class ScreenSpec:
    """The classifier, as far as it is known without loading it."""

    key: str = "nsfw"
    title: str = "NSFW check"
    licence: str = "Apache-2.0"
    source: str = f"https://huggingface.co/{_REPOSITORY}"
    weights: tuple[WeightFile, ...] = (
        WeightFile(repository=_REPOSITORY, file="model.safetensors", megabytes=343),
        WeightFile(repository=_REPOSITORY, file="config.json"),
        WeightFile(repository=_REPOSITORY, file="preprocessor_config.json"),
    )
    packages: tuple[str, ...] = ()


class Classifier(Protocol):
    """How likely a picture is not safe to show, 0..1."""

    def __call__(self, picture: bytes) -> float: ...


def load_classifier(spec: ScreenSpec, weights: Weights) -> Classifier:
    """The classifier; only now is torch imported. Raises UnavailableError."""
    from rorem_demo.feedback.nsfw import Nsfw  # noqa: PLC0415  # most servers never need torch for this

    return cast("Classifier", Nsfw.load(spec.title, weights.files(spec)))


class Screening:
    """Accepts harmless pictures that wait for a reviewer, in a thread of its own.

    Args:
        store: holds what waits.
        load: gives the classifier; called once, when something waits.
        accepted: called after a picture was accepted.
    """

    def __init__(self, store: Store, load: Callable[[], Classifier], accepted: Callable[[], None]) -> None:
        self._store, self._load, self._accepted = store, load, accepted
        self._classifier: Classifier | None = None
        self._doubtful: set[str] = set()
        self._wanted, self._closing = Event(), Event()
        self._thread = Thread(target=self._run, name="screening", daemon=True)

    def start(self) -> None:
        """Begin; what waits from before is looked at first."""
        self._wanted.set()
        self._thread.start()

    def wake(self) -> None:
        """Something new may wait."""
        self._wanted.set()

    def close(self) -> None:
        """End after the picture being looked at."""
        self._closing.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def screen(self) -> int:
        """Look at everything that waits and was not looked at; returns how many were accepted."""
        waiting = [held.record for held in self._store.to_review() if held.record.id not in self._doubtful]
        accepted = 0
        for record in waiting:
            if self._closing.is_set() or record.files is None:
                continue
            if all(self._harmless(getattr(record.files, part)) for part in kind_of(type(record)).pixels):
                self._store.decide(record.id, accept=True)
                accepted += 1
            else:
                self._doubtful.add(record.id)
        return accepted

    def _harmless(self, picture: str) -> bool:
        self._classifier = self._classifier or self._load()
        return self._classifier(self._store.pictures.get(picture)) < DOUBTFUL

    def _run(self) -> None:
        while self._wanted.wait() and not self._closing.is_set():
            self._wanted.clear()
            try:
                if self.screen():
                    self._accepted()
            except RoremError as error:  # what waits goes on waiting, for a person
                log.error("Shared pictures wait for a reviewer: %s", error.sentence, exc_info=error.__cause__)  # noqa: TRY400
