"""Work: one method on one pair, and everything that is measured of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np

from rorem_demo.comparison.folders import FolderCase, pictures
from rorem_demo.errors import InputError, RoremError
from rorem_demo.evaluation.quality_measures import DISTANCES, FEATURES, FID, Distance, Features, seen
from rorem_demo.evaluation.quality_strips import strip
from rorem_demo.feedback import disk
from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.masks import distance_to, soft_edge
from rorem_demo.imaging.metrics import psnr, ssim_map
from rorem_demo.imaging.types import Box, Image, Mask, size_of
from rorem_demo.removers.base import RemovalOptions, ResolvedOptions
from rorem_demo.removers.erase import count_changed, finish
from rorem_demo.services import Services

STRIPS, SEEN = "strips", "features"
"""Folders of what is kept of each result: a small picture, and what FID needs."""
BASELINES = {
    "untouched": "the photo as it is: the floor",
    "mean-colour": "the mean colour of what lies around: no texture at all",
    "truth": "the truth, pasted into the hole: the ceiling",
}
"""Measured with every run, by key."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One method on one pair."""

    case: FolderCase
    method: str
    identity: str
    """Of everything the figures depend on, as a digest."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of one result; None where a figure is not defined or was not asked for."""

    identity: str
    case: str
    method: str
    sentence: str = ""
    """Why it could not be measured; then there are no figures."""
    hole_psnr: float | None = None
    """dB in the mask; None if all pixels are the truth's."""
    hole_ssim: float | None = None
    outside_psnr: float | None = None
    """dB where the grown mask is not; None if all pixels are the truth's, or there are none."""
    outside_ssim: float | None = None
    changed_outside: int = 0
    """Pixels that differ from the source where the grown mask is not."""
    distances: Mapping[str, float] = field(default_factory=dict)
    likely: float | None = None
    judge: str = ""
    seconds: float | None = None
    """None of a baseline."""

    @property
    def strip(self) -> str:
        """File of its small picture."""
        return f"{STRIPS}/{self.identity[:20]}.jpg"

    @property
    def features(self) -> str:
        """File of what FID needs, where that is measured."""
        return f"{SEEN}/{self.identity[:20]}.npy"


@dataclass(frozen=True, eq=False)
class Done:
    """What a method made of a pair."""

    image: Image
    grown: Mask
    """What may differ from the source."""
    seconds: float | None = None


@dataclass
class Worker:
    """Measures results and keeps small pictures of them.

    Args:
        services: run removers and the judge.
        folder: of the run; its folders are there.
        seed: of what is drawn at random.
        measures: keys of the networks to ask.
    """

    services: Services
    folder: Path
    seed: int
    measures: tuple[str, ...] = ()
    _distances: dict[str, Distance] = field(default_factory=dict, init=False)
    _features: Features | None = field(default=None, init=False)
    _ready: bool = field(default=False, init=False)

    def measured(self, task: Task) -> Measured:
        """The figures; a pair that cannot be read or a removal that fails has a sentence instead.

        Raises:
            StorageError: what is kept could not be written.
            UnavailableError: a network that measures could not be loaded.
        """
        self._load()
        try:
            source, mask, truth = pictures(task.case, self.services.settings.max_pixels)
            if truth is None:
                raise InputError("It has no truth.")  # noqa: TRY301  # told as any other failure
            done = self._done(task.method, source, mask, truth)
            figures = self._figures(task, (source, mask, truth), done)
        except Exception as error:  # noqa: BLE001  # one bad pair, however bad, must not end the run
            return Measured(
                identity=task.identity, case=task.case.name, method=task.method, sentence=_in_one_line(error)
            )
        self._keep(figures, (source, mask, truth), done)
        return figures

    def _load(self) -> None:
        if self._ready:
            return
        self.services.discriminator.look()  # else the first results would wait for the judge, and not forever
        weights = self.services.weights
        self._distances = {spec.key: DISTANCES.load(spec.key, weights) for spec in DISTANCES if self._asks(spec.key)}
        self._features = FEATURES.load(FID, weights) if self._asks(FID) else None
        self._ready = True

    def _asks(self, key: str) -> bool:
        return key in self.measures

    def _done(self, method: str, source: Image, mask: Mask, truth: Image) -> Done:
        if method in BASELINES:
            return baseline(method, source, mask, truth)
        removal = finish(self.services.remove(method, source, mask, RemovalOptions(seed=self.seed)))
        return Done(removal.image, removal.mask, removal.seconds)

    def _figures(self, task: Task, pair: tuple[Image, Mask, Image], done: Done) -> Measured:
        source, mask, truth = pair
        outside, similar = ~done.grown, ssim_map(done.image, truth)
        around = seen(mask, done.image, truth) if self._distances else []
        likely = self.services.discriminator.likely(source, done.grown, done.image)
        return Measured(
            identity=task.identity,
            case=task.case.name,
            method=task.method,
            hole_psnr=_finite(psnr(done.image, truth, mask)),
            hole_ssim=_mean(similar[mask]),
            outside_psnr=_finite(psnr(done.image, truth, outside)) if outside.any() else None,
            outside_ssim=_mean(similar[outside]) if outside.any() else None,
            changed_outside=count_changed(source, done.image, outside),
            distances={key: float(distance(*around)) for key, distance in self._distances.items()},
            likely=likely.score if likely else None,
            judge=likely.judge if likely else "",
            seconds=done.seconds,
        )

    def _keep(self, figures: Measured, pair: tuple[Image, Mask, Image], done: Done) -> None:
        source, mask, truth = pair
        disk.write_whole(self.folder / figures.strip, strip(source, mask, truth, done.image))
        if self._features:
            file = BytesIO()
            np.save(file, self._features(seen(mask, done.image)[0]))
            disk.write_whole(self.folder / figures.features, file.getvalue())


def baseline(key: str, source: Image, mask: Mask, truth: Image) -> Done:
    """What takes no method, put into the hole as removers' results are by default."""
    how = ResolvedOptions()
    distance = distance_to(mask)
    filling = {"untouched": source, "truth": truth}.get(key)
    filling = _mean_colour(source, mask) if filling is None else filling
    whole = Window(Box(0, 0, *size_of(source)))
    image = whole.paste(filling, source, soft_edge(distance, how.grow, how.feather))
    return Done(image, np.asarray(distance <= how.grow))


def _mean_colour(source: Image, mask: Mask) -> Image:
    """Of what is not marked in the window that removers see."""
    how = ResolvedOptions()
    window = Window.around(mask, grow=how.grow, context=how.context, least=32)
    seen_pixels = window.cut_image(source)[~window.cut_mask(mask)]
    if not len(seen_pixels):
        raise InputError("The mask covers everything around it.")
    return np.full_like(source, np.rint(seen_pixels.mean(axis=0)).astype(np.uint8))


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    return float(values.mean(dtype=np.float64))


def _finite(decibels: float) -> float | None:
    return decibels if math.isfinite(decibels) else None


def _in_one_line(error: Exception) -> str:
    said = error.sentence if isinstance(error, RoremError) else f"{type(error).__name__}: {error}"
    return " ".join(said.split())
