"""The app with results that were issued beforehand: `python -m rorem_demo.ui.issued VISITS RESULTS SIDE FILE`.

For `bench feedback`, which asks a served app from outside: a removal for every answer would measure removals. All
else is `app.py`. The photos are SIDE pixels wide and high and share their memory. FILE gets what visitors would know:
a JSON list for each visit, its id and those of its results.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rorem_demo.ui.quick import import_gradio

import_gradio()

import numpy as np  # noqa: E402  # gradio comes first, see there

from rorem_demo.imaging.io import Photo  # noqa: E402
from rorem_demo.imaging.masks import bounding_box  # noqa: E402
from rorem_demo.removers.base import Removal, ResolvedOptions  # noqa: E402
from rorem_demo.services import Services  # noqa: E402
from rorem_demo.settings import Settings  # noqa: E402
from rorem_demo.ui.app import build, launch  # noqa: E402
from rorem_demo.visits import OpenedPhoto  # noqa: E402


def removed(side: int, remover: str) -> tuple[Photo, Removal]:
    """A photo of noise, and a removal that painted a square of it grey."""
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.bool_)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    removal = Removal(
        image=np.where(mask[..., None], np.uint8(128), image),
        mask=mask,
        box=bounding_box(mask),
        remover=remover,
        options=ResolvedOptions(),
        seconds=0.0,
        changed_outside=0,
    )
    return Photo(image, "PNG", None, "", ()), removal


def issue(services: Services, photo: Photo, removal: Removal, results: int) -> tuple[str, list[str]]:
    """One visit more, with a photo and so many results of it: its id and theirs."""
    source, visit = services.visits.keep(OpenedPhoto(photo))
    return visit, [services.keep_result(source, removal, ("brush",)) for _ in range(results)]


def main(arguments: Sequence[str]) -> None:
    """Issue, tell, serve until the process is ended."""
    visits, results, side = map(int, arguments[:3])
    services = Services.assemble(Settings.from_environment(os.environ))
    photo, removal = removed(side, services.default_remover.key)
    issued = [issue(services, photo, removal, results) for _ in range(visits)]
    Path(arguments[3]).write_text(json.dumps(issued), "utf-8")
    services.begin_publishing()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        launch(build(services), services)
    finally:
        services.close(0.0)


if __name__ == "__main__":
    main(sys.argv[1:])
