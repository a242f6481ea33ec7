"""Publisher: sends what the store keeps to the dataset, one step after the other, in the background or when asked.

Answers wait until there are enough of them or the oldest has waited long enough: a dataset suffers from many small
commits. Failures are told to the store, which the page shows; nothing is given up, only tried again later.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Literal, TypeAlias

from rorem_demo.errors import RoremError, StorageError
from rorem_demo.feedback.hub import Dataset, RefusedError, RetryLaterError
from rorem_demo.feedback.records import Batch
from rorem_demo.feedback.store import Store

if TYPE_CHECKING:
    from rorem_demo.feedback.publishing import Memory, Steps
    from rorem_demo.feedback.verification import Verification

Done: TypeAlias = Literal["nothing", "reconciled", "deleted", "published"]
"""What a step did; `reconciled`: a batch turned out to have arrived, or to be no more."""

LONGEST_PAUSE = 300.0
"""Seconds between two tries, unless the Hub asks for more."""
MANY_FAILURES = 9
"""In a row, from which on the pause does not grow."""
IDLE = 30.0
"""Seconds after which an idle publisher asks the store again, though nobody woke it."""
GATHERING = 0.2
"""Seconds in which several wake-ups become one."""
UNDER_WAY = 1 / 3
"""Part of the time for closing that a step under way gets: it may hang, and what it left undone takes longer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a batch is large or old enough."""

    rows: int = 500
    """Answers at which it goes at once, and at most in one shard."""
    picture_mb: int = 64
    """Megabytes of pictures at most in one shard."""
    age: float = 300.0
    """Seconds after which the oldest answer that may be published is sent, however few there are."""
    look: float = 3600.0
    """Seconds after which deletions made on other replicas are asked for, though there is nothing to send."""


class Publisher:
    """Sends answers and deletions to a dataset.

    One step at a time is under way for a store, be it in this process or in another one.

    Args:
        store: what is to be published.
        dataset: where to; None as long as the operator names none.
        folder: for files under way; nobody else's, made if there is none.
        rules: when a batch is due.
        now: the time, UTC.
        jitter: a number between its two arguments, so that replicas do not try again in step.
    """

    def __init__(  # noqa: PLR0913 seams
        self,
        store: Store,
        dataset: Dataset | None,
        folder: Path,
        rules: Rules | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.dataset = dataset
        self._store, self._folder, self._rules = store, folder, rules or Rules()
        self._now, self._jitter = now, jitter
        self._memory: Memory | None = None
        self._looked = -math.inf
        self._turn = Lock()
        self._wake, self._closing = Event(), Event()
        self._end = self._closed = math.inf
        self._thread: Thread | None = None

    def step(self, *, force: bool = False) -> Done:
        """Do one thing that is to be done, and say which.

        Args:
            force: send what may be sent, however few and young.

        Raises:
            RetryLaterError: not now. What was sent may have arrived or not; the next step finds out.
            ConflictError: another replica was quicker.
            RefusedError: the operator must do something.
            StorageError: the disk is full, or something on it is damaged.
        """
        if self.dataset is None or not self.dataset.has_token or not self._anything(force=force):
            return "nothing"
        with self._alone() as steps:
            done = steps.step(self._now, lambda: self._new(force=force))
            self._looked = time.monotonic()
        self._store.note_success()
        return done

    def _anything(self, *, force: bool) -> bool:
        return bool(
            time.monotonic() - self._looked >= self._rules.look
            or self._store.needs_rewrite()
            or self._store.freeze(self._now(), 0, 0)  # the unfinished one; no rows make no new one
            or self._due(force=force)
        )

    def _due(self, *, force: bool) -> bool:
        rows, age = (1, 0.0) if force else (self._rules.rows, self._rules.age)
        return self._store.due(self._now(), rows, age)

    def _new(self, *, force: bool) -> Batch | None:
        if not self._due(force=force):
            return None
        return self._store.freeze(self._now(), self._rules.rows, self._rules.picture_mb << 20)

    @contextmanager
    def _alone(self) -> Iterator[Steps]:
        from rorem_demo.feedback.outbox import working  # noqa: PLC0415  # imports datasets
        from rorem_demo.feedback.publishing import Memory  # noqa: PLC0415

        if self.dataset is None:
            raise RefusedError("No dataset is named.", hint="Set ROREM_FEEDBACK_DATASET to owner/name.")
        dataset = replace(self.dataset, until=lambda: self._end)
        with self._turn:
            self._memory = self._memory or Memory()
            with working(self._store, dataset, self._folder, self._memory) as steps:
                yield steps

    def compact(self) -> int:
        """Merge small shards, and lists of deletions; returns how many files became fewer.

        Raises:
            RoremError: as `step`; what was merged until then stays merged.
        """
        from rorem_demo.feedback.compaction import compact  # noqa: PLC0415  # imports datasets

        with self._alone() as steps:
            return compact(steps)

    def purge(self) -> int:
        """Make the dataset forget its past; returns how many revisions die.

        Raises:
            RoremError: as `step`; the past is gone or not.
        """
        from rorem_demo.feedback.compaction import purge  # noqa: PLC0415  # imports datasets

        with self._alone() as steps:
            return purge(steps, self._now())

    def verify(self) -> Verification:
        """Compare store and dataset row by row.

        Raises:
            RoremError: as `step`.
        """
        from rorem_demo.feedback.verification import verify  # noqa: PLC0415  # imports datasets

        with self._alone() as steps:
            return verify(steps)

    def start(self) -> None:
        """Begin to publish in the background."""
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something new; cheap, and may be called often."""
        self._wake.set()

    def flush(self, deadline: float) -> int:
        """Publish all that may be published, within so many seconds; returns how many answers still wait."""
        self._end = time.monotonic() + deadline
        failures = 0
        while (left := self._end - time.monotonic()) > 0:
            pause = self._try(failures, force=True)
            if pause is None or pause >= left:
                break
            failures = failures + 1 if pause else 0
            time.sleep(pause)
        self._end = math.inf
        return self._store.status().waiting

    def close(self, deadline: float) -> int:
        """Stop, and publish what can be within so many seconds; returns how many answers still wait.

        They are safe in the store. A request that is under way is given up after a third of the time, and made again.
        """
        now = time.monotonic()
        self._end, self._closed = now + UNDER_WAY * deadline, now + deadline
        self._closing.set()
        self._wake.set()
        if self._thread is None:
            return self.flush(deadline)
        self._thread.join(deadline)
        return self._store.status().waiting

    def _run(self) -> None:
        if self.dataset is not None:
            import rorem_demo.feedback.outbox  # noqa: F401, PLC0415  # now: an interpreter that ends imports nothing

        failures = 0
        while not self._closing.is_set():
            pause = self._try(failures)
            failures = failures + 1 if pause else 0
            if pause is None:
                self._wake.wait(self._idle())
                self._closing.wait(GATHERING)
                self._wake.clear()
            else:
                self._closing.wait(pause)
        self.flush(self._closed - time.monotonic())

    def _idle(self) -> float:
        """Seconds until the oldest answer is due, if nothing happens before."""
        now, oldest = self._now(), None
        with suppress(StorageError):
            oldest = self._store.oldest_loose(now)
        return min(IDLE, max(0.0, self._rules.age - (now - oldest).total_seconds())) if oldest else IDLE

    def _try(self, failures: int, *, force: bool = False) -> float | None:
        """Seconds to wait before the next step: 0 after a success, None when there is nothing to do."""
        after = 0.0
        try:
            return None if self.step(force=force) == "nothing" else 0.0
        except RetryLaterError as error:
            sentence, after = error.sentence, error.after
        except RefusedError as error:
            sentence, failures = error.sentence, MANY_FAILURES  # it helps nobody to ask soon
        except RoremError as error:
            sentence = error.sentence
        except Exception as error:  # noqa: BLE001 a publisher that ended here would keep answers back silently
            _log.exception("A step of publishing failed")
            sentence = f"Publishing failed unexpectedly ({type(error).__name__})."
        with suppress(StorageError):  # the disk may be full, or the store closed already
            self._store.note_error(sentence)
        pause = min(LONGEST_PAUSE, 2.0 ** min(failures, MANY_FAILURES))
        return after + self._jitter(pause / 2, pause)
