"""Drawings: what the page sends is admitted or refused, and becomes the right pixels."""

from __future__ import annotations

import base64
import json
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError
from rorem_demo.imaging.draw import rasterise
from rorem_demo.imaging.drawings import (
    MOST_ENTRIES,
    MOST_POINTS,
    MOST_SHAPES,
    Drawing,
    Entry,
    Lasso,
    Loaded,
    Rectangle,
    Shape,
    Stroke,
    encode_points,
    how_made,
    parse_drawing,
)
from rorem_demo.imaging.types import Size

SIZE = Size(120, 90)
coordinates = st.integers(-(2**30), 2**30)


def drawn(*shapes: Shape, grow: int = 0, invert: bool = False, size: Size = SIZE) -> np.ndarray:
    return rasterise(Drawing((Entry("brush", shapes, grow),), invert), size, {})


def value(*shapes: Any, **changes: Any) -> dict[str, Any]:
    """A valid value with some fields replaced."""
    entry = {"kind": "brush", "grow": 0, "shapes": list(shapes)}
    return {"grid": 1, "invert": False, "entries": [entry]} | changes


def brush(**changes: Any) -> dict[str, Any]:
    return {"tool": "brush", "radius": 4.5, "points": encode_points([(5, 6)])} | changes


def refused(candidate: object) -> None:
    with pytest.raises(InputError, match=r"^The selection could not be read\.$") as caught:
        parse_drawing(candidate)
    assert caught.value.hint == "Reload the page and mark the object again."


def test_everything_the_page_sends() -> None:
    points = [(0, 0), (6, 4), (-2, 8)]
    sent = {
        "grid": 2,
        "invert": True,
        "entries": [
            {
                "kind": "brush",
                "grow": -3,
                "shapes": [brush(points=encode_points(points, 2)), brush(tool="erase", radius=7)],
            },
            {"kind": "lasso", "grow": 0, "shapes": [{"tool": "lasso", "points": encode_points(points, 2)}]},
            {"kind": "box", "grow": 200, "shapes": [{"tool": "box", "points": encode_points(points[:2], 2)}]},
            {"kind": "file", "grow": 1, "shapes": [{"tool": "mask", "mask": "m-1"}]},
            {"kind": "brush", "grow": 0, "shapes": []},
        ],
    }
    drawing = parse_drawing(json.loads(json.dumps(sent)))
    erased = Stroke(((10, 12),), 7.0, erases=True)
    assert drawing == Drawing(
        (
            Entry("brush", (Stroke(tuple(points), 4.5), erased), -3),
            Entry("lasso", (Lasso(tuple(points)),)),
            Entry("box", (Rectangle((0, 0), (6, 4)),), 200),
            Entry("file", (Loaded("m-1"),), 1),
            Entry("brush", ()),
        ),
        invert=True,
    )
    assert how_made(drawing) == ("brush", "lasso", "box", "file")


def test_a_proposed_mask_that_was_corrected_says_both() -> None:
    stroke = Stroke(((1, 1),), 2.0, erases=True)
    clicked = Entry("click", (Loaded("m-1"),))
    assert how_made(Drawing((clicked,))) == ("click",)
    assert how_made(Drawing((Entry("click", (Loaded("m-1"), stroke)), clicked))) == ("click", "brush")


def test_points_in_the_format_javascript_writes() -> None:
    # zigzag: 150 -> 300 -> AC 02; -1 -> 01; then +3 -> 06, -64 -> 7F
    text = base64.b64encode(bytes([0xAC, 0x02, 0x01, 0x06, 0x7F])).decode()
    assert encode_points([(150, -1), (153, -65)]) == text.rstrip("=")
    for padded in (text, text.rstrip("=")):
        assert parse_drawing(value(brush(points=padded))).entries[0].shapes[0] == Stroke(((150, -1), (153, -65)), 4.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=50))
def test_points_survive_the_round_trip(points: list[tuple[int, int]]) -> None:
    (shape,) = parse_drawing(value(brush(points=encode_points(points)))).entries[0].shapes
    assert shape == Stroke(tuple(points), 4.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-999, 999), st.integers(-999, 999)), min_size=1), st.integers(1, 64))
def test_points_are_rounded_to_the_grid_without_drift(points: list[tuple[int, int]], grid: int) -> None:
    (shape,) = parse_drawing(value(brush(points=encode_points(points, grid)), grid=grid)).entries[0].shapes
    assert np.abs(np.subtract(shape.points, points)).max() <= grid / 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
