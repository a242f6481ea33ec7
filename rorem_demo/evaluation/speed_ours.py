"""Ours, Preparation: this program's way to run a row, as the page runs it: its loader, `erase`, PNG."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import torch

from rorem_demo.evaluation.speed_process import Job
from rorem_demo.evaluation.speed_weights import holds, write
from rorem_demo.evaluation.speed_worker import Way, Worker
from rorem_demo.imaging.io import decode_mask, decode_photo, encode_image
from rorem_demo.imaging.types import Image, Mask, as_mask, size_of
from rorem_demo.removers.base import RemovalOptions, Remover
from rorem_demo.removers.erase import LESS_SEEN, erase, finish
from rorem_demo.removers.sdxl_files import Place
from rorem_demo.removers.sdxl_prompts import FINE, NOTHING, POOR, meanings

_MOST_PIXELS = 100_000_000


class Preparation:
    """Random weights where they are to be, and the prompts' meanings, which a program works out once in its life."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def prepare(self) -> None:
        """Do what is not done yet."""
        job = self._job
        if job.folder and not holds(job.folder, job.spec, job.shapes):
            write(job.folder, job.spec, job.shapes)
        meanings(job.spec.title, job.files, (NOTHING, FINE, POOR))


class Ours(Worker):
    """Our side."""

    def __init__(self, job: Job) -> None:
        super().__init__(job, _Way)


class _Way(Way):
    def __init__(self, job: Job) -> None:
        self._job = job
        self._remover = _loaded(job)

    def removed(self, photo: bytes, mask: bytes, seed: int) -> bytes:
        opened = decode_photo(photo, max_pixels=_MOST_PIXELS).image
        marked = as_mask(decode_mask(mask, size_of(opened), max_pixels=_MOST_PIXELS), opened)
        options = RemovalOptions(seed=seed, steps=self._job.steps)
        removal = finish(erase(self._job.spec, self._remover, opened, marked, options))
        if LESS_SEEN in removal.notes:  # another size than the one to be measured
            raise MemoryError
        return encode_image(removal.image, "PNG")

    def picture(self, image: Image, mask: Mask, seed: int) -> Image:
        options = replace(self._job.spec.defaults, seed=seed, steps=self._job.steps)
        *_, last = self._remover.fill(image, mask, options)
        if last.image is None:
            raise RuntimeError(last)
        return last.image


def _loaded(job: Job) -> Remover:
    """As the row says, or in float32, which shows whether the code alone changes a picture."""
    module, _, function = job.spec.loader.partition(":")
    here, exact = Place.here(), torch.float32
    place = replace(here, unet=exact, products=exact, vae=exact) if job.exact else here
    made: Remover = getattr(import_module(module), function)(job.spec, job.files, place)
    return made
