"""What the SDXL network takes of a result: latents of photo and result and the mask over them, computed once a picture.

Rows are cached as `prepared` caches every network's, so the VAE runs for rows that are new and in no epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import PIL.Image
import torch
from torch import Tensor

from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Image, Mask, as_image, as_mask

SIDE = 512
"""Pixels to which a photo is brought, whatever its shape: so the authors train and judge, and the head fixes it."""
CELL = 8
"""Pixels to a latent."""

Vae: TypeAlias = Any
"""Of diffusers, whose types a checker cannot see."""

_REMEMBERED = 64
"""Pictures, 32 KB each: several results of one photo lie near each other, in a dataset and in the app."""


class Latents:
    """Encodes results; the VAE is read when the first one comes.

    Args:
        read: gives the VAE, on its device, in the numbers it shall compute in.
    """

    def __init__(self, read: Callable[[], Vae]) -> None:
        self._read = read
        self._vae: Vae | None = None
        self._known: dict[bytes, npt.NDArray[np.float16]] = {}

    def __call__(self, source: Image, mask: Mask, result: Image) -> Arrays:
        """`source` and `result`: 4 x 64 x 64 float16; `mask`: 1 x 64 x 64 uint8, 1 in the hole.

        Raises:
            InputError: one is no picture, they are of different sizes, or nothing is marked.
            UnavailableError: the VAE is not in order.
        """
        as_mask(mask, as_image(source))
        as_mask(mask, as_image(result))
        return {"source": self._encoded(source), "mask": cells(mask), "result": self._encoded(result)}

    def release(self) -> None:
        """Free the VAE, until it is needed again."""
        self._vae = None

    def _encoded(self, picture: Image) -> npt.NDArray[np.float16]:
        """Each picture alone, so that what lies beside it in a batch cannot change its last digits."""
        small = squeezed(picture)
        digest = sha256(small.data).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._computed(small)
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[digest] = known
        return known

    @torch.inference_mode()
    def _computed(self, picture: Image) -> npt.NDArray[np.float16]:
        if self._vae is None:
            self._vae = self._read()
        latents = encoded(self._vae, pixels(picture))[0].float().cpu().numpy().astype(np.float16)
        if not np.isfinite(latents).all():
            raise UnavailableError("The VAE gave no numbers for this photo.", hint="Get its weights again.")
        return latents


def encoded(vae: Vae, given: Tensor) -> Tensor:
    """Latents of B x 3 x H x W in -1..1: the mean of what the VAE gives, not a draw, so that a score repeats."""
    there = given.to(vae.device, vae.dtype, memory_format=torch.channels_last)
    mean: Tensor = vae.encode(there).latent_dist.mode()
    return mean * float(vae.config["scaling_factor"])


def pixels(picture: Image) -> Tensor:
    """1 x 3 x H x W in -1..1."""
    return torch.from_numpy(picture.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1)


def squeezed(picture: Image) -> Image:
    """SIDE x SIDE, by the library and the filter the authors' script uses."""
    if picture.shape[:2] == (SIDE, SIDE):
        return np.ascontiguousarray(picture)
    return np.array(PIL.Image.fromarray(picture).resize((SIDE, SIDE)))


def cells(mask: Mask) -> npt.NDArray[np.uint8]:
    """1 x 64 x 64, the nearest pixel of each cell; a hole so small that none is hit marks every cell it touches."""
    whole = np.array(PIL.Image.fromarray(mask.view(np.uint8) * np.uint8(255)).resize((SIDE, SIDE)))
    nearest = whole[::CELL, ::CELL] >= 128
    if not nearest.any():
        count = SIDE // CELL
        nearest = np.zeros((count, count), np.bool_)
        rows, columns = (
            np.minimum((places + 0.5) * count / length, count - 1).astype(int)
            for places, length in zip(np.nonzero(mask), mask.shape, strict=True)
        )
        nearest[rows, columns] = True
    return nearest[None].astype(np.uint8)