shapes = st.fixed_dictionaries(
    {},
    optional={
        "tool": st.sampled_from(["brush", "erase", "lasso", "box", "mask"]) | json_values,
        "radius": st.floats(0.5, 50) | json_values,
        "points": st.sampled_from([encode_points([(1, 2), (30, 40)]), "AA", "A", "!"]) | json_values,
        "mask": st.just("m") | json_values,
    },
)
drawings = st.fixed_dictionaries(
    {
        "grid": st.just(1) | json_values,
        "invert": st.booleans() | json_values,
        "entries": json_values
        | st.lists(
            st.fixed_dictionaries(
                {
                    "kind": st.just("brush") | json_values,
                    "grow": st.just(0) | json_values,
                    "shapes": st.lists(shapes, max_size=3),
                }
            ),
            max_size=3,
        ),
    }
)


@settings(max_examples=120, deadline=None)
@given(json_values | drawings)
@example(value(brush(points="gICAgAE" * 4)))
def test_arbitrary_json_raises_nothing_else(candidate: object) -> None:
    try:
        mask = rasterise(parse_drawing(candidate), SIZE, {"m": np.ones((90, 120), np.bool_)})
    except InputError:
        return
    assert mask.shape == (90, 120)


@pytest.mark.parametrize(
    "candidate",
    [
        None,
        [],
        "drawing",
        {},
        value(grid=0),
        value(grid=65),
        value(grid=True),
        value(grid=1.0),
        value(grid="1"),
        value(invert=1),
        value(invert=None),
        value(entries={}),
        value(entries=[None]),
        value(entries=[{"kind": "Brush!", "grow": 0, "shapes": []}]),
        value(entries=[{"kind": "brush\n", "grow": 0, "shapes": []}]),
        value(entries=[{"kind": "brush", "grow": 201, "shapes": []}]),
        value(entries=[{"kind": "brush", "grow": 1.5, "shapes": []}]),
        value(entries=[{"kind": "brush", "grow": False, "shapes": []}]),
        value(None),
        value({"tool": "spray"}),
        value({"tool": ["brush"]}),
        value(brush(radius=math.nan)),
        value(brush(radius=math.inf)),
        value(brush(radius=10**400)),
        value(brush(radius=True)),
        value(brush(radius="4")),
        value(brush(radius=0.4)),
        value(brush(radius=5001)),
        value(brush(points=None)),
        value(brush(points="")),
        value(brush(points="AA")),
        value(brush(points="A")),
        value(brush(points="AA AA")),
        value(brush(points="AAé=")),
        value(brush(points="gA")),
        value(brush(points=base64.b64encode(b"\x80" * 6 + b"\0\0").decode())),
        value({"tool": "box", "points": encode_points([(1, 1)])}),
        value({"tool": "box", "points": encode_points([(1, 1)] * 3)}),
        value({"tool": "mask", "mask": 7}),
        value({"tool": "mask", "mask": ""}),
        value({"tool": "mask", "mask": "x" * 201}),
    ],
)
def test_refused(candidate: object) -> None:
    refused(candidate)


