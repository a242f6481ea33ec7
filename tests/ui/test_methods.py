"""Every method's colour: the same everywhere, and seen on any background of the page."""

from __future__ import annotations

import subprocess
import sys

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.methods import NEUTRAL, PALETTE, colour_of, luminance, title_of

zinc = gr.themes.colors.zinc
BACKGROUNDS = ["#ffffff", zinc.c50, zinc.c100, zinc.c800, zinc.c900, zinc.c950]
"""Of the page, of panels and of inputs, in light and in dark."""


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("colour", [*PALETTE, NEUTRAL])
def test_a_mark_is_seen_on_every_background(colour: str, background: str) -> None:
    assert contrast(colour, background) >= 3


@given(st.text())
def test_a_name_nobody_knows_has_a_colour_that_is_seen(name: str) -> None:
    assert all(contrast(colour_of(name), background) >= 3 for background in BACKGROUNDS)


def test_every_row_of_the_catalogue_has_a_colour_of_its_own() -> None:
    colours = [colour_of(spec.key) for spec in REMOVERS]
    assert len({*colours, NEUTRAL}) == len(colours) + 1


def test_an_imported_name_has_the_same_colour_in_another_process() -> None:
    code = "from rorem_demo.ui.methods import colour_of; print(colour_of('object-clear'))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == colour_of("object-clear")


def test_luminance_is_that_of_the_standard() -> None:
    assert luminance("#ffffff") == pytest.approx(1)
    assert luminance("#000000") == 0
    assert luminance("#777777") == pytest.approx(0.184, abs=1e-3)


def test_a_title_is_the_catalogues_and_else_the_key() -> None:
    services = Services.assemble(Settings(cases=None))
    assert title_of(services, "lama") == "LaMa"
    assert title_of(services, "who-knows") == "who-knows"
