"""Comparing over HTTP: ready cases, pictures without loss, files to keep.

    GET  /rorem/compare/cases?from=0                 a page of ready cases
    GET  /rorem/compare/cases/{case}                 everything of one, as the page shows it
    GET  /rorem/compare/cases/{case}/thumb           a small JPEG
    GET  /rorem/compare/cases/{case}/view            the photo as a JPEG
    GET  /rorem/compare/cases/{case}/part?box=       its pixels in a box, as a PNG
    GET  /rorem/compare/cases/{case}/truth?box=      likewise, of the photo without the object
    GET  /rorem/compare/cases/{case}/results/{method}?box=   likewise, of a result
    GET  /rorem/compare/photos/{photo}/view          of a photo or result that a visitor has open
    GET  /rorem/compare/photos/{photo}/part?box=     likewise
    GET  /rorem/compare/file?as=png|md|tex&case=ID   contact sheet or table; or &results=ID,ID for live results

What runs a remover is an event of gradio (`ui.tabs.compare`). Boxes are in pixels of the picture as shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rorem_demo.comparison.cases import Case, CaseResult
from rorem_demo.errors import InputError
from rorem_demo.imaging.io import encode_image
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Box, Image, Size, size_of
from rorem_demo.services import Services
from rorem_demo.ui.compare_export import FORMATS, Exported, of_case, of_results
from rorem_demo.ui.compare_facts import TRUTH, credited, original_tile, result_facts
from rorem_demo.ui.compare_values import SHOWN, BenchView, TileView, parse_box, parse_ids, shown_box, to_props
from rorem_demo.ui.http import PRIVATE, Table, attachment
from rorem_demo.ui.methods import NEUTRAL, colour_of

P = ParamSpec("P")
R = TypeVar("R")

PAGE = 24
"""Ready cases told at once."""
THUMB = SizeRule(longest=192)
_FRESH = {"Cache-Control": "no-store"}


class Compare:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limiter = CapacityLimiter(2)  # pictures decoded or encoded at once: bounds memory

    def table(self) -> Table:
        """For `ui.routes`."""
        return [
            ("GET", "/compare/cases", self.cases),
            ("GET", "/compare/cases/{case}", self.case),
            ("GET", "/compare/cases/{case}/thumb", self.thumb),
            ("GET", "/compare/cases/{case}/view", self.case_view),
            ("GET", "/compare/cases/{case}/part", self.case_part),
            ("GET", "/compare/cases/{case}/truth", self.truth),
            ("GET", "/compare/cases/{case}/results/{method}", self.result),
            ("GET", "/compare/photos/{photo}/view", self.view),
            ("GET", "/compare/photos/{photo}/part", self.part),
            ("GET", "/compare/file", self.file),
        ]

    async def cases(self, request: Request) -> Response:
        """A page of ready cases, and how many there are."""
        text = request.query_params.get("from", "0")
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise InputError("There is no such page of cases.", hint="Reload the page.")
        return JSONResponse(await self._run(self._page, int(text)), headers=_FRESH)

    async def case(self, request: Request) -> Response:
        """Everything of a ready case."""
        return JSONResponse(await self._run(lambda: to_props(case_view(self._case(request)))), headers=_FRESH)

    async def thumb(self, request: Request) -> Response:
        """The photo, small."""
        return await self._jpeg(self._case(request).source, THUMB)

    async def case_view(self, request: Request) -> Response:
        """The photo as the page shows it."""
        return await self._jpeg(self._case(request).source, SHOWN)

    async def case_part(self, request: Request) -> Response:
        """Part of the photo, without loss."""
        return await self._png(self._case(request).source, request)

    async def truth(self, request: Request) -> Response:
        """Part of the photo without the object."""
        case = self._case(request)
        if not case.truth:
            raise InputError("Nobody knows the truth of this case.", hint="Choose another one.")
        return await self._png(case.true_image, request)

    async def result(self, request: Request) -> Response:
        """Part of a result."""
        case, method = self._case(request), request.path_params["method"]
        if method not in {result.method for result in case.results}:
            raise InputError("This case has no such result.", hint="Choose another one.")
        return await self._png(partial(case.image, method), request)

    async def view(self, request: Request) -> Response:
        """A visitor's photo or result as the page shows it."""
        photo = self._services.photo(request.path_params["photo"])
        return await self._jpeg(lambda: photo.image, SHOWN, photo.icc)

    async def part(self, request: Request) -> Response:
        """Part of a visitor's photo or result, without loss."""
        photo = self._services.photo(request.path_params["photo"])
        return await self._png(lambda: photo.image, request, photo.icc)

    async def file(self, request: Request) -> Response:
        """What stands side by side, as a file to keep."""
        suffix, case = request.query_params.get("as", ""), request.query_params.get("case")
        if suffix not in FORMATS:
            raise InputError("There is no such file.", hint="Choose PNG, Markdown or LaTeX.")
        keys = () if case else parse_ids(request.query_params.get("results", ""))

        def made() -> tuple[str, bytes]:
            found: Exported = of_case(self._named(case)) if case else of_results(self._services, keys)
            return f"{found.name}.{suffix}", found.file(suffix)

        name, data = await self._run(made)
        return attachment(data, name, FORMATS[suffix])

    def _page(self, start: int) -> dict[str, Any]:
        found = list(self._services.cases.cases.values())
        shown = [{"id": case.id, "title": case.title, "credit": credited(case)} for case in found[start : start + PAGE]]
        return {"cases": shown, "total": len(found)}

    def _case(self, request: Request) -> Case:
        return self._named(request.path_params["case"])

    def _named(self, key: str) -> Case:
        case = self._services.cases.cases.get(key)
        if case is None:
            raise InputError("There is no such case.", hint="Choose one of those shown.")
        return case

    async def _jpeg(self, image: Callable[[], Image], rule: SizeRule, icc: bytes | None = None) -> Response:
        data = await self._run(lambda: encode_image(_shown(image(), rule), "JPEG", icc))
        return Response(data, headers={"Content-Type": "image/jpeg", **PRIVATE})

    async def _png(self, image: Callable[[], Image], request: Request, icc: bytes | None = None) -> Response:
        text = request.query_params.get("box", "")
        data = await self._run(lambda: encode_image(_part(image(), text), "PNG", icc))
        return Response(data, headers={"Content-Type": "image/png", **PRIVATE})

    async def _run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._limiter)


