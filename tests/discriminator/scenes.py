"""Rendered photos with an object on them, and good and bad removals of it, as a folder in RORem's layout."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from rorem_demo.imaging.io import encode_image, encode_mask
from rorem_demo.imaging.types import Image, Mask

BAD = ("ghost", "blur", "colour", "new", "left")
SIZE = (150, 200)


def texture(chance: np.random.Generator, size: tuple[int, int] = SIZE) -> Image:
    """Grain of some coarseness on a gradient, in some colours."""
    coarse = cv2.GaussianBlur(chance.normal(0, 1, size), (0, 0), chance.uniform(0.5, 3))
    fine = coarse / coarse.std()
    slope = np.linspace(-1, 1, size[1])[None] * chance.uniform(-25, 25)
    grey = chance.uniform(80, 170) + chance.uniform(8, 30) * fine + slope
    return np.clip(grey[..., None] + chance.uniform(-30, 30, 3), 0, 255).astype(np.uint8)


def shape(chance: np.random.Generator, size: tuple[int, int] = SIZE) -> Mask:
    """A filled ellipse or rectangle somewhere inside."""
    canvas = np.zeros(size, np.uint8)
    x, y = int(chance.integers(50, size[1] - 50)), int(chance.integers(45, size[0] - 45))
    half = (int(chance.integers(10, 32)), int(chance.integers(10, 28)))
    if chance.random() < 0.5:
        cv2.ellipse(canvas, (x, y), half, float(chance.integers(0, 180)), 0, 360, 1, -1)
    else:
        cv2.rectangle(canvas, (x - half[0], y - half[1]), (x + half[0], y + half[1]), 1, -1)
    return canvas > 0


def triple(chance: np.random.Generator, kind: str) -> tuple[Image, Mask, Image]:
    """Source, mask and a result that is `good` or one of BAD."""
    ground, drawn = texture(chance), shape(chance)
    source = ground.copy()
    paint = texture(chance)
    source[drawn] = (255 - ground[drawn].mean(axis=0) * 0.6 + (paint[drawn] - 120) * 0.4).clip(0, 255).astype(np.uint8)
    mask = cv2.dilate(drawn.view(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return source, mask, np.where(mask[..., None], _filled(chance, kind, ground, source, mask), source)


def _filled(chance: np.random.Generator, kind: str, ground: Image, source: Image, mask: Mask) -> Image:
    if kind == "ghost":
        return cv2.addWeighted(ground, 0.6, source, 0.4, 0)
    if kind == "blur":
        return cv2.GaussianBlur(ground, (0, 0), 8)
    if kind == "colour":
        return cv2.add(ground, np.float64([35, -25, 25]))
    if kind == "new":
        box = np.argwhere(mask)
        y, x = (int(value) for value in box.mean(axis=0))
        return cv2.circle(ground.copy(), (x, y), 8, (250, 240, 40), -1)
    return source.copy() if kind == "left" else ground


def write(folder: Path, count: int, seed: int = 0, *, noise: float = 0.0) -> Path:
    """A folder of so many rows, half of them good; a share of the labels is wrong."""
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        kind = "good" if number % 2 else BAD[number // 2 % len(BAD)]
        source, mask, result = triple(chance, kind)
        files = {"source": encode_image(source, "PNG"), "mask": encode_mask(mask), "GT": encode_image(result, "PNG")}
        for name, data in files.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / f"{number}.png").write_bytes(data)
        wrong = chance.random() < noise
        names = {name: f"{name}/{number}.png" for name in files}
        rows.append(names | {"score": int((kind == "good") != wrong)})
    (folder / "meta.json").write_text(json.dumps(rows))
    return folder
