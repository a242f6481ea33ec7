"""Scenes: layouts rendered by mitsuba, with and without each target. The only module that imports it.

The scalar variant: slower than the compiled one, but it needs no LLVM and gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import mitsuba as mi
import numpy as np
import numpy.typing as npt

from rorem_demo.discriminator.simulated.layouts import LAMP, Layout, Light, Material, Thing, reach_of
from rorem_demo.imaging.types import Box, Image, Mask

if mi.variant() != "scalar_rgb":
    mi.set_variant("scalar_rgb")

SAMPLES = 16
"""Rays a pixel; what is left of their noise looks like a camera's."""
_BOUNCES = 4
_SHOULDER = 0.85
"""Share of full scale at which the brightest percent of the picture ends up."""
_LEAST = 60
"""Pixels of a target that are seen, at least."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """One target of a scene: the same picture with it and without it."""

    source: Image
    truth: Image
    thing: Mask
    """Where it is seen."""


def views(layout: Layout, seed: int, samples: int = SAMPLES) -> Iterator[View]:
    """Render every target; all views share one source. Those that hide behind others are left out."""
    whole = _rendered(layout, layout.targets, seed, samples)
    exposure = _SHOULDER / max(1e-3, float(np.percentile(whole, 97)))
    source = _developed(whole, exposure)
    for target in layout.targets:
        mask = _seen(layout, target)
        if np.count_nonzero(mask) >= _LEAST:
            left = tuple(other for other in layout.targets if other is not target)
            box, truth = reach_of(layout, target), source.copy()
            truth[box.slices] = _developed(_rendered(layout, left, seed, samples, box), exposure)
            yield View(source, truth, mask)


def _developed(light: Floats, exposure: float) -> Image:
    """Levels of sRGB: a shoulder keeps highlights from clipping hard."""
    value = np.maximum(light * exposure, 0)
    value = np.where(value > 0.8, 0.8 + 0.2 * np.tanh((value - 0.8) / 0.2), value)
    curve = np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 1e-6) ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(np.rint(255 * curve), 0, 255), np.uint8)


def _rendered(layout: Layout, targets: tuple[Thing, ...], seed: int, samples: int, box: Box | None = None) -> Floats:
    """Light of the box; its noise is smoothed apart from the textures that the light falls on."""
    things = (*layout.place, *targets)
    sensor, glowing = _sensor(layout, samples, box), {"type": "path", "max_depth": 1}
    path = {"type": "path", "max_depth": _BOUNCES}
    light = _image(_lights(layout.light) | {"integrator": path, "sensor": sensor}, things, _surface, seed)
    paint = np.maximum(_image({"integrator": glowing, "sensor": sensor}, things, _glowing_paint, seed), 0.02)
    falling = np.log(np.maximum(light, 1e-4) / paint)
    for _ in range(2):
        falling = cv2.bilateralFilter(falling, 5, 0.35, 1.5)
    return np.asarray(np.exp(falling) * paint, np.float32)


def _seen(layout: Layout, target: Thing) -> Mask:
    """Where any ray meets the target first: it alone shines."""
    sensor, white = _sensor(layout, 8, None), Material(None, (1, 1, 1))
    scene = {"integrator": {"type": "path", "max_depth": 1}, "sensor": sensor}
    inside = {id(material) for material in target.materials}
    shining = _image(
        scene,
        (*layout.place, *layout.targets),
        lambda material: _glowing_paint(white) if id(material) in inside else {},
        0,
    )
    return np.asarray(shining[..., 0] > 0.05)


def _image(
    scene: dict[str, Any], things: tuple[Thing, ...], dressed: Callable[[Material], dict[str, Any]], seed: int
) -> Floats:
    """H x W x 3 of a scene with all the things, each dressed by its material."""
    meshes = {
        f"thing{number}-{name}": mesh for number, thing in enumerate(things) for name, mesh in _meshes(thing, dressed)
    }
    return np.asarray(mi.render(mi.load_dict({"type": "scene"} | scene | meshes), seed=mi.UInt32(seed)), np.float32)[
        ..., :3
    ]


def _sensor(layout: Layout, samples: int, box: Box | None) -> dict[str, Any]:
    camera = layout.camera
    film = {"type": "hdrfilm", "width": camera.size.width, "height": camera.size.height, "rfilter": {"type": "box"}}
    if box:
        film |= {"crop_offset_x": box.left, "crop_offset_y": box.top}
        film |= {"crop_width": box.size.width, "crop_height": box.size.height}
    return {
        "type": "perspective",
        "fov": camera.angle,
        "fov_axis": "x",
        "to_world": mi.ScalarTransform4f().look_at(list(camera.place), list(camera.towards), [0, 0, 1]),
        "film": film,
        "sampler": {"type": "independent", "sample_count": samples},
    }


def _lights(light: Light) -> dict[str, Any]:
    sky = {"type": "constant", "radiance": {"type": "rgb", "value": list(light.sky)}}
    power = {"type": "rgb", "value": [light.strength] * 3}
    if light.sun:
        return {"sky": sky, "sun": {"type": "directional", "direction": list(light.sun), "irradiance": power}}
    place = mi.ScalarTransform4f().look_at(list(LAMP), [0, 0, 0], [0, 1, 0])
    return {
        "sky": sky,
        "lamp": {"type": "rectangle", "to_world": place, "emitter": {"type": "area", "radiance": power}},
    }


def _meshes(thing: Thing, dressed: Callable[[Material], dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for number, part in enumerate(thing.parts):
        material = thing.materials[part.material]
        properties = mi.Properties()
        for name, plugin in dressed(material).items():
            properties[name] = mi.load_dict(plugin)
        mesh = mi.Mesh(f"part{number}", len(part.points), len(part.faces), properties, True, True)
        buffers = mi.traverse(mesh)
        buffers["vertex_positions"] = np.ravel(part.points).astype(np.float32)
        buffers["vertex_normals"] = np.ravel(part.normals).astype(np.float32)
        buffers["vertex_texcoords"] = np.ravel(part.places * material.repeats).astype(np.float32)
        buffers["faces"] = np.ravel(part.faces).astype(np.uint32)
        buffers.update()
        yield f"part{number}", mesh


def _surface(material: Material) -> dict[str, Any]:
    if not material.gloss:
        dull = {"type": "diffuse", "reflectance": _paint(material)}
        return {"bsdf": {"type": "twosided", "bsdf": dull}}
    rough = 0.4 * (1 - material.gloss) + 0.02
    shiny = {"type": "roughplastic", "diffuse_reflectance": _paint(material), "alpha": rough}
    return {"bsdf": {"type": "twosided", "bsdf": shiny}}


def _glowing_paint(material: Material) -> dict[str, Any]:
    return {"emitter": {"type": "area", "radiance": _paint(material)}}


def _paint(material: Material) -> dict[str, Any]:
    if material.texture is None:
        return {"type": "rgb", "value": [channel**2.2 for channel in material.colour]}
    return {"type": "bitmap", "bitmap": mi.Bitmap(material.texture)}
