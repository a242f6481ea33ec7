"""From examples and a judge to predictions and a report: what `evaluate` asks for, gathered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.baselines import Known
from rorem_demo.discriminator.cues import CUES, cues
from rorem_demo.discriminator.evaluate import Settings, evaluate
from rorem_demo.discriminator.examples import Example, Examples
from rorem_demo.discriminator.network import Loaded, ModelConfig, Network
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.discriminator.probes import probes
from rorem_demo.discriminator.report import Lineage, Report
from rorem_demo.discriminator.simulated.removals import EASY
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import RoremError
from rorem_demo.statistics import Calibration, Floats, sigmoid

Logits: TypeAlias = Callable[[Sequence[Triple]], npt.ArrayLike]
"""Of some triples, one each."""

_BATCH = 16
_MOST_KNOWN = 3000
"""Training rows of which the hole is measured; six weights need no more."""
_MOST_PROBED = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What a judge said, and of how many rows it was not asked."""

    predictions: Predictions
    skipped: dict[str, int]
    """By reason: undecided (as many yes as no), broken-pictures."""


def logits_of(network: Network) -> Logits:
    """A network in evaluation mode, as a judge."""
    import torch  # noqa: PLC0415  # figures of predictions at hand need no torch

    def logits(triples: Sequence[Triple]) -> npt.ArrayLike:
        rows = [network.arrays(triple.source, triple.mask, triple.result) for triple in triples]
        batch = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
        with torch.inference_mode():
            return network(batch).double().cpu().numpy()

    return logits


def ask(parts: Iterable[Examples], logits: Logits, calibration: Calibration) -> Asked:
    """A judge's predictions of all rows with pictures and a yes or no, part after part."""
    asked: list[Example] = []
    said: list[float] = []
    measured: list[Floats] = []
    skipped: Counter[str] = Counter()
    for part in parts:
        for rows, triples in _batches(part, skipped):
            asked += rows
            said += np.asarray(logits(triples), np.float64).tolist()
            measured += [cues(triple.source, triple.mask, triple.result) for triple in triples]
    predictions = Predictions(
        prob=calibration(said),
        before=sigmoid(said),
        label=np.array([row.truth for row in asked], np.float64),
        method=np.array([row.method for row in asked], np.str_),
        photo=np.array([row.photo for row in asked], np.str_),
        mask_fraction=np.array([row.mask_fraction for row in asked], np.float64),
        origin=np.array([row.origin for row in asked], np.str_),
        easy=np.array([row.method.startswith(EASY) for row in asked], np.bool_),
        cues=np.array(measured, np.float64).reshape(len(asked), len(CUES)),
    )
    return Asked(predictions=predictions, skipped=dict(skipped))


def known(train: Examples, seed: int = 0) -> Known:
    """What baselines may learn: from at most 3,000 rows of the training split, easy negatives left out."""
    usable = np.array([not row.method.startswith(EASY) for row in train], np.bool_)
    rows: list[Example] = []
    measured: list[Floats] = []
    for some, triples in _batches(_sampled(train.where(usable), _MOST_KNOWN, seed), Counter()):
        rows += some
        measured += [cues(triple.source, triple.mask, triple.result) for triple in triples]
    return Known(
        label=np.array([row.truth for row in rows], np.float64),
        method=[row.method for row in rows],
        cues=np.array(measured, np.float64).reshape(len(rows), len(CUES)),
    )


def report_of(
    loaded: Loaded, examples: Examples, settings: Settings | None = None, *, everything: bool = False
) -> Report:
    """Everything about a trained network, on the rows of a dataset that it never learned from.

    The dataset need not be the one it learned from: a photo is in the same split in all of them.

    Args:
        loaded: the network.
        examples: the dataset.
        settings: of the figures.
        everything: judge rows of all splits; for a dataset that nothing was learned from. Baselines learn nothing.
    """
    settings = settings or Settings()
    config, logits = loaded.config, logits_of(loaded.network)
    calibration = Calibration.from_json(config.calibration) if config.calibration else Calibration()
    held_out = _held_out(config)
    train, test, held = (examples.part(name, held_out) for name in ("train", "test", "held-out"))
    if everything:
        away = np.array([row.method in held_out for row in examples], np.bool_)
        train, test, held = (examples.where(each) for each in (np.zeros_like(away), ~away, away))
    asked = ask((test, held), logits, calibration)

    def score(source: Any, mask: Any, result: Any) -> float:
        triple = Triple(source=source, mask=mask, result=result)
        return float(calibration(np.asarray(logits([triple]), np.float64))[0])

    hard = np.array([not row.method.startswith(EASY) for row in test], np.bool_)
    probed = _sampled(test.where(hard), _MOST_PROBED, settings.seed)
    return Report(
        lineage=lineage_of(config, train, asked.skipped),
        evaluation=evaluate(asked.predictions, known(train, settings.seed), held_out, settings),
        probes=probes(
            score, (triple for _, some in _batches(probed, Counter()) for triple in some), settings.threshold
        ),
    )


def lineage_of(config: ModelConfig, train: Examples, skipped: dict[str, int] | None = None) -> Lineage:
    """What config.json tells of where a model comes from.

    Args:
        config: of the model.
        train: rows to learn from; counted by who labelled them where the model does not tell.
        skipped: rows left out of the evaluation, by reason.
    """
    told = config.lineage
    recipe = told.get("recipe", {})
    left_out = {f"{name} (evaluation)": count for name, count in (skipped or {}).items()}
    unused = {name: int(count) for name, count in told.get("counts", {}).items() if name not in {"read", "used"}}
    return Lineage(
        network=config.network,
        version=config.version,
        dataset=str(told.get("dataset", "")) or "not recorded",
        revision=str(told.get("revision", "")),
        filter=int(told.get("filter", 0)),
        split=str(told.get("split", "")),
        code=str(told.get("code", "")),
        seed=int(recipe.get("seed", 0)),
        rows={name: int(count) for name, count in told.get("rows", {}).items()},
        skipped=unused | left_out,
        origins=dict(told.get("origins") or sorted(Counter(row.origin for row in train).items())),
        held_out=_held_out(config),
    )


def _held_out(config: ModelConfig) -> tuple[str, ...]:
    recipe = config.lineage.get("recipe", {})
    found: Collection[str] = recipe.get("hold_out", ())
    return tuple(found)


def _batches(examples: Examples, skipped: Counter[str]) -> Iterator[tuple[list[Example], list[Triple]]]:
    """Rows with a yes or no and their pictures, some at a time; what is left out is counted."""
    decided = np.abs(examples.labels - 0.5) > 0
    skipped["undecided"] += int((~decided).sum())
    usable = examples.where(decided)
    rows: list[Example] = []
    triples: list[Triple] = []
    for number, triple in usable.triples():
        if isinstance(triple, RoremError):
            skipped["broken-pictures"] += 1
            continue
        rows.append(usable[number])
        triples.append(triple)
        if len(rows) == _BATCH:
            yield rows, triples
            rows, triples = [], []
    if rows:
        yield rows, triples


def _sampled(examples: Examples, most: int, seed: int) -> Examples:
    """So many at most, drawn by the seed."""
    if len(examples) <= most:
        return examples
    chosen = np.zeros(len(examples), np.bool_)
    chosen[np.random.default_rng(seed).choice(len(examples), most, replace=False)] = True
    return examples.where(chosen)
