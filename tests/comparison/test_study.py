"""The study of mask sizes and edges: a grid in which nothing is tried twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.comparison.study import GROWN, named, studied
from rorem_demo.removers.base import LIMITS, RemovalOptions


def test_every_size_has_a_hard_and_a_soft_edge() -> None:
    cells = studied("telea", 5)
    assert [(cell.grow, cell.feather > 0) for cell in cells] == [
        (0, False), (0, False), (8, False), (8, True), (16, False), (16, True), (32, False), (32, True),
    ]  # fmt: skip
    assert GROWN == (0, 8, 16, 32)


def test_a_mask_that_was_not_grown_has_no_ring_to_soften_and_is_tried_once() -> None:
    assert [cell.entry is None for cell in studied("telea", 5)] == [False, True] + [False] * 6


def test_all_share_method_and_seed_and_differ_in_the_rest() -> None:
    entries = [cell.entry for cell in studied("telea", 5) if cell.entry]
    assert {(entry.method, entry.options.seed) for entry in entries} == {("telea", 5)}
    assert len({entry.options for entry in entries}) == len({entry.tile for entry in entries}) == 7


@given(st.integers(0, int(LIMITS["seed"][1])))
def test_a_soft_edge_lies_within_its_ring(seed: int) -> None:
    for cell in studied("telea", seed):
        assert cell.feather <= cell.grow
        if cell.entry:
            assert cell.entry.options == RemovalOptions(seed=seed, grow=cell.grow, feather=cell.feather)


@pytest.mark.parametrize(
    ("grow", "feather", "title"),
    [
        (0, 4, "not grown, hard"),
        (8, 0, "grown by 8 px, hard"),
        (16, 8, "grown by 16 px, soft over 8 px"),
        (4, 9, "grown by 4 px, soft over 4 px"),
    ],
)
def test_a_result_is_named_by_what_its_options_did(grow: int, feather: int, title: str) -> None:
    assert named(grow, feather) == title
