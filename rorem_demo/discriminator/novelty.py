"""What stands in a hole and nowhere around it: a smear in grass, another shade, something newly drawn.

Squares of the view are described by their colour and by how much detail they have at three sizes. Each square of the
hole is compared with the one around it that is most like it, and the worst squares are told: one bad spot is seen
however large the hole is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rorem_demo.discriminator.hole import Scene, gradients

SQUARE = 8
"""Pixels."""
_FAR = 1e3
_MOST = 20.0
_DETAIL = 0.7
"""Weight of a logarithm of detail beside a colour."""
_INVISIBLE = 0.03
_WORST = (0.0, 0.1, 0.25, 0.5)
"""Shares of the hole that are at least as bad."""
NOVELTIES = 36


def novelties(scene: Scene) -> Tensor:
    """B x NOVELTIES of an evened scene of one piece each.

    Of the result, of its colours and of its detail alone, and of the source: how far the worst squares are from
    what is around. At each size, how much less and more detail there is than around. How much was changed.
    """
    hole, known, around = _squares(scene)
    after, before = _described(scene.result), _described(scene.source)
    parts = (after, before, after[..., :3], after[..., 3:])
    found = [_worst(_apart(part, known), hole, _WORST) for part in parts]
    for number in range(3, 6):
        detail = after[..., number]
        usual = (detail * around).sum(1, keepdim=True)
        spread = ((detail - usual) ** 2 * around).sum(1, keepdim=True).sqrt()
        found += [_worst(detail, hole, (0.05, 0.25, 0.5, 0.75, 0.95)) - usual, spread]
    change = functional.avg_pool3d((scene.source - scene.result).abs(), (3, SQUARE, SQUARE)).flatten(1)
    return torch.cat([*found, _worst(change, hole, (0.1, 0.5))], dim=1)


def _squares(scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """Of B x N squares, which are in the hole and which known, and the weights of those close around, of sum 1."""
    share = functional.avg_pool3d(scene.mask, (1, SQUARE, SQUARE))
    near = functional.max_pool3d(share, (1, 5, 5), 1, (0, 2, 2)) > 0
    inside, known = share.flatten(1), share.flatten(1) == 0
    mostly = inside > 0.5
    hole = torch.where(mostly.any(1, keepdim=True), mostly, inside > 0)
    known = torch.where(known.any(1, keepdim=True), known, torch.ones_like(known))
    around = known & near.flatten(1)
    around = torch.where(around.any(1, keepdim=True), around, known).float()
    return hole, known, around / around.sum(1, keepdim=True)


def _described(picture: Tensor) -> Tensor:
    """B x N x 6: colour, and logarithms of detail from fine to coarse."""
    half = functional.avg_pool3d(picture, (1, 2, 2))
    quarter = functional.avg_pool3d(half, (1, 2, 2))
    sizes = [
        (gradients(level.mean(2, keepdim=True)).norm, step) for level, step in ((picture, 8), (half, 4), (quarter, 2))
    ]
    details = [functional.avg_pool3d(detail, (1, step, step)) for detail, step in sizes]
    colour = functional.avg_pool3d(quarter, (1, 2, 2))
    return torch.cat([colour, (torch.cat(details, 2) + _INVISIBLE).log()], 2)[:, 0].flatten(2).transpose(1, 2)


def _apart(squares: Tensor, known: Tensor) -> Tensor:
    """B x N: distance of each square to the most similar known one."""
    weights = torch.ones(squares.shape[2], device=squares.device)
    if squares.shape[2] != 3:
        weights[-3:] = _DETAIL
    distances = torch.cdist(squares * weights, squares * weights) + _FAR * (~known)[:, None]
    return distances.amin(2).clamp(max=_MOST)


def _worst(values: Tensor, hole: Tensor, shares: tuple[float, ...]) -> Tensor:
    """B x len(shares): the values that those shares of the hole's squares are above."""
    falling = values.masked_fill(~hole, -_FAR).sort(1, descending=True).values
    count = hole.sum(1, keepdim=True)
    return torch.cat([falling.gather(1, ((count - 1) * share).long()) for share in shares], dim=1)
