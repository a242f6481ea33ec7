"""Segment Anything: the outline of whatever is clicked or boxed.

After Kirillov et al., "Segment Anything" (ICCV 2023), with the network of the package `segment_anything`. Its
`SamPredictor` keeps a photo inside the model; here the photo's part is an Encoding that the visitor owns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn.functional import pad

from rorem_demo.imaging.types import Image, Mask, Size, size_of
from rorem_demo.runtime.precision import native_precision
from rorem_demo.segmenters.base import (
    BoxPrompt,
    Candidate,
    Click,
    Encoding,
    EncodingStep,
    Prompt,
    Segmenter,
    SegmenterSpec,
)
from rorem_demo.segmenters.sam_checkpoints import network
from rorem_demo.segmenters.sam_encoder import embedded, lowered, through

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_MEAN = np.array((123.675, 116.28, 103.53), np.float32)
_SPREAD = np.array((58.395, 57.12, 57.375), np.float32)
"""Of the red, green and blue that the weights were trained on; from the package's `build_sam`."""
_CANDIDATES = 3
_SAME = 0.95
"""Masks that overlap by more than this (area in both / area in either) are one choice, not two."""


def load(spec: SegmenterSpec, files: tuple[Path, ...]) -> Segmenter:  # noqa: ARG001  # what every loader takes
    """The network of the first file; raises UnavailableError if that is damaged or something else."""
    return SamSegmenter(network(files[0]), native_precision())


@dataclass(frozen=True, eq=False)
class SamEncoding:
    """What the image encoder sees in a photo."""

    features: npt.NDArray[np.float16]
    """Channels x rows x columns."""
    size: Size
    """Of the photo."""
    resized: Size
    """Of the copy that was looked at; the rest of the square is padding."""

    @property
    def size_bytes(self) -> int:
        return self.features.nbytes


class SamSegmenter:
    """The network, which nothing changes after this is made."""

    def __init__(self, sam: Sam, precision: torch.dtype) -> None:
        """Takes the network over; its image encoder multiplies in `precision`."""
        self._encoder = lowered(sam.image_encoder, precision)
        self._prompts, self._decoder = sam.prompt_encoder, sam.mask_decoder
        with torch.inference_mode():
            self._positions: Tensor = self._prompts.get_dense_pe()

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        """Yield after each block of the network, and at last the Encoding."""
        side, blocks = self._encoder.img_size, self._encoder.blocks
        resized = _resized(size_of(image), side)
        # The mode belongs to the thread, so it must not stay on while a caller has the thread.
        with torch.inference_mode():
            patches = embedded(self._encoder, _pixels(image, resized, side))
        for number, block in enumerate(blocks):
            yield EncodingStep(number / len(blocks))
            with torch.inference_mode():
                patches = through(block, patches)
        with torch.inference_mode():
            features = self._encoder.neck(patches.permute(0, 3, 1, 2))[0].half().numpy()
        yield EncodingStep(1.0, SamEncoding(features, size_of(image), resized))

    def propose(
        self, encoding: Encoding, prompts: Sequence[Prompt], previous: Candidate | None = None
    ) -> list[Candidate]:
        """Up to three masks that differ, best first; none if nothing is found there.

        The network gives one mask that is its best guess when the prompts leave little doubt and three for when
        they may mean a part, a thing or a group of things. As its authors advise, a lone click gets the three,
        ordered by how good the network thinks them; after more prompts the best guess comes first and the others
        are only alternatives.
        """
        assert isinstance(encoding, SamEncoding)  # encodings come back to the segmenter that made them
        logits, scores = self._decoded(encoding, prompts, previous)
        by_score = sorted(range(1, len(scores)), key=lambda token: -scores[token])
        lone_click = previous is None and len(prompts) == 1 and isinstance(prompts[0], Click)
        found: list[Candidate] = []
        for token in by_score if lone_click else [0, *by_score]:
            mask = _enlarged(logits[token], encoding, self._encoder.img_size)
            if mask.any() and not any(_overlap(mask, other.mask) > _SAME for other in found):
                score = float(np.clip(scores[token], 0.0, 1.0))
                found.append(Candidate(mask, score, hint=logits[token].astype(np.float16)))
        return found[:_CANDIDATES]

    @torch.inference_mode()
    def _decoded(
        self, encoding: SamEncoding, prompts: Sequence[Prompt], previous: Candidate | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Small logits of all masks the network has, and how good it thinks them."""
        clicks = [prompt for prompt in prompts if isinstance(prompt, Click)]
        boxes = [prompt.box for prompt in prompts if isinstance(prompt, BoxPrompt)]
        points = _coordinates([(click.x, click.y) for click in clicks], encoding)
        corners = _coordinates([(x, y) for box in boxes for x, y in (box[:2], (box[2] - 1, box[3] - 1))], encoding)
        labels = torch.tensor([[0 if click.keep else 1 for click in clicks]])
        sparse, dense = self._prompts(
            points=(points, labels) if clicks else None,
            boxes=corners.view(1, 4) if boxes else None,
            masks=self._seen_before(previous),
        )
        logits, scores = self._decoder.predict_masks(
            image_embeddings=torch.from_numpy(encoding.features.astype(np.float32))[None],
            image_pe=self._positions,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return logits[0].numpy(), scores[0].numpy()

    def _seen_before(self, previous: Candidate | None) -> Tensor | None:
        if previous is None or previous.hint is None or previous.hint.shape != self._prompts.mask_input_size:
            return None  # another segmenter's hint means nothing here
        return torch.from_numpy(previous.hint.astype(np.float32))[None, None]


def _resized(size: Size, side: int) -> Size:
    """Of the copy whose longer side is `side`, rounded as the package's `ResizeLongestSide` does."""
    scale = side / max(size)
    return Size(*(max(1, int(length * scale + 0.5)) for length in size))


def _pixels(image: Image, resized: Size, side: int) -> Tensor:
    """The reduced photo in the top left of a square, normalised: 1 x 3 x side x side."""
    small = np.asarray(Pillow.fromarray(image).resize(resized, Pillow.Resampling.BILINEAR), np.float32)
    normalised = torch.from_numpy((small - _MEAN) / _SPREAD)
    return pad(normalised.permute(2, 0, 1), (0, side - resized.width, 0, side - resized.height))[None]


def _coordinates(pixels: list[tuple[int, int]], encoding: SamEncoding) -> Tensor:
    """1 x N x 2: the pixels' centres in the reduced copy, less the half pixel that the package adds itself."""
    scale = np.array(encoding.resized) / encoding.size
    centres = (np.array(pixels, np.float64).reshape(1, -1, 2) + 0.5) * scale
    return torch.from_numpy((centres - 0.5).astype(np.float32))


def _enlarged(logits: npt.NDArray[np.float32], encoding: SamEncoding, side: int) -> Mask:
    """The mask at the photo's size, by way of the padded square as in the package's `postprocess_masks`."""
    square = cv2.resize(logits, (side, side), interpolation=cv2.INTER_LINEAR)
    copy = square[: encoding.resized.height, : encoding.resized.width]
    return np.asarray(cv2.resize(copy, encoding.size, interpolation=cv2.INTER_LINEAR) > 0)


def _overlap(mask: Mask, other: Mask) -> float:
    """Area in both / area in either; the masks are not empty."""
    return float(np.count_nonzero(mask & other) / np.count_nonzero(mask | other))
