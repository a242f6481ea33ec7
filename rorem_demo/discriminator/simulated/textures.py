"""Textures: seamless pictures of grounds, walls and things, drawn from a random generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.types import Image

Chance: TypeAlias = np.random.Generator
Floats: TypeAlias = npt.NDArray[np.float32]

SIDE = 256
"""Pixels of a texture, which repeats beyond them."""
PHOTOGRAPHED = ("brick", "grass", "gravel")
"""Textures of scikit-image that are CC0."""


def noise(chance: Chance, roughness: float, stretch: float = 1.0) -> Floats:
    """Seamless noise of mean 0 and deviation 1, SIDE x SIDE.

    Args:
        chance: what draws it.
        roughness: the amplitude falls with the frequency to this power: 0 is white, 2 is clouds.
        stretch: how many times longer its features are along the rows.
    """
    white = np.fft.fft2(chance.standard_normal((SIDE, SIDE)))
    down, across = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE) * stretch, indexing="ij")
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1
    filtered = white / frequency**roughness
    filtered[0, 0] = 0
    field = np.fft.ifft2(filtered).real
    return np.asarray(field / field.std(), np.float32)


def colour(chance: Chance, light: tuple[float, float] = (60, 200), vivid: float = 0.25) -> Floats:
    """Any colour of a lightness in levels; `vivid` 0 is grey, and now and then it is twice as vivid."""
    vivid *= 1 + (chance.random() < 0.2)
    grey = chance.uniform(*light)
    return np.asarray(np.clip(grey * (1 + vivid * chance.uniform(-1, 1, 3)), 8, 245), np.float32)


def plaster(chance: Chance) -> Image:
    """An almost even wall with stains."""
    base = colour(chance, (110, 225), 0.2)
    shade = chance.uniform(1, 6) * noise(chance, 1.6) + chance.uniform(0.5, 3) * noise(chance, 0.3)
    return _levels(base + shade[..., None])


def earth(chance: Chance) -> Image:
    """Two colours mixed at all scales: soil, concrete, moss, stone."""
    return _mixed(chance, noise(chance, chance.uniform(0.7, 1.5)), chance.uniform(0.3, 0.9))


def grass(chance: Chance) -> Image:
    """Thousands of blades."""
    base = np.array([chance.uniform(50, 120), chance.uniform(90, 150), chance.uniform(25, 70)])
    canvas = np.tile(np.uint8(base * 0.5), (SIDE, SIDE, 1))
    lean, length = chance.uniform(-0.6, 0.6), chance.uniform(6, 18)
    for x, y, turn, light in chance.random((5000, 4)):
        start = np.array([x, y]) * SIDE
        angle = lean + (turn - 0.5) * 1.4
        end = start + length * np.array([np.sin(angle), -np.cos(angle)])
        shade = tuple(float(level) for level in base * (0.45 + 0.9 * light))
        for shift in (0, SIDE):
            points = [(int(px) % SIDE if not shift else int(px), int(py) + shift) for px, py in (start, end)]
            if abs(points[0][0] - points[1][0]) < SIDE / 2:
                cv2.line(canvas, points[0], points[1], shade, 1, cv2.LINE_AA)
    return _levels(canvas + 6 * noise(chance, 1.5)[..., None])


def pebbles(chance: Chance) -> Image:
    """Stones or paving without order, each of its own shade."""
    count = int(chance.integers(40, 1500))
    where, cells = _cells(chance, count)
    shades = colour(chance) * (1 + 0.25 * chance.standard_normal((count, 1))) + 5 * chance.standard_normal((count, 3))
    depth = np.clip(where / np.percentile(where, 80), 0, 1)
    return _levels(shades[cells] * (1.1 - 0.6 * depth[..., None] ** 3) + 5 * noise(chance, 0.8)[..., None])


def bricks(chance: Chance) -> Image:
    """Rows of bricks, or of tiles that stand one above the other."""
    rows, columns = int(chance.choice([4, 8, 16])), int(chance.choice([2, 4, 8]))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    row = np.floor(y * rows)
    along = x * columns + (0.5 * (row % 2) if chance.random() < 0.7 else 0)
    column = np.floor(along) % columns
    joint = np.minimum(_to_joint(y * rows) / rows, _to_joint(along) / columns) < chance.uniform(0.003, 0.01)
    each = chance.standard_normal((rows, columns, 3)) * 4 + chance.standard_normal((rows, columns, 1)) * 12
    stones = colour(chance) + each[row.astype(int), column.astype(int)]
    mortar = colour(chance, (60, 210), 0.1)
    surface = chance.uniform(2, 8) * noise(chance, chance.uniform(0.3, 1.2))
    return _levels(np.where(joint[..., None], mortar, stones) + surface[..., None])


def checks(chance: Chance) -> Image:
    """Tiles of two colours in turn."""
    count = int(chance.choice([2, 4, 8]))
    y, x = np.mgrid[:SIDE, :SIDE] * count / SIDE
    first, second = colour(chance, (150, 230), 0.2), colour(chance, (30, 180), 0.4)
    tiles = np.where(((np.floor(x) + np.floor(y)) % 2)[..., None] > 0, first, second)
    joint = np.minimum(_to_joint(y), _to_joint(x)) < 0.02 * count / 4
    return _levels(np.where(joint[..., None], 90, tiles) + 3 * noise(chance, 1)[..., None])


def planks(chance: Chance) -> Image:
    """Boards with their grain."""
    boards = int(chance.choice([2, 4, 8]))
    y = np.mgrid[:SIDE, :SIDE][0] / SIDE
    board = np.floor(y * boards).astype(int)
    offsets = chance.integers(0, SIDE, boards)
    grain = noise(chance, 0.9, stretch=chance.uniform(8, 20))
    rolled = np.stack([np.roll(grain, int(offset), axis=1) for offset in offsets])
    grain = np.take_along_axis(rolled, board[None], axis=0)[0]
    rings = np.sin(chance.uniform(2, 5) * grain)
    wood = np.array([1.0, chance.uniform(0.65, 0.85), chance.uniform(0.4, 0.7)]) * chance.uniform(90, 210)
    tone = 1 + 0.08 * chance.standard_normal(boards)[board] + 0.05 * grain + 0.05 * rings
    gap = np.where(_to_joint(y * boards) < 0.004 * boards, 0.5, 1)
    return _levels(wood * (tone * gap)[..., None])


def cloth(chance: Chance) -> Image:
    """A weave, stripes, dots or a mix of them."""
    y, x = np.mgrid[:SIDE, :SIDE] * 2 * np.pi / SIDE
    across, down = (int(count) for count in chance.choice([0, 2, 4, 8, 16, 32, 64], 2))
    wave = (
        np.sin(x * across) + np.sin(y * down) if chance.random() < 0.5 else np.sin(x * across) * np.sin(y * (down + 1))
    )
    sharp = np.tanh(wave * chance.uniform(0.5, 6))
    return _mixed(chance, np.asarray(sharp, np.float32), chance.uniform(0.1, 0.8))


def photographed(chance: Chance) -> Image:
    """Brick, grass or gravel as photographed, in some tint; mirrored at its borders."""
    from skimage import data  # noqa: PLC0415  # only where pictures are made

    grey = getattr(data, str(chance.choice(PHOTOGRAPHED)))()
    half = SIDE // 2
    top, left = chance.integers(0, grey.shape[0] - half, 2)
    if chance.random() < 0.5:
        cut = grey[top : top + half, left : left + half]
    else:
        cut = cv2.resize(grey, (half, half), interpolation=cv2.INTER_AREA)
    whole = np.pad(cut, ((0, half), (0, half)), mode="symmetric").astype(np.float32)
    tint = colour(chance, (90, 200), 0.35)
    return _levels(tint * (whole / max(1.0, float(whole.mean())))[..., None])


TEXTURES: dict[str, Callable[[Chance], Image]] = {
    "plaster": plaster,
    "earth": earth,
    "grass": grass,
    "pebbles": pebbles,
    "bricks": bricks,
    "checks": checks,
    "planks": planks,
    "cloth": cloth,
    "photographed": photographed,
}
GROUNDS = (
    "earth", "earth", "grass", "grass", "pebbles", "bricks", "checks", "planks", "cloth", "photographed",
    "photographed", "plaster", "plaster", "plaster",
)  # fmt: skip
WALLS = ("plaster", "plaster", "plaster", "bricks", "planks", "earth", "cloth", "photographed", "pebbles")


def _levels(values: npt.NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _mixed(chance: Chance, field: Floats, contrast: float) -> Image:
    first, second = colour(chance), colour(chance)
    share = 1 / (1 + np.exp(-1.5 * field))[..., None]
    middle = (first + second) / 2
    return _levels(middle + contrast * (share - 0.5) * (second - first) + 4 * noise(chance, 0.5)[..., None])


def _to_joint(position: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Distance to the nearest whole number."""
    return np.asarray(np.abs(position - np.rint(position)))


def _cells(chance: Chance, count: int) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Distance to the nearest of some points, and which that is; seamless."""
    points = chance.integers(0, SIDE, (count, 2))
    rows, columns = np.unique(points, axis=0).T
    free = np.ones((SIDE, SIDE), np.uint8)
    free[rows, columns] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        np.tile(free, (3, 3)), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    tile = slice(SIDE, 2 * SIDE)
    which = np.zeros(int(labels.max()) + 1, np.intp)
    for down in range(3):
        for across in range(3):
            which[labels[rows + SIDE * down, columns + SIDE * across]] = np.arange(len(rows))
    return np.asarray(distance[tile, tile], np.float32), which[labels[tile, tile]]
