"""The design's main test: a remover is one row and its loader; page, command line and Services need no change."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from rorem_demo.cli import main
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, RemovalOptions, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import finish
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings

LEVEL = 77


class Grey:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(1.0, np.full_like(image, LEVEL))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Grey:
    return Grey()


NEW = RemoverSpec(
    key="grey",
    title="Grey",
    summary="Paints it grey.",
    loader=f"{__name__}:load",
    licence="CC0-1.0",
    source="This test",
    cost=Cost(memory_gb=0.1, fixed_seconds=0.1),
    defaults=ResolvedOptions(grow=3),
)


@pytest.fixture
def services() -> Services:
    return Services.assemble(Settings(), Catalog(*REMOVERS, NEW))


@pytest.fixture
def mask() -> Mask:
    mask = np.zeros((30, 40), np.bool_)
    mask[10:15, 10:15] = True
    return mask


def test_it_is_listed(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--json"], services) == 0
    listed = json.loads(capsys.readouterr().out)["methods"]
    rows = [row for row in listed if row["command"] == "remove"]
    assert [row["key"] for row in rows] == [*(spec.key for spec in REMOVERS), "grey"]
    assert rows[-1] == {
        "key": "grey",
        "command": "remove",
        "title": "Grey",
        "licence": "CC0-1.0",
        "runs_on": "CPU",
        "available": True,
        "missing": [],
    }


def test_services_run_it(services: Services, mask: Mask) -> None:
    removal = finish(services.remove("grey", np.zeros((30, 40, 3), np.uint8), mask, RemovalOptions()))
    assert (removal.image[mask] == LEVEL).all()
    assert removal.options.grow == 3


def test_the_command_line_runs_it(
    services: Services, mask: Mask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, marked, output = tmp_path / "photo.png", tmp_path / "mask.png", tmp_path / "out.png"
    PIL.Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(photo)
    PIL.Image.fromarray(mask).save(marked)
    assert main(["remove", str(photo), str(marked), "-o", str(output), "--method", "grey", "--json"], services) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "grey"
    with PIL.Image.open(output) as result:
        assert (np.asarray(result)[mask] == LEVEL).all()
