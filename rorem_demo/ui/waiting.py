"""Waiting for a turn, as the faces see it: who the visitor is, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from secrets import token_bytes

from starlette.requests import Request

from rorem_demo.feedback.identity import rater_of
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.ui.http import address_of

_KEY = token_bytes(32)
_MINUTES_FROM = 90.0


def visitor_on_page(services: Services, photo: str) -> str:
    """Whoever has the photo with this id open."""
    return services.visits.visit_of(photo) or photo


def visitor_of_call(request: Request | None, session: str | None) -> str:
    """Whoever calls the API: by a hash of their address that this process alone can make; inside a network by session.

    A session is made up by the caller's program, so it tells no two callers apart who want to be many.
    """
    address = address_of(request) if request else ""
    if not _is_public(address):
        return session or "unknown"
    return rater_of(_KEY, address, datetime.now(UTC).date())


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:  # a socket without an address, or a test's client
        return False


def in_words(waiting: Waiting) -> str:
    """One sentence for the page."""
    before = f"Waiting: {waiting.before} before you"
    if waiting.seconds is None or waiting.seconds < 1:
        return f"{before}."
    if waiting.seconds < _MINUTES_FROM:
        return f"{before}, about {waiting.seconds:.0f} s."
    return f"{before}, about {waiting.seconds / 60:.0f} min."
