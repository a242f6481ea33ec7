"""The Arena tab: two pictures, four answers, and then the names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from rorem_demo import __version__
from rorem_demo.services import Services
from rorem_demo.ui.arena_own import OwnView, own_props, own_round
from rorem_demo.ui.notices import busy_notice
from rorem_demo.ui.running import run_in_queue
from rorem_demo.ui.stage import STATIC

SCRIPT = f"""
const base = new URL("rorem/", document.baseURI);
import(new URL("static/arena.js?v={__version__}", base))
  .then((tab) => tab.mount({{ element, props, trigger, watch, base }}))
  .catch((error) => {{
    element.querySelector("[data-lead]").textContent = "The page could not load. Reload it.";
    throw error;
  }});
// its events, which gradio looks for here: "submit" (Use my photo), "stop" (Cancel)
"""


def build_arena_tab(services: Services) -> None:
    """Lay the tab out and connect it."""
    runnable = sum(not services.missing(spec) for spec in services.removers)
    arena = gr.HTML(
        value="",
        html_template=(STATIC / "arena.html").read_text(encoding="utf-8").replace("@runnable", str(runnable)),
        css_template=(STATIC / "arena.css").read_text(encoding="utf-8"),
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id="arena",
        update=None,
    )
    status = gr.HTML(elem_id="arena-queue", min_height=0)

    def on_own_photo(value: str) -> Iterator[dict[str, Any]]:
        for view in own_round(services, value):
            yield gr.update(update=own_props(view))

    refused = OwnView(run=-1, trouble=busy_notice().sentence, ended=True)
    run_in_queue(arena, on_own_photo, [arena], status, lambda: gr.update(update=own_props(refused)))
