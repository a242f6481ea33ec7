"""What all routes share: bodies bounded while they arrive, files to download, errors as one sentence."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from ipaddress import ip_address
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from rorem_demo.errors import RoremError
from rorem_demo.tickets import GoneError

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[[Request], Awaitable[Response]]
Table = list[tuple[str, str, Handler]]
"""Verb, path, handler."""

PRIVATE = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
FAILED = "Something failed on the server. Try again."


async def read_body(request: Request, limit: int) -> bytes:
    """The body, or a little more than `limit` bytes of it."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            break
    return bytes(data)


def address_of(request: Request) -> str:
    """Where a request comes from, "" if unknown.

    A Space's proxies come from inside its network, so there the last public address of `X-Forwarded-For` counts: the
    proxies append to that header, and what stands before may be forged.
    """
    host = request.client.host if request.client else ""
    if _is_public(host):
        return host
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",")]
    return next((hop for hop in reversed(hops) if _is_public(hop)), host)


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


async def run_in(limiter: CapacityLimiter, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the function gives, run in a thread, of which the limiter allows so many at once."""
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)


def gone(error: GoneError) -> Response:
    """A refusal that tells the page to let go of what it holds."""
    return JSONResponse({"sentence": error.sentence}, 410)


def attachment(data: bytes, name: str, kind: str) -> Response:
    """A file to save under this name; `kind` is its media type."""
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, headers={"Content-Type": kind, "Content-Disposition": disposition, **PRIVATE})


def refusing(handler: Handler) -> Handler:
    """The handler with every error as one sentence the page can show."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except RoremError as error:
            return JSONResponse({"sentence": error.sentence}, 422)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:  # a border: the visitor gets a sentence, the log the traceback
            log.exception("%s failed", request.url.path.rpartition("/")[2])
            return JSONResponse({"sentence": FAILED}, 500)

    return answer
