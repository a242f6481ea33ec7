"""compact: a small network for CPUs, which looks at a result from far and from near.

Brightness and contrast of the photo are taken out first, by what is around the mask, so that both say nothing. Each
view goes through a tower of convolutions. Half way up, every place is compared with those around the hole that are
most like it, for a good fill could stand there, too. Features are told as means in the hole and around it and as the
strongest in the hole. Measures that need no learning go beside them, and from few rows they alone are learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rorem_demo.discriminator.hole import MEASURES, Scene, measures
from rorem_demo.discriminator.network import NetworkSpec
from rorem_demo.discriminator.novelty import NOVELTIES, novelties
from rorem_demo.discriminator.variations import varied
from rorem_demo.discriminator.windows import Arrays, windows
from rorem_demo.imaging.types import Image, Mask

_WIDTHS = (16, 32, 64, 128)
"""Channels of a tower, each at half the size of the one before."""
_GROUPS = 8
_HIDDEN = 64
_FACTS = 2
_SPREAD, _MOST = 0.5, 8.0
"""Measures differ by about so much from row to row; what is further out says no more."""
_COMPARED = 2
"""The stage after which places are compared: 16 x 16 of the wide view."""
_STRICT = 4.0
"""How strongly places that are partly in the hole are left out, as a power of what is known of them."""


def load(spec: NetworkSpec, files: tuple[Path, ...]) -> CompactNetwork:  # noqa: ARG001  # what every loader takes
    """Nothing to load: its weights are drawn at random, from torch's seed."""
    return CompactNetwork()


class CompactNetwork(nn.Module):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.near = Tower(), Tower()
        told = 2 * MEASURES + NOVELTIES + _FACTS
        self.measured = nn.Sequential(nn.Linear(told, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, 1))
        self.seen = nn.Sequential(
            nn.Linear(2 * Tower.FEATURES + told, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, 1, bias=False)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def arrays(self, source: Image, mask: Mask, result: Image) -> Arrays:
        """See `windows.windows`."""
        return windows(source, mask, result)

    def varied(self, arrays: Arrays, chance: np.random.Generator) -> Arrays:
        """See `variations.varied`."""
        return varied(arrays, chance)

    def trained(self) -> dict[str, Tensor]:
        """All of it."""
        return dict(self.state_dict())

    def as_module(self) -> nn.Module:
        return self

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of B rows, from `wide` B x H x W x 7, `near` B x P x H x W x 7 and `facts` B x 2."""
        wide, near = Scene.of(batch["wide"][:, None]), Scene.of(batch["near"])
        with torch.no_grad():
            level = wide.level()
            wide, near = wide.evened(level), near.evened(level)
            beside = torch.cat([measures(wide), measures(near), novelties(wide), batch["facts"]], dim=1)
            beside = (beside / _SPREAD).clamp(-_MOST, _MOST)
        logits: Tensor = self.measured(beside) + self.seen(torch.cat([self.wide(wide), self.near(near), beside], dim=1))
        return logits[:, 0]


class Tower(nn.Module):
    """Features of a hole and of what lies around it, of the pieces of one view together."""

    FEATURES = 3 * sum(_WIDTHS[1:])

    def __init__(self) -> None:
        super().__init__()
        first, *others = _WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(Scene.CHANNELS, first, 5, 2, 2), nn.SiLU())
        sizes = zip(_WIDTHS, others, strict=False)
        self.stages = nn.ModuleList(nn.Sequential(_halving(old, new), Block(new)) for old, new in sizes)
        self.compared = Compared(_WIDTHS[_COMPARED])

    def forward(self, scene: Scene) -> Tensor:
        """B x FEATURES: at each scale means inside and around, and the largest inside."""
        count, pieces = scene.mask.shape[:2]
        features = self.stem(scene.layers().flatten(0, 1).contiguous(memory_format=torch.channels_last))
        found, whole = [], scene.shares()
        for number, stage in enumerate(self.stages, start=1):
            features = stage(features)
            inside, around = (_at(share, features.shape[-1]) for share in whole)
            if number == _COMPARED:
                features = self.compared(features, inside)
            maps = features.reshape(count, pieces, *features.shape[1:])
            found += [(maps * share).sum((1, 3, 4)) / (share.sum((1, 3, 4)) + 1e-3) for share in (inside, around)]
            found.append((maps * inside).amax((1, 3, 4)))
        return torch.cat(found, dim=1)


class Compared(nn.Module):
    """Adds to each place how it differs from the places around the hole, of all pieces, that are most like it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.asks, self.answers = (nn.Linear(channels, channels // 2, bias=False) for _ in range(2))
        self.tells = nn.Sequential(nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, channels))

    def forward(self, features: Tensor, inside: Tensor) -> Tensor:
        """Features N x C x h x w, of the same shape again.

        Args:
            features: N = B x P.
            inside: shares of the hole, B x P x 1 x h x w.
        """
        count, pieces = inside.shape[:2]
        shape = (count, pieces, *features.shape[1:])
        places = features.reshape(shape).movedim(2, -1).flatten(1, 3)
        known = (1 - inside).flatten(1)[:, None].clamp(min=1e-4).log() * _STRICT
        alike = self.asks(places) @ self.answers(places).mT / self.asks.out_features**0.5 + known
        told: Tensor = places + self.tells(places - alike.softmax(dim=2) @ places)
        planes = told.reshape(count, pieces, *features.shape[2:], -1).movedim(-1, 2).flatten(0, 1)
        return planes.contiguous(memory_format=torch.channels_last)


class Block(nn.Module):
    """Adds what it finds in a neighbourhood to each place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=_GROUPS, bias=False),
            nn.GroupNorm(_GROUPS, channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.SiLU(),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Of the same shape."""
        found: Tensor = self.layers(features)
        return features + found


def _halving(old: int, new: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(old, new, 3, 2, 1, bias=False), nn.GroupNorm(_GROUPS, new), nn.SiLU())


def _at(share: Tensor, side: int) -> Tensor:
    """Shares B x P x 1 x H x W averaged to another side."""
    return functional.adaptive_avg_pool3d(share.flatten(0, 1), (1, side, side)).reshape(*share.shape[:3], side, side)
