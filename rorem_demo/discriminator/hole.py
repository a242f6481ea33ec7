"""Scene: source, result and mask as numbers, and what can be measured of a hole without learning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

CELL = 4
"""Pixels: shares and means are taken of squares of this side."""
_LEAST_SPREAD = 10.0
"""Grey levels: flatter surroundings count as having it, or their noise would be taken for texture."""
_LITTLE = 1e-3


class Level(NamedTuple):
    """Brightness and contrast of known surroundings, in grey levels."""

    mean: Tensor
    """B x 1 x 3 x 1 x 1."""
    spread: Tensor
    """B x 1 x 1 x 1 x 1, standard deviation."""


@dataclass(frozen=True)
class Scene:
    """P pieces of each of B rows."""

    CHANNELS: ClassVar[int] = 8

    source: Tensor
    """B x P x 3 x H x W."""
    result: Tensor
    mask: Tensor
    """B x P x 1 x H x W, 0..1: the share that was marked."""

    @classmethod
    def of(cls, views: Tensor) -> Scene:
        """From B x P x H x W x 7 of 0..255: source, result, mask."""
        planes = views.movedim(-1, 2).float()
        return cls(planes[:, :, :3], planes[:, :, 3:6], planes[:, :, 6:] / 255)

    def level(self) -> Level:
        """Of cells that the mask does not touch; of everything where there are none."""
        known = (cells(self.mask) == 0).float() + _LITTLE
        weight = known / known.sum((1, 3, 4), keepdim=True)
        both = (self.source + self.result) / 2
        mean = (weight * cells(both)).sum((1, 3, 4), keepdim=True)
        square = (weight * cells((both - mean) ** 2)).sum((1, 3, 4), keepdim=True)
        return Level(mean, square.mean(2, keepdim=True).sqrt().clamp(min=_LEAST_SPREAD))

    def evened(self, level: Level) -> Scene:
        """The scene with that level at mean 0 and spread 1."""
        source, result = ((picture - level.mean) / level.spread for picture in (self.source, self.result))
        return replace(self, source=source, result=result)

    def layers(self) -> Tensor:
        """B x P x CHANNELS x H x W for a network: source, result, mask and how much was changed."""
        change = (self.result - self.source).abs().mean(2, keepdim=True)
        return torch.cat([self.source, self.result, self.mask, change], dim=2)

    def shares(self) -> tuple[Tensor, Tensor]:
        """Cells in the hole and around it, an eighth of the view wide: B x P x 1 x H/4 x W/4, 0..1."""
        inside = cells(self.mask)
        return inside, (_grown(inside, inside.shape[-1] // 8 * 2 + 1) - inside).clamp(min=0)


MEASURES = 14


def measures(scene: Scene) -> Tensor:
    """B x MEASURES of an evened scene, all about the size of 1.

    As logarithms: gradients inside and around at two scales, of the source inside, across the edge of the hole, each
    beside the surroundings; how much was changed and how far the mean colour inside is from the one around, before
    and after. And how alike the gradients of source and result are inside, which is what a ghost shows.
    """
    inside, around = scene.shares()
    edge = 4 * inside * (1 - inside)  # cells that it passes through
    source, result = (gradients(picture.mean(2, keepdim=True)) for picture in (scene.source, scene.result))
    coarse = gradients(functional.avg_pool3d(scene.result, (3, 2, 2)))
    far = functional.avg_pool3d(coarse.norm, (1, CELL // 2, CELL // 2))
    near = cells(result.norm)
    change = cells((scene.source - scene.result).abs().mean(2, keepdim=True))
    colours = [cells(picture) for picture in (scene.source, scene.result)]
    shifts = [(_mean(c, inside) - _mean(c, around)).norm(dim=1, keepdim=True) for c in colours]
    filled, known, seam = (_mean(near, share) for share in (inside, around, edge))
    far_filled, far_known = (_mean(far, share) for share in (inside, around))
    before = _mean(cells(source.norm), inside)
    sizes = [filled, known, seam, far_filled, far_known, before, _mean(change, inside), *shifts]
    logs = torch.cat([(size + 0.01).log() for size in sizes], dim=1)
    beside = [logs[:, [i]] - logs[:, [j]] for i, j in ((0, 1), (2, 1), (3, 4), (5, 1))]
    together = _mean(cells(source.across * result.across + source.down * result.down), inside)
    alone = _mean(cells(source.norm**2), inside) * _mean(cells(result.norm**2), inside)
    return torch.cat([logs, *beside, together / (alone + 1e-6).sqrt()], dim=1)


def cells(planes: Tensor) -> Tensor:
    """Means of cells: B x P x C x H/4 x W/4."""
    return functional.avg_pool3d(planes, (1, CELL, CELL))


class Gradients(NamedTuple):
    """Differences to the next pixel, and their size."""

    across: Tensor
    down: Tensor
    norm: Tensor


def gradients(grey: Tensor) -> Gradients:
    """Of planes B x P x 1 x H x W."""
    across = functional.pad(grey[..., 1:] - grey[..., :-1], (0, 1))
    down = functional.pad(grey[..., 1:, :] - grey[..., :-1, :], (0, 0, 0, 1))
    return Gradients(across, down, (across**2 + down**2).sqrt())


def _mean(values: Tensor, share: Tensor) -> Tensor:
    """B x C: of B x P x C x h x w, weighted by shares."""
    return (values * share).sum((1, 3, 4)) / (share.sum((1, 3, 4)) + _LITTLE)


def _grown(share: Tensor, width: int) -> Tensor:
    grown = functional.max_pool2d(share.flatten(0, 1), width, 1, width // 2)
    return grown.reshape(share.shape)
