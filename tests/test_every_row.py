"""Every remover through the command line, the API and the page, on random weights and the real loading code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from gradio_client import Client, handle_file

from rorem_demo.cli import main
from rorem_demo.imaging.masks import grow
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.runtime.devices import Machine
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.browser.conftest import served
from tests.whole_weights import KEYS, write_weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),  # gradio's queue, in its own thread
]
PHOTO: Image = np.random.default_rng(0).integers(60, 120, (200, 300, 3), dtype=np.uint8)
MASK: Mask = np.zeros((200, 300), np.bool_)
MASK[80:120, 100:180] = True


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder)
    return folder


@pytest.fixture(scope="module")
def services(weights: Path) -> Services:
    return Services.assemble(Settings(weights=weights))


@pytest.fixture(scope="module")
def address(weights: Path) -> Iterator[str]:
    with served(ROREM_WEIGHTS_DIR=str(weights)) as found:
        yield found


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    photo, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    PIL.Image.fromarray(PHOTO).save(photo)
    PIL.Image.fromarray(MASK).save(mask)
    return photo, mask


def pixels(path: Path) -> Image:
    with PIL.Image.open(path) as picture:
        return np.array(picture)


def check(result: Image) -> None:
    outside = ~grow(MASK, 8)
    assert (result[outside] == PHOTO[outside]).all()
    assert (result[MASK] != PHOTO[MASK]).any(axis=1).mean() > 0.5


@pytest.mark.parametrize("key", KEYS)
def test_on_the_command_line(
    services: Services, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], key: str
) -> None:
    photo, mask = files
    results = []
    for number in range(2):
        output = photo.with_name(f"{number}.png")
        command = ["remove", str(photo), str(mask), "-o", str(output), "--method", key, "--seed", "3"]
        assert main([*command, "--steps", "2", "--json"], services) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["method"], report["changed_outside"]) == (key, 0)
        results.append(pixels(output))
    check(results[0])
    assert np.array_equal(*results)


def test_with_a_gpu_four_steps_are_preselected_and_without_one_the_quick_method(services: Services) -> None:
    for gpu, key in ((True, "rorem-4s"), (False, "lama")):
        assert replace(services, machine=Machine(gpu=gpu, cores=2)).default_remover.key == key


@pytest.mark.parametrize("key", KEYS)
def test_by_the_api(address: str, files: tuple[Path, Path], tmp_path: Path, key: str) -> None:
    client = Client(address, verbose=False, download_files=str(tmp_path / "downloads"))
    photo, mask = map(handle_file, files)
    path, report = client.predict(photo, mask, key, 3, None, api_name="/remove")
    assert (report["method"], report["changed_outside"]) == (key, 0)
    check(pixels(Path(path)))
