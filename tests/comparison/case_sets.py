"""Sets of ready cases made of rendered pictures, by methods that paint a hole grey and count how often they do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from rorem_demo.comparison.building import Outcome, build
from rorem_demo.comparison.building_methods import Made, Method
from rorem_demo.comparison.cases import Case, CaseSet
from rorem_demo.comparison.folders import read_folder
from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Image, Mask

HEIGHT, WIDTH = 40, 56
MOST_PIXELS = 1_000_000
LEFT, TOP, RIGHT, BOTTOM = 20, 10, 34, 24


def pictures(number: int) -> tuple[Image, Mask, Image]:
    """Photo, mask and the photo without the object; every number's are others."""
    truth = np.random.default_rng(number).integers(60, 190, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[TOP:BOTTOM, LEFT:RIGHT] = True
    source = truth.copy()
    source[mask] = (200, 40, 30)
    return source, mask, truth


def save(path: Path, picture: Image | Mask, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(picture).save(path, **options)
    return path


def write_photos(folder: Path, count: int, *, truths: bool = False) -> Path:
    """So many photos with masks, named case-0 and so on."""
    for number in range(count):
        source, mask, truth = pictures(number)
        save(folder / "images" / f"case-{number}.png", source)
        save(folder / "masks" / f"case-{number}.png", mask)
        if truths:
            save(folder / "truth" / f"case-{number}.png", truth)
    return folder


@dataclass
class Counted:
    """A method that paints the hole in one grey."""

    key: str = "grey"
    level: int = 128
    revision: str = "1"
    options: str = '{"seed": 0}'
    title: str = "Grey"
    fails: Callable[[Case], bool] = lambda _: False
    runs: list[str] = field(default_factory=list)

    def method(self) -> Method:
        return Method(
            key=self.key,
            title=self.title,
            licence="CC0-1.0",
            revision=self.revision,
            options=self.options,
            device="cpu",
            imported=False,
            make=self.make,
        )

    def make(self, case: Case, image: Image, mask: Mask) -> Made:
        self.runs.append(case.id)
        if self.fails(case):
            raise UnavailableError("It failed.", hint="Try another one.")
        result = image.copy()
        result[mask] = self.level
        return Made(image=result, mask=mask, seconds=0.25, changed_outside=0)


def opinion(source: Image, mask: Mask, result: Image) -> Likely:
    """The same of anything."""
    return Likely(0.75, "stub-1")


def built(folder: Path, output: Path, *methods: Counted | Method) -> list[Outcome]:
    """Everything that is told of a run."""
    able = [each.method() if isinstance(each, Counted) else each for each in methods]
    return list(build(read_folder(folder), able, output, opinion, MOST_PIXELS))


def made_set(folder: Path, count: int = 2, *, truths: bool = True) -> Path:
    """A set with results of two methods, in folder/set."""
    photos = write_photos(folder / "photos", count, truths=truths)
    built(photos, folder / "set", Counted(), Counted(key="white", level=255))
    return folder / "set"


def whole(found: CaseSet) -> None:
    """Every picture of the set can be looked at: their digests are right."""
    for case in found.cases.values():
        assert case.source().shape[:2] == case.mask().shape
        if case.truth:
            case.true_image()
        for result in case.results:
            case.image(result.method)


def said(case: Path) -> dict[str, Any]:
    """What the case.json of a case's folder says."""
    found: dict[str, Any] = json.loads((case / "case.json").read_text())
    return found


def say(case: Path, told: object) -> None:
    (case / "case.json").write_text(json.dumps(told))
