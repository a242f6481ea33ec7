"""Report: what was measured of each method, with intervals; quality.json holds it and quality.md is written from it."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from rorem_demo import __version__
from rorem_demo.errors import InputError
from rorem_demo.evaluation.quality_figures import Figure, mean_of, rate_of
from rorem_demo.evaluation.quality_measures import DISTANCES, FID
from rorem_demo.evaluation.quality_work import BASELINES, Measured
from rorem_demo.services import Services

CLEAN = 0.5
"""Results that the judge gives at least so much count as likely clean."""

_DIGITS = 6
_PACKAGES = ("numpy", "opencv-contrib-python-headless", "torch", "torchmetrics")


@dataclass(frozen=True, kw_only=True)
class MethodQuality:
    """One method; a figure is None where no pair has it."""

    key: str
    revision: str
    options: Mapping[str, Any]
    pairs: int
    """That were measured."""
    failures: int
    hole_psnr: Figure | None
    """Of pairs whose hole is not exactly the truth."""
    hole_ssim: Figure | None
    outside_psnr: Figure | None
    outside_ssim: Figure | None
    changed_outside: int
    """Pixels, of all pairs together."""
    distances: Mapping[str, Figure | None]
    fid: float | None
    clean: Figure | None
    """Rate of results that the judge takes for likely clean, with Wilson's interval."""
    likely: Figure | None
    """Mean of what the judge says."""
    judges: tuple[str, ...]
    """Versions that said so: one, unless it was replaced meanwhile."""
    seconds: float | None
    """Median of a pair; loading the model is not in it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A pair that could not be measured."""

    case: str
    method: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class About:
    """What was measured where; names no path of the machine."""

    made: str
    """UTC date."""
    app: str
    python: str
    packages: Mapping[str, str]
    cores: int
    gpu: bool
    pairs: str
    """Name of their folder."""
    seed: int
    without_truth: int
    """Pairs that were left out because nobody knows their truth."""
    why_no_judge: str
    empty: Mapping[str, str]
    """Why a column is empty, by its key; "" if it is not."""

    @classmethod
    def of(cls, services: Services, pairs: str, seed: int, without_truth: int, empty: Mapping[str, str]) -> About:
        """Here and now."""
        return cls(
            made=datetime.now(UTC).date().isoformat(),
            app=__version__,
            python=platform.python_version(),
            packages={name: found for name in _PACKAGES if (found := _version(name))},
            cores=services.machine.cores,
            gpu=services.machine.gpu,
            pairs=pairs,
            seed=seed,
            without_truth=without_truth,
            why_no_judge=services.discriminator.told.why_off,
            empty=dict(empty),
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it."""

    about: About
    methods: tuple[MethodQuality, ...]
    failures: tuple[Failure, ...]

    def to_json(self) -> str:
        """Indented, with a line's end."""
        return json.dumps(_rounded(asdict(self)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """The report that `to_json` wrote.

        Raises:
            InputError: it is none.
        """
        try:
            found = json.loads(text)
            return cls(
                about=About(**found["about"]),
                methods=tuple(map(_method_of, found["methods"])),
                failures=tuple(Failure(**failure) for failure in found["failures"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("This is no report of `bench quality`.", hint="Measure again.") from error


How = Callable[[str], tuple[str, str, Mapping[str, Any]]]
"""Key, revision and options of a method, by its key."""


def reported(about: About, how: How, results: Mapping[str, Sequence[Measured]], folder: Path) -> Report:
    """The report of what was measured, baselines first.

    Args:
        about: where and what.
        how: of each method.
        results: by method.
        folder: where the features for FID are.
    """
    failures = [
        Failure(case=each.case, method=each.method, sentence=each.sentence)
        for found in results.values()
        for each in found
        if each.sentence
    ]
    true = {each.case: each for each in results.get("truth", ()) if not each.sentence}
    fid = not about.empty[FID]
    methods = [
        _quality(how(key), found, _fid(true, found, folder) if fid and key != "truth" else None)
        for key, found in results.items()
    ]
    return Report(about=about, methods=tuple(methods), failures=tuple(failures))


def _quality(how: tuple[str, str, Mapping[str, Any]], found: Sequence[Measured], fid: float | None) -> MethodQuality:
    key, revision, options = how
    sound = [each for each in found if not each.sentence]
    likely = [each.likely for each in sound if each.likely is not None]
    seconds = [each.seconds for each in sound if each.seconds is not None]
    return MethodQuality(
        key=key,
        revision=revision,
        options=options,
        pairs=len(sound),
        failures=len(found) - len(sound),
        hole_psnr=mean_of([each.hole_psnr for each in sound]),
        hole_ssim=mean_of([each.hole_ssim for each in sound]),
        outside_psnr=mean_of([each.outside_psnr for each in sound]),
        outside_ssim=mean_of([each.outside_ssim for each in sound]),
        changed_outside=sum(each.changed_outside for each in sound),
        distances={spec.key: mean_of([each.distances.get(spec.key) for each in sound]) for spec in DISTANCES},
        fid=fid,
        clean=rate_of([score >= CLEAN for score in likely]),
        likely=mean_of(likely),
        judges=tuple(sorted({each.judge for each in sound if each.judge})),
        seconds=median(seconds) if seconds and key not in BASELINES else None,
    )


def _fid(true: Mapping[str, Measured], found: Sequence[Measured], folder: Path) -> float | None:
    """Between results and truths of the same pairs."""
    from rorem_demo.evaluation.quality_networks import frechet  # noqa: PLC0415  # imports torch

    both = [(true[each.case], each) for each in found if not each.sentence and each.case in true]
    if len(both) < 2:
        return None
    sets = [np.stack([np.load(folder / each.features) for each in side]) for side in zip(*both, strict=True)]
    return frechet(*sets)


def _method_of(found: Mapping[str, Any]) -> MethodQuality:
    names = {field.name for field in fields(MethodQuality) if "Figure" in str(field.type) and field.name != "distances"}
    given = {name: _figure_of(value) if name in names else value for name, value in found.items()}
    distances = {key: _figure_of(value) for key, value in found["distances"].items()}
    return MethodQuality(**given | {"distances": distances, "judges": tuple(found["judges"])})


def _figure_of(found: Mapping[str, Any] | None) -> Figure | None:
    return Figure(**found) if found is not None else None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
