"""Shapes: things made of triangles, standing on z = 0 with their middle above the origin, about one unit high."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.simulated.textures import Chance, noise

Floats: TypeAlias = npt.NDArray[np.float64]
Profile: TypeAlias = Iterable[tuple[float, float]]
"""Radius and height, from below upwards."""


@dataclass(frozen=True, eq=False)
class Part:
    """A mesh of one material."""

    points: Floats
    """N x 3."""
    normals: Floats
    """N x 3, of length 1."""
    places: Floats
    """N x 2, on the texture."""
    faces: npt.NDArray[np.int32]
    """M x 3, counter-clockwise seen from outside."""
    material: int
    """Which of its thing's materials."""

    def moved(self, turn: float, scale: float, to: tuple[float, float, float]) -> Part:
        """Turned about the z axis, scaled, and put somewhere."""
        cos, sin = np.cos(turn), np.sin(turn)
        rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        points = self.points @ rotation.T * scale + np.array(to)
        return replace(self, points=points, normals=self.normals @ rotation.T)


def box(size: tuple[float, float, float], middle: tuple[float, float, float], material: int = 0) -> Part:
    """A cuboid."""
    points: list[Floats] = []
    normals: list[Floats] = []
    places: list[tuple[float, float]] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for side in (-1.0, 1.0):
            normal = np.eye(3)[axis] * side
            along = np.eye(3)[(axis + 1) % 3]
            beside = np.cross(normal, along)
            faces += [[len(points) + corner for corner in triangle] for triangle in ((0, 1, 2), (0, 2, 3))]
            for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                points.append((normal + u * along + v * beside) / 2 * np.array(size) + np.array(middle))
                normals.append(normal)
                places.append(((u + 1) / 2, (v + 1) / 2))
    return Part(np.array(points), np.array(normals), np.array(places), np.array(faces, np.int32), material)


def lathe(
    profile: Profile, material: int = 0, middle: tuple[float, float] = (0, 0), bumps: Floats | None = None
) -> Part:
    """What a profile sweeps when it turns; `bumps` are factors of the radius, one per point of the grid."""
    outline = np.array(list(profile), float)
    angles = np.linspace(0, 2 * np.pi, 33)
    grid = np.stack(np.broadcast_arrays(outline[:, :1] * np.cos(angles), outline[:, :1] * np.sin(angles)), axis=-1)
    if bumps is not None:
        grid = grid * bumps[..., None]
    heights = np.broadcast_to(outline[:, 1:], grid.shape[:2])
    points = np.concatenate([grid + np.array(middle), heights[..., None]], axis=-1).reshape(-1, 3)
    rings, steps = grid.shape[:2]
    first = (np.arange(rings - 1)[:, None] * steps + np.arange(steps - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + steps + 1], axis=1),
            np.stack([first, first + steps + 1, first + steps], axis=1),
        ]
    ).astype(np.int32)
    places = np.stack(np.meshgrid(angles / np.pi, np.linspace(0, 1, rings)), axis=-1).reshape(-1, 2)
    return Part(points, _normals(points, faces, steps), places, faces, material)


def _normals(points: Floats, faces: npt.NDArray[np.int32], steps: int) -> Floats:
    first, second, third = (points[faces[:, corner]] for corner in range(3))
    areas = np.cross(second - first, third - first)
    sums = np.zeros_like(points)
    for corner in range(3):
        np.add.at(sums, faces[:, corner], areas)
    rings = sums.reshape(-1, steps, 3)
    rings[:, 0] = rings[:, -1] = rings[:, 0] + rings[:, -1]  # where the sweep closes
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), np.array([0.0, 0.0, 1.0]))


def cylinder(radius: float, low: float, high: float, material: int = 0, middle: tuple[float, float] = (0, 0)) -> Part:
    """Upright, closed, its edges a little rounded."""
    soft = min(radius, high - low) * 0.06
    outline = [(0, low), (radius - soft, low), (radius, low + soft), (radius, high - soft), (radius - soft, high)]
    return lathe([*outline, (0, high)], material, middle)


def ball(radius: float, height: float, material: int = 0, middle: tuple[float, float] = (0, 0)) -> Part:
    """A sphere around `height`."""
    turns = np.linspace(0, np.pi, 17)
    outline = [(radius * np.sin(turn), height - radius * np.cos(turn)) for turn in turns]
    return lathe(outline, material, middle)


def lump(chance: Chance, radius: float, height: float, material: int = 0) -> Part:
    """A sphere with bumps: a stone, or the crown of a tree."""
    field = noise(chance, 1.3)[:132:8, :132:4].astype(float)
    field[:, -1] = field[:, 0]
    field[0], field[-1] = field[0].mean(), field[-1].mean()
    turns = np.linspace(0, np.pi, 17)
    outline = [(radius * np.sin(turn), height - radius * np.cos(turn)) for turn in turns]
    return lathe(outline, material, bumps=np.clip(1 + chance.uniform(0.08, 0.2) * field, 0.5, 1.6))


