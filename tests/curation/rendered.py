"""Rendered photos with masks, and judges that know what they are told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from rorem_demo.curation.candidates import Candidate
from rorem_demo.curation.curate import Order
from rorem_demo.curation.recipe import Bands, Recipe
from rorem_demo.feedback.pictures import digest
from rorem_demo.imaging.io import encode_image, encode_mask
from rorem_demo.imaging.types import Image, Mask
from tests.discriminator.scenes import triple

SIZE = (48, 64)


def write_photos(folder: Path, count: int, start: int = 0) -> Path:
    """So many photos and masks in one folder, as `remove` takes them: N.png and N_mask.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        source, mask, _ = triple(np.random.default_rng(number), "good")
        (folder / f"{number:03}.png").write_bytes(encode_image(source, "PNG"))
        (folder / f"{number:03}_mask.png").write_bytes(encode_mask(mask))
    return folder


def candidates(folder: Path) -> list[Candidate]:
    """Those of `write_photos`."""
    photos = sorted(path.name for path in folder.glob("*.png") if not path.stem.endswith("_mask"))
    return [Candidate(name, name.replace(".", "_mask.")) for name in photos]


@dataclass
class Stub:
    """A judge whose scores are a hash of the result, so that all bands get some."""

    version: str = "stub-1"
    asked: int = 0

    def score(self, source: Image, mask: Mask, result: Image) -> float:
        assert mask.any()
        assert (source[~mask] == result[~mask]).all(), "it is asked about what the remover was given and gave"
        self.asked += 1
        return int.from_bytes(sha256(digest(result).encode()).digest()[:4]) / 2**32


@dataclass
class Always:
    """A judge with one opinion."""

    value: float
    version: str = "always-1"

    def score(self, source: Image, mask: Mask, result: Image) -> float:
        return self.value


def recipe(folder: Path, **given: Any) -> Recipe:
    asked: dict[str, Any] = {
        "images": str(folder),
        "masks": str(folder),
        "method": "telea",
        "revision": "1",
        "judge": "stub-1",
        "bands": Bands(accept=0.7, low=0.3, high=0.7),
        "licence": "CC0-1.0",
    }
    return Recipe(**asked | given)


def order(images: Path, folder: Path, **given: Any) -> Order:
    """To curate a folder of `write_photos`, in shards of three."""
    about = {name: given.pop(name) for name in ("title", "shard_size", "retry", "candidates") if name in given}
    asked: dict[str, Any] = {"candidates": candidates(images), "shard_size": 3} | about
    return Order(recipe=recipe(images, **given), folder=folder, **asked)


def contents(folder: Path) -> dict[str, Any]:
    """All files under a folder that tell no time: meta.json and shards without seconds, others as bytes."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            name = str(path.relative_to(folder))
            found[name] = _timeless(json.loads(path.read_bytes())) if path.suffix == ".json" else path.read_bytes()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name != "seconds"}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
