"""Pile: the sound items of a feed, read in the background while those read already are answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Lock, Thread
from time import sleep

from rorem_demo.annotating.feeds import Feed, licence_of
from rorem_demo.annotating.items import UNKNOWN, Item, read_item
from rorem_demo.errors import InputError, RoremError

log = logging.getLogger(__name__)

RETRY = 300.0
"""Seconds after which a feed that failed is read again, if somebody asks."""


class Pile:
    """Items that were read so far; nothing is read before `start`.

    Args:
        feed: where they come from; None if there are none.
        max_pixels: larger pictures are left out.
        first: done in the background before anything is read; where it fails, so does the reading.
        clock: seconds.
    """

    def __init__(
        self, feed: Feed | None, max_pixels: int, first: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        self._feed = feed
        self._max_pixels = max_pixels
        self._first = first
        self._clock = clock
        self._lock = Lock()
        self._items: dict[str, Item] = {}  # in the order of the file
        self._reader: Thread | None = None
        self._again_at = 0.0
        self.trouble = ""
        """Why the feed could not be read to its end, in one sentence."""
        self.broken = 0
        """Items left out, because they could not be read."""

    def start(self) -> None:
        """Read, unless that is done, going on, or failed a moment ago."""
        with self._lock:
            stale = self.trouble and self._clock() >= self._again_at
            if self._feed is None or self.is_reading or (self._reader and not stale):
                return
            self.trouble, self.broken = "", 0
            self._reader = Thread(target=self._read, args=(self._feed,), name="annotating", daemon=True)
            self._reader.start()

    @property
    def is_reading(self) -> bool:
        """There may soon be more."""
        return self._reader is not None and self._reader.is_alive()

    @property
    def items(self) -> list[Item]:
        """Each once, in the order of the file."""
        with self._lock:
            return list(self._items.values())

    def _read(self, feed: Feed) -> None:
        try:
            self._first()
            for item in self._sound(feed):
                with self._lock:
                    self._items.setdefault(item.key, item)
        except RoremError as error:
            self._fail(error.sentence, error.__cause__)
        except Exception as error:  # noqa: BLE001  # a thread's border: the tab gets a sentence, the log the traceback
            self._fail("The results could not be read.", error)
        log.info("%d results wait for answers, %d could not be read", len(self._items), self.broken)

    def _sound(self, feed: Feed) -> Iterator[Item]:
        for number, row in enumerate(feed.rows()):
            began = self._clock()
            try:
                licence = licence_of(feed.folder) or UNKNOWN
                yield read_item(feed.folder, row, number, licence=licence, max_pixels=self._max_pixels)
            except InputError as error:
                self.broken += 1
                log.warning("item %d is left out: %s", number, error)
            sleep(min(1.0, max(0.0, self._clock() - began)))  # leaves half of a core to those who answer already

    def _fail(self, sentence: str, cause: BaseException | None) -> None:
        self._again_at = self._clock() + RETRY
        self.trouble = sentence
        log.error("Annotate: %s", sentence, exc_info=cause)
