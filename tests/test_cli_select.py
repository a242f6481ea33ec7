"""`select`: a mask from a photo and a few numbers or words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from rorem_demo.cli import main
from rorem_demo.imaging.types import Mask
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.segmenter_doubles import PHRASE, row

RED: Mask = np.zeros((60, 80), np.bool_)
RED[20:30, 30:50] = True


class Desk:
    """A photo, and what the command line says of it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], services: Services) -> None:
        self.photo, self.output = folder / "photo.png", folder / "mask.png"
        self.capsys, self.services = capsys, services
        PIL.Image.fromarray(np.where(RED[..., None], (200, 40, 30), 40).astype(np.uint8)).save(self.photo)

    def select(self, *arguments: str, to: Path | None = None) -> int:
        return main(["select", str(self.photo), "-o", str(to or self.output), *arguments], self.services)

    def refusal(self, *arguments: str, to: Path | None = None) -> str:
        assert self.select(*arguments, to=to) == 2
        captured = self.capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err.strip()

    def mask(self) -> Mask:
        with PIL.Image.open(self.output) as picture:
            return np.array(picture.convert("L")) > 127


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    absent = WeightFile(repository="nobody/nothing", file="model.safetensors", megabytes=375)
    rows = row("alike"), row("torn"), row("redness", PHRASE, rough=True), row("absent", frozenset({"click"}), absent)
    return Desk(tmp_path, capsys, Services.assemble(Settings(), segmenters=Catalog(*rows)))


def test_a_click_makes_a_mask(desk: Desk) -> None:
    assert desk.select("--click", "35,25") == 0
    assert np.array_equal(desk.mask(), RED)
    assert desk.capsys.readouterr().out.startswith(f"{desk.output}: alike, ")


def test_a_further_click_takes_away(desk: Desk) -> None:
    assert desk.select("--click", "35,25", "--click", "2,2", "--click", "3,3,-") == 0
    assert np.array_equal(desk.mask(), RED)


def test_a_box_and_a_phrase(desk: Desk) -> None:
    assert desk.select("--box", "25,15,55,35") == 0
    assert np.array_equal(desk.mask(), RED)
    assert desk.select("--text", "the red square") == 0
    assert np.array_equal(desk.mask(), RED)


def test_json_is_one_object_on_one_line(desk: Desk) -> None:
    assert desk.select("--click", "35,25", "--json") == 0
    (line,) = desk.capsys.readouterr().out.splitlines()
    report = json.loads(line)
    assert list(report) == ["photo", "output", "method", "seconds", "size", "objects"]
    assert (report["method"], report["size"]) == ("alike", [80, 60])
    assert report["objects"] == [{"label": "", "score": 0.9, "box": [30, 20, 50, 30], "pixels": 200}]


def test_the_mask_is_what_remove_takes(desk: Desk, tmp_path: Path) -> None:
    assert desk.select("--click", "35,25") == 0
    result = tmp_path / "result.png"
    command = ["remove", str(desk.photo), str(desk.output), "-o", str(result), "--method", "telea"]
    assert main(command, desk.services) == 0
    with PIL.Image.open(result) as picture:
        assert np.asarray(picture).max() < 60


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Nothing was pointed at. Click an object"),
        (("--click", "100,3"), "The click at 100, 3 is outside the photo. It is 80x60 pixels."),
        (("--click", "here"), "'here' is no click. Write X,Y"),
        (("--box", "5,5,5,9"), "The box holds nothing of the photo."),
        (("--text", "zebra"), "Found no “zebra” in this photo. Try a plainer word"),
        (("--text", "dog", "--click", "1,1"), "Nothing here understands a"),
        (("--click", "1,1", "--method", "nothing"), "There is no method 'nothing'. Choose one of: alike, torn"),
        (("--click", "1,1", "--method", "absent"), "Absent cannot run here: it needs 0.4 GB of weights."),
        (("--click", "1,1", "--method", "torn"), "The weights of Torn cannot be read. Download them again."),
        (("--text", "dog", "--method", "alike"), "Alike does not understand a phrase."),
    ],
)
def test_what_cannot_be_done_is_one_line(desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    assert words in desk.refusal(*arguments)
    assert not desk.output.exists()


def test_only_png_and_never_over_the_photo(desk: Desk) -> None:
    assert "A mask is written as PNG" in desk.refusal("--click", "1,1", to=desk.output.with_suffix(".jpg"))
    assert "is an input" in desk.refusal("--click", "1,1", to=desk.photo)
    assert "There is no folder" in desk.refusal("--click", "1,1", to=desk.output.parent / "none" / "mask.png")
