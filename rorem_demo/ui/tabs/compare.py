"""The Compare tab: methods side by side on the photo of the Remove tab, ready cases, and the paper's own numbers."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from rorem_demo.comparison import paper
from rorem_demo.removers.base import LIMITS, RemoverSpec
from rorem_demo.services import Services
from rorem_demo.ui.compare_live import compared
from rorem_demo.ui.compare_values import BenchView, to_props
from rorem_demo.ui.component import make_component, static
from rorem_demo.ui.methods import colour_of
from rorem_demo.ui.notices import busy_notice
from rorem_demo.ui.running import EVENTS, run_in_queue

_CHOSEN_SECONDS = 10.0
"""Methods that take longer before they begin are not chosen beforehand."""


def build_compare_tab(services: Services) -> None:
    """Lay the tab out and connect it."""
    bench = make_component("compare", _page(services), EVENTS, update=None)
    status = gr.HTML(elem_id="compare-queue", min_height=0)

    def on_compare(value: str) -> Iterator[dict[str, Any]]:
        for view in compared(services, value):
            yield gr.update(update=to_props(view))

    refused = BenchView(run=-1, trouble=busy_notice().sentence, ended=True)
    run_in_queue(bench, on_compare, [bench], status, lambda: gr.update(update=to_props(refused)))


def _page(services: Services) -> str:
    """The tab's HTML with what does not change while the page is open."""
    page = static("compare.html")
    here = [spec for spec in services.removers if not services.missing(spec)]
    filled = {
        "@methods": "".join(_choice(services, spec) for spec in here),
        "@absent": _absent(services),
        "@study": "".join(f'<option value="{escape(spec.key)}">{escape(spec.title)}</option>' for spec in here),
        "@options": "".join(map(_option, ("seed", "grow", "feather"))),
        "@paper": _paper(),
    }
    for name, html in filled.items():
        page = page.replace(name, html)
    return page


def _choice(services: Services, spec: RemoverSpec) -> str:
    chosen = " checked" if spec.cost_on(services.machine).fixed_seconds <= _CHOSEN_SECONDS else ""
    key = escape(spec.key)
    return (
        f'<label class="chip"><input type="checkbox" name="method" value="{key}"{chosen}>'
        f'<i class="mark" style="background:{colour_of(spec.key)}"></i>{escape(spec.title)}</label>'
    )


def _absent(services: Services) -> str:
    """Methods that cannot run here, behind one line, with what would bring them."""
    rows = [(spec, services.missing(spec)) for spec in services.removers]
    items = [
        f'<li><i class="mark" style="background:{colour_of(spec.key)}"></i><b>{escape(spec.title)}</b> '
        f"needs {escape(' and '.join(needs))}: <code>python -m rorem_demo weights {escape(spec.key)}</code></li>"
        for spec, needs in rows
        if needs
    ]
    if not items:
        return ""
    more = f"{len(items)} more {'method needs' if len(items) == 1 else 'methods need'} what is not here"
    return f"<details><summary>{more}</summary><ul>{''.join(items)}</ul></details>"


def _option(name: str) -> str:
    low, high = LIMITS[name]
    value = "0" if name == "seed" else ""
    return (
        f'<label class="number">{name.capitalize()}<input type="number" inputmode="numeric" name="{name}" step="1" '
        f'min="{low:g}" max="{high:.0f}" value="{value}" placeholder="default"></label>'
    )


def _paper() -> str:
    """Both tables of the paper, always under its name."""
    ours = {name: key for key, name in paper.ROWS.items()}
    head = "".join(f"<th>{column}</th>" for column in ("", *paper.COLUMNS)).replace("D_phi", "D<sub>φ</sub>")
    parts = []
    for size, rows in paper.TABLES.items():
        body = "".join(f"<tr>{_method_cell(row.method, ours)}{_cells(row)}</tr>" for row in rows)
        caption = f"At {size}: {paper.LABEL}"
        parts.append(f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>")
    return f'<div class="tables">{"".join(parts)}</div>{_sources()}'


def _method_cell(name: str, ours: dict[str, str]) -> str:
    mark = f'<i class="mark" style="background:{colour_of(ours[name])}"></i>' if name in ours else ""
    return f'<th scope="row">{mark}{escape(name)}</th>'


def _cells(row: paper.Row) -> str:
    digits = (1, 1, 2, 2, 2, 2, 2)
    return "".join(f"<td>{value:.{places}f}</td>" for value, places in zip(row.figures, digits, strict=True))


def _sources() -> str:
    def figure(commit: str) -> str:
        return f'<a href="{paper.FIGURES.format(commit=commit)}" target="_blank" rel="noopener">{commit}</a>'

    paper_itself = f'<a href="{paper.ADDRESS}" target="_blank" rel="noopener">arXiv</a>'
    return (
        f'<p class="quiet">{escape(paper.SOURCE)} ({paper_itself}), as the figures of its repository show it: commit '
        f"{figure(paper.COMMIT)}, and {figure(paper.FIRST_COMMIT)} for D<sub>φ</sub>, the discriminator's estimate. "
        "Measured by the authors, on their test photos and GPU. A colour mark stands at methods that this page has "
        "too.</p>"
    )
