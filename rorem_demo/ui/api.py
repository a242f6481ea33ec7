"""/remove: the public endpoint, for API clients and, through the same function, as an MCP tool."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from rorem_demo.errors import InputError, RoremError
from rorem_demo.imaging.io import decode_mask, decode_photo, encode_image
from rorem_demo.imaging.types import size_of
from rorem_demo.removers.base import LIMITS, RemovalOptions
from rorem_demo.removers.erase import finish
from rorem_demo.services import Services
from rorem_demo.ui.notices import told
from rorem_demo.ui.tabs.remove import REMOVING

log = logging.getLogger(__name__)


def add_endpoints(services: Services) -> None:
    """Register the endpoints inside the current Blocks, through inputs nobody sees."""
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
        photo: bytes, mask: bytes, method: str, seed: float | None = None, grow: float | None = None
    ) -> tuple[str, dict[str, Any]]:
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
            in it changed_outside, the count of pixels changed outside the grown mask, which is 0
        """  # gradio makes one sentence of these lines, a comma after each
        try:
            return _remove(services, result.GRADIO_CACHE, (photo, mask), method, {"seed": seed, "grow": grow})
        except RoremError as error:
            raise gr.Error(told(error), print_exception=False) from error
        except Exception as error:  # the border to strangers: they get a sentence, the log the traceback
            log.exception("a removal failed")
            raise gr.Error("Something failed on the server. Try again.", print_exception=False) from error

    trigger.click(
        remove, [photo, mask, method, seed, grow], [result, report],
        api_name="remove", concurrency_id=REMOVING, concurrency_limit=1,
    )  # fmt: skip


def _number(name: str) -> gr.Number:
    low, high = LIMITS[name]
    return gr.Number(value=None, label=name.capitalize(), minimum=low, maximum=high)


def _remove(
    services: Services,
    cache: str,
    files: tuple[bytes | None, bytes | None],
    method: str,
    asked: dict[str, float | None],
) -> tuple[str, dict[str, Any]]:
    photo_file, mask_file = files
    if photo_file is None or mask_file is None:
        raise InputError("A photo and a mask are needed.", hint="Send both as files.")
    limit = services.settings.max_pixels
    photo = decode_photo(photo_file, max_pixels=limit)
    mask = decode_mask(mask_file, size_of(photo.image), max_pixels=limit)
    removal = finish(services.remove(method, photo.image, mask, RemovalOptions.given(asked)))
    path = save_bytes_to_cache(encode_image(removal.image, "PNG", photo.icc), "result.png", cache)
    report = {
        "seconds": round(removal.seconds, 3), "method": removal.remover, "changed_outside": removal.changed_outside,
        "box": list(removal.box), "size": list(size_of(removal.image)),
    }  # fmt: skip
    return path, report
