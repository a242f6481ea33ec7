"""OWLv2: a box around whatever words name, for another segmenter to refine.

After Minderer, Gritsenko and Houlsby, "Scaling Open-Vocabulary Object Detection" (NeurIPS 2023), with the network of
`transformers`. A photo is looked at once; a phrase then costs the small text network and one product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of
from rorem_demo.runtime.precision import native_precision
from rorem_demo.segmenters.base import Candidate, Encoding, EncodingStep, Phrase, Prompt, Segmenter, SegmenterSpec
from rorem_demo.segmenters.owl_files import OwlFiles, read
from rorem_demo.segmenters.phrases import parsed
from rorem_demo.segmenters.places import Found, chosen

THRESHOLD = 0.1
"""Score of the least sure thing found: the default of `transformers` and of the model's card."""
MOST_FOUND = 20
"""Things one phrase finds."""

_SAME = 0.5
"""Boxes that overlap by more than this (area in both / area in either) are one thing, whatever it is called."""
_MOST_TRIED = 300
"""Boxes that are compared with each other; even a crowd has fewer that are sure."""
_QUERY = "a photo of a {}"
"""How the model's card asks."""
Numbers = npt.NDArray[np.float32]


def load(spec: SegmenterSpec, files: tuple[Path, ...]) -> Segmenter:
    """The model whose files lie in the folder of the first one; raises UnavailableError if they are not in order."""
    return OwlSegmenter(read(spec.title, files[0].parent), native_precision())


@dataclass(frozen=True, eq=False)
class OwlEncoding:
    """What the image network sees in N patches of a photo; each patch may be the place of one object."""

    meanings: npt.NDArray[np.float16]
    """N x D, to be compared with the meaning of words; of length 1."""
    shift: Numbers
    scale: Numbers
    """N each: the logit of words is (meaning * meaning of words + shift) * scale."""
    boxes: Numbers
    """N x 4: left, top, right, bottom in parts of the photo's longer side."""
    size: Size
    """Of the photo."""

    @property
    def size_bytes(self) -> int:
        return self.meanings.nbytes + self.shift.nbytes + self.scale.nbytes + self.boxes.nbytes


class OwlSegmenter:
    """The network, which nothing changes after this is made."""

    def __init__(self, files: OwlFiles, precision: torch.dtype) -> None:
        """Takes the network over; its image layers multiply in `precision`."""
        self._network, self._tokenizer, self._scale = files.network, files.tokenizer, files.scale
        self._vision = files.network.owlv2.vision_model
        self._side: int = self._vision.config.image_size  # type: ignore[assignment]  # the published models have squares
        for module in self._vision.encoder.layers.modules():
            if isinstance(module, nn.Linear):
                module.to(precision)

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        """Yield after each layer of the network, and at last the Encoding."""
        layers = self._vision.encoder.layers
        # The mode belongs to the thread, so it must not stay on while a caller has the thread.
        with torch.inference_mode():
            pixels = self._scale.pixels(image, self._side)
            patches = self._vision.pre_layernorm(self._vision.embeddings(pixels))
        for number, layer in enumerate(layers):
            yield EncodingStep(number / len(layers))
            with torch.inference_mode():
                patches = _through(layer, patches)
        yield EncodingStep(1.0, self._seen(patches, size_of(image)))

    def propose(
        self,
        encoding: Encoding,
        prompts: Sequence[Prompt],
        previous: Candidate | None = None,  # noqa: ARG002  # a phrase corrects nothing
    ) -> list[Candidate]:
        """A filled box for each thing the phrase means, surest first.

        Raises:
            InputError: the phrase says nothing, too little or too much.
        """
        assert isinstance(encoding, OwlEncoding)  # encodings come back to the segmenter that made them
        (phrase,) = (prompt.text for prompt in prompts if isinstance(prompt, Phrase))
        wanted = parsed(phrase)
        names = tuple(dict.fromkeys(one.name for one in wanted))
        found = _found(encoding, _scores(encoding, self._meanings(names)), names)
        return [
            Candidate(_filled(thing.box, encoding.size), thing.score, thing.name)
            for thing in chosen(found, wanted, encoding.size)[:MOST_FOUND]
        ]

    @torch.inference_mode()
    def _seen(self, patches: Tensor, size: Size) -> OwlEncoding:
        """What the heads make of the last layer; all they need of it that does not depend on words."""
        states = self._vision.post_layernorm(patches)
        features = self._network.layer_norm(states[:, 1:] * states[:, :1])  # the first one stands for all of the photo
        head = self._network.class_head
        meanings = nn.functional.normalize(head.dense0(features)[0], dim=-1, eps=1e-6)
        boxes = self._network.box_predictor(features, features)[0]
        centres, sides = boxes[:, :2], boxes[:, 2:]
        return OwlEncoding(
            meanings=meanings.half().numpy(),
            shift=head.logit_shift(features)[0, :, 0].numpy(),
            scale=(head.elu(head.logit_scale(features)) + 1)[0, :, 0].numpy(),
            boxes=torch.cat([centres - sides / 2, centres + sides / 2], dim=-1).numpy(),
            size=size,
        )

    @torch.inference_mode()
    def _meanings(self, names: Sequence[str]) -> Numbers:
        """Q x D, of length 1."""
        tokens = [self._tokenizer.encode(_QUERY.format(name)).ids for name in names]
        longest = max(map(len, tokens))
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in tokens])
        # Each token sees only those before it and the end is read, so what stands for padding makes no difference.
        text = self._network.owlv2.get_text_features(input_ids=ids)
        meanings: Numbers = nn.functional.normalize(text.pooler_output, dim=-1, eps=1e-6).numpy()
        return meanings