def test_limits_hold_for_the_whole_drawing() -> None:
    entry = {"kind": "brush", "grow": 0, "shapes": []}
    assert len(parse_drawing(value(entries=[entry] * MOST_ENTRIES)).entries) == MOST_ENTRIES
    refused(value(entries=[entry] * (MOST_ENTRIES + 1)))
    refused(value(entries=[entry | {"shapes": [brush()] * (MOST_SHAPES // 2 + 1)}] * 2))
    half = brush(points=encode_points([(1, 1)] * (MOST_POINTS // 2)))
    parse_drawing(value(half, half))
    refused(value(half, half, brush()))


def test_long_and_deep_input_costs_nothing() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    started = time.process_time()
    refused(value(brush(points="A" * 5_000_000)))
    refused(value(deep))
    refused(deep)
    assert time.process_time() - started < 0.5
    while deep:
        deep = deep.pop()


@pytest.mark.parametrize(
    ("radius", "tolerance"), [(8, 0.07), (12.3, 0.05), (20, 0.02), (37.5, 0.02), (200, 0.01), (900, 0.01)]
)
def test_a_dot_has_the_area_of_its_circle(radius: float, tolerance: float) -> None:
    side = 2 * math.ceil(radius) + 10
    mask = drawn(Stroke(((side // 2, side // 2),), radius), size=Size(side, side))
    assert mask.sum() == pytest.approx(math.pi * radius**2, rel=tolerance)
    assert np.argwhere(mask).mean(0) + 0.5 == pytest.approx([side // 2] * 2, abs=0.1)


def test_smallest_dot_is_not_lost() -> None:
    assert drawn(Stroke(((5, 5),), 0.5)).any()


@pytest.mark.parametrize("end", [(100, 40), (20, 80), (100, 80)])
def test_a_stroke_is_as_wide_as_its_brush(end: tuple[int, int]) -> None:
    radius = 10.0
    mask = drawn(Stroke(((20, 40), end), radius), size=Size(140, 120))
    length = math.dist((20, 40), end)
    assert mask.sum() == pytest.approx(2 * radius * length + math.pi * radius**2, rel=0.04)


def test_erasing_takes_from_its_own_entry_only_and_in_order() -> None:
    box, rubber = Rectangle((10, 10), (50, 50)), Stroke(((30, 30),), 8, erases=True)
    assert not drawn(box, rubber)[30, 30]
    assert drawn(rubber, box)[30, 30]
    both = Drawing((Entry("box", (box, rubber)), Entry("box", (box,))))
    assert np.array_equal(rasterise(both, SIZE, {}), drawn(box))


def test_lasso_is_even_odd() -> None:
    outer, inner = (
        ((10, 10), (80, 10), (80, 80), (10, 80), (10, 10)),
        ((30, 30), (60, 30), (60, 60), (30, 60), (30, 30)),
    )
    mask = drawn(Lasso((*outer, *inner)))
    assert mask[20, 20]
    assert mask[70, 70]
    assert not mask[45, 45]
    assert mask.sum() == pytest.approx(70 * 70 - 30 * 30, rel=0.08)


def test_box_is_half_open_whatever_the_order() -> None:
    expected = np.zeros((90, 120), np.bool_)
    expected[20:30, 10:40] = True
    for corners in [((10, 20), (40, 30)), ((40, 30), (10, 20)), ((10, 30), (40, 20))]:
        assert np.array_equal(drawn(Rectangle(*corners)), expected)
    assert not drawn(Rectangle((5, 5), (5, 9))).any()
    assert drawn(Rectangle((-50, -50), (400, 300))).all()
    assert not drawn(Rectangle((-50, -50), (-10, -10))).any()


def test_grow_and_shrink_as_on_the_whole_mask() -> None:
    box = Rectangle((30, 30), (60, 60))
    assert np.array_equal(drawn(box, grow=-5), drawn(Rectangle((35, 35), (55, 55))))
    grown = drawn(box, grow=5)
    assert grown[45, 25:65].all()
    assert not grown[45, 24]
    assert not grown[25, 25]
    assert not drawn(box, grow=-20).any()
    # The photo's edge is no edge of the object.
    assert np.array_equal(drawn(Rectangle((0, 0), (60, 60)), grow=-5), drawn(Rectangle((0, 0), (55, 55))))
    assert drawn(Rectangle((0, 0), SIZE), grow=-5).all()


def test_invert_flips_the_union() -> None:
    box = Rectangle((10, 10), (50, 50))
    assert np.array_equal(drawn(box, invert=True), ~drawn(box))
    assert rasterise(Drawing((), invert=True), SIZE, {}).all()
    assert not rasterise(Drawing(()), SIZE, {}).any()


def test_loaded_masks() -> None:
    mask = np.zeros((90, 120), np.bool_)
    mask[3:8, 4:9] = True
    drawing = Drawing((Entry("file", (Loaded("a"),), 1),))
    before = mask.copy()
    assert rasterise(drawing, SIZE, {"a": mask}).sum() > 25
    assert np.array_equal(mask, before)
    with pytest.raises(InputError) as caught:
        rasterise(drawing, SIZE, {})
    assert caught.value.hint == "Load the mask file again."
    with pytest.raises(InputError, match="120x90 but the photo is 90x120"):
        rasterise(drawing, Size(90, 120), {"a": mask})


def test_far_points_are_clipped_and_absurd_ones_refused() -> None:
    far = ((-4 * SIZE.width, 45), (4 * SIZE.width, 45))
    mask = drawn(Stroke(far, 5))
    assert mask[45].all()
    assert mask.sum() == pytest.approx(10 * SIZE.width, rel=0.15)
    assert drawn(Stroke(far, 5000)).all()
    for shape in (Stroke(((481, 0),), 5), Lasso(((0, 361),)), Rectangle((0, 0), (2**40, 0))):
        with pytest.raises(InputError, match="could not be read"):
            drawn(shape)


def test_far_points_of_the_largest_photos_do_not_overflow() -> None:
    size = Size(65000, 4)
    assert drawn(Stroke(((-260000, 2), (260000, 2)), 5000), size=size).all()
    assert drawn(Lasso(((-260000, -16), (260000, -16), (260000, 16), (-260000, 16))), size=size).all()


def test_a_long_stroke_on_a_large_photo_is_quick() -> None:
    steps = np.random.default_rng(0).integers(-60, 60, (300, 2)).cumsum(0) + np.array([2000, 1500])
    stroke = Stroke(tuple((int(x), int(y)) for x, y in np.clip(steps, 0, 3000)), 60.0)
    started = time.process_time()
    assert drawn(stroke, grow=12, size=Size(4000, 3000)).any()
    assert time.process_time() - started < 1


def test_hostile_work_is_refused() -> None:
    corners = tuple((x, y) for x, y in np.random.default_rng(0).integers(0, 3000, (18000, 2)).tolist())
    started = time.process_time()
    for shape in (Lasso(corners), Stroke(corners, 3000.0)):
        with pytest.raises(InputError, match="intricate"):
            drawn(shape, size=Size(4000, 3000))
    assert time.process_time() - started < 2
