"""compared(): what the Compare tab is told while methods work on the open photo, side by side."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from rorem_demo.comparison.lineup import Entry, Failed, Finished, Started, Working, lineup
from rorem_demo.comparison.study import NO_RING, Cell, studied
from rorem_demo.errors import InputError, RoremError
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Mask, as_mask, size_of
from rorem_demo.removers.base import Removal, RemovalOptions
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.ui.compare_facts import awaited_facts, original_tile, removal_facts
from rorem_demo.ui.compare_values import SHOWN, BenchView, ComparisonRequest, TileView, parse_comparison, shown_box
from rorem_demo.ui.http import FAILED
from rorem_demo.ui.methods import colour_of
from rorem_demo.ui.notices import told
from rorem_demo.ui.waiting import in_words, visitor_on_page

log = logging.getLogger(__name__)


def compared(services: Services, value: str) -> Iterator[BenchView]:
    """The bench as it fills; failures are told, never raised."""
    view = BenchView(run=-1)
    try:
        request = parse_comparison(value)
        view = replace(view, run=request.run)
        for view in _filled(services, request):  # the last one is told again with what went wrong
            yield view
    except RoremError as error:
        yield replace(view, trouble=told(error), ended=True)
    except Exception:  # the border to the page: the visitor gets a sentence, the log the traceback
        log.exception("a comparison failed")
        yield replace(view, trouble=FAILED, ended=True)


def _filled(services: Services, request: ComparisonRequest) -> Iterator[BenchView]:
    image, mask = services.photo(request.photo).image, services.mask(request.photo, request.drawing)
    as_mask(mask, image)
    entries, tiles, columns = _study(services, request) if request.study else _methods(services, request, mask)
    services.discriminator.begin()  # it loads while the first method works
    view = _begun(services, request, mask, entries, tiles, columns)
    yield view
    run = partial(services.remove_in_turn, visitor_on_page(services, request.photo))
    for update in lineup(run, image, mask, entries):
        view = replace(view, waiting=in_words(update) if isinstance(update, Waiting) else "")
        match update:
            case Started(tile):
                view = view.with_tile(tile, state="working")
            case Working(tile, fraction):
                view = view.with_tile(tile, fraction=round(fraction, 3))
            case Failed(tile, sentence):
                view = view.with_tile(tile, state="failed", sentence=sentence)
            case Finished(tile, removal):
                for view in _finished(services, request, view, tile, removal):  # noqa: B020  # goes on from the last
                    yield view
        yield view
    yield replace(view, ended=True)


def _methods(services: Services, request: ComparisonRequest, mask: Mask) -> tuple[list[Entry], list[TileView], int]:
    entries, tiles = [], []
    for spec in [spec for spec in services.removers if spec.key in request.methods]:
        entry = Entry(tile=spec.key, method=spec.key, options=request.options)
        seconds = services.estimate(spec.key, mask, request.options)
        facts = awaited_facts(spec, seconds)
        entries.append(entry)
        tiles.append(
            TileView(tile=spec.key, title=spec.title, colour=colour_of(spec.key), method=spec.key, facts=facts)
        )
    if len(entries) < len(request.methods):
        raise InputError("One of these methods is unknown.", hint="Reload the page.")
    return entries, tiles, 0


def _study(services: Services, request: ComparisonRequest) -> tuple[list[Entry], list[TileView], int]:
    spec = services.removers[request.methods[0]]
    cells = studied(spec.key, request.options.seed)
    tiles = [_cell_tile(cell, spec.key) for cell in cells]
    return [cell.entry for cell in cells if cell.entry], tiles, 2


def _cell_tile(cell: Cell, method: str) -> TileView:
    tile = TileView(tile=cell.tile, title=cell.title, colour=colour_of(method), method=method)
    return tile if cell.entry else replace(tile, title="not grown, soft", state="none", sentence=NO_RING)


def _begun(  # noqa: PLR0913, PLR0917  # a photo, a mask, and what is to be done
    services: Services,
    request: ComparisonRequest,
    mask: Mask,
    entries: Sequence[Entry],
    tiles: Sequence[TileView],
    columns: int,
) -> BenchView:
    size = size_of(mask)
    grown = max(_resolved_grow(services, entry.method, entry.options) for entry in entries)
    box = shown_box(bounding_box(mask).grown(grown, size), size)
    return BenchView(
        run=request.run,
        title=f"Mask size and edge, {services.removers[request.methods[0]].title}" if request.study else "Your photo",
        columns=columns,
        size=SHOWN.fit(size).scaled,
        view=f"compare/photos/{request.photo}/view",
        picture=_part(request.photo, box),
        box=box,
        tiles=(original_tile(), *tiles),
    )


def _resolved_grow(services: Services, method: str, options: RemovalOptions) -> int:
    return services.removers[method].defaults.overridden(options).grow


def _finished(
    services: Services, request: ComparisonRequest, view: BenchView, tile: str, removal: Removal
) -> Iterator[BenchView]:
    """At once, and again when the judge has spoken."""
    key = services.keep_result(request.photo, removal, request.made_by)
    picture = _part(key, view.box) if view.box else ""
    facts = removal_facts(services, removal, None)
    view = view.with_tile(tile, state="done", result=key, picture=picture, box=view.box, facts=facts, fraction=1.0)
    yield view
    if key in services.visits and (likely := services.likely(key)):
        yield view.with_tile(tile, facts=removal_facts(services, removal, likely.score))


def _part(photo: str, box: tuple[int, ...]) -> str:
    return f"compare/photos/{photo}/part?box={','.join(map(str, box))}"
