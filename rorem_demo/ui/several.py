"""Best of several on the page: the choice of how many, and what the stage is told of a run.

How many is a choice of its own beside the method, shown where a judge can rank them; where none can, one line says
why. Each result is told as `Done` like that of a single removal, with its own id.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import gradio as gr

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Mask
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.several.plan import MOST, Plan, offered, why_not
from rorem_demo.several.run import Tried, Trying, remove_several
from rorem_demo.ui.notices import picture_address
from rorem_demo.ui.values import Done, Ranked, RemovalRequest, Started, Update, Waits, Working, scored
from rorem_demo.ui.waiting import in_words, visitor_on_page

TRIES = "tries"
"""Name of the input."""


def tries_choice(services: Services) -> dict[str, gr.Radio]:
    """The choice of how many, by name; none where several could not be ranked, or would not differ."""
    if reason := why_not(services):
        gr.HTML(f'<p class="tries-told">Best of several needs a judge. {escape(reason)}</p>', elem_id="tries-none")
        return {}
    counts, seconds = offered(services), services.settings.best_of_seconds
    if not counts:
        return {}
    choices = [("1", 1), *((f"Best of {count}", count) for count in counts)]
    choice = gr.Radio(choices, value=1, label="Tries", elem_id="tries")
    words = f"Other methods and seeds too, up to {seconds:g}&nbsp;s. A program ranks them; see About."
    gr.HTML(f'<p class="tries-told" data-best-of-seconds="{seconds:g}">{words}</p>', elem_id="tries-about")
    return {TRIES: choice}


def count_of(tries: object) -> int:
    """How many a browser asks for.

    Raises:
        InputError: no such number is offered anywhere.
    """
    if type(tries) is not int or not 1 <= tries <= MOST:
        raise InputError("The number of tries could not be read.", hint="Choose it again.")
    return tries


def several(services: Services, request: RemovalRequest, mask: Mask, plan: Plan) -> Iterator[Update]:
    """What the stage is told of a run; raises as `remove_several`."""
    visitor, started = visitor_on_page(services, request.photo), False
    for update in remove_several(services, request.photo, mask, plan, made_by=request.made_by, visitor=visitor):
        if isinstance(update, Waiting):
            yield Waits(run=request.run, sentence=in_words(update))
        elif isinstance(update, Trying):
            if not started:
                yield Started(run=request.run, seconds=plan.seconds, title=_title(services, plan, 1))
            started = True
            yield _working(services, request.run, plan, update)
        else:
            results = tuple(done(services, request.run, tried) for tried in update.results)
            yield Ranked(run=request.run, results=results, notes=update.notes)


def _working(services: Services, run: int, plan: Plan, update: Trying) -> Working:
    title, progress = _title(services, plan, update.number), update.progress
    preview = progress.preview if progress else None
    return Working(
        run=run,
        fraction=update.fraction,
        box=progress.box if progress else None,
        preview=None if preview is None else picture_address(preview),
        title=title,
    )


def _title(services: Services, plan: Plan, number: int) -> str:
    if number > len(plan.attempts):
        return "Ranking"
    return f"{number} of {len(plan.attempts)}, {services.removers[plan.attempts[number - 1].key].title}"


def done(services: Services, run: int, tried: Tried) -> Done:
    """What the stage is told of one result."""
    removal, spec = tried.removal, services.removers[tried.removal.remover]
    return Done(
        run=run,
        photo=tried.result,
        seconds=removal.seconds,
        changed_outside=removal.changed_outside,
        title=spec.title,
        seed=removal.options.seed if "seed" in spec.uses else None,
        notes=removal.notes,
        score=scored(tried.likely),
    )
