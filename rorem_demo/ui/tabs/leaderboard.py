"""The Leaderboard tab: what people's answers say of each method, from the board as last counted."""

from __future__ import annotations

from rorem_demo.services import Services
from rorem_demo.ui.component import make_component, static


def build_leaderboard_tab(services: Services) -> None:
    """One component; its script asks for the board while somebody looks."""
    del services  # the route knows them
    make_component("leaderboard", static("leaderboard.html"))
