"""The contact sheet: a PNG that shows every tile."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from rorem_demo.comparison.sheet import TILE, Tile, contact_sheet
from rorem_demo.imaging.types import Image

RED, BLUE = (200, 40, 30), (20, 60, 210)


def tile(colour: tuple[int, int, int], title: str = "Method", size: tuple[int, int] = (60, 90), **more: object) -> Tile:
    image = np.full((*size, 3), colour, np.uint8)
    return Tile(image=image, title=title, colour="#009048", **more)  # type: ignore[arg-type]


def opened(data: bytes) -> Image:
    with PIL.Image.open(BytesIO(data)) as picture:
        assert picture.format == "PNG"
        return np.array(picture)


def count(page: Image, colour: tuple[int, int, int]) -> int:
    return int((page == np.array(colour, np.uint8)).all(axis=2).sum())


@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_every_tile_is_whole_on_the_sheet(number: int) -> None:
    page = opened(contact_sheet([tile(RED), *[tile(BLUE)] * (number - 1)], "A dog", "somebody, CC0"))
    assert count(page, RED) == 60 * 90
    assert count(page, BLUE) == 60 * 90 * (number - 1)


def test_marks_titles_and_lines_are_drawn() -> None:
    bare = opened(contact_sheet([tile(RED, title="")], "", ""))
    full = opened(contact_sheet([tile(RED, lines=("1.2 s on the CPU",))], "A dog", "somebody"))
    assert count(full, (0x00, 0x90, 0x48)) == count(bare, (0x00, 0x90, 0x48)) == 14 * 14
    ink = [int((page.max(axis=2) < 150).sum()) for page in (bare, full)]
    assert ink[1] > ink[0] + 100


def test_large_photos_are_made_small() -> None:
    page = opened(contact_sheet([tile(RED, size=(3000, 4000))], "", ""))
    assert page.shape[1] == TILE + 32
    assert count(page, RED) == TILE * TILE * 3 // 4


def test_a_text_too_long_for_its_place_is_cut_and_does_not_reach_the_next_tile() -> None:
    long = "a very long licence that goes on and on " * 20
    page = opened(contact_sheet([tile(RED, title=long, lines=(long,)), tile(BLUE, title="")], long, long))
    assert page.shape[1] == 16 + 2 * (240 + 16)
    words = page[148:176]  # the line under both titles
    assert (words[:, :256].min(axis=2) < 120).any()
    assert (words[:, 260:].min(axis=2) == 255).all()


def test_any_text_can_be_written() -> None:
    assert opened(contact_sheet([tile(RED, title="日本 \ud83d\ude00 \x00\n é")], "", "")).size
