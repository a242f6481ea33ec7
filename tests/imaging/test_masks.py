"""Growing, shrinking, softening and bounding masks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rorem_demo.imaging.masks import bounding_box, distance_to, grow, soft_edge

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)).filter(np.any)
radii = st.integers(0, 12)


def marked_distances(mask: np.ndarray) -> np.ndarray:
    """Every pixel's distance to the nearest marked one, the slow way."""
    ys, xs = np.nonzero(mask)
    rows, columns = np.indices(mask.shape)
    return np.sqrt(((rows[..., None] - ys) ** 2 + (columns[..., None] - xs) ** 2).min(-1))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_distance_is_euclidean(mask: np.ndarray) -> None:
    assert np.allclose(distance_to(mask), marked_distances(mask), atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(masks, radii, radii)
def test_growing_loses_nothing_and_grows_with_the_radius(mask: np.ndarray, one: int, other: int) -> None:
    before = mask.copy()
    less, more = grow(mask, min(one, other)), grow(mask, max(one, other))
    assert less[mask].all()
    assert more[less].all()
    assert np.array_equal(mask, before)
    assert more.dtype == np.bool_


@settings(max_examples=60, deadline=None)
@given(masks, radii)
def test_growing_is_round(mask: np.ndarray, radius: int) -> None:
    assert np.array_equal(grow(mask, radius), marked_distances(mask) <= radius)


@settings(max_examples=60, deadline=None)
@given(masks, radii)
def test_shrinking_adds_nothing_and_is_growing_the_rest(mask: np.ndarray, radius: int) -> None:
    shrunk = grow(mask, -radius)
    assert mask[shrunk].all()
    if not mask.all():
        assert np.array_equal(shrunk, ~grow(~mask, radius))


def test_the_photo_edge_is_no_edge_of_the_object() -> None:
    mask = np.zeros((20, 20), np.bool_)
    mask[:, :10] = True
    shrunk = grow(mask, -3)
    assert shrunk[:, :7].all()
    assert not shrunk[:, 7:].any()
    assert grow(np.ones((5, 5), np.bool_), -9).all()


def test_nothing_stays_nothing() -> None:
    assert not grow(np.zeros((5, 5), np.bool_), 4).any()


@settings(max_examples=60, deadline=None)
@given(masks, radii, st.integers(0, 20))
def test_soft_edge(mask: np.ndarray, grown_by: int, feather: int) -> None:
    distance = distance_to(mask)
    alpha = soft_edge(distance, grown_by, feather)
    assert alpha.dtype == np.float32
    assert (alpha[mask] == 1).all()
    assert (alpha[distance > grown_by] == 0).all()
    assert (alpha[distance <= grown_by] > 0).all()
    assert alpha.max() <= 1
    order = np.argsort(distance, axis=None)
    assert (np.diff(alpha.ravel()[order]) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(0, 20))
def test_edge_is_hard_where_nothing_was_grown(mask: np.ndarray, feather: int) -> None:
    assert np.array_equal(soft_edge(distance_to(mask), 0, feather), mask.astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_bounding_box_is_tight(mask: np.ndarray) -> None:
    box = bounding_box(mask)
    inside = mask[box.slices]
    assert inside.sum() == mask.sum()
    assert inside[0].any()
    assert inside[-1].any()
    assert inside[:, 0].any()
    assert inside[:, -1].any()