def _through(layer: Any, patches: Tensor) -> Tensor:
    """What leaves a layer, float32 like what enters it, whatever its products are made in."""
    precision = layer.mlp.fc1.weight.dtype
    mixed, _ = layer.self_attn(layer.layer_norm1(patches).to(precision))
    patches = patches + mixed
    changed: Tensor = layer.mlp(layer.layer_norm2(patches).to(precision))
    return patches + changed


def _scores(encoding: OwlEncoding, meanings: Numbers) -> Numbers:
    """N x Q, 0..1."""
    likeness = encoding.meanings.astype(np.float32) @ meanings.T
    logits = (likeness + encoding.shift[:, None]) * encoding.scale[:, None]
    return np.asarray((1 + np.tanh(logits / 2)) / 2, np.float32)  # the sigmoid, but nothing overflows


def _found(encoding: OwlEncoding, scores: Numbers, names: Sequence[str]) -> list[Found]:
    """What is sure enough, surest first, each thing once."""
    best = scores.max(axis=1)
    found: list[Found] = []
    for patch in np.argsort(-best, kind="stable")[: min(_MOST_TRIED, np.count_nonzero(best > THRESHOLD))]:
        box = _pixel_box(encoding.boxes[patch], encoding.size)
        if box and not any(_overlap(box, other.box) > _SAME for other in found):
            found.append(Found(box, float(best[patch]), names[scores[patch].argmax()]))
    return found


def _pixel_box(box: Numbers, size: Size) -> Box | None:
    """The part of the box that is in the photo, at least a pixel; None if its centre is in the padding."""
    left, top, right, bottom = (box.astype(np.float64) * max(size)).tolist()
    if left + right >= 2 * size.width or top + bottom >= 2 * size.height:
        return None
    corner = min(size.width - 1, max(0, round(left))), min(size.height - 1, max(0, round(top)))
    opposite = min(size.width, round(right)), min(size.height, round(bottom))
    return Box(*corner, max(corner[0] + 1, opposite[0]), max(corner[1] + 1, opposite[1]))


def _overlap(box: Box, other: Box) -> float:
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    both = max(0, width) * max(0, height)
    return both / (box.size.area + other.size.area - both)


def _filled(box: Box, size: Size) -> Mask:
    mask = np.zeros((size.height, size.width), bool)
    mask[box.slices] = True
    return mask
