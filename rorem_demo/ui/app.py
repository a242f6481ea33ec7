"""build(): the page from Services; launch(): the page served, with its photo routes beside gradio's."""

from __future__ import annotations

import gradio as gr

from rorem_demo.services import Services
from rorem_demo.ui.api import add_endpoints
from rorem_demo.ui.routes import Routes
from rorem_demo.ui.tabs.about import build_about_tab
from rorem_demo.ui.tabs.annotate import build_annotate_note, build_annotate_tab
from rorem_demo.ui.tabs.arena import build_arena_tab
from rorem_demo.ui.tabs.compare import build_compare_tab
from rorem_demo.ui.tabs.data import build_data_tab
from rorem_demo.ui.tabs.leaderboard import build_leaderboard_tab
from rorem_demo.ui.tabs.remove import build_remove_tab
from rorem_demo.ui.theme import STYLES, make_theme

HEADER = "<h1>RORem</h1><p>Mark an object, and it is gone. The rest of your photo stays as it is.</p>"


def build(services: Services) -> gr.Blocks:
    """The page; a tab is one function of `ui.tabs`."""
    page: gr.Blocks
    with gr.Blocks(
        fill_width=True, title="RORem: remove objects from photos", analytics_enabled=False, delete_cache=(600, 3600)
    ) as page:
        gr.HTML(HEADER, elem_id="header", apply_default_css=False)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Remove", id="remove", elem_id="remove-tab"):
                build_remove_tab(services)
            with gr.Tab("Compare", id="compare", elem_id="compare-tab"):
                build_compare_tab(services)
            with gr.Tab("Arena", id="arena", elem_id="arena-tab"):
                build_arena_tab(services)
            with gr.Tab("Leaderboard", id="leaderboard", elem_id="leaderboard-tab"):
                build_leaderboard_tab(services)
            build_annotate_tab(services)
            with gr.Tab("Your data", id="data", elem_id="data-tab"):
                build_data_tab(services.settings)
            with gr.Tab("About", id="about"):
                build_about_tab(services)
                build_annotate_note(services)
        add_endpoints(services)
    page.queue(max_size=services.settings.queue_size)  # gradio's own bound is one waiting visitor on ZeroGPU
    return page


def launch(page: gr.Blocks, services: Services, *, block: bool = True) -> gr.Blocks:
    """Serve the page on GRADIO_SERVER_NAME and GRADIO_SERVER_PORT; 127.0.0.1:7860 by default.

    Without server-side rendering: its node process would stand between the page and the photo routes.
    """
    page.launch(
        theme=make_theme(),
        css_paths=STYLES,
        app_kwargs={"routes": Routes(services).all()},
        max_file_size=services.settings.max_upload_mb * 2**20,
        mcp_server=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=["api"],
        prevent_thread_lock=not block,
    )
    return page
