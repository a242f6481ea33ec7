"""The Your data tab: what is kept and what never is, receipts of this browser, deletion, the store in numbers."""

from __future__ import annotations

from html import escape

from rorem_demo.settings import Settings
from rorem_demo.ui.component import make_component, static


def build_data_tab(settings: Settings) -> None:
    """One component; its script fills in what this browser remembers."""
    make_component("data", policy(settings))


def policy(settings: Settings) -> str:
    """The page's text for this server."""
    text = static("data.html")
    values = {
        "@minutes": f"{settings.expiry_minutes}",
        "@review": _review(settings),
        "@where": _where(settings),
        "@whither": _whither(settings),
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _review(settings: Settings) -> str:
    waits = f"They wait here for {settings.review_minutes:g} minutes" if settings.review_minutes else ""
    if settings.reviewed:
        waits += f"{' and' if waits else 'They wait here'} until somebody has looked at them"
    return f"{waits}, then they are published." if waits else ""


def _where(settings: Settings) -> str:
    if settings.on_space:
        return (
            "On this server's disk, which is lost at a restart. An answer is safe once it is published; until then its"
            " receipt says that it is not."
        )
    return "On this server's disk, written before you are thanked, and still there after a restart."


def _whither(settings: Settings) -> str:
    dataset = settings.feedback_dataset
    if dataset is None:
        return "Nowhere: this server has no dataset to publish to, so answers stay on it."
    name = escape(dataset)
    link = f'<a href="https://huggingface.co/datasets/{name}" target="_blank" rel="noopener">{name}</a>'
    return f"To the dataset {link}, within {settings.publish_minutes:g} minutes, to train removers and their judges."
