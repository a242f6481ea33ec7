"""What our numbers cost: our UNet and our picture against those of the reference, in float32."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rorem_demo.evaluation.speed_jobs import Jobs, Order
from rorem_demo.evaluation.speed_photos import Scene
from rorem_demo.evaluation.speed_process import Asked, Job, asked
from rorem_demo.evaluation.speed_report import Errors
from rorem_demo.imaging.metrics import psnr
from rorem_demo.imaging.types import Image, Size

_SEED = 7


@dataclass(frozen=True, eq=False)
class Seen:
    """What one side makes of the same input and the same noise."""

    picture: Image
    guess: npt.NDArray[np.float32] | None
    """Of the UNet."""

    @classmethod
    def of(cls, side: Asked, order: Order) -> Seen:
        """Ask it."""
        scene = Scene(Size(order.size, order.size), round(order.size / 3))
        picture = side.ask("picture", scene.image(_SEED), scene.mask, _SEED)  # first: it shows the UNet
        return cls(picture, side.ask("guess", _SEED))


def errors_of(ours: Seen, reference: Seen, jobs: Jobs, order: Order, told: Callable[[str], None]) -> Errors:
    """Ours against the reference in float32, which is loaded anew where it ran in other numbers."""
    if order.device == "cuda":
        told("the reference in float32")
        reference = _exactly(jobs.reference, order)
    exact: Seen | None = None
    if order.check:
        told("ours in float32")
        exact = _exactly(jobs.ours, order)
    return Errors(
        unet_relative=_relative(ours.guess, reference.guess),
        levels_mean=float(_difference(ours.picture, reference.picture).mean()),
        levels_max=int(_difference(ours.picture, reference.picture).max()),
        psnr_db=_psnr(ours.picture, reference.picture),
        exact_psnr_db=_psnr(exact.picture, reference.picture) if exact else None,
        exact_levels_max=int(_difference(exact.picture, reference.picture).max()) if exact else None,
    )


def _exactly(job: Job, order: Order) -> Seen:
    with asked(replace(job, exact=True)) as side:
        return Seen.of(side, order)


def _relative(one: npt.NDArray[np.float32] | None, exact: npt.NDArray[np.float32] | None) -> float | None:
    if one is None or exact is None:
        return None
    return float(np.linalg.norm(one - exact) / np.linalg.norm(exact))


def _difference(one: Image, other: Image) -> npt.NDArray[np.int64]:
    difference: npt.NDArray[np.int64] = np.abs(one.astype(np.int64) - other)
    return difference


def _psnr(one: Image, other: Image) -> float | None:
    """None for equal pictures."""
    found = psnr(one, other, np.ones(one.shape[:2], np.bool_))
    return found if math.isfinite(found) else None
