"""served(): the page of these services on a free port, without a browser."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
import pytest

from rorem_demo.services import Services
from rorem_demo.ui.app import build, launch


@contextmanager
def served(services: Services) -> Iterator[str]:
    """Its address, as long as the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GRADIO_SERVER_PORT", str(port))
        environment.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        page = asyncio.run(_in_a_loop(services))
        yield page.local_url.rstrip("/")  # gradio reads the variable once, so a second page of a process has another
        page.close(verbose=False)


async def _in_a_loop(services: Services) -> gr.Blocks:
    """Made and served while a loop runs: without one gradio opens its own and never closes it."""
    return launch(build(services), services, block=False)
