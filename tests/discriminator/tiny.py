"""A network of a few numbers, so that training it takes no time; its row goes where NETWORKS is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rorem_demo.discriminator.network import NetworkSpec
from rorem_demo.discriminator.windows import Arrays
from rorem_demo.imaging.types import Image, Mask

TINY = NetworkSpec(
    key="tiny",
    title="Tiny judge",
    loader="tests.discriminator.tiny:load",
    side=1,
    views=1,
    epochs=4,
    batch=8,
    learning_rate=0.05,
    weight_decay=0.01,
)


def load(spec: NetworkSpec, files: tuple[Path, ...]) -> TinyNetwork:
    return TinyNetwork()


class TinyNetwork(nn.Module):
    """Looks at how much was changed, with dropout, so that torch's own chance matters too."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))

    def arrays(self, source: Image, mask: Mask, result: Image) -> Arrays:
        change = source[mask].astype(np.float32) - result[mask]
        return {"change": np.abs(change).mean(axis=0) / 64}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        found: Tensor = self.layers(batch["change"])
        return found[:, 0]

    def trained(self) -> dict[str, Tensor]:
        return dict(self.state_dict())

    def as_module(self) -> nn.Module:
        return self


def weights_of(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
