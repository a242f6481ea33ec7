"""Words and small pictures of the page that depend on values."""

from __future__ import annotations

import logging
from base64 import b64encode
from html import escape

import cv2
import numpy as np

from rorem_demo.errors import RoremError
from rorem_demo.imaging.io import encode_image, encode_mask
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.runtime.devices import Machine
from rorem_demo.ui.values import Trouble

log = logging.getLogger(__name__)

PREVIEWED = SizeRule(longest=512)
DRAWN = 1280
"""Longer side of a mask as the page draws it (`static/raster.js`)."""

OPTION_LABELS = {
    "seed": ("Seed", "The same seed gives the same picture."),
    "steps": ("Steps", "More steps take longer; more is not always better."),
    "guidance": ("Guidance", "How closely the model follows its instruction."),
    "grow": ("Grow", "Pixels added around the selection before removing."),
    "feather": ("Feather", "Pixels of soft edge, inside what was added."),
}
"""Label and explanation of every option the page can show."""


def describe(spec: RemoverSpec, machine: Machine, needs: tuple[str, ...]) -> str:
    """A remover in a paragraph of HTML, shown while it is chosen: what for, where it runs, its licence.

    One that cannot run here is always shown, with what would bring it.
    """
    cost = spec.cost_on(machine)
    place = "GPU" if cost is spec.gpu_cost else "CPU"
    fact = (
        f"needs {' and '.join(needs)}: python -m rorem_demo weights {spec.key}"
        if needs
        else f"{place} · from {cost.fixed_seconds:.1g} s"
    )
    key, absent = escape(spec.key), ' class="absent"' if needs else ""
    chosen = f'#controls:has(#method input[value="{key}"]:checked) [data-method="{key}"] {{ display: block; }}'
    return (
        f'<style>{chosen}</style><p data-method="{key}"{absent}><b>{escape(spec.title)}</b> {escape(spec.summary)}'
        f" <span>{escape(fact)} · {escape(spec.licence)}</span></p>"
    )


def picture_address(image: Image) -> str:
    """A preview as a data address, small enough for an event."""
    data = encode_image(PREVIEWED.fit(size_of(image)).image(image), "JPEG")
    return _address("jpeg", data)


def mask_address(mask: Mask) -> str:
    """A mask as a data address; see `mask_picture`."""
    return _address("png", mask_picture(mask))


def _address(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def mask_picture(mask: Mask) -> bytes:
    """A mask as a PNG, at most as large as the page draws it."""
    factor = min(1.0, DRAWN / max(mask.shape))
    if factor < 1:
        size = size_of(mask).scaled(factor)
        mask = cv2.resize(mask.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    return encode_mask(mask)


def told(error: RoremError) -> str:
    """The error as a visitor reads it; what caused it, if anything did, goes to the log."""
    if error.__cause__ is not None:
        log.error("%s", error, exc_info=error)
    return error.sentence


def busy_notice() -> Trouble:
    """What the stage says when the queue refused a removal or the connection broke; -1 fits every run."""
    return Trouble(run=-1, sentence="Many people are removing things right now. Try again in a minute.")
