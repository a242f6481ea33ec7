"""/remove and /select: the public endpoints, for API clients and, through the same functions, as MCP tools."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from rorem_demo.errors import InputError, RoremError, UnavailableError
from rorem_demo.imaging.io import decode_mask, decode_photo, encode_image, encode_mask
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import size_of
from rorem_demo.removers.base import LIMITS, Removal, RemovalOptions
from rorem_demo.segmenters.base import Phrase, Prompt
from rorem_demo.segmenters.prompts import read_box, read_click
from rorem_demo.services import Services
from rorem_demo.ui.http import FAILED
from rorem_demo.ui.notices import told
from rorem_demo.ui.running import AT_ONCE, REMOVING
from rorem_demo.ui.waiting import visitor_of_call

log = logging.getLogger(__name__)

_NOTHING_YET = (gr.skip(), gr.skip())


def add_endpoints(services: Services) -> None:
    """Register the endpoints inside the current Blocks, through inputs nobody sees."""
    _add_remove(services)
    _add_select(services)


def _add_remove(services: Services) -> None:
    with gr.Column(visible=False):
        photo = gr.File(type="binary", label="Photo")
        mask = gr.File(type="binary", label="Mask")
        method = gr.Dropdown(
            [spec.key for spec in services.removers], value=services.default_remover.key, label="Method"
        )
        seed, grow = (_number(name) for name in ("seed", "grow"))
        result = gr.Image(type="filepath", format="png", label="Result")
        report = gr.JSON(label="Report")
        trigger = gr.Button()

    def remove(
        photo: bytes,
        mask: bytes,
        method: str,
        seed: float | None = None,
        grow: float | None = None,
        _request: gr.Request | None = None,
    ) -> Iterator[tuple[str | dict[str, Any], dict[str, Any]]]:
        """Remove what a mask marks from a photo, at full resolution; no other pixel changes.

        Args:
            photo: a picture file (JPEG, PNG, WebP, TIFF, BMP or GIF).
            mask: a picture file of exactly the photo's size, white where the object is.
            method: key of a remover, for instance "shift-map".
            seed: whole number; the same seed gives the same picture.
            grow: pixels added around the mask before removing; by default the method's own choice.

        Returns:
            the result as a PNG
            a report of seconds, method, size [width, height] and box [left, top, right, bottom] the method looked at
            in it changed_outside, the count of pixels changed outside the grown mask, which is 0, and notes
        """  # gradio makes one sentence of these lines, a comma after each
        with _telling():
            asked = {"seed": seed, "grow": grow}
            for answer in _remove(services, result.GRADIO_CACHE, _visitor(_request), (photo, mask), method, asked):
                yield answer or _NOTHING_YET  # so that gradio can stop it for a caller who has left

    trigger.click(
        remove, [photo, mask, method, seed, grow], [result, report],
        api_name="remove", concurrency_id=REMOVING, concurrency_limit=AT_ONCE,
    )  # fmt: skip


def _add_select(services: Services) -> None:
    with gr.Column(visible=False):
        photo = gr.File(type="binary", label="Photo")
        clicks, box, phrase = (gr.Textbox("", label=label) for label in ("Clicks", "Box", "Phrase"))
        keys = [spec.key for spec in services.selecting.segmenters]
        method = gr.Dropdown(["", *keys], value="", label="Method")
        mask = gr.File(label="Mask")
        report = gr.JSON(label="Report")
        trigger = gr.Button()

    def select(
        photo: bytes, clicks: str = "", box: str = "", phrase: str = "", method: str = ""
    ) -> tuple[str, dict[str, Any]]:
        """Make the mask of an object by pointing at it; the mask is what remove takes.

        Args:
            photo: a picture file (JPEG, PNG, WebP, TIFF, BMP or GIF).
            clicks: places on the object as X,Y in photo pixels, separated by spaces, with X,Y,- for what stays.
            box: around the object, as LEFT,TOP,RIGHT,BOTTOM in photo pixels.
            phrase: instead of a place, what to find, for instance "the dog on the left" or "all people".
            method: key of a segmenter; by default the first that runs here.

        Returns:
            the mask as a PNG of the photo's size, white where the object is
            a report of method, seconds and objects, each with label, score and box [left, top, right, bottom]
        """
        with _telling():
            prompts = _prompts(clicks, box, phrase)
            return _select(services, mask.GRADIO_CACHE, photo, prompts, method)

    trigger.click(
        select, [photo, clicks, box, phrase, method], [mask, report],
        api_name="select", concurrency_id="select", concurrency_limit=1,
    )  # fmt: skip


@contextmanager
def _telling() -> Iterator[None]:
    """The border to strangers: they get a sentence, the log the traceback."""
    try:
        yield
    except RoremError as error:
        raise gr.Error(told(error), print_exception=False) from error
    except Exception as error:
        log.exception("a call of the API failed")
        raise gr.Error(FAILED, print_exception=False) from error


def _prompts(clicks: str, box: str, phrase: str) -> list[Prompt]:
    prompts: list[Prompt] = [read_click(text) for text in clicks.split()]
    if box.strip():
        prompts.append(read_box(box))
    if phrase:
        prompts.append(Phrase(phrase))
    return prompts


def _select(
    services: Services, cache: str, file: bytes | None, prompts: list[Prompt], method: str
) -> tuple[str, dict[str, Any]]:
    if file is None:
        raise InputError("A photo is needed.", hint="Send it as a file.")
    photo = decode_photo(file, max_pixels=services.settings.max_pixels)
    proposal = services.selecting.select(photo.image, prompts, method or None)
    objects = [
        {"label": found.label, "score": round(found.score, 3), "box": list(bounding_box(found.mask))}
        for found in proposal.objects
    ]
    report = {"method": proposal.method.key, "seconds": round(proposal.seconds, 3), "objects": objects}
    return save_bytes_to_cache(encode_mask(proposal.mask), "mask.png", cache), report


def _number(name: str) -> gr.Number:
    low, high = LIMITS[name]
    return gr.Number(value=None, label=name.capitalize(), minimum=low, maximum=high)


def _visitor(request: gr.Request | None) -> str:
    return visitor_of_call(request.request, request.session_hash) if request else visitor_of_call(None, None)


def _remove(  # noqa: PLR0913, PLR0917  # a call, where its result goes, and whose it is
    services: Services,
    cache: str,
    visitor: str,
    files: tuple[bytes | None, bytes | None],
    method: str,
    asked: dict[str, float | None],
) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """None as long as it waits or works, and at last the answer."""
    photo_file, mask_file = files
    if photo_file is None or mask_file is None:
        raise InputError("A photo and a mask are needed.", hint="Send both as files.")
    limit = services.settings.max_pixels
    photo = decode_photo(photo_file, max_pixels=limit)
    mask = decode_mask(mask_file, size_of(photo.image), max_pixels=limit)
    removal: Removal | None = None
    for update in services.remove_in_turn(visitor, method, photo.image, mask, RemovalOptions.given(asked)):
        removal = update if isinstance(update, Removal) else None
        if not removal:
            yield None
    if not removal:
        raise UnavailableError("The removal ended before it was finished.", hint="Try again.")
    yield _answer(removal, save_bytes_to_cache(encode_image(removal.image, "PNG", photo.icc), "result.png", cache))


def _answer(removal: Removal, path: str) -> tuple[str, dict[str, Any]]:
    report = {
        "seconds": round(removal.seconds, 3), "method": removal.remover, "changed_outside": removal.changed_outside,
        "notes": list(removal.notes), "box": list(removal.box), "size": list(size_of(removal.image)),
    }  # fmt: skip
    return path, report
