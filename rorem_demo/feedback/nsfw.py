"""Nsfw: a ViT that tells normal pictures from those not safe for work, from transformers' files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from transformers import ViTForImageClassification, ViTImageProcessor

from rorem_demo.errors import UnavailableError
from rorem_demo.runtime.guard import guarded, readable

_LABEL = "nsfw"


class Nsfw:
    """How likely a picture is not safe for work, 0..1."""

    def __init__(self, title: str, network: ViTForImageClassification, processor: ViTImageProcessor) -> None:
        self._title, self._network, self._processor = title, network, processor
        labels = network.config.id2label or {}
        self._column = next(int(column) for column, label in labels.items() if label.lower() == _LABEL)

    @classmethod
    def load(cls, title: str, files: tuple[Path, ...]) -> Nsfw:
        """The network in `model.safetensors`, `config.json` and `preprocessor_config.json` of one folder.

        Raises:
            UnavailableError: the files are damaged, or hold another network.
        """
        folder = files[0].parent
        with readable(title, files[0].name):
            loaded: Any = ViTForImageClassification.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
            network, report = loaded  # a pair, because of output_loading_info
            if report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]:
                raise UnavailableError(f"{files[0].name} holds another network than {title}'s.")
            return cls(title, network.eval(), ViTImageProcessor.from_pretrained(folder, local_files_only=True))

    def __call__(self, picture: bytes) -> float:
        """Score of a picture file.

        Raises:
            UnavailableError: the network failed.
        """
        with guarded(self._title, hint="Look at the picture yourself."), PIL.Image.open(BytesIO(picture)) as opened:
            inputs = self._processor(opened.convert("RGB"), return_tensors="pt")
            with torch.inference_mode():
                logits = self._network(**inputs).logits
            return float(logits.softmax(dim=1)[0, self._column])