def crate(chance: Chance) -> list[Part]:
    """One box, or two or three in a pile."""
    parts, low = [], 0.0
    for number in range(int(chance.integers(1, 4))):
        width, depth, height = chance.uniform(0.3, 0.8, 3)
        part = box((width, depth, height), (0, 0, height / 2), number % 3)
        parts.append(part.moved(chance.uniform(-0.5, 0.5), 1, (0, 0, low)))
        low += height
    return parts


def sphere(chance: Chance) -> list[Part]:
    """A ball."""
    radius = chance.uniform(0.25, 0.5)
    return [ball(radius, radius)]


def vase(chance: Chance) -> list[Part]:
    """A vessel of any outline."""
    heights = np.linspace(0, chance.uniform(0.6, 1.2), 14)
    waves = 0.25 + 0.13 * np.sin(heights * chance.uniform(2, 7) + chance.uniform(0, 6))
    outline = [(0.0, 0.0), *zip(waves * chance.uniform(0.5, 1.1), heights, strict=True)]
    return [lathe([(float(radius), float(height)) for radius, height in outline])]


def post(chance: Chance) -> list[Part]:
    """A bollard, a lamp, a sign or a parasol."""
    height = chance.uniform(0.9, 1.6)
    parts = [cylinder(0.16, 0, 0.08, 1), cylinder(chance.uniform(0.03, 0.09), 0.08, height)]
    kind = chance.integers(4)
    if kind == 0:
        parts.append(ball(0.17, height + 0.1, 2))
    elif kind == 1:
        parts.append(box((0.5, 0.04, 0.4), (0, 0, height), 2))
    elif kind == 2:
        parts.append(lathe([(0.0, height - 0.2), (0.55, height - 0.2), (0.0, height + 0.1)], 2))
    return parts


def tree(chance: Chance) -> list[Part]:
    """A bush with or without a trunk."""
    trunk = chance.uniform(0, 0.7)
    crown = lump(chance, chance.uniform(0.3, 0.5), trunk + 0.35, 0)
    return [crown, cylinder(0.06, 0, trunk + 0.1, 1)] if trunk > 0.2 else [lump(chance, 0.4, 0.3, 0)]


def stone(chance: Chance) -> list[Part]:
    """A boulder, sunk in a little."""
    radius = chance.uniform(0.3, 0.5)
    return [lump(chance, radius, 0.7 * radius)]


def chair(chance: Chance) -> list[Part]:
    """A chair, a stool, a table or a bench."""
    width, depth, seat = chance.uniform(0.4, 1.1), chance.uniform(0.35, 0.55), chance.uniform(0.3, 0.6)
    legs = [(x * (width - 0.08) / 2, y * (depth - 0.08) / 2) for x in (-1, 1) for y in (-1, 1)]
    parts = [box((0.06, 0.06, seat), (x, y, seat / 2), 1) for x, y in legs]
    parts.append(box((width, depth, 0.06), (0, 0, seat + 0.03)))
    if chance.random() < 0.6:
        parts.append(box((width, 0.05, 0.5), (0, depth / 2, seat + 0.3), int(chance.integers(3))))
    return parts


def figure(chance: Chance) -> list[Part]:
    """Somebody standing, roughly."""
    step = chance.uniform(0.06, 0.14)
    legs = [cylinder(0.07, 0, 0.55, 1, (side * step, 0)) for side in (-1, 1)]
    arms = [cylinder(0.045, 0.5, 0.95, 0, (side * 0.22, chance.uniform(-0.1, 0.1))) for side in (-1, 1)]
    body = lathe([(0, 0.5), (0.15, 0.52), (0.14, 0.7), (0.19, 0.95), (0.08, 1.02), (0, 1.03)], 0)
    return [*legs, *arms, body, ball(0.1, 1.13, 2)]


def car(chance: Chance) -> list[Part]:
    """A car, roughly."""
    length = chance.uniform(1.3, 1.8)
    cabin = length * chance.uniform(0.4, 0.7)
    parts = [box((length, 0.65, 0.28), (0, 0, 0.27)), box((cabin, 0.55, 0.25), (0.08, 0, 0.53), 2)]
    wheel = [(x * length * 0.32, y * 0.32) for x in (-1, 1) for y in (-1, 1)]
    return parts + [box((0.26, 0.07, 0.26), (x, y, 0.13), 1) for x, y in wheel]


def cone(chance: Chance) -> list[Part]:
    """A traffic cone or a tent."""
    radius = chance.uniform(0.2, 0.5)
    return [box((2.2 * radius, 2.2 * radius, 0.05), (0, 0, 0.025), 1), lathe([(radius, 0.05), (0.02, 1), (0, 1)])]


THINGS: tuple[Callable[[Chance], list[Part]], ...] = (
    crate, sphere, vase, post, post, tree, stone, chair, figure, figure, car, cone,
)  # fmt: skip
