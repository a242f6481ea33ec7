"""OWLv2's network, tokenizer and pixel scale from the files of its repository, all in one folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer, Owlv2Config, Owlv2ForObjectDetection

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Image, Size, size_of
from rorem_demo.runtime.guard import readable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_GREY = 0.5
"""What the authors' notebook pads with, of 1; `transformers` says the same but pads with 0."""
_NEEDED = ("model.safetensors", "config.json", "preprocessor_config.json", "vocab.json", "merges.txt")


@dataclass(frozen=True)
class PixelScale:
    """How the pixels were normalised that the weights were trained on."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    """Of red, green and blue, of 1."""

    def pixels(self, image: Image, side: int) -> Tensor:
        """1 x 3 x side x side: the photo in the top left of a grey square, normalised."""
        factor = side / max(size_of(image))
        size = Size(*(min(side, max(1, round(length * factor))) for length in size_of(image)))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        square = np.full((side, side, 3), _GREY, np.float32)
        square[: size.height, : size.width] = cv2.resize(image, size, interpolation=how).astype(np.float32) / 255
        normalised = (square - np.array(self.mean, np.float32)) / np.array(self.spread, np.float32)
        return torch.from_numpy(np.ascontiguousarray(normalised.transpose(2, 0, 1)[None]))


@dataclass(frozen=True, eq=False)
class OwlFiles:
    """What the files of a checkpoint hold."""

    network: Owlv2ForObjectDetection
    """In float32, on the CPU."""
    tokenizer: Tokenizer
    """The part that keeps nothing between calls, so that threads may share it."""
    scale: PixelScale


def read(title: str, folder: Path) -> OwlFiles:
    """The checkpoint of the model called `title`.

    Raises:
        UnavailableError: a file is missing, damaged or of another model.
    """
    absent = [name for name in _NEEDED if not (folder / name).is_file()]
    if absent:
        raise UnavailableError(f"{title} lacks its file {absent[0]}.", hint="See the command `doctor`.")
    with readable(title, "One of its files"):
        network = _network(folder)
        longest = network.owlv2.text_model.config.max_position_embeddings
        return OwlFiles(network, _tokenizer(folder, longest), _scale(folder))


def _network(folder: Path) -> Owlv2ForObjectDetection:
    told = _told(folder / "config.json")
    if told["model_type"] != Owlv2Config.model_type:
        raise ValueError(told["model_type"])
    loaded: tuple[Owlv2ForObjectDetection, dict[str, Any]] = Owlv2ForObjectDetection.from_pretrained(  # type: ignore[assignment]  # a pair, because of the last argument
        folder,
        config=Owlv2Config.from_dict(told),
        dtype=torch.float32,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    network, report = loaded
    if report["missing_keys"]:  # the library would go on with random numbers in their place
        raise ValueError(min(report["missing_keys"]))
    return network


def _tokenizer(folder: Path, longest: int) -> Tokenizer:
    """Of the two files that hold words; the others of the repository only repeat defaults, and a path of its author."""
    _, *lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()  # the first one is a version
    merges: list[Any] = [tuple(line.split()) for line in lines if line]  # pairs, whatever the library's hint says
    whole = CLIPTokenizer(vocab=_told(folder / "vocab.json"), merges=merges)
    backend: Tokenizer = whole.backend_tokenizer
    backend.enable_truncation(longest)
    backend.no_padding()
    return backend


def _scale(folder: Path) -> PixelScale:
    told = _told(folder / "preprocessor_config.json")
    return PixelScale(tuple(map(float, told["image_mean"])), tuple(map(float, told["image_std"])))


def _told(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
