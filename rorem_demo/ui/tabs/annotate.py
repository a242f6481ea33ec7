"""The Annotate tab: one picture, two keys."""

from __future__ import annotations

import gradio as gr

from rorem_demo.services import Services
from rorem_demo.ui.component import make_component, static

FEEDING = """
### Annotate
Results of any method can be shown here one after the other, to be answered with two keys. Whoever runs this page feeds
it with `ROREM_ANNOTATE`: a folder `source/ mask/ GT/ meta.json` as RORem has it, or a Hub dataset `owner/name`.
"""
"""For the About tab of a page that has nothing to annotate."""


def build_annotate_tab(services: Services) -> None:
    """The tab, where there is something to annotate."""
    if not services.settings.annotate:
        return
    with gr.Tab("Annotate", id="annotate", elem_id="annotate-tab"):
        make_component("annotate", static("annotate.html"))


def build_annotate_note(services: Services) -> None:
    """How to feed the tab, where nothing does."""
    if not services.settings.annotate:
        gr.Markdown(FEEDING)
