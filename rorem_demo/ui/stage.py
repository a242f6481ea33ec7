"""Stage: photo, selection, progress and result in one place, as a `gr.HTML` of our own.

The stock editor sends three full-size pictures for every mask; this one sends at most 4 KB: strokes are
drawn in the browser and again on the server (`imaging.draw`). Its script is plain ES modules in `static/`,
imported when the component loads. Native gradio inputs (method, options) are its children; CSS grid places
them. The page is told of a removal through one property, `update`, a value of `ui.values`.
"""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

from rorem_demo import __version__
from rorem_demo.ui.examples import EXAMPLES

STATIC = Path(__file__).parent / "static"
SCRIPT = f"""
const base = new URL("rorem/", document.baseURI);
import(new URL("static/stage.js?v={__version__}", base))
  .then((stage) => stage.mount({{ element, props, trigger, watch, base }}))
  .catch((error) => {{
    element.querySelector("[data-notice]").textContent = "The page could not load. Reload it.";
    throw error;
  }});
// its events, which gradio looks for here: "submit" (Remove), "stop" (Cancel)
"""


def make_stage(expiry_minutes: int) -> gr.HTML:
    """The component; use it in a `with` to give it its native children."""
    template = (STATIC / "stage.html").read_text(encoding="utf-8")
    examples = [{"file": example.file, "title": example.title} for example in EXAMPLES.values()]
    return gr.HTML(
        value="",
        html_template=template.replace("@minutes", str(expiry_minutes)),
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id="stage",
        update=None,
        examples=json.dumps(examples),
    )
