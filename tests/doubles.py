"""Removers that behave badly on purpose, as rows of a catalogue; run as a module, the app with them in it.

`ROREM_TEST_AT_ONCE` is how many requests gradio lets out of its queue at once there, `ROREM_TEST_SLOW_SECONDS` how long
the slow one takes: as long as a test needs for all that is to happen meanwhile, on a slow machine too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS, Removers
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile

SLOW_SECONDS = float(os.environ.get("ROREM_TEST_SLOW_SECONDS", "3"))


class Slow:
    """Some seconds in ten steps with previews; paints the hole green."""

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        painted = np.where(mask[..., None], np.array([0, 200, 0], np.uint8), image)
        for step in range(10):
            time.sleep(SLOW_SECONDS / 10)
            yield Step(step / 10, painted)
        yield Step(1.0, painted)


class Failing:
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.1)
        raise self._error


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    """The double a row is named for."""
    doubles = {"slow": Slow(), "broken": Failing(RuntimeError("secret detail")), "hungry": Failing(MemoryError())}
    return doubles[spec.key]


def row(key: str, title: str, *weights: WeightFile) -> RemoverSpec:
    """A row whose adapter is one of the doubles."""
    return RemoverSpec(
        key=key,
        title=title,
        summary="A test double.",
        loader="tests.doubles:load",
        licence="none",
        source="tests",
        cost=Cost(memory_gb=0.1, fixed_seconds=3.0),
        weights=weights,
        uses=frozenset({"seed", "steps", "guidance"}),
    )


CATALOGUE: Removers = Catalog(
    *REMOVERS,
    row("slow", "Slow"),
    row("broken", "Broken"),
    row("hungry", "Hungry"),
    row("absent", "Absent", WeightFile(repository="nobody/nothing", file="model.safetensors", megabytes=5100)),
)


if __name__ == "__main__":
    from rorem_demo.services import Services
    from rorem_demo.settings import Settings
    from rorem_demo.ui import running

    running.AT_ONCE = int(os.environ.get("ROREM_TEST_AT_ONCE", running.AT_ONCE))

    from rorem_demo.ui.app import build, launch
    from tests.segmenter_doubles import SEGMENTERS

    services = Services.assemble(Settings.from_environment(os.environ), CATALOGUE, SEGMENTERS)
    launch(build(services), services)
