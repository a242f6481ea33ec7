"""The About tab: the paper first, then the methods, and how to use this elsewhere."""

from __future__ import annotations

import gradio as gr
from gradio.context import Context

from rorem_demo.removers.base import RemoverSpec
from rorem_demo.segmenters.base import SegmenterSpec
from rorem_demo.services import Services

PAPER = """
### RORem
*RORem: Training a Robust Object Remover with Human-in-the-Loop* ([arXiv 2501.00740](https://arxiv.org/abs/2501.00740))
trains a remover with people in the loop: they say whether an object is really gone, a discriminator learns from
their answers, and the remover is trained again. This page is the open place to try that loop. Code by the paper's
authors: [leeruibin/RORem](https://github.com/leeruibin/RORem).
"""

JUDGE = """\
### Likely clean
Beside *Is it gone?* a small program may say how likely the result is clean. It is often wrong. What it said before you
answered is kept with your answer.
"""

SIMULATED = (
    "It was trained on simulated raters: a program labelled pictures whose truth is known. No person judged them, so "
    "how well it agrees with people is not known."
)

ELSEWHERE = """
### Your photo
Only pixels inside the grown selection change, and the page counts the others to show it. What is kept of a photo and
of an answer, and how to delete it, is on the page *Your data*.

### Elsewhere
`python -m rorem_demo select PHOTO --click X,Y -o MASK` and `remove PHOTO MASK -o OUT` do the same on your own machine.
The link *Use via API* below shows the endpoints `/select` and `/remove`, which are MCP tools as well.
"""


def build_about_tab(services: Services) -> None:
    """Text and one table; nothing to press."""
    with gr.Column(elem_id="about"):
        gr.Markdown(PAPER)
        gr.Markdown("### Methods\n" + methods_table(services))
        gr.Markdown("### Pointing\n" + segmenters_table(services))
        judge = gr.Markdown(judged(services))
        gr.Markdown(ELSEWHERE)
    if page := Context.root_block:  # it may be another one by the time a visitor comes
        page.load(lambda: judged(services), None, judge, queue=False, show_progress="hidden", api_visibility="private")


def judged(services: Services) -> str:
    """Which program says how likely a result is clean, or why none does."""
    told = services.discriminator.told
    lines = [JUDGE, f"At work: `{told.version}`." if told.version else f"None is at work. {told.why_off}"]
    if told.simulated:
        lines.append(SIMULATED)
    if told.trouble:
        lines.append(f"A newer version was not taken: {told.trouble}")
    return "\n\n".join(lines)


def methods_table(services: Services) -> str:
    """The catalogue as a Markdown table."""
    rows = [
        f"| {spec.title} | {spec.licence} | {spec.source} | {_availability(services, spec)} |"
        for spec in services.removers
    ]
    return "\n".join(["| Method | Licence | Source | Here |", "|---|---|---|---|", *rows])


def segmenters_table(services: Services) -> str:
    """What turns pointing into masks, as a Markdown table."""
    cells = [
        (spec.title, ", ".join(sorted(spec.prompts)), spec.licence, spec.source, _here(services, spec))
        for spec in services.selecting.segmenters
    ]
    rows = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join(["| Segmenter | Understands | Licence | Source | Here |", "|---|---|---|---|---|", *rows])


def _here(services: Services, spec: SegmenterSpec) -> str:
    needs = services.selecting.missing(spec)
    return f"needs {' and '.join(needs)}: `python -m rorem_demo weights {spec.key}`" if needs else "runs on the CPU"


def _availability(services: Services, spec: RemoverSpec) -> str:
    needs = services.missing(spec)
    return f"needs {' and '.join(needs)}" if needs else f"runs on the {spec.runs_on}"
