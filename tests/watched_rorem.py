"""RORem on real files, with steps that take long and are written down; run as a module, the app with that row in it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from rorem_demo.removers.base import Remover, RemoverSpec
from rorem_demo.removers.catalog import REMOVERS, Removers
from rorem_demo.runtime.catalog import Catalog

STEP = 0.4
"""Seconds."""


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    """RORem; each call of its UNet adds a byte to the file that ROREM_TEST_STEPS names."""
    from rorem_demo.removers import sdxl

    remover = sdxl.load(spec, files)
    assert isinstance(remover, sdxl.SdxlRemover)
    remover._unet.register_forward_pre_hook(_noted)
    return remover


def _noted(*_: object) -> None:
    with Path(os.environ["ROREM_TEST_STEPS"]).open("ab") as steps:
        steps.write(b".")
    time.sleep(STEP)


CATALOGUE: Removers = Catalog(replace(REMOVERS["rorem"], loader="tests.watched_rorem:load"), REMOVERS["telea"])


if __name__ == "__main__":
    from rorem_demo.services import Services
    from rorem_demo.settings import Settings
    from rorem_demo.ui.app import build, launch

    services = Services.assemble(Settings.from_environment(os.environ), CATALOGUE)
    launch(build(services), services)
