"""Make the ready cases that are shipped, from nothing: `.venv/bin/python scripts/cases.py`.

Photos of scikit-image with what is to be removed drawn by hand, and rendered scenes, of which the picture without the
object is known; ten minutes on two cores, nearly all of it for rendering. What lies in out/cases from an earlier run is
used again; assets/cases is written anew with a result of each method that needs no weights.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from shutil import rmtree

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rorem_demo.cli import main as command  # noqa: E402  # needs the path above
from rorem_demo.discriminator.simulated.composites import photo  # noqa: E402
from rorem_demo.discriminator.simulated.layouts import layout  # noqa: E402
from rorem_demo.discriminator.simulated.pairs import Pair  # noqa: E402
from rorem_demo.feedback import disk  # noqa: E402
from rorem_demo.imaging.io import encode_mask  # noqa: E402
from rorem_demo.imaging.masks import grow  # noqa: E402
from rorem_demo.imaging.types import Image, Mask, Size, size_of  # noqa: E402

INPUT, OUTPUT = ROOT / "out" / "cases", ROOT / "assets" / "cases"
METHODS = "shift-map,telea,navier-stokes"
SEED = 7
"""Of the scenes."""
SAMPLES = 48
"""Rays a pixel, for scenes that people look at."""
LARGER = 1.8
"""Times the size at which scenes are rendered to learn from."""
TRUE_AROUND = 8
"""Pixels around a mask in which the true picture is shown: what removers grow masks by unless asked otherwise."""
_QUALITY = 92

Polygon = tuple[tuple[int, int], ...]

_PIKOLO = "Rachel Michetti, courtesy of Pikolo Espresso Bar, from scikit-image"
_COLLINS = "Eileen Collins, NASA, from scikit-image"
_OURS = "Rendered by this project"


@dataclass(frozen=True)
class Drawn:
    """A photo and the outline of what is to go."""

    photo: str
    title: str
    licence: str
    credit: str
    outlines: tuple[Polygon, ...]


@dataclass(frozen=True)
class Scene:
    """A scene by its number, and which of its targets is to go."""

    number: int
    target: int
    title: str


def _disc(x: int, y: int, radius: int) -> Polygon:
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return tuple((round(x + radius * np.cos(turn)), round(y + radius * np.sin(turn))) for turn in turns)


_SPOON = (
    (397, 76), (402, 67), (414, 66), (423, 71), (424, 82), (418, 102), (412, 125), (407, 150), (400, 175), (392, 198),
    (387, 216), (385, 238), (394, 248), (403, 260), (407, 276), (405, 294), (396, 309), (382, 320), (366, 326),
    (350, 325), (336, 316), (327, 302), (324, 284), (327, 268), (336, 257), (350, 247), (364, 241), (372, 234),
    (374, 222), (379, 207), (386, 190), (394, 170), (402, 147), (407, 125), (407, 105), (402, 88),
)  # fmt: skip
_SHUTTLE = (
    (402, 0), (396, 20), (394, 50), (388, 37), (379, 60), (379, 110), (376, 182), (360, 195), (352, 214), (352, 228),
    (374, 231), (364, 258), (365, 286), (380, 294), (412, 296), (424, 287), (456, 286), (476, 279), (472, 270),
    (462, 262), (460, 236), (457, 214), (457, 60), (447, 40), (440, 36), (437, 30), (432, 14), (425, 0),
)  # fmt: skip
_LEFT_MAST = (
    (194, 119), (206, 119), (207, 250), (205, 330), (214, 362), (226, 378), (222, 400), (214, 427), (158, 427),
    (166, 395), (175, 330), (184, 260), (187, 188), (195, 186),
)  # fmt: skip
_RIGHT_MAST = (
    (442, 119), (450, 119), (453, 188), (460, 190), (464, 250), (472, 320), (480, 380), (486, 427), (424, 427),
    (420, 405), (414, 392), (424, 372), (438, 362), (438, 190), (446, 188),
)  # fmt: skip
_TOWER = (
    (409, 128), (412, 122), (419, 120), (421, 104), (425, 104), (426, 116), (433, 118), (434, 130), (434, 188),
    (424, 190), (410, 195),
)  # fmt: skip

DRAWN = {
    "coffee-spoon": Drawn("coffee", "Coffee without its spoon", "CC0-1.0", _PIKOLO, (_SPOON,)),
    "astronaut-shuttle": Drawn(
        "astronaut", "Astronaut without the model behind her", "public domain", _COLLINS, (_SHUTTLE,)
    ),
    "astronaut-badge": Drawn(
        "astronaut", "Spacesuit without its badge", "public domain", _COLLINS, (_disc(171, 382, 40),)
    ),
    "rocket-masts": Drawn(
        "rocket", "Rocket without the masts beside it", "public domain", "SpaceX, from scikit-image",
        (_LEFT_MAST, _RIGHT_MAST),
    ),
    "camera-tower": Drawn(
        "camera", "Skyline without its tower", "CC0-1.0", "Lav Varshney, from scikit-image", (_TOWER,)
    ),
}  # fmt: skip
SCENES = {
    "scene-person": Scene(0, 1, "Square without a person and their shadow"),
    "scene-car": Scene(3, 2, "Terrace without the toy car"),
    "scene-ball": Scene(7, 0, "Floorboards without the ball"),
    "scene-globe": Scene(9, 2, "Tiles without the ball"),
    "scene-bush": Scene(21, 1, "Planks without the bush"),
    "scene-vase": Scene(24, 2, "Fence without the vase and its shadow"),
    "scene-tree": Scene(12, 1, "Gravel without the tree and its shadow"),
    "scene-lawn": Scene(29, 2, "Lawn without a person"),
}


def main() -> int:
    """See the module."""
    for name in ("images", "masks", "truth"):
        disk.make_folder(INPUT / name)
    cases: dict[str, dict[str, str]] = {}
    for name, drawn in DRAWN.items():
        cases[name] = {"title": drawn.title, "licence": drawn.licence, "credit": drawn.credit}
        data, image = _photo(drawn.photo)
        disk.write_whole(INPUT / "images" / f"{name}.jpg", data)
        disk.write_whole(INPUT / "masks" / f"{name}.png", encode_mask(_filled(drawn.outlines, size_of(image))))
    for name, scene in SCENES.items():
        cases[name] = {"title": scene.title, "licence": "CC0-1.0", "credit": _OURS}
        if not (INPUT / "truth" / f"{name}.png").exists():
            _render(name, scene)
            print(f"rendered {name}", flush=True)
    disk.write_whole(INPUT / "about.json", json.dumps({"cases": cases}, indent=1).encode())
    rmtree(OUTPUT, ignore_errors=True)
    return command(["compare", "--cases", str(INPUT), "--methods", METHODS, "--output", str(OUTPUT), "--seed", "0"])


def _photo(name: str) -> tuple[bytes, Image]:
    """A photo's file and what it holds: the example photo of that name, else one from the wheel of scikit-image."""
    example = ROOT / "assets" / f"{name}.jpg"
    data = example.read_bytes() if example.exists() else _jpeg(photo(name))
    return data, _decoded(data)


