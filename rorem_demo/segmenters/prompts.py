"""Prompts as people type them: "120,80", "300,200,-", "10,20,200,300"."""

from __future__ import annotations

import re

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box
from rorem_demo.segmenters.base import BoxPrompt, Click

_NUMBER = r"\s*(-?\d{1,7})\s*"
_CLICK = re.compile(rf"{_NUMBER},{_NUMBER}(?:,\s*([-+])\s*)?")
_BOX = re.compile(",".join([_NUMBER] * 4))


def read_click(text: str) -> Click:
    """The click in `X,Y`, `X,Y,+` or `X,Y,-` (this stays).

    Raises:
        InputError: it is nothing of the kind.
    """
    found = _CLICK.fullmatch(text)
    if not found:
        raise InputError(f"{text[:40]!r} is no click.", hint="Write X,Y in photo pixels, and X,Y,- for what stays.")
    return Click(int(found[1]), int(found[2]), keep=found[3] == "-")


def read_box(text: str) -> BoxPrompt:
    """The box in `LEFT,TOP,RIGHT,BOTTOM`; the corners may come in any order.

    Raises:
        InputError: it is nothing of the kind.
    """
    found = _BOX.fullmatch(text)
    if not found:
        raise InputError(f"{text[:40]!r} is no box.", hint="Write LEFT,TOP,RIGHT,BOTTOM in photo pixels.")
    (left, right), (top, bottom) = sorted((int(found[1]), int(found[3]))), sorted((int(found[2]), int(found[4])))
    return BoxPrompt(Box(left, top, right, bottom))
