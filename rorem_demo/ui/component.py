"""make_component(): a `gr.HTML` of our own: a page, a style and plain ES modules of `static/`.

The script is imported when the component loads and given what gradio gives: the element, its properties, what triggers
and watches events. Where that fails, the page's element `data-unloaded` says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from rorem_demo import __version__

STATIC = Path(__file__).parent / "static"
_SCRIPT = """
const base = new URL("rorem/", document.baseURI);
import(new URL("static/{name}.js?v={version}", base))
  .then((module) => module.mount({{ element, props, trigger, watch, base }}))
  .catch((error) => {{
    element.querySelector("[data-unloaded]").textContent = "The page could not load. Reload it.";
    throw error;
  }});
// its events, which gradio looks for here: {events}
"""


def static(file: str) -> str:
    """The text of a file in `static/`."""
    return (STATIC / file).read_text(encoding="utf-8")


def make_component(
    name: str, page: str, events: Sequence[str] = (), *, style: str | None = None, **properties: Any
) -> gr.HTML:
    """The component whose script and id have this name.

    Args:
        name: of `NAME.js`, and of `NAME.css` where no style is given.
        page: its HTML.
        events: what the script triggers.
        style: its CSS.
        properties: first values of what the script watches.
    """
    return gr.HTML(
        value="",
        html_template=page,
        css_template=static(f"{name}.css") if style is None else style,
        js_on_load=_SCRIPT.format(name=name, version=__version__, events=", ".join(map(json.dumps, events))),
        apply_default_css=False,
        elem_id=name,
        **properties,
    )
