"""Photos and masks over HTTP: what is too large for a gradio event, and what must never wait behind one.

    POST /rorem/photos                  a picture file -> its id       (X-Name, X-Visit)
    POST /rorem/examples/{name}         an example of ours -> its id   (X-Visit)
    GET  /rorem/photos/{photo}/view     as the page shows it
    GET  /rorem/photos/{photo}/download ?format=png | original
    POST /rorem/photos/{photo}/masks    a mask file -> its id
    GET  /rorem/masks/{mask}            black and white
    POST /rorem/photos/{photo}/mask     a drawing -> the mask as a PNG
    POST /rorem/photos/{photo}/survey   a drawing -> how much is marked, a shadow beside it, seconds by method

and those of `ui.pointing`, `ui.rating`, `ui.annotate`, `ui.compare`, `ui.arena` and `ui.leaderboard`.

Pictures go from the request into memory and never touch the disk. An id is the permission to use what it stands
for, so answers are cached by nobody but the visitor's browser. Every refusal is {"sentence": ...}.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rorem_demo.errors import InputError
from rorem_demo.imaging.drawings import encode_points, parse_drawing
from rorem_demo.imaging.io import Photo, decode_mask, decode_photo, encode_image, encode_mask, original_format
from rorem_demo.imaging.shadows import find_shadow
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.tracing import trace
from rorem_demo.imaging.types import Mask, size_of
from rorem_demo.services import Services
from rorem_demo.ui.annotate import Annotate
from rorem_demo.ui.arena import Arena
from rorem_demo.ui.compare import Compare
from rorem_demo.ui.component import STATIC
from rorem_demo.ui.examples import ASSETS, EXAMPLES
from rorem_demo.ui.http import PRIVATE, Table, attachment, read_body, refusing
from rorem_demo.ui.leaderboard import Leaderboard
from rorem_demo.ui.notices import mask_picture
from rorem_demo.ui.pointing import Pointing
from rorem_demo.ui.rating import Rating
from rorem_demo.ui.values import LONGEST_VALUE, parse_json
from rorem_demo.visits import OpenedMask, OpenedPhoto

P = ParamSpec("P")
R = TypeVar("R")

SHOWN = SizeRule(longest=4096)
"""Size of the picture the page shows; phones cannot draw a larger one."""
SUFFIXES = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


class Routes:
    """The handlers, bound to the program's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._visits = services.visits
        self._settings = services.settings
        self._limiter = CapacityLimiter(2)  # pictures decoded or encoded at once: bounds memory

    def all(self) -> list[BaseRoute]:
        """For `launch(app_kwargs={"routes": ...})`."""
        table: Table = [
            ("POST", "/photos", self.open_photo),
            ("POST", "/examples/{name}", self.open_example),
            ("GET", "/photos/{photo}/view", self.view),
            ("GET", "/photos/{photo}/download", self.download),
            ("POST", "/photos/{photo}/masks", self.open_mask),
            ("GET", "/masks/{mask}", self.show_mask),
            ("POST", "/photos/{photo}/mask", self.download_mask),
            ("POST", "/photos/{photo}/survey", self.survey),
            *Pointing(self._services).table(),
            *Rating(self._services).table(),
            *Annotate(self._services).table(),
            *Compare(self._services).table(),
            *Arena(self._services).table(),
            *Leaderboard(self._services).table(),
        ]
        routes: list[BaseRoute] = [Route(path, refusing(handler), methods=[verb]) for verb, path, handler in table]
        pictures = Mount("/examples", StaticFiles(directory=ASSETS))
        return [Mount("/rorem", routes=[*routes, pictures, Mount("/static", StaticFiles(directory=STATIC))])]

    async def open_photo(self, request: Request) -> Response:
        """Decode and keep the picture in the body."""
        data = await self._file(request)
        return await self._opened(request, data, unquote(request.headers.get("x-name", ""))[:200])

    async def open_example(self, request: Request) -> Response:
        """Open one of our own pictures as if it had been uploaded."""
        name = request.path_params["name"]
        if name not in EXAMPLES:
            raise InputError("There is no such example.", hint="Choose one of those shown.")
        return await self._opened(request, (ASSETS / name).read_bytes(), name, EXAMPLES[name].licence)

    async def view(self, request: Request) -> Response:
        """The photo as a JPEG the page can draw, with its colour profile."""
        data = await self._run(_view, self._photo(request))
        return Response(data, headers={"Content-Type": "image/jpeg", **PRIVATE})

    async def download(self, request: Request) -> Response:
        """The photo at full resolution: PNG, or the format it came in."""
        photo = self._photo(request)
        kind = original_format(photo) if request.query_params.get("format") == "original" else "PNG"
        data = await self._run(encode_image, photo.image, kind, photo.icc)
        return attachment(data, f"{photo.name}-removed.{SUFFIXES[kind]}", f"image/{kind.lower()}")

    async def open_mask(self, request: Request) -> Response:
        """Decode and keep the mask file in the body."""
        key, size = request.path_params["photo"], size_of(self._photo(request).image)
        data = await self._file(request)
        mask = await self._run(decode_mask, data, size, max_pixels=self._settings.max_pixels)
        kept, _ = self._visits.keep(OpenedMask.of(mask, key), self._visits.visit_of(key))
        return JSONResponse({"mask": kept}, 201)

    async def show_mask(self, request: Request) -> Response:
        """A mask, for the page to draw: no larger than the page draws it."""
        opened = self._visits.get(request.path_params["mask"], OpenedMask)
        return Response(await self._run(mask_picture, opened.mask), headers={"Content-Type": "image/png", **PRIVATE})

    async def download_mask(self, request: Request) -> Response:
        """The drawing in the body as a black and white PNG of the photo's size."""
        name = self._photo(request).name
        return attachment(await self._run(encode_mask, await self._drawn(request)), f"{name}-mask.png", "image/png")

    async def survey(self, request: Request) -> Response:
        """How many pixels the drawing marks, a shadow beside it as shapes to add, and how long removing takes."""
        photo, mask = self._photo(request), await self._drawn(request)
        marked = int(mask.sum())
        shadow = await self._run(find_shadow, photo.image, mask) if 0 < marked < mask.size else None
        outlines = [] if shadow is None else trace(shadow)
        shapes = [{"tool": "lasso", "points": encode_points(outline.points)} for outline in outlines]
        seconds = await self._run(self._services.estimates, mask) if marked else {}
        return JSONResponse({"marked": marked, "shadow": shapes, "seconds": seconds})

    async def _opened(self, request: Request, data: bytes, name: str, licence: str = "") -> Response:
        photo = await self._run(decode_photo, data, name=name, max_pixels=self._settings.max_pixels)
        key, visit = self._visits.keep(OpenedPhoto(photo, licence), request.headers.get("x-visit"))
        width, height = size_of(photo.image)
        about = {
            "width": width, "height": height, "notes": photo.notes, "format": original_format(photo),
            "public": bool(licence),
        }  # fmt: skip
        return JSONResponse({"id": key, "visit": visit, **about}, 201)

    async def _drawn(self, request: Request) -> Mask:
        drawing = parse_drawing(parse_json(await read_body(request, LONGEST_VALUE)))
        return await self._run(self._services.mask, request.path_params["photo"], drawing)

    def _photo(self, request: Request) -> Photo:
        return self._services.photo(request.path_params["photo"])

    async def _file(self, request: Request) -> bytes:
        limit = self._settings.max_upload_mb
        data = await read_body(request, limit * 2**20)
        if len(data) > limit * 2**20:
            raise InputError(f"The file is larger than {limit} MB.", hint="Open a smaller one.")
        return data

    async def _run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._limiter)


def _view(photo: Photo) -> bytes:
    fit = SHOWN.fit(size_of(photo.image))
    return encode_image(fit.image(photo.image), "JPEG", photo.icc)
