"""publish(): a model uploaded if it beats the published one on rows that neither has learned from.

It is better if, on these rows, its AUROC is higher by more than chance (see `comparing`), and its expected
calibration error is at most SLACK above the published one's: the page shows its scores as percentages. Where nothing
is published yet there is nothing to beat. A model that mistakes the canaries is never published: no Space would take
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias, TypeVar

from rorem_demo.discriminator.asking import ask, logits_of
from rorem_demo.discriminator.comparing import compared
from rorem_demo.discriminator.examples import Examples
from rorem_demo.discriminator.hub import ModelRepository
from rorem_demo.discriminator.network import CONFIG, WEIGHTS, Loaded, load_model
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.discriminator.score import REPORT, Scorer, check_canary, check_version
from rorem_demo.errors import InputError, StorageError, UnavailableError
from rorem_demo.feedback.hub import Listing, RetryLaterError
from rorem_demo.runtime.weights import Weights
from rorem_demo.statistics import Calibration, expected_calibration_error

CARD = "README.md"
FILES = (CONFIG, WEIGHTS, CARD, REPORT)
"""What a published model consists of; they go as one commit."""
SLACK = 0.02
"""What a better AUROC may cost in expected calibration error."""
BINS = 10

_TRIES = 4
_LONGEST_PAUSE = 60.0

Ask: TypeAlias = Callable[[Loaded], Predictions]
"""What a model says of the held-out rows; the same rows, in the same order, whichever is asked."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of it."""

    published: bool
    version: str
    """Of the model that was offered."""
    commit: str = ""
    """That holds it; "" if it was not published."""
    why: str
    """One sentence."""


def held_out(rows: Examples) -> Ask:
    """Asks about these rows, which have to be of a split that no model learns from."""

    def predictions(loaded: Loaded) -> Predictions:
        calibration = Calibration.from_json(loaded.config.calibration) if loaded.config.calibration else Calibration()
        return ask((rows,), logits_of(loaded.network), calibration).predictions

    return predictions


def publish(
    folder: Path,
    repository: ModelRepository,
    asking: Ask,
    *,
    weights: Weights | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Upload a model if it is better, and read it back.

    Args:
        folder: with the four files.
        repository: where to; created if there is none.
        asking: about held-out rows.
        weights: where the weights are that training started from, for networks that have such.
        sleep: takes seconds; a seam for tests.

    Raises:
        InputError: a file is missing or damaged, or the model mistakes the canaries.
        UnavailableError: the Hub is not reached, or somebody else published meanwhile; try again.
        ConfigError: it needs a token, or another one.
        StorageError: what was published reads back otherwise.
    """
    sent = _content(folder)
    scorer = Scorer.load(folder, weights)
    check_canary(scorer)
    patiently = partial(_patiently, sleep=sleep)
    found = patiently(lambda: repository.listing(create=True))
    why_not, why = _compared(folder, repository, found, asking, weights, patiently)
    if why_not:
        return Outcome(published=False, version=scorer.version, why=why_not)
    files = {name: folder / name for name in FILES}
    commit = patiently(lambda: repository.commit(files, parent=found.head, message=scorer.version))
    _check_published(repository, commit, sent, patiently)
    return Outcome(published=True, version=scorer.version, commit=commit, why=why)


def _compared(  # noqa: PLR0913, PLR0917  # what `publish` knows
    folder: Path,
    repository: ModelRepository,
    found: Listing,
    asking: Ask,
    weights: Weights | None,
    patiently: Callable[[Callable[[], None]], None],
) -> tuple[str, str]:
    """Why not, or else why."""
    if not {CONFIG, WEIGHTS} <= set(found.files):
        return "", "There was no published model to beat."
    new = load_model(folder, weights=weights)
    with TemporaryDirectory() as name:
        there = Path(name)
        patiently(lambda: repository.fetch(found.head, (CONFIG, WEIGHTS), there))
        try:
            old = load_model(there, weights=weights)
            check_version(there, old.config)
        except InputError as error:
            sentence = str(error).replace(name, repository.repository)
            raise UnavailableError(
                f"The published model cannot be read, so nothing can be compared with it. {sentence}",
                hint="Delete its files on the Hub first.",
            ) from error
    if old.config.version == new.config.version:
        return f"{new.config.version} is published already.", ""
    return better(asking(new), asking(old))


def better(new: Predictions, old: Predictions) -> tuple[str, str]:
    """Why a model is not better than another, "" if it is; and why it is, "" if it is not.

    Raises:
        InputError: they were not asked about the same rows.
    """
    comparison = compared(new, old)
    if not comparison.better:
        return comparison.why, ""
    ours, theirs = (_calibration_error(each) for each in (new, old))
    figures = f"Its calibration error is {ours:.3f} against {theirs:.3f}"
    if ours > theirs + SLACK:
        return f"{figures}, which is worse by more than {SLACK}, though its ranking is better.", ""
    return "", f"{comparison.why} {figures}."


def _calibration_error(predictions: Predictions) -> float:
    rows = predictions.where(~predictions.easy)
    return expected_calibration_error(rows.prob, rows.label, BINS) or 0.0


def _content(folder: Path) -> dict[str, bytes]:
    """The four files."""
    if absent := [name for name in FILES if not (folder / name).is_file()]:
        raise InputError(f"{folder} lacks {' and '.join(absent)}.", hint="Train and evaluate the model first.")
    return {name: (folder / name).read_bytes() for name in FILES}


def _check_published(
    repository: ModelRepository, commit: str, sent: dict[str, bytes], patiently: Callable[[Callable[[], None]], None]
) -> None:
    """Read a commit back.

    Raises:
        StorageError: a file is not what was sent.
    """
    with TemporaryDirectory() as name:
        patiently(lambda: repository.fetch(commit, FILES, Path(name)))
        wrong = [file for file, data in sent.items() if (Path(name) / file).read_bytes() != data]
    if wrong:
        raise StorageError(
            f"{wrong[0]} reads back from {repository.repository} otherwise than it was sent.", hint="Publish it again."
        )


def _patiently(act: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
    """Do what may be repeated, again after a failure that may pass."""
    for left in reversed(range(_TRIES)):
        try:
            return act()
        except RetryLaterError as error:
            if not left:
                raise
            sleep(min(_LONGEST_PAUSE, max(error.after, 2.0 ** (_TRIES - left))))
    raise AssertionError("unreachable")
