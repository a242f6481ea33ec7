"""The Arena tab: two pictures, four answers, and then the names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from rorem_demo.services import Services
from rorem_demo.ui.arena_own import OwnView, own_props, own_round
from rorem_demo.ui.component import make_component, static
from rorem_demo.ui.notices import busy_notice
from rorem_demo.ui.running import EVENTS, run_in_queue


def build_arena_tab(services: Services) -> None:
    """Lay the tab out and connect it."""
    runnable = sum(not services.missing(spec) for spec in services.removers)
    page = static("arena.html").replace("@runnable", str(runnable))
    arena = make_component("arena", page, EVENTS, update=None)
    status = gr.HTML(elem_id="arena-queue", min_height=0)

    def on_own_photo(value: str) -> Iterator[dict[str, Any]]:
        for view in own_round(services, value):
            yield gr.update(update=own_props(view))

    refused = OwnView(run=-1, trouble=busy_notice().sentence, ended=True)
    run_in_queue(arena, on_own_photo, [arena], status, lambda: gr.update(update=own_props(refused)))
