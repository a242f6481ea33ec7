"""The Remove tab: load, select, remove once or several times, compare, continue."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components import Component

from rorem_demo.errors import RoremError
from rorem_demo.imaging.types import Image, Mask, as_mask
from rorem_demo.removers.base import LIMITS, Progress, RemovalOptions, RemoverSpec
from rorem_demo.runtime.turns import Begun
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.several.plan import plan_for
from rorem_demo.several.run import Tried
from rorem_demo.ui.notices import OPTION_LABELS, busy_notice, describe, picture_address, told
from rorem_demo.ui.running import run_in_queue
from rorem_demo.ui.several import TRIES, count_of, done, several, tries_choice
from rorem_demo.ui.stage import make_stage
from rorem_demo.ui.values import RemovalRequest, Started, Trouble, Update, Waits, Working, parse_removal, to_props
from rorem_demo.ui.waiting import in_words, visitor_on_page

log = logging.getLogger(__name__)


def build_remove_tab(services: Services) -> None:
    """Lay the tab out and connect it."""
    with make_stage(services.settings.expiry_minutes) as stage, gr.Column(elem_id="controls"):
        method = _method_choice(services)
        inputs: dict[str, Component] = {**tries_choice(services), **_advanced(services, method)}
    status = gr.HTML(elem_id="queue-status", min_height=0)

    def on_submit(value: str, key: str, *given: float | None) -> Iterator[dict[str, Any]]:
        asked = dict(zip(inputs, given, strict=True))
        for update in _updates(services, value, key, asked, asked.pop(TRIES, 1)):
            yield gr.update(update=to_props(update))

    # Not `remove`: gradio names a handler after its function, and that name is the API's.
    run_in_queue(
        stage, on_submit, [stage, method, *inputs.values()], status, lambda: gr.update(update=to_props(busy_notice()))
    )


def _method_choice(services: Services) -> gr.Radio:
    runnable = [(spec.title, spec.key) for spec in services.removers if not services.missing(spec)]
    choice = gr.Radio(runnable, value=services.default_remover.key, label="Method", elem_id="method")
    gr.HTML(_descriptions(services), elem_id="methods")
    return choice


def _descriptions(services: Services) -> str:
    """The chosen method in a few words; behind one line those that cannot run here, with what would bring them."""
    here: list[str] = []
    absent: list[str] = []
    for spec in services.removers:
        needs = services.missing(spec)
        (absent if needs else here).append(describe(spec, services.machine, needs))
    if not absent:
        return "".join(here)
    more = f"{len(absent)} more {'method needs' if len(absent) == 1 else 'methods need'} what is not here"
    return "".join(here) + f"<details><summary>{more}</summary>{''.join(absent)}</details>"


def _advanced(services: Services, method: gr.Radio) -> dict[str, gr.Number]:
    """Inputs by option name, holding the chosen method's defaults; an option no remover uses has none."""
    used = {name for spec in services.removers for name in spec.uses}
    names = [*(name for name in ("seed", "steps", "guidance") if name in used), "grow", "feather"]
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        inputs = {name: _option_input(services.default_remover, name) for name in names}

    def follow(key: str, *values: float | None) -> list[dict[str, Any]]:
        return _following(services, services.removers[key], dict(zip(inputs, values, strict=True)))

    follows = [method, *inputs.values()], list(inputs.values())
    method.change(follow, *follows, queue=False, show_progress="hidden", api_visibility="private")
    return inputs


def _option_input(spec: RemoverSpec, name: str) -> gr.Number:
    low, high = LIMITS[name]
    label, info = OPTION_LABELS[name]
    return gr.Number(
        getattr(spec.defaults, name),
        label=label,
        info=info,
        minimum=low,
        maximum=high,
        visible=_matters(spec, name),
        elem_id=name,
    )


def _following(services: Services, spec: RemoverSpec, values: dict[str, float | None]) -> list[dict[str, Any]]:
    """Updates for a newly chosen method: what is still some method's default follows, what was changed stays."""
    untouched = {
        name for name, value in values.items()
        if value is None or any(getattr(other.defaults, name) == value for other in services.removers)
    }  # fmt: skip
    return [
        gr.update(
            visible=_matters(spec, name), **({"value": getattr(spec.defaults, name)} if name in untouched else {})
        )
        for name in values
    ]


def _matters(spec: RemoverSpec, name: str) -> bool:
    return name in spec.uses or name in {"grow", "feather"}


def _updates(
    services: Services, value: str, key: str, asked: dict[str, float | None], tries: float | None = 1
) -> Iterator[Update]:
    """What the stage is told of one removal, or of several; failures are told, never raised."""
    run = -1  # fits whatever the page waits for
    try:
        request = parse_removal(value)
        run = request.run
        yield from _removal(services, request, services.removers[key], RemovalOptions.given(asked), count_of(tries))
    except RoremError as error:
        yield _trouble(services, run, key, told(error))
    except Exception:  # the border to the page: the visitor gets a sentence, the log the traceback
        log.exception("a removal failed")
        yield _trouble(services, run, key, "Something failed on the server. Try again.")


def _removal(
    services: Services, request: RemovalRequest, spec: RemoverSpec, options: RemovalOptions, tries: int
) -> Iterator[Update]:
    image, mask = services.photo(request.photo).image, services.mask(request.photo, request.drawing)
    as_mask(mask, image)
    if tries > 1:
        yield from several(services, request, mask, plan_for(services, spec.key, mask, options, tries))
    else:
        yield from _one(services, request, (image, mask), spec, options)


def _one(
    services: Services,
    request: RemovalRequest,
    picture: tuple[Image, Mask],
    spec: RemoverSpec,
    options: RemovalOptions,
) -> Iterator[Update]:
    visitor = visitor_on_page(services, request.photo)
    for update in services.remove_in_turn(visitor, spec.key, *picture, options):
        match update:
            case Waiting():
                yield Waits(run=request.run, sentence=in_words(update))
            case Begun():
                seconds = services.estimate(spec.key, picture[1], options)
                yield Started(run=request.run, seconds=seconds, title=spec.title)
            case Progress(fraction, box, shown):
                preview = None if shown is None else picture_address(shown)
                yield Working(run=request.run, fraction=fraction, box=box, preview=preview)
            case _:
                result = services.keep_result(request.photo, update, request.made_by)
                yield done(services, request.run, Tried(result, update, None))


def _trouble(services: Services, run: int, key: str, sentence: str) -> Trouble:
    other = services.default_remover
    if other.key == key:
        return Trouble(run=run, sentence=sentence)
    return Trouble(run=run, sentence=sentence, alternative=other.key, alternative_title=other.title)
