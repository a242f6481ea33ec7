"""Folders of pairs with known truth, and removers whose figures can be told by hand; run as a module, the command
line with them in its catalogue.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image

from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS, Removers
from rorem_demo.removers.classical import load_telea
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.services import Services
from rorem_demo.settings import Settings

LEVEL = 100
"""Of grey: what is found in the truth's hole, less 10."""


class Grey:
    """Fills the hole with grey, changes what it must not, too, and refuses dark photos."""

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        if image.mean() < 20:
            raise RuntimeError("too dark")
        yield Step(1.0, np.full_like(image, LEVEL))


class Telling:
    """Telea, after a while; tells the file in TOLD of each removal."""

    def __init__(self, remover: Remover) -> None:
        self._remover = remover

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        if path := os.environ.get("TOLD"):
            time.sleep(float(os.environ.get("SECONDS", "0.05")))
            with Path(path).open("a") as file:
                file.write(f"{os.getpid()} {int(image.sum())} {int(mask.sum())}\n")
        yield from self._remover.fill(image, mask, options)


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    return Grey() if spec.key == "grey" else Telling(load_telea(spec, files))


def row(key: str, *weights: WeightFile) -> RemoverSpec:
    cost = Cost(memory_gb=0, fixed_seconds=0)
    return RemoverSpec(
        key=key,
        title=key.title(),
        summary="",
        loader="tests.evaluation.pairs:load",
        licence="",
        source="",
        cost=cost,
        weights=weights,
    )


CATALOGUE: Removers = Catalog(
    row("grey"),
    replace(REMOVERS["telea"], key="telling", loader="tests.evaluation.pairs:load"),
    row("absent", WeightFile(repository="nobody/nothing", file="model.safetensors")),
)


def services(judge: str = "none", weights: Path | None = None) -> Services:
    """With these removers, and by default without a judge."""
    return Services.assemble(Settings(discriminator=judge, weights=weights), CATALOGUE)


def write_pairs(folder: Path, count: int, *, outside: int = 0) -> Path:
    """Pairs in RORem's layout: a bright square on grain of its own, which is grey beneath it.

    Args:
        folder: a new one.
        count: of pairs.
        outside: levels by which the truth is brighter than the photo where nothing was removed.
    """
    entries = []
    for number in range(count):
        chance = np.random.default_rng(number)
        source = chance.integers(90, 130, (72, 96, 3), dtype=np.uint8)
        mask = np.zeros((72, 96), np.bool_)
        mask[30:46, 40 + number % 8 : 60 + number % 8] = True
        truth = np.where(mask[..., None], LEVEL + 10, source + np.uint8(outside)).astype(np.uint8)
        source[mask] = 240
        entries.append(write_pair(folder, f"pair-{number:02}", source, mask, truth))
    (folder / "meta.json").write_text(json.dumps(entries))
    return folder


def write_pair(folder: Path, name: str, source: Image, mask: Mask, truth: Image | None) -> dict[str, str]:
    """Its files, and what meta.json says of it."""
    pictures = {"source": source, "mask": mask.astype(np.uint8) * 255, "GT": truth}
    names = {key: f"{key}/{name}.png" for key, picture in pictures.items() if picture is not None}
    for key, file in names.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pictures[key]).save(folder / file)
    return names


def add_pair(folder: Path, name: str, source: Image, mask: Mask, truth: Image | None) -> None:
    """One more."""
    entries = json.loads((folder / "meta.json").read_bytes())
    entries.append(write_pair(folder, name, source, mask, truth))
    (folder / "meta.json").write_text(json.dumps(entries))


if __name__ == "__main__":
    from rorem_demo.cli import main

    sys.exit(main(sys.argv[1:], services(os.environ.get("JUDGE", "none"))))
