"""What scenes are made of: seamless textures, closed shapes that stand on the ground, targets inside the picture."""

from __future__ import annotations

import numpy as np
import pytest

from rorem_demo.discriminator.simulated.layouts import Camera, Layout, layout, reach_of
from rorem_demo.discriminator.simulated.shapes import THINGS, Part
from rorem_demo.discriminator.simulated.textures import SIDE, TEXTURES, noise
from rorem_demo.imaging.types import Box, Size, size_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_repeats_without_a_seam(name: str) -> None:
    texture = TEXTURES[name](np.random.default_rng(3)).astype(float)
    assert texture.shape == (SIDE, SIDE, 3)
    for axis in (0, 1):
        steps = np.abs(np.diff(texture, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(texture, 0, axis) - np.take(texture, -1, axis)).mean()
        assert seam <= 1.5 * steps.max() + 2, axis


@pytest.mark.parametrize("name", TEXTURES)
def test_the_same_seed_gives_the_same_texture_and_another_seed_another(name: str) -> None:
    first, again, other = (TEXTURES[name](np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_noise_is_standardized() -> None:
    field = noise(np.random.default_rng(0), 1.0)
    assert abs(float(field.mean())) < 1e-3
    assert float(field.std()) == pytest.approx(1, abs=1e-3)


def volume(part: Part) -> float:
    first, second, third = (part.points[part.faces[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->i", first, np.cross(second, third)).sum() / 6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", THINGS)
def test_a_thing_stands_on_the_ground_and_its_faces_look_outwards(make: object, seed: int) -> None:
    parts = make(np.random.default_rng(seed))  # type: ignore[operator]
    low = min(part.points[:, 2].min() for part in parts)
    assert -0.3 < low < 0.1
    for part in parts:
        assert part.faces.max() < len(part.points)
        assert np.linalg.norm(part.normals, axis=1) == pytest.approx(1)
        assert volume(part) > 0


def test_a_moved_part_keeps_its_shape() -> None:
    part = THINGS[0](np.random.default_rng(0))[0]
    moved = part.moved(1.0, 2.0, (3, 4, 5))
    assert volume(moved) == pytest.approx(8 * volume(part))
    assert np.linalg.norm(moved.normals, axis=1) == pytest.approx(1)


def test_the_camera_sees_what_it_looks_at_in_the_middle() -> None:
    camera = Camera((1.0, -5.0, 2.0), (0.3, 0.5, 0.4), 40.0, Size(300, 200))
    middle, above, right = camera.seen(np.array([(0.3, 0.5, 0.4), (0.3, 0.5, 0.9), (1.3, 0.5, 0.4)]))
    assert middle == pytest.approx((150, 100))
    assert above[1] < 100
    assert right[0] > 150


def targets_in(found: Layout) -> list[Box]:
    return [reach_of(found, target) for target in found.targets]


@pytest.mark.parametrize("seed", range(6))
def test_targets_lie_inside_the_picture_with_all_they_cast(seed: int) -> None:
    found = layout(np.random.default_rng(seed))
    assert found.targets
    size = found.camera.size
    for target, box in zip(found.targets, targets_in(found), strict=True):
        seen = found.camera.seen(np.concatenate([part.points for part in target.parts]))
        assert (seen > 0).all()
        assert (seen < np.array(size)).all()
        assert (seen >= (box.left, box.top)).all()
        assert (seen <= (box.right, box.bottom)).all()
        assert 0 <= box.left < box.right <= size.width
        assert 0 <= box.top < box.bottom <= size.height


def test_the_same_seed_gives_the_same_layout() -> None:
    first, again = (layout(np.random.default_rng(9)) for _ in range(2))
    assert first.camera == again.camera
    assert first.light == again.light
    assert targets_in(first) == targets_in(again)


def test_a_scene_rendered_twice_is_the_same_and_differs_only_where_the_target_reaches() -> None:
    mitsuba = pytest.importorskip("mitsuba")
    from rorem_demo.discriminator.simulated.scenes import views

    assert mitsuba.variant() == "scalar_rgb"
    found = layout(np.random.default_rng(2000))
    first, again = (list(views(found, seed=1, samples=2)) for _ in range(2))
    assert first
    for view, same in zip(first, again, strict=True):
        assert np.array_equal(view.source, same.source)
        assert np.array_equal(view.truth, same.truth)
        assert np.array_equal(view.thing, same.thing)
        assert size_of(view.source) == found.camera.size
        changed = np.abs(view.source.astype(int) - view.truth).mean(axis=2)
        assert changed[view.thing].mean() > 3 * changed[~view.thing].mean()
