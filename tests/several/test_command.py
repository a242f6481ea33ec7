"""`remove --best-of`: the best is written, the ranks are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from rorem_demo.cli import main
from rorem_demo.discriminator.score import Likely
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings


class Seeded:
    """Paints a grey that its seed tells."""

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(1.0, np.full_like(image, 50 + options.seed))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    return Seeded()


class LikesLight:
    def begin(self) -> None:
        pass

    def likely(self, source: Image, mask: Mask, result: Image) -> Likely | None:
        return Likely(float(result[12, 12].mean()) / 255, "light-1")


@pytest.fixture
def remove(tmp_path: Path) -> Callable[..., int]:
    PIL.Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "photo.png")
    mask = np.zeros((30, 40), np.uint8)
    mask[10:15, 10:15] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    row = RemoverSpec(
        key="seeded",
        title="Seeded",
        summary="",
        loader=f"{__name__}:load",
        licence="",
        source="",
        cost=Cost(memory_gb=0, fixed_seconds=0),
        uses=frozenset({"seed"}),
    )
    services = replace(Services.assemble(Settings(), Catalog(row)), discriminator=LikesLight())
    paths = [str(tmp_path / name) for name in ("photo.png", "mask.png")]

    def run(*options: str) -> int:
        return main(["remove", *paths, "-o", str(tmp_path / "out.png"), *options], services)

    return run


def test_the_best_is_written_and_all_are_told(
    remove: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remove("--best-of", "3", "--seed", "100") == 0
    with PIL.Image.open(tmp_path / "out.png") as file:
        assert (np.asarray(file)[12, 12] == 152).all()
    _, *ranks = capsys.readouterr().out.splitlines()
    assert ranks == [
        "  1. seeded, seed 102: not sure",
        "  2. seeded, seed 101: not sure",
        "  3. seeded, seed 100: not sure",
    ]


def test_as_json(remove: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert remove("--best-of", "2", "--seed", "200", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["options"]["seed"] == 201
    assert report["ranks"] == [
        {"place": 1, "method": "seeded", "seed": 201, "likely": 0.9843},
        {"place": 2, "method": "seeded", "seed": 200, "likely": 0.9804},
    ]
    assert remove("--json") == 0
    assert "ranks" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("count", ["0", "10", "many"])
def test_a_number_that_cannot_be_tried_is_refused(remove: Callable[..., int], count: str) -> None:
    with pytest.raises(SystemExit) as refused:
        remove("--best-of", count)
    assert refused.value.code == 2
