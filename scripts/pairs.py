"""Put true pairs into RORem's layout, which `bench quality` reads: `.venv/bin/python scripts/pairs.py --output DIR`.

`--photos FOLDER` takes those of docs/quality.md: DIR/highway, DIR/road, DIR/smarteraser. Their licences do not let
them be passed on. `--scenes N` renders scenes of our own instead, DIR/scenes, with others than the judge learned from.
"""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rorem_demo.feedback.triplets import FOLDERS, META  # noqa: E402  # the project is not installed
from rorem_demo.imaging.io import decode_mask, decode_photo, encode_mask  # noqa: E402
from rorem_demo.imaging.types import Image, Mask, size_of  # noqa: E402

SCENES_SEED = 2026
"""The judge's scenes were made with 0."""
MARKED, ABSENT = (255, 50), (255, 50, 170)
"""Levels of CDnet's labels: what is marked (object, shadow), and what the truth does not show (unknown, too)."""
SPOILT = {
    "in000067": "a car at the upper edge is in the truth, too, and not marked",
    "in000074": "a car at the upper edge is in the truth, too, and not marked",
    "in000452": "a person in the upper right corner is in the truth, too, and not marked",
}
"""Pairs of `pairs_road` that are left out, and why; all truths were looked at."""
_PIXELS = 40_000_000


@dataclass(frozen=True)
class Layout:
    """A folder in RORem's layout that is being written."""

    folder: Path
    entries: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, source: Path | Image, mask: Mask, truth: Path | Image) -> None:
        """A pair; files are copied as they are, pixels written as PNG."""
        mask_file = self.folder / FOLDERS[1] / f"{name}.png"
        mask_file.parent.mkdir(parents=True, exist_ok=True)
        mask_file.write_bytes(encode_mask(mask))
        names = {"source": self._put("source", name, source), "mask": f"mask/{name}.png"}
        self.entries.append({**names, "GT": self._put("GT", name, truth)})

    def close(self) -> None:
        """Write meta.json, which makes the folder one."""
        (self.folder / META).write_text(json.dumps(self.entries, indent=1) + "\n")
        print(f"{self.folder}: {len(self.entries)} pairs")

    def _put(self, part: str, name: str, picture: Path | Image) -> str:
        to = self.folder / part / f"{name}{picture.suffix if isinstance(picture, Path) else '.png'}"
        to.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, Path):
            shutil.copyfile(picture, to)
        else:
            cv2.imwrite(str(to), picture[..., ::-1])
        return f"{part}/{to.name}"


def main() -> None:
    """See the module."""
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="folder with pairs_highway, pairs_road and smarteraser")
    parser.add_argument("--scenes", type=int, default=0, help="so many pairs of rendered scenes")
    asked = parser.parse_args()
    if asked.photos:
        highway(asked.photos / "pairs_highway", Layout(asked.output / "highway"))
        road(asked.photos / "pairs_road", Layout(asked.output / "road"))
        smarteraser(asked.photos / "smarteraser", Layout(asked.output / "smarteraser"))
    if asked.scenes:
        scenes(asked.scenes, Layout(asked.output / "scenes"))


def highway(folder: Path, layout: Layout) -> None:
    """Frames of one road camera: every vehicle with its shadow is marked, the empty road is the truth."""
    plate = photo(folder / "plate.png")
    for path in sorted((folder / "input").glob("*.jpg")):
        label = cv2.imread(str(folder / "label" / f"{path.stem.replace('in', 'gt')}.png"), cv2.IMREAD_GRAYSCALE)
        truth = np.where(np.isin(label, ABSENT)[..., None], plate, photo(path))
        layout.add(path.stem, path, np.isin(label, MARKED), truth)
    layout.close()


def road(folder: Path, layout: Layout) -> None:
    """Frames of a hand-held camera with a registered frame of the empty road."""
    for path in sorted(folder.glob("*_input.jpg")):
        name = path.name.removesuffix("_input.jpg")
        if name not in SPOILT:
            mask = decode_mask((folder / f"{name}_mask.png").read_bytes(), size_of(photo(path)), max_pixels=_PIXELS)
            layout.add(name, path, mask, folder / f"{name}_gt.jpg")
    layout.close()


def smarteraser(folder: Path, layout: Layout) -> None:
    """Photos with something pasted into them."""
    for path in sorted((folder / "paste").iterdir()):
        mask = decode_mask((folder / "mask" / path.name).read_bytes(), size_of(photo(path)), max_pixels=_PIXELS)
        layout.add(path.stem, path, mask, folder / "gt" / path.name)
    layout.close()


def scenes(count: int, layout: Layout) -> None:
    """Rendered rooms and gardens, each with one thing less: it, its shadow and its reflection are marked."""
    for number, (source, truth, mask) in zip(range(count), _rendered(), strict=False):
        layout.add(f"scene-{number:03}", source, mask, truth)
    layout.close()


def _rendered() -> Iterator[tuple[Image, Image, Mask]]:
    from rorem_demo.discriminator.simulated.layouts import layout  # noqa: PLC0415  # takes a renderer
    from rorem_demo.discriminator.simulated.pairs import Pair  # noqa: PLC0415
    from rorem_demo.discriminator.simulated.scenes import views  # noqa: PLC0415

    number = 0
    while True:
        for view in views(layout(np.random.default_rng([SCENES_SEED, number])), SCENES_SEED + number):
            pair = Pair.of(view.source, view.truth, view.thing, "")
            yield pair.source, pair.truth, pair.effects
        number += 1


def photo(path: Path) -> Image:
    """A photo's pixels."""
    return decode_photo(path.read_bytes(), max_pixels=_PIXELS).image


if __name__ == "__main__":
    main()
