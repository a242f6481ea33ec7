"""The Annotate tab: one picture, two keys."""

from __future__ import annotations

import gradio as gr

from rorem_demo import __version__
from rorem_demo.services import Services
from rorem_demo.ui.stage import STATIC

FEEDING = """
### Annotate
Results of any method can be shown here one after the other, to be answered with two keys. Whoever runs this page feeds
it with `ROREM_ANNOTATE`: a folder `source/ mask/ GT/ meta.json` as RORem has it, or a Hub dataset `owner/name`.
"""
"""For the About tab of a page that has nothing to annotate."""

SCRIPT = f"""
const base = new URL("rorem/", document.baseURI);
import(new URL("static/annotate.js?v={__version__}", base))
  .then((tab) => tab.mount({{ element, base }}))
  .catch((error) => {{
    element.querySelector("[data-lead]").textContent = "The page could not load. Reload it.";
    throw error;
  }});
"""


def build_annotate_tab(services: Services) -> None:
    """The tab, where there is something to annotate."""
    if not services.settings.annotate:
        return
    with gr.Tab("Annotate", id="annotate", elem_id="annotate-tab"):
        gr.HTML(
            value="",
            html_template=(STATIC / "annotate.html").read_text(encoding="utf-8"),
            css_template=(STATIC / "annotate.css").read_text(encoding="utf-8"),
            js_on_load=SCRIPT,
            apply_default_css=False,
            elem_id="annotate",
        )


def build_annotate_note(services: Services) -> None:
    """How to feed the tab, where nothing does."""
    if not services.settings.annotate:
        gr.Markdown(FEEDING)