def _filled(outlines: tuple[Polygon, ...], size: Size) -> Mask:
    picture = PIL.Image.new("1", size)
    for outline in outlines:
        PIL.ImageDraw.Draw(picture).polygon(outline, fill=1)
    return np.asarray(picture)


def _render(name: str, scene: Scene) -> None:
    """Write photo, mask and true picture of a scene, the last one last; outside the mask they are the same."""
    pair = next(_pairs(scene))
    mask = _marked(pair)
    data = _jpeg(pair.source)
    source = _decoded(data)
    truth = np.where(grow(mask, TRUE_AROUND)[..., None], pair.truth, source)
    disk.write_whole(INPUT / "images" / f"{name}.jpg", data)
    disk.write_whole(INPUT / "masks" / f"{name}.png", encode_mask(mask))
    file = BytesIO()
    PIL.Image.fromarray(truth).save(file, "PNG")
    disk.write_whole(INPUT / "truth" / f"{name}.png", file.getvalue())


def _pairs(scene: Scene) -> Iterator[Pair]:
    """The scene with its one target, the others being part of the place."""
    from rorem_demo.discriminator.simulated.scenes import views  # noqa: PLC0415  # needs mitsuba

    whole = layout(np.random.default_rng([SEED, scene.number]))
    target = whole.targets[scene.target]
    others = tuple(thing for thing in whole.targets if thing is not target)
    camera = replace(whole.camera, size=whole.camera.size.scaled(LARGER))
    one = replace(whole, camera=camera, place=(*whole.place, *others), targets=(target,))
    for view in views(one, scene.number, SAMPLES):
        yield Pair.of(view.source, view.truth, view.thing, f"scene-{scene.number}")


def _marked(pair: Pair) -> Mask:
    """As a person would mark it: the thing and its shadow, without holes, and without light it throws elsewhere."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    wide = cv2.morphologyEx(pair.effects.astype(np.uint8), cv2.MORPH_OPEN, disc[2:-2, 2:-2]) | pair.thing
    closed = cv2.morphologyEx(wide.astype(np.uint8), cv2.MORPH_CLOSE, disc)
    _, labels = cv2.connectedComponents(closed)
    of_the_thing = np.unique(labels[pair.thing])
    return np.asarray(np.isin(labels, of_the_thing[of_the_thing > 0]), np.bool_)


def _jpeg(image: Image) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(image).save(file, "JPEG", quality=_QUALITY, subsampling="4:4:4")
    return file.getvalue()


def _decoded(data: bytes) -> Image:
    return np.asarray(PIL.Image.open(BytesIO(data)).convert("RGB"))


if __name__ == "__main__":
    sys.exit(main())
