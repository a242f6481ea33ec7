"""Layouts: what stands where in a scene, drawn from a random generator; plain values, nothing rendered yet.

Lengths are metres or so; z is up, the camera looks along y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rorem_demo.discriminator.simulated.shapes import THINGS, Floats, Part, box
from rorem_demo.discriminator.simulated.textures import GROUNDS, TEXTURES, WALLS, Chance, colour
from rorem_demo.imaging.types import Box, Image, Size

SIZES = (Size(336, 252), Size(288, 288), Size(256, 320), Size(352, 240))
LAMP = (-1.0, -1.0, 4.5)
"""Where it hangs, if there is no sun."""
_PLAIN = 0.45
"""Share of scenes with even ground and walls, on which simple methods do well."""
TARGETS = 3
"""Things of a scene that are removed in turn."""

_TRIES = 60
_OVERLAP = 0.04
"""Share of a thing's box in the picture that another's may cover."""
_SHARES = 0.015, 0.18
"""Least and most of the picture that the box around a target covers."""


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface looks."""

    texture: Image | None
    """None: even."""
    colour: tuple[float, float, float]
    """sRGB 0..1, where there is no texture."""
    repeats: float = 1.0
    """Of the texture along the mesh's places."""
    gloss: float = 0.0
    """0 is dull, 1 a mirror under the colour."""


@dataclass(frozen=True, eq=False)
class Thing:
    """One object."""

    parts: tuple[Part, ...]
    materials: tuple[Material, ...]


@dataclass(frozen=True)
class Camera:
    """Where from and where to; `angle` is the width of what is seen, in degrees."""

    place: tuple[float, float, float]
    towards: tuple[float, float, float]
    angle: float
    size: Size

    def seen(self, points: Floats) -> Floats:
        """N x 2 pixels of N x 3 points in front of it."""
        place = np.array(self.place)
        ahead = _unit(np.array(self.towards) - place)
        right = _unit(np.cross(ahead, (0.0, 0.0, 1.0)))
        down = np.cross(ahead, right)
        relative = points - place
        focus = self.size.width / 2 / np.tan(np.radians(self.angle) / 2)
        depth = np.maximum(relative @ ahead, 1e-3)
        across, along = relative @ right / depth, relative @ down / depth
        return np.stack([across * focus + self.size.width / 2, along * focus + self.size.height / 2], axis=1)


@dataclass(frozen=True)
class Light:
    """The sun, or a lamp under the ceiling, over light that comes from everywhere."""

    sun: tuple[float, float, float] | None
    """The way it shines; None: the lamp."""
    strength: float
    sky: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Layout:
    """A scene."""

    camera: Camera
    light: Light
    place: tuple[Thing, ...]
    """Ground, walls, and what is never removed."""
    targets: tuple[Thing, ...]
    """May be fewer than `TARGETS` where no more had room."""


def layout(chance: Chance) -> Layout:
    """Any scene: a yard, a room, or a table."""
    camera = _camera(chance)
    indoors, plain = bool(chance.random() < 0.4), bool(chance.random() < _PLAIN)
    place = [_ground(chance, ("plaster",) if plain else GROUNDS)]
    place += _walls(chance, ("plaster",) if plain else WALLS, indoors=indoors)
    stood: list[tuple[float, float, float]] = []
    boxes: list[Floats] = []
    targets = [_placed(chance, camera, stood, boxes, target=True) for _ in range(TARGETS)]
    others = [_placed(chance, camera, stood, boxes, target=False) for _ in range(int(chance.integers(0, 4)))]
    place += [thing for thing in others if thing]
    return Layout(camera, _light(chance, indoors=indoors), tuple(place), tuple(thing for thing in targets if thing))


def _camera(chance: Chance) -> Camera:
    distance, height = chance.uniform(4, 6), chance.uniform(1.0, 4.0)
    place = (chance.uniform(-1.5, 1.5), -distance, height)
    towards = (chance.uniform(-0.4, 0.4), chance.uniform(0, 1), chance.uniform(0.3, 0.8))
    return Camera(place, towards, chance.uniform(34, 52), SIZES[int(chance.integers(len(SIZES)))])


def _light(chance: Chance, *, indoors: bool) -> Light:
    warm = chance.uniform(0.85, 1.0)
    if indoors and chance.random() < 0.8:
        dim = chance.uniform(0.15, 0.4)
        return Light(None, chance.uniform(4, 9), (dim, dim * warm, dim * warm**2))
    turn, rise = chance.uniform(0, 2 * np.pi), chance.uniform(0.5, 1.6)
    if indoors:  # through a window that is not seen, from in front of the back wall
        turn = chance.uniform(0.2, np.pi - 0.2)
    sky = chance.uniform(0.2, 0.6)
    sun = (float(np.cos(turn)), float(abs(np.sin(turn)) if chance.random() < 0.8 else np.sin(turn)), -float(rise))
    return Light(sun, chance.uniform(0.5, 4.0), (sky * warm, sky, sky / warm))


def _material(chance: Chance, kinds: tuple[str, ...], repeats: float, shiny: float) -> Material:
    texture = TEXTURES[str(chance.choice(kinds))](chance)
    gloss = chance.uniform(0.2, 0.9) if chance.random() < shiny else 0.0
    return Material(texture, (1, 1, 1), repeats, gloss)


def _ground(chance: Chance, kinds: tuple[str, ...]) -> Thing:
    slab = box((40, 40, 0.2), (0, 10, -0.1))
    return Thing((slab,), (_material(chance, kinds, chance.uniform(8, 32), 0.25),))


