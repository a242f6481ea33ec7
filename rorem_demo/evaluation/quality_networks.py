"""Networks that measure results, from files that are here: no model is ever downloaded by what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rorem_demo.evaluation.quality_measures import Distance, Features, MeasureSpec
from rorem_demo.imaging.types import Image
from rorem_demo.runtime.guard import readable
from rorem_demo.runtime.tensors import tensors_of

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Mean and spread of red, green and blue that a network was trained with."""
_SIDE = 224
"""Pixels of the square that DINOv2 and CLIP see."""


def load_lpips(spec: MeasureSpec, files: tuple[Path, ...]) -> Distance:
    """LPIPS of AlexNet; its linear layers come with torchmetrics, AlexNet from the file."""
    # Not the public class: that one has torch.hub fetch AlexNet.
    from torchmetrics.functional.image.lpips import _LPIPS  # noqa: PLC0415  # not among the Space's packages

    with readable(spec.title, files[0].name):
        network = _LPIPS(net="alex", pnet_rand=True)
        network.net.load_state_dict(_layers(network.net, tensors_of(files[0])))
    return _Lpips(network.eval().to(_device()))


def load_dino(spec: MeasureSpec, files: tuple[Path, ...]) -> Distance:
    """Cosine distance of DINOv2's class tokens."""
    from transformers import Dinov2Model  # noqa: PLC0415  # takes a second

    network = _pretrained(Dinov2Model, spec, files)
    return _Cosine(network, lambda said: said.last_hidden_state[:, 0], *_IMAGENET)


def load_clip(spec: MeasureSpec, files: tuple[Path, ...]) -> Distance:
    """Cosine distance of CLIP's image embeddings."""
    from transformers import CLIPVisionModelWithProjection  # noqa: PLC0415  # as above

    network = _pretrained(CLIPVisionModelWithProjection, spec, files)
    return _Cosine(network, lambda said: said.image_embeds, *_CLIP)


def load_inception(spec: MeasureSpec, files: tuple[Path, ...]) -> Features:
    """The Inception of FID as NVIDIA publishes it for StyleGAN: TorchScript that resizes and normalises by itself."""
    with readable(spec.title, files[0].name):
        with catch_warnings(action="ignore", category=DeprecationWarning):  # the published file is TorchScript
            network = torch.jit.load(str(files[0]), map_location=_device())  # type: ignore[no-untyped-call]
        return _Inception(network.eval())


@dataclass(frozen=True, eq=False)
class _Lpips:
    network: nn.Module

    def __call__(self, one: Image, other: Image) -> float:
        with torch.inference_mode():
            return float(self.network(_levels(one) / 127.5 - 1, _levels(other) / 127.5 - 1))


@dataclass(frozen=True, eq=False)
class _Cosine:
    network: nn.Module
    vector: Callable[[Any], Tensor]
    """Of what the network says."""
    mean: tuple[float, float, float]
    spread: tuple[float, float, float]

    def __call__(self, one: Image, other: Image) -> float:
        mean, spread = (torch.tensor(value, device=_device()).view(3, 1, 1) for value in (self.mean, self.spread))
        squares = [_square(_levels(image)) / 255 for image in (one, other)]
        with torch.inference_mode():
            vectors = self.vector(self.network(pixel_values=(torch.cat(squares) - mean) / spread)).double()
        return max(0.0, 1 - float(torch.cosine_similarity(vectors[0], vectors[1], dim=0)))


@dataclass(frozen=True, eq=False)
class _Inception:
    network: Any

    def __call__(self, image: Image) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            found = self.network(_levels(image).to(torch.uint8), return_features=True)
        return np.asarray(found[0].float().cpu().numpy(), np.float32)


def frechet(true: npt.NDArray[np.float32], found: npt.NDArray[np.float32]) -> float:
    """Distance of two sets of features, N x D each, as of Gaussians with their means and covariances; 0 if equal."""
    from torchmetrics.image.fid import FrechetInceptionDistance  # noqa: PLC0415  # not among the Space's packages

    metric = FrechetInceptionDistance(feature=_Given(true.shape[1]))
    metric.update(torch.from_numpy(true), real=True)
    metric.update(torch.from_numpy(found), real=False)
    return float(metric.compute())


class _Given(nn.Module):
    """In the place of a network: the features are there already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def _pretrained(kind: Any, spec: MeasureSpec, files: tuple[Path, ...]) -> nn.Module:
    with readable(spec.title, "One of its files"):
        network, told = kind.from_pretrained(
            files[0].parent, dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
        if told["missing_keys"]:
            raise ValueError(min(told["missing_keys"]))
    loaded: nn.Module = network.eval().to(_device())
    return loaded


def _layers(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """AlexNet of torchvision under the names of torchmetrics, which cut it into slices but kept the numbers."""
    return {name: tensors[f"features.{name.split('.', 1)[1]}"] for name in network.state_dict()}


def _levels(image: Image) -> Tensor:
    """1 x 3 x H x W, 0..255."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).to(_device(), torch.float32)


def _square(levels: Tensor) -> Tensor:
    return nn.functional.interpolate(levels, (_SIDE, _SIDE), mode="bicubic", antialias=True).clamp(0, 255)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
