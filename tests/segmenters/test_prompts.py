"""Prompts as people type them."""

import pytest

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box
from rorem_demo.segmenters.base import BoxPrompt, Click
from rorem_demo.segmenters.prompts import read_box, read_click


@pytest.mark.parametrize(
    ("text", "click"),
    [
        ("12,34", Click(12, 34)),
        (" 12 , 34 ", Click(12, 34)),
        ("12,34,-", Click(12, 34, keep=True)),
        ("12,34, +", Click(12, 34)),
        ("-3,0", Click(-3, 0)),
        ("\u0661,\u0662", Click(1, 2)),
    ],
)
def test_clicks(text: str, click: Click) -> None:
    assert read_click(text) == click


@pytest.mark.parametrize("text", ["", "12", "12,", "a,b", "1.5,2", "1,2,3", "1,2,keep", "9" * 400 + ",1"])
def test_what_is_no_click_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="is no click") as refused:
        read_click(text)
    assert len(refused.value.sentence) < 160


def test_corners_of_a_box_come_in_any_order() -> None:
    assert read_box("30,40,10,20") == BoxPrompt(Box(10, 20, 30, 40))


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no box"):
        read_box(text)