def _walls(chance: Chance, kinds: tuple[str, ...], *, indoors: bool) -> list[Thing]:
    if not indoors and chance.random() < 0.35:
        return []
    away, height = chance.uniform(1.8, 5), 5.0 if indoors or chance.random() < 0.6 else chance.uniform(0.5, 1.6)
    back = box((40, 0.2, height), (0, away + 0.1, height / 2))
    walls = [Thing((back,), (_material(chance, kinds, chance.uniform(3, 14), 0.1),))]
    if chance.random() < 0.4:
        side = float(chance.choice([-1, 1])) * chance.uniform(2.5, 4)
        beside = box((0.2, 40, height), (side, away - 20, height / 2))
        walls.append(Thing((beside,), (_material(chance, kinds, chance.uniform(6, 20), 0.0),)))
    walls += [_panel(chance, away, height) for _ in range(int(chance.integers(0, 4)))]
    return walls


def _panel(chance: Chance, away: float, height: float) -> Thing:
    """A door, a window or a picture on the back wall."""
    width, tall = chance.uniform(0.4, 1.6), chance.uniform(0.4, min(2.2, height))
    low = 0.0 if chance.random() < 0.4 else chance.uniform(0, height - tall)
    middle = (chance.uniform(-3, 3), away, low + tall / 2)
    frame = box((width + 0.12, 0.06, tall + 0.12), middle, 1)
    inside = box((width, 0.1, tall), middle)
    return Thing((frame, inside), (_material(chance, tuple(TEXTURES), chance.uniform(0.5, 2), 0.3), _even(chance)))


def _even(chance: Chance) -> Material:
    red, green, blue = (float(level) for level in colour(chance, (25, 230), 0.6) / 255)
    return Material(None, (red, green, blue), gloss=chance.uniform(0.2, 1) if chance.random() < 0.35 else 0.0)


def thing(chance: Chance) -> Thing:
    """Any object, about one unit high, above the origin."""
    parts = THINGS[int(chance.integers(len(THINGS)))](chance)
    kinds = tuple(TEXTURES)
    some = [
        _material(chance, kinds, chance.uniform(0.5, 2), 0.3) if chance.random() < 0.4 else _even(chance)
        for _ in range(3)
    ]
    return Thing(tuple(parts), tuple(some))


def _placed(
    chance: Chance, camera: Camera, stood: list[tuple[float, float, float]], boxes: list[Floats], *, target: bool
) -> Thing | None:
    """An object where there is room for it, which is then noted in `stood` and `boxes`; None if none was found."""
    made = thing(chance)
    points = np.concatenate([part.points for part in made.parts])
    reach = float(np.linalg.norm(points[:, :2], axis=1).max())
    for _ in range(_TRIES):
        scale, turn = chance.uniform(0.4, 2.0), chance.uniform(0, 2 * np.pi)
        x, y = chance.uniform(-2.5, 2.5), chance.uniform(-1.8, 1.6)
        room = all(np.hypot(x - x2, y - y2) > scale * reach + reach2 + 0.1 for x2, y2, reach2 in stood)
        moved = tuple(part.moved(turn, scale, (x, y, 0.0)) for part in made.parts)
        seen = _box(camera, moved)
        if room and _apart(seen, boxes) and (not target or _well_seen(camera, seen)):
            stood.append((x, y, scale * reach))
            boxes.append(seen)
            return Thing(moved, made.materials)
    return None


def _box(camera: Camera, parts: tuple[Part, ...]) -> Floats:
    """2 x 2: the least and greatest pixel."""
    seen = camera.seen(np.concatenate([part.points for part in parts]))
    return np.stack([seen.min(axis=0), seen.max(axis=0)])


def _apart(seen: Floats, boxes: list[Floats]) -> bool:
    """None hides much of another: what is behind the one that is removed is ground or wall, most of the time."""
    for other in boxes:
        common = np.prod(np.maximum(0, np.minimum(seen[1], other[1]) - np.maximum(seen[0], other[0])))
        if common > _OVERLAP * min(np.prod(seen[1] - seen[0]), np.prod(other[1] - other[0])):
            return False
    return True


def _well_seen(camera: Camera, seen: Floats) -> bool:
    """Inside the picture, neither tiny nor huge."""
    low, high = seen
    share = float(np.prod(high - low)) / camera.size.area
    inside = (low > 4).all() and (high < np.array(camera.size) - 4).all()
    return bool(inside and _SHARES[0] < share < _SHARES[1])


def reach_of(scene: Layout, target: Thing) -> Box:
    """Where in the picture the target, its shadow and its reflection in the ground can be."""
    points = np.concatenate([part.points for part in target.parts])
    light = np.array(scene.light.sun) if scene.light.sun else points - np.array(LAMP)
    shadow = points + light * (points[:, 2:] / np.maximum(-np.atleast_2d(light)[:, 2:], 0.2))
    seen = scene.camera.seen(np.concatenate([points, shadow, points * (1, 1, -1)]))
    margin = 10 + 0.15 * float(np.ptp(seen, axis=0).max())
    size = scene.camera.size
    (left, top), (right, bottom) = seen.min(axis=0) - margin, seen.max(axis=0) + margin
    left, top = max(0, int(left)), max(0, int(top))
    return Box(left, top, max(left + 1, min(size.width, int(right))), max(top + 1, min(size.height, int(bottom))))


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))
