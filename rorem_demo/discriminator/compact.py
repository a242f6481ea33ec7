"""compact: a small network for CPUs on what can be measured of a result.

`measures` compares the hole with what lies around it in 400 numbers, in 20 ms; three layers learn which of them people
object to. A convolutional network beside them brought nothing, and alone it learned far less from as many rows
(docs/LOG.md): that a fill is blurred, or of another shade than its surroundings, need not be learned from answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rorem_demo.discriminator.measures import MEASURES, measures
from rorem_demo.discriminator.network import NetworkSpec
from rorem_demo.discriminator.windows import Arrays, windows
from rorem_demo.imaging.types import Image, Mask

_FACTS = 2
_HIDDEN = 256
_UNTOLD = 0.3
"""Share of the measures, and of what follows from them, that a row is learned without."""
_BLUR = 0.3
"""How far measures are moved at random while learning, in standard deviations: a row is told a little differently."""
_MOST = 4.0
"""Standard deviations; what is further out says no more."""


def load(spec: NetworkSpec, files: tuple[Path, ...]) -> CompactNetwork:  # noqa: ARG001  # what every loader takes
    """Nothing to load: its weights are drawn at random, from torch's seed."""
    return CompactNetwork()


class CompactNetwork(nn.Module):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        told = MEASURES + _FACTS
        self.usual = Usual(told)
        self.layers = nn.Sequential(
            nn.Dropout(_UNTOLD),
            *(nn.Linear(told, _HIDDEN), nn.SiLU(), nn.Dropout(_UNTOLD)),
            *(nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU(), nn.Dropout(_UNTOLD)),
            nn.Linear(_HIDDEN, 1),
        )

    def arrays(self, source: Image, mask: Mask, result: Image) -> Arrays:
        """`measures`: float32 of MEASURES numbers and the window's two facts."""
        seen = windows(source, mask, result)
        return {"measures": np.concatenate([measures(seen["wide"], seen["near"]), seen["facts"]])}

    def trained(self) -> dict[str, Tensor]:
        """All of it."""
        return dict(self.state_dict())

    def as_module(self) -> nn.Module:
        return self

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of B rows, from `measures` B x (MEASURES + 2)."""
        told = self.usual(batch["measures"])
        if self.training:
            told = told + _BLUR * torch.randn_like(told)
        logits: Tensor = self.layers(told)
        return logits[:, 0]


class Usual(nn.Module):
    """Numbers as standard deviations from what they usually are, which it learns from all rows it was trained on.

    Unlike with batch normalization a row means the same in training as alone, and a batch may be a single row.
    """

    rows: Tensor
    mean: Tensor
    square: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        for name, value in (("rows", torch.zeros(())), ("mean", torch.zeros(count)), ("square", torch.ones(count))):
            self.register_buffer(name, value)

    def forward(self, numbers: Tensor) -> Tensor:
        """Of the same shape, B x count, within 4 of 0."""
        if self.training:
            with torch.no_grad():
                self.rows += len(numbers)
                share = len(numbers) / self.rows
                self.mean += share * (numbers.mean(0) - self.mean)
                self.square += share * ((numbers**2).mean(0) - self.square)
        spread = (self.square - self.mean**2).clamp(min=0).sqrt() + 1e-3
        return ((numbers - self.mean) / spread).clamp(-_MOST, _MOST)
