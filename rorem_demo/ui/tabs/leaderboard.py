"""The Leaderboard tab: what people's answers say of each method, from the board as last counted."""

from __future__ import annotations

import gradio as gr

from rorem_demo import __version__
from rorem_demo.services import Services
from rorem_demo.ui.stage import STATIC

SCRIPT = f"""
const base = new URL("rorem/", document.baseURI);
import(new URL("static/leaderboard.js?v={__version__}", base))
  .then((tab) => tab.mount({{ element, base }}))
  .catch((error) => {{
    element.querySelector("[data-summary]").textContent = "The board could not load. Reload the page.";
    throw error;
  }});
"""


def build_leaderboard_tab(services: Services) -> None:
    """One component; its script asks for the board while somebody looks."""
    del services  # the route knows them
    gr.HTML(
        value="",
        html_template=(STATIC / "leaderboard.html").read_text(encoding="utf-8"),
        css_template=(STATIC / "leaderboard.css").read_text(encoding="utf-8"),
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id="leaderboard",
    )
