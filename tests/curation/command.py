"""`python -m tests.curation.command curate ...`: the command line with a remover that takes its time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rorem_demo.cli import main
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.classical import load_telea
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings

SECONDS = 0.1


class Slowly:
    """Another remover, after a while; tells the file in TOLD of each removal."""

    def __init__(self, remover: Remover) -> None:
        self._remover = remover

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        time.sleep(SECONDS)
        if path := os.environ.get("TOLD"):
            with Path(path).open("a") as file:
                file.write(f"{os.environ.get('RANK', '0')} {int(image.sum())} {int(mask.sum())}\n")
        yield from self._remover.fill(image, mask, options)


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    return Slowly(load_telea(spec, files))


if __name__ == "__main__":
    rows = Catalog(replace(REMOVERS["telea"], key="slowly", loader="tests.curation.command:load"))
    sys.exit(main(sys.argv[1:], Services.assemble(Settings.from_environment(os.environ), rows)))
