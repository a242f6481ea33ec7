"""The look: neutral greys, one accent, the system's own fonts, all through gradio's theme variables."""

from __future__ import annotations

import gradio as gr

from rorem_demo.ui.component import STATIC

STYLES = [STATIC / name for name in ("page.css", "stage.css")]


def make_theme() -> gr.themes.Base:
    """For `launch(theme=...)`."""
    system = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.pink,
        neutral_hue=gr.themes.colors.zinc,
        spacing_size=gr.themes.sizes.spacing_md,
        radius_size=gr.themes.sizes.radius_md,
        font=system,
        font_mono=["ui-monospace", "monospace"],
    ).set(
        block_border_width="0px",
        block_shadow="none",
        block_background_fill="*body_background_fill",
        block_background_fill_dark="*body_background_fill",
        block_padding="*spacing_sm",
        body_text_color_subdued="*neutral_600",  # gradio's own neutral_400 misses AA contrast
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_300",
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
    )
