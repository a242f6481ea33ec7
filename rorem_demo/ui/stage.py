"""Stage: photo, selection, progress and result in one place, as a `gr.HTML` of our own.

The stock editor sends three full-size pictures for every mask; this one sends at most 4 KB: strokes are
drawn in the browser and again on the server (`imaging.draw`). Native gradio inputs (method, options) are its children;
CSS grid places them. The page is told of a removal through one property, `update`, a value of `ui.values`.
"""

from __future__ import annotations

import json

import gradio as gr

from rorem_demo.ui.component import make_component, static
from rorem_demo.ui.examples import EXAMPLES
from rorem_demo.ui.running import EVENTS


def make_stage(expiry_minutes: int) -> gr.HTML:
    """The component; use it in a `with` to give it its native children."""
    page = static("stage.html").replace("@minutes", str(expiry_minutes))
    examples = [{"file": example.file, "title": example.title} for example in EXAMPLES.values()]
    properties = {"update": None, "examples": json.dumps(examples)}
    return make_component("stage", page, EVENTS, style="", **properties)  # its style is the page's own
