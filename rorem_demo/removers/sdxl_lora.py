"""A LoRA as what it adds to each weight, so that weights can be changed one by one while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.lora_pipeline import StableDiffusionXLLoraLoaderMixin
from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft
from torch import Tensor

from rorem_demo.runtime.tensors import streamed

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, eq=False)
class Added:
    """What a LoRA adds to one weight (Hu et al., LoRA, 2021): `scale` up down."""

    down: Tensor
    """rank x inputs, of a convolution with its two sides."""
    up: Tensor
    """outputs x rank."""
    scale: float

    def to(self, weight: Tensor) -> Tensor:
        """The weight with it, in float32: what a LoRA adds is small, and half precision would lose some of it."""
        added = self.up.flatten(1).float() @ self.down.flatten(1).float()
        return torch.add(weight.float(), added.reshape(weight.shape), alpha=self.scale)

    def fits(self, weight: Tensor) -> bool:
        """Whether it is made for a weight of this shape."""
        (outputs, rank), (same, inputs) = self.up.flatten(1).shape, self.down.flatten(1).shape
        return rank == same and outputs == len(weight) and outputs * inputs == weight.numel()


def read_lora(path: Path, config: Any) -> dict[str, Added]:
    """What the file adds, by the names of the weights of a UNet with this config; in any format diffusers knows.

    Raises:
        ValueError: the file holds something else, or a layer in part.
    """
    loader: Any = StableDiffusionXLLoraLoaderMixin
    current: Any = convert_unet_state_dict_to_peft
    layers, alphas = loader.lora_state_dict(dict(streamed(path)), unet_config=config)
    # Some files mix two formats; the library goes by the first name and would leave out half of the layers.
    layers = {name.removeprefix("unet."): tensor for name, tensor in current(layers).items()}
    names = {name.removesuffix(_DOWN) for name in layers if name.endswith(_DOWN)}
    if not names or set(layers) != {f"{name}{end}" for name in names for end in (_DOWN, _UP)}:
        raise ValueError(f"{len(layers)} tensors are no LoRA")
    return {f"{name}.weight": _added(name, layers, alphas or {}) for name in names}


def _added(name: str, layers: Mapping[str, Tensor], alphas: Mapping[str, float]) -> Added:
    down, up = layers[name + _DOWN], layers[name + _UP]
    rank = len(down)
    return Added(down, up, float(alphas.get(f"unet.{name}.alpha", rank)) / rank)


def check_fit(added: Mapping[str, Added], weights: Mapping[str, Tensor]) -> None:
    """Refuse a LoRA for other weights: one that fits only in part is not what was trained.

    Args:
        added: what it adds.
        weights: all that there are, by name; only their shapes matter.

    Raises:
        ValueError: a layer has nowhere to go.
    """
    if strange := [name for name, one in added.items() if name not in weights or not one.fits(weights[name])]:
        raise ValueError(f"{len(strange)} of {len(added)} layers do not fit, {min(strange)} among them")
