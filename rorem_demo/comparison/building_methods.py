"""Method: what makes results of cases, and everything that is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rorem_demo.comparison.cases import Case
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Removal, RemovalOptions, RemoverSpec
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.weights import Weights

Remove = Callable[[str, Image, Mask, RemovalOptions], Removal]
"""Runs a remover by its key to its end."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A result on its way into a case."""

    image: Image
    mask: Mask
    """What the judge is told was marked."""
    seconds: float | None
    changed_outside: int


@dataclass(frozen=True, kw_only=True)
class Method:
    """A remover that runs here, or a folder of results from elsewhere."""

    key: str
    title: str
    licence: str
    revision: str
    options: str
    """As of a CaseResult, as are those above and the device."""
    device: str
    imported: bool
    make: Callable[[Case, Image, Mask], Made]
    """Of a case, its photo and its mask; raises RoremError."""
    cases: frozenset[str] | None = None
    """Ids of those it has a result of; None: all."""


def running(spec: RemoverSpec, weights: Weights, machine: Machine, options: RemovalOptions, remove: Remove) -> Method:
    """A row of the catalogue that can run on this machine, with these options."""

    def make(_case: Case, image: Image, mask: Mask) -> Made:
        removal = remove(spec.key, image, mask, options)
        return Made(
            image=removal.image,
            mask=removal.mask,
            seconds=removal.seconds,
            changed_outside=removal.changed_outside,
        )

    return Method(
        key=spec.key,
        title=spec.title,
        licence=spec.licence,
        revision=weights.revision(spec),
        options=json.dumps(asdict(spec.defaults.overridden(options)), sort_keys=True),
        device="gpu" if spec.gpu_cost and machine.gpu else "cpu",
        imported=False,
        make=make,
    )
