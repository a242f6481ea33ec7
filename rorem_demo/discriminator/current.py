"""Current: the judge that scores results now, replaced by a newer published version without a restart.

Nothing is loaded before the first result is to be scored: torch takes seconds and memory. From then on a thread looks
every few minutes whether something newer is there. A version is taken once it loaded and scored the canaries;
whatever goes wrong, the one at work stays.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Protocol

from rorem_demo.discriminator.hub import ModelRepository
from rorem_demo.discriminator.network import CONFIG, WEIGHTS, read_config
from rorem_demo.discriminator.score import REPORT, Likely, Scorer, check_canary, learned_from_programs
from rorem_demo.errors import InputError, RoremError, UnavailableError
from rorem_demo.feedback import disk
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.runtime.weights import Weights

log = logging.getLogger(__name__)
SHIPPED = Path(__file__).parents[2] / "assets" / "discriminator" / "compact"
"""The model that comes with the program."""
NONE = "none"
"""Named as a place, it switches judging off."""


class Place(Protocol):
    """Where versions of a model are found; the first two methods raise RoremError."""

    def newest(self) -> str:
        """What tells the newest version from others, without its weights."""
        ...

    def folder(self, newest: str) -> Path:
        """It, in a folder."""
        ...

    def shown(self, sentence: str) -> str:
        """A sentence without paths of this machine, for every visitor to read."""
        ...


@dataclass(frozen=True)
class Folder:
    """A model's folder, which may be written anew at any time: config.json last."""

    path: Path

    def newest(self) -> str:
        """Digest of config.json."""
        try:
            return sha256((self.path / CONFIG).read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"{self.path} holds no model.", hint="Set ROREM_DISCRIMINATOR to one.") from error

    def folder(self, newest: str) -> Path:  # noqa: ARG002  # there is only one
        """The folder itself."""
        return self.path

    def shown(self, sentence: str) -> str:
        """With the folder's name alone."""
        return sentence.replace(str(self.path), self.path.name)


@dataclass(frozen=True)
class Published:
    """A repository on the Hub; what is fetched of it lies in the cache under its commit."""

    repository: ModelRepository
    cache: Path

    def newest(self) -> str:
        """Commit of main."""
        found = self.repository.listing()
        if not {CONFIG, WEIGHTS} <= set(found.files):
            raise UnavailableError(f"{self.repository.repository} holds no model yet.", hint="Publish one to it.")
        return found.head

    def folder(self, newest: str) -> Path:
        """Its files, fetched unless they are here; earlier commits are dropped."""
        home = self.cache / newest
        if not home.is_dir():
            home = self._fetched(newest)
        for other in self.cache.iterdir():
            if other != home:
                shutil.rmtree(other, ignore_errors=True)
        return home

    def shown(self, sentence: str) -> str:
        """With the repository in the place of the cache."""
        return sentence.replace(str(self.cache), self.repository.repository)

    def _fetched(self, commit: str) -> Path:
        """Whole or not there, even if killed."""
        fresh, home = self.cache / f"{commit}{disk.UNFINISHED}", self.cache / commit
        disk.make_folder(fresh)
        has_report = REPORT in self.repository.listing().files
        self.repository.fetch(commit, [CONFIG, WEIGHTS, *([REPORT] if has_report else [])], fresh)
        with disk.refusals(home):
            fresh.rename(home)
        return home


@dataclass(frozen=True, kw_only=True)
class Told:
    """How things stand, for people."""

    version: str = ""
    """Of the judge at work; "" if there is none."""
    simulated: bool = False
    """It learned from labels of a program."""
    why_off: str = ""
    """Why there is none, in one sentence; "" if there is one."""
    trouble: str = ""
    """Why a newer one was not taken; "" if there was no trouble."""


WAITING = Told(why_off="It is loaded when the first result is to be scored.")


