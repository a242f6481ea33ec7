"""Scorer: how likely a result is clean, by a trained network; torch is imported when the first one is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from rorem_demo.discriminator.network import WEIGHTS, Loaded, ModelConfig, load_model, read_config
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.runtime.weights import Weights
from rorem_demo.statistics import Calibration

REPORT = "report.json"
_AGAIN = "Take the folder again from where it was published, or train it again."


@dataclass(frozen=True)
class Likely:
    """What a judge says of one result."""

    score: float
    """0..1: how likely it is that the object is gone and nothing else is wrong."""
    judge: str
    """Version of the judge."""


NOT_SURE = (40, 60)
"""Percent between which a score says nothing; both included."""


def percent_of(score: float) -> int:
    """A probability in percent, never 0 or 100."""
    return min(99, max(1, round(100 * score)))


def in_words(score: float) -> str:
    """A probability as people are told it; `not sure` near the middle."""
    percent = percent_of(score)
    if NOT_SURE[0] <= percent <= NOT_SURE[1]:
        return "not sure"
    return f"likely clean: {percent}%" if percent > NOT_SURE[1] else f"likely not clean: {100 - percent}%"


class Scorer:
    """A trained network with its calibration; may be asked from any thread, and gives the same score every time."""

    def __init__(self, loaded: Loaded, *, simulated: bool = False) -> None:
        if not loaded.config.calibration:
            raise InputError(f"{loaded.config.version} was never calibrated.", hint="Train it again.")
        self._network = loaded.network
        self._calibration = Calibration.from_json(loaded.config.calibration)
        self.version = loaded.config.version
        """Network, and the beginning of a digest of weights and calibration."""
        self.simulated = simulated
        """Some labels it learned from are a program's."""

    @classmethod
    def load(cls, folder: Path, weights: Weights | None = None) -> Scorer:
        """The model of a folder.

        Args:
            folder: with config.json and model.safetensors.
            weights: where the weights are that training started from, for networks that have such.

        Raises:
            InputError: a file is missing or damaged, they do not belong together, or there is no calibration.
            UnavailableError: weights that training started from are not here.
        """
        loaded = load_model(folder, weights=weights)
        check_version(folder, loaded.config)
        return cls(loaded, simulated=learned_from_programs(folder, loaded.config))

    def score(self, source: Image, mask: Mask, result: Image) -> float:
        """How likely the result is clean: 0..1, calibrated.

        Raises:
            InputError: the pictures differ in size, or nothing is marked.
            UnavailableError: the network gave no number.
        """
        return _alone().submit(self._score, source, mask, result).result()

    def _score(self, source: Image, mask: Mask, result: Image) -> float:
        import torch  # noqa: PLC0415  # the page starts without it

        arrays = self._network.arrays(source, mask, result)
        with torch.inference_mode():
            logits = self._network({name: torch.from_numpy(value[None]) for name, value in arrays.items()})
        score = float(self._calibration(logits.double().cpu().numpy())[0])
        if not isfinite(score):
            raise UnavailableError(f"{self.version} gave no number.", hint="Name another model.")
        return score


def check_version(folder: Path, config: ModelConfig) -> None:
    """Refuse weights beside a config.json that was written for others, as a broken upload leaves them.

    Raises:
        InputError: they do not belong together.
    """
    calibration = json.dumps(config.calibration, sort_keys=True).encode()
    digest = sha256((folder / WEIGHTS).read_bytes() + calibration).hexdigest()[:12]
    if config.version != f"{config.network}-{digest}":
        raise InputError(f"{folder} holds other weights than its config.json is of.", hint=_AGAIN)


def learned_from_programs(folder: Path, config: ModelConfig | None = None) -> bool:
    """Whether config.json or the report beside it says that labels were simulated."""
    lineage = (config or read_config(folder)).lineage
    told: list[Any] = [lineage.get("origins"), _reported(folder).get("origins")]
    return any("simulated" in origins for origins in told if isinstance(origins, Mapping | list | tuple))


def _reported(folder: Path) -> Mapping[str, Any]:
    """Lineage by the report; empty without one, since a model works without."""
    try:
        lineage = json.loads((folder / REPORT).read_bytes())["lineage"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return lineage if isinstance(lineage, Mapping) else {}


def check_canary(scorer: Scorer) -> tuple[float, float]:
    """Scores of a clean fill and of an object left as it was, which any judge must tell apart.

    Raises:
        InputError: it does not.
        UnavailableError: it gave no number.
    """
    clean, left = canaries()
    good, bad = (scorer.score(each.source, each.mask, each.result) for each in (clean, left))
    if not 0 <= bad < good <= 1:
        raise InputError(
            f"{scorer.version} scores an object left as it was {bad:.4f} and a clean picture {good:.4f}.",
            hint="Train it on more answers.",
        )
    return good, bad


def canaries() -> tuple[Triple, Triple]:
    """A disc on grainy waves, removed without a trace and not at all; the same on every machine."""
    y, x = np.mgrid[:240, :320].astype(np.float64)
    grain = np.random.default_rng(0).integers(-9, 10, (240, 320))
    waves = 120 + 25 * np.sin(x / 23 + np.sin(y / 31)) + 15 * np.sin(y / 11) + grain
    ground = np.clip(waves[..., None] + np.array([6, 0, -12]), 0, 255).astype(np.uint8)
    away = np.hypot(x - 165, y - 118)
    source = np.where((away < 38)[..., None], np.array([205, 45, 35], np.uint8), ground)
    source = np.where((away < 16)[..., None], np.array([245, 235, 225], np.uint8), source)
    mask = away < 43
    return Triple(source=source, mask=mask, result=ground), Triple(source=source, mask=mask, result=source)


@cache
def _alone() -> ThreadPoolExecutor:
    """The one thread in which all scorers compute, with one of torch's threads; others keep as many as they had.

    More would only get into the way of removers, and at this size one is the quickest: 24 ms a score against 33 ms
    with two, on two busy cores.
    """
    import torch  # noqa: PLC0415

    threads = torch.get_num_threads()
    worker = ThreadPoolExecutor(1, "scorer")
    worker.submit(_take_one_thread).result()
    torch.set_num_threads(threads)  # what threads to come begin with
    return worker


def _take_one_thread() -> None:
    import torch  # noqa: PLC0415

    torch.get_num_threads()  # a thread's own count is set up by its first question, and would be again later
    torch.set_num_threads(1)
