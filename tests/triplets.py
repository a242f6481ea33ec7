"""Folders in RORem's layout, rendered: results that wait for a yes or no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from rorem_demo.imaging.types import Image, Mask

HEIGHT, WIDTH = 32, 48


def triplet(number: int) -> tuple[Image, Mask, Image]:
    """Source, mask and result; every number's are others."""
    result = np.random.default_rng(number).integers(60, 190, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[8:20, 12:30] = True
    source = result.copy()
    source[mask] = (200, 40, 30)
    return source, mask, result


def write_folder(folder: Path, count: int, **about: Any) -> list[dict[str, Any]]:
    """So many triplets as `source/ mask/ GT/ meta.json`; `about` goes into every row. Returns the rows."""
    rows = []
    for number in range(count):
        row = {}
        for name, array in zip(("source", "mask", "GT"), triplet(number), strict=True):
            row[name] = f"{name}/{number}.png"
            (folder / name).mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(array).save(folder / row[name])
        rows.append({**row, **about})
    write_meta(folder, rows)
    return rows


def write_meta(folder: Path, rows: object) -> None:
    (folder / "meta.json").write_text(json.dumps(rows))
