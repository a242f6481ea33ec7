"""Running: how a tab of our own starts what runs a remover, and stops it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

EVENTS = "submit", "stop"
"""What a component's script triggers to run something and to stop it."""
REMOVING = "remove"
"""One queue of gradio's for everything that runs a remover; selecting never waits in it."""
AT_ONCE = 16
"""Requests that gradio lets out of that queue at once. One of them works, the others wait in `Services.turns`.

Each of those holds one of gradio's 40 threads, and its photo and mask in memory; the other threads are for pages that
load, events without a queue and selecting. Who comes when all are taken waits in gradio's queue, first in first out.
"""


def run_in_queue(
    page: gr.HTML,
    handler: Callable[..., Any],
    inputs: Sequence[Component],
    status: gr.HTML,
    refused: Callable[[], dict[str, Any]],
) -> None:
    """Connect the component's events `submit`, which runs the handler, and `stop`.

    Through gradio's queue and never through a route of ours: ZeroGPU takes a visitor's quota from gradio's request.

    Args:
        page: the component, which is told by its property `update`.
        handler: a generator of updates; gradio names the endpoint after it.
        inputs: what the handler is given, the component first.
        status: where gradio shows the place in the queue.
        refused: the update that tells of a full queue.
    """
    event = page.submit(
        handler,
        list(inputs),
        page,
        api_visibility="private",
        concurrency_id=REMOVING,
        concurrency_limit=AT_ONCE,
        show_progress_on=status,
        trigger_mode="always_last",
    )
    event.failure(refused, None, page, queue=False, api_visibility="private")
    page.stop(None, cancels=[event], queue=False, api_visibility="private")
