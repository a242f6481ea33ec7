"""Services: the program assembled once from Settings; all that a face (page, command line, API) is given."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from threading import RLock, Thread

from rorem_demo.annotating.annotating import Annotating
from rorem_demo.annotating.feeds import feed_of
from rorem_demo.comparison.arena import Arena
from rorem_demo.comparison.boards import Boards
from rorem_demo.comparison.cases import CaseSet, read_cases
from rorem_demo.discriminator.current import Current
from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import ConfigError, RoremError, UnavailableError
from rorem_demo.feedback.screening import ScreenSpec
from rorem_demo.imaging.draw import rasterise
from rorem_demo.imaging.drawings import Drawing
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Image, Mask, as_image, as_mask, size_of
from rorem_demo.judging import Judging
from rorem_demo.removers.base import Progress, Removal, RemovalOptions, Remover, RemoverSpec
from rorem_demo.removers.catalog import REMOVERS, Removers
from rorem_demo.removers.erase import erase, estimate, estimates
from rorem_demo.removers.pace import Pace
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.pool import ModelPool
from rorem_demo.runtime.turns import Begun, Turns
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.runtime.weights import NeedsWeights, Weights
from rorem_demo.segmenters.catalog import SEGMENTERS, Segmenters
from rorem_demo.selecting import Selecting
from rorem_demo.settings import Settings
from rorem_demo.visits import OpenedMask, OpenedPhoto, Result, Visits

log = logging.getLogger(__name__)


_PACKAGES = "compiled"


@dataclass(frozen=True)
class Services:
    """What the faces may do. Build it with `assemble`."""

    settings: Settings
    machine: Machine
    weights: Weights
    removers: Removers
    models: ModelPool[Remover]
    visits: Visits
    selecting: Selecting
    screen: ScreenSpec | None
    """Looks at shared pictures, where its weights are here."""
    discriminator: Current
    """Says how likely results are clean."""
    turns: Turns = field(default_factory=Turns, repr=False, compare=False)
    """Who may use the machine next, where visitors share it."""
    _pace: Pace = field(default_factory=Pace, init=False, repr=False, compare=False)
    _opening: RLock = field(default_factory=RLock, init=False, repr=False, compare=False)

    @classmethod
    def assemble(
        cls,
        settings: Settings,
        removers: Removers = REMOVERS,
        segmenters: Segmenters = SEGMENTERS,
        screen: ScreenSpec | None = ScreenSpec(),  # noqa: B008  # frozen
    ) -> Services:
        """The program for these settings; loads no model."""
        weights = Weights(settings.weights)
        removers = _placed(removers, settings.repositories)
        visits = Visits(settings.memory_mb * 2**20, settings.expiry_minutes * 60)
        capacity = len(tuple(removers)) if settings.zero_gpu else 2
        return cls(
            settings=settings,
            machine=Machine.here(zero_gpu=settings.zero_gpu),
            weights=weights,
            removers=removers,
            models=ModelPool(partial(_loaded, removers, weights, settings), capacity),
            visits=visits,
            selecting=Selecting(segmenters, weights, visits, settings.segmenter),
            screen=screen,
            discriminator=Current.of(
                settings.discriminator, settings.data / "discriminator", settings.discriminator_minutes, weights
            ),
        )

    @property
    def packages(self) -> Path:
        """Folder of networks that were compiled for this GPU."""
        return self.settings.data / _PACKAGES

    def preload(self) -> None:
        """Load the models of GPU rows now; on ZeroGPU this process is the only place from where workers get them."""
        rows = [spec for spec in self.removers if spec.gpu_cost and not self.missing(spec)]
        self.models.preload(*(spec.key for spec in rows if self.settings.zero_gpu))

    def missing(self, spec: NeedsWeights) -> tuple[str, ...]:
        """What this machine lacks to run a row of a catalogue, in plain words."""
        return self.weights.missing(spec)

    @property
    def default_remover(self) -> RemoverSpec:
        """The first row that runs here and may be preselected on such a machine.

        Raises:
            UnavailableError: none runs here.
        """
        runnable = [spec for spec in self.removers if not self.missing(spec)]
        for spec in sorted(runnable, key=lambda spec: spec.preselected == "with a GPU" and not self.machine.gpu):
            return spec
        raise UnavailableError("No method can run on this machine.", hint="The command `doctor` says what is missing.")

    @property
    def rows(self) -> dict[str, NeedsWeights]:
        """All rows of all catalogues by key, removers first, and what screens shared pictures."""
        screens = [self.screen] if self.screen else []
        return {row.key: row for row in (*self.removers, *self.selecting.segmenters, *screens)}

    def begin_fetching(self) -> Thread:
        """Start to fetch the weights that the settings name; what arrives is used from the next request on.

        Each failure is one line of the log: the page works without.

        Raises:
            ConfigError: a key is no row's.
        """
        rows = self.rows
        if unknown := [key for key in self.settings.fetch if key not in rows]:
            raise ConfigError(f"ROREM_FETCH names {', '.join(unknown)}.", hint=f"Name some of: {', '.join(rows)}.")
        thread = Thread(target=self._fetch, args=([rows[key] for key in self.settings.fetch],), daemon=True)
        thread.start()
        return thread

    def _fetch(self, rows: Sequence[NeedsWeights]) -> None:
        for row in rows:
            try:
                self.weights.fetch(row)
            except RoremError as error:
                log.error("%s", error.sentence, exc_info=error.__cause__)  # noqa: TRY400  # its cause is what matters
            else:
                log.info("The weights of %s are here.", row.title)

    def photo(self, key: str) -> Photo:
        """The photo or the result an id stands for. Raises InputError."""
        return self.visits.get(key, OpenedPhoto).photo

    def mask(self, photo: str, drawing: Drawing) -> Mask:
        """A drawing as the mask of the photo with this id; loaded masks must belong to the same photo.

        Raises:
            InputError: the photo or a mask is gone, or the drawing lies far outside it.
        """
        opened = {key: self.visits.get(key, OpenedMask) for key in drawing.loaded}
        masks = {key: item.mask for key, item in opened.items() if item.photo == photo}
        return rasterise(drawing, size_of(self.photo(photo).image), masks)

    def estimates(
        self,
        mask: Mask,
        options: RemovalOptions = RemovalOptions(),  # noqa: B008  # frozen
        keys: Sequence[str] = (),
    ) -> dict[str, float]:
        """About how many seconds removers take for a mask, which is not empty, by key; all that run here by default."""
        specs = [self.removers[key] for key in keys] or [spec for spec in self.removers if not self.missing(spec)]
        found = estimates(specs, self.machine, mask, options)
        return {key: seconds * self._pace.of(key) for key, seconds in found.items()}

    def estimate(self, key: str, mask: Mask, options: RemovalOptions) -> float:
        """The same for one."""
        return self.estimates(mask, options, [key])[key]

    def keep_result(self, source: str, removal: Removal, made_by: tuple[str, ...] = ()) -> str:
        """Keep what a removal made of the photo with this id; returns the result's own id.

        `made_by`: how the entries of its mask were made.
        """
        opened = self.visits.get(source, OpenedPhoto)
        photo = replace(opened.photo, image=removal.image, notes=())
        result = Result(photo, opened.licence, removal=removal, source=source, made_by=made_by)
        return self.visits.keep(result, self.visits.visit_of(source))[0]

    def likely(self, key: str) -> Likely | None:
        """How likely the result with this id is clean, once and for all; None where no judge is.

        The first call loads the judge, which takes seconds.

        Raises:
            InputError: the result, or the photo it was made from, is gone.
        """
        result = self.visits.get(key, Result)
        if result.likely:
            return result.likely
        source, removal = self.photo(result.source), result.removal
        likely = self.discriminator.likely(source.image, removal.mask, removal.image)
        visit = self.visits.visit_of(key)
        if likely and visit:
            self.visits.keep(replace(result, likely=likely), visit, key)
        return likely

    @cached_property
    def judging(self) -> Judging:
        """What visitors say of results; opens the store of answers when first used.

        Raises:
            StorageError: the store cannot be opened.
        """
        with self._opening:
            if "judging" in self.__dict__:  # another thread was quicker
                return self.judging
            made = Judging.opened(self.settings, self.visits, self.removers, self.weights, self.machine, self.screen)
            self.__dict__["judging"] = made  # while nobody else can make one
            return made

    @cached_property
    def annotating(self) -> Annotating:
        """Results that wait for a yes or no; raises as `judging`, and ConfigError where the setting names none."""
        with self._opening:
            if "annotating" in self.__dict__:
                return self.annotating
            feed = feed_of(self.settings.annotate, self.settings.data / "annotate")
            self.__dict__["annotating"] = made = Annotating(self.judging, feed, self.settings.max_pixels)
            return made

    @cached_property
    def cases(self) -> CaseSet:
        """Ready cases; read when first used."""
        with self._opening:
            if "cases" in self.__dict__:
                return self.cases
            folder = self.settings.cases
            self.__dict__["cases"] = found = read_cases(folder) if folder else CaseSet(cases={}, version="")
            return found

    @cached_property
    def boards(self) -> Boards:
        """What people's answers say of each method."""
        with self._opening:
            if "boards" in self.__dict__:
                return self.boards
            settings, store = self.settings, lambda: self.judging.desk.store
            made = Boards(store, settings.feedback_dataset, settings.data / "leaderboard", settings.leaderboard_minutes)
            self.__dict__["boards"] = made
            return made

    @cached_property
    def arena(self) -> Arena:
        """Blind pairs; raises as `judging`."""
        with self._opening:
            if "arena" in self.__dict__:
                return self.arena
            self.__dict__["arena"] = made = Arena(self.judging, lambda: self.cases, self.boards.current)
            return made

    def begin_publishing(self) -> None:
        """Publish answers in the background from now on; where the store fails, the page works without."""
        try:
            self.judging.desk.start()
        except RoremError as error:
            log.error("No answers can be kept: %s", error.sentence, exc_info=error.__cause__)  # noqa: TRY400

    def close(self, deadline: float) -> None:
        """Publish within so many seconds what answers may be published, and close the store."""
        self.discriminator.close()
        if "boards" in self.__dict__:
            self.boards.close()
        if "judging" in self.__dict__:
            self.judging.desk.close(deadline)

    def remove_in_turn(
        self, visitor: str, key: str, image: Image, mask: Mask, options: RemovalOptions
    ) -> Iterator[Waiting | Begun | Progress | Removal]:
        """Run a remover as `remove` does, once it is this visitor's turn; see `Turns.during`.

        What can be refused is refused before the wait, and the Removal comes when the turn is over: what is made of it
        costs nobody else time.
        """
        self._runnable(key)
        as_mask(mask, as_image(image))
        removal: Removal | None = None
        work = self.remove(key, image, mask, options)
        for update in self.turns.during(visitor, self.estimate(key, mask, options), work):
            if isinstance(update, Removal):
                removal = update
            else:
                yield update
        if removal:
            yield removal

    def _runnable(self, key: str) -> RemoverSpec:
        spec = self.removers[key]
        if needs := self.missing(spec):
            raise UnavailableError(
                f"{spec.title} cannot run here: it needs {' and '.join(needs)}.",
                hint=f"Choose {self.default_remover.title} instead.",
            )
        return spec

    def remove(self, key: str, image: Image, mask: Mask, options: RemovalOptions) -> Iterator[Progress | Removal]:
        """Run a remover by its key, at once; see `removers.erase.erase` for what is yielded and raised.

        The model is this caller's alone until the iterator ends or is closed.
        """
        spec = self._runnable(key)
        with self.models.use(key) as remover:
            for update in erase(spec, remover, image, mask, options):
                if isinstance(update, Removal):
                    self._pace.learn(key, estimate(spec, self.machine, mask, options), update.seconds)
                yield update


def _placed(removers: Removers, repositories: Mapping[str, str]) -> Removers:
    """The rows with the repositories that the operator named for weights kept elsewhere."""

    def placed(file: WeightFile) -> WeightFile:
        return replace(file, repository=repositories.get(file.repository, file.repository))

    return Catalog(*(replace(spec, weights=tuple(map(placed, spec.weights))) for spec in removers))


def _loaded(removers: Removers, weights: Weights, settings: Settings, key: str) -> Remover:
    try:
        model = removers.load(key, weights)
    except MemoryError as error:
        sentence = f"There is not memory enough for {removers[key].title}."
        raise UnavailableError(sentence, hint="Choose another method.") from error
    if use_packages := getattr(model, "use_packages", None):
        use_packages(settings.data / _PACKAGES)
    if not (settings.zero_gpu and removers[key].gpu_cost):
        return model
    from rorem_demo.removers.on_zerogpu import OnZeroGpu  # noqa: PLC0415  # `spaces` is for ZeroGPU alone

    return OnZeroGpu(removers[key], model)