class Current:
    """The judge at work; may be asked from any thread.

    Args:
        place: where it is found; None: judging is off.
        minutes: from one look for a newer version to the next.
        off: why it is off where there is no place.
        load: makes a scorer of a folder; a seam for tests.
    """

    def __init__(
        self,
        place: Place | None,
        *,
        minutes: float = 10.0,
        off: str = "",
        load: Callable[[Path], Scorer] = Scorer.load,
    ) -> None:
        self._place, self._pause, self._load = place, minutes * 60, load
        self._told = WAITING if place else Told(why_off=off)
        self._scorer: Scorer | None = None
        self._seen, self._fault = "", ""  # the last version looked at, and what was wrong with it
        self._looked, self._end = Event(), Event()
        self._lock, self._looking = Lock(), Lock()
        self._thread: Thread | None = None

    @classmethod
    def of(cls, place: str | None, cache: Path, minutes: float = 10.0, weights: Weights | None = None) -> Current:
        """What the settings name.

        Args:
            place: a folder, a repository `owner/name`, "none", or None for the model that comes with the program.
            cache: folder for what is fetched.
            minutes: from one look to the next.
            weights: where the weights are that training started from, for networks that have such.

        Raises:
            ConfigError: it can be neither.
        """
        if place is None and not SHIPPED.is_dir():
            return cls(None, off="No model comes with this program, and ROREM_DISCRIMINATOR names none.")
        if place == NONE:
            return cls(None, off="ROREM_DISCRIMINATOR switches it off.")
        folder = SHIPPED if place is None else Path(place).expanduser()
        if folder.is_dir() or (place or "").startswith(("/", ".", "~")):
            found: Place = Folder(folder)
        else:
            found = Published(ModelRepository(str(place)), cache / str(place).replace("/", "--"))
        return cls(found, minutes=minutes, load=partial(Scorer.load, weights=weights))

    @property
    def told(self) -> Told:
        """How things stand; of a folder the version is known before it is loaded."""
        if self._told == WAITING and isinstance(self._place, Folder):
            try:
                config = read_config(self._place.path)
            except RoremError as error:
                return Told(why_off=self._place.shown(error.sentence))
            return Told(version=config.version, simulated=learned_from_programs(self._place.path, config))
        return self._told

    def likely(self, source: Image, mask: Mask, result: Image, patience: float = 30.0) -> Likely | None:
        """What the judge says of a result; None where there is none, or it fails.

        The first call begins to look for one, and waits for it so many seconds at most.
        """
        self.begin()
        if self._thread:
            self._looked.wait(patience)
        scorer = self._scorer
        if scorer is None:
            return None
        try:
            return Likely(scorer.score(source, mask, result), scorer.version)
        except Exception:  # a border: a removal is worth showing without its score
            log.exception("%s could not score a result", scorer.version)
            return None

    def begin(self) -> None:
        """Look now and then every few minutes, in the background; once, however often it is called."""
        with self._lock:
            if self._thread or not self._place or self._end.is_set():
                return
            self._thread = Thread(target=self._watch, daemon=True, name="discriminator")
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        self._looked.set()

    def look(self) -> None:
        """Take what is newest if it is another version and works; what went wrong is told, never raised."""
        with self._looking:
            try:
                self._take_newest()
            except RoremError as error:
                self._keep_on(error.sentence)
                log.warning("No newer discriminator: %s", error.sentence, exc_info=error.__cause__)
            except Exception:  # a border: the thread must live on, and the page needs no judge
                self._keep_on("A newer version could not be loaded; the log says why.")
                log.exception("a discriminator could not be loaded")
            self._looked.set()

    def _watch(self) -> None:
        self.look()
        while not self._end.wait(self._pause):
            self.look()

    def _take_newest(self) -> None:
        if self._place is None:
            return None
        newest = self._place.newest()
        if newest == self._seen:
            return self._keep_on(self._fault)
        folder = self._place.folder(newest)
        try:
            scorer = self._load(folder)
            good, bad = check_canary(scorer)
        except InputError as error:
            self._seen, self._fault = newest, error.sentence  # it will be no better the next time
            raise
        log.info("%s scores the canaries %.3f and %.3f", scorer.version, good, bad)
        self._scorer, self._seen, self._fault = scorer, newest, ""
        self._told = Told(version=scorer.version, simulated=scorer.simulated)
        return None

    def _keep_on(self, sentence: str) -> None:
        sentence = self._place.shown(sentence) if self._place else sentence
        if self._scorer:
            self._told = replace(self._told, trouble=sentence)
        else:
            self._told = Told(why_off=sentence)
