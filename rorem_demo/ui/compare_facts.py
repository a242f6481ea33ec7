"""What stands under a picture on the Compare tab and in the files it gives: one fact, a few words."""

from __future__ import annotations

from rorem_demo.comparison.cases import Case, CaseResult
from rorem_demo.comparison.paper import in_words as paper_in_words
from rorem_demo.discriminator.score import in_words as score_in_words
from rorem_demo.removers.base import Removal, RemoverSpec
from rorem_demo.services import Services
from rorem_demo.ui.compare_values import TileView
from rorem_demo.ui.methods import NEUTRAL

ORIGINAL, TRUTH = "-original", "-truth"
"""Tiles no method made; no key of a method begins so."""
_PLACES = {"cpu": "on the CPU", "gpu": "on the GPU"}


def original_tile() -> TileView:
    """The photo as it was given."""
    return TileView(tile=ORIGINAL, title="Original", colour=NEUTRAL, state="done")


def device_of(services: Services, method: str) -> str:
    """Where a method of the catalogue runs here: `gpu` or `cpu`, as a Subject has it."""
    return "gpu" if services.removers[method].gpu_cost and services.machine.gpu else "cpu"


def timed(seconds: float | None, device: str) -> str:
    """How long it took, and where; "" if nobody knows."""
    place = _PLACES.get(device, f"on {device}" if device else "")
    time = "" if seconds is None else f"{seconds:.{1 if seconds >= 1 else 2}f} s"
    return " ".join(part for part in (time, place) if part)


def outside(changed: int) -> str:
    """The proof that the rest of the photo stayed."""
    return f"{changed} {'pixel' if changed == 1 else 'pixels'} changed outside"


def awaited_facts(spec: RemoverSpec, seconds: float) -> tuple[str, ...]:
    """Of a method whose turn is still to come; `seconds` is about how long it takes."""
    return _known(f"about {seconds:.0f} s" if seconds >= 1 else "", spec.licence, paper_in_words(spec.key))


def removal_facts(services: Services, removal: Removal, score: float | None) -> tuple[str, ...]:
    """Of a live result."""
    spec = services.removers[removal.remover]
    return _known(
        timed(removal.seconds, device_of(services, spec.key)),
        score_in_words(score) if score is not None else "",
        outside(removal.changed_outside),
        spec.licence,
        paper_in_words(spec.key),
        *removal.notes,
    )


def result_facts(result: CaseResult) -> tuple[str, ...]:
    """Of a result of a ready case."""
    return _known(
        timed(result.seconds, result.device),
        score_in_words(result.score) if result.score is not None else "",
        outside(result.changed_outside),
        result.licence,
        "made elsewhere" if result.imported else "",
        paper_in_words(result.method),
    )


def credited(case: Case) -> str:
    """Whose photo it is, and its licence."""
    return ", ".join(part for part in (case.credit, case.licence) if part)


def _known(*facts: str) -> tuple[str, ...]:
    return tuple(fact for fact in facts if fact)