def case_view(case: Case) -> BenchView:
    """A ready case side by side."""
    at = f"compare/cases/{case.id}"
    tiles = [original_tile(), *(_result_tile(case, result, at) for result in case.results)]
    if case.truth:
        box = _where(case.truth_box, case.size)
        facts = ("the photo without the object",)
        tiles.append(_pictured(TileView(tile=TRUTH, title="Truth", colour=NEUTRAL, facts=facts), f"{at}/truth", box))
    boxes = [tile.box for tile in tiles if tile.box]
    around = _around(boxes) if boxes else None
    return BenchView(
        run=-1,
        title=case.title,
        credit=credited(case),
        case=case.id,
        size=SHOWN.fit(case.size).scaled,
        view=f"{at}/view",
        picture=_address(f"{at}/part", around) if around else "",
        box=around,
        tiles=tuple(tiles),
        ended=True,
    )


def _result_tile(case: Case, result: CaseResult, at: str) -> TileView:
    key = result.method
    tile = TileView(
        tile=key, method=key, title=result.title, colour=colour_of(key), facts=result_facts(result)
    )  # fmt: skip
    return _pictured(tile, f"{at}/results/{key}", _where(result.box, case.size))


def _pictured(tile: TileView, path: str, box: Box) -> TileView:
    return replace(tile, state="done", picture=_address(path, box), box=box)


def _where(box: Box | None, size: Size) -> Box:
    """Where a picture may differ from the photo, in shown pixels."""
    return shown_box(box, size) if box else Box(0, 0, *SHOWN.fit(size).scaled)


def _around(boxes: Iterable[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def _address(path: str, box: Box) -> str:
    return f"{path}?box={','.join(map(str, box))}"


def _shown(image: Image, rule: SizeRule) -> Image:
    return rule.fit(size_of(image)).image(image)


def _part(image: Image, box: str) -> Image:
    shown: Size = SHOWN.fit(size_of(image)).scaled
    return _shown(image, SHOWN)[parse_box(box, shown).slices]
