"""Convolutions of 3 x 3 in float32 with a quarter of the products: Winograd's F(4 x 4, 3 x 3).

Squares of 6 x 6 places, which overlap, become 36 numbers, so do the weights; each number's channels are one product of
matrices, and 4 x 4 results come out of the 36. After Lavin and Gray, "Fast Algorithms for Convolutional Neural
Networks" (CVPR 2016), whose three matrices these are. Other sums in another order, so about 3e-6 off; bfloat16 would be
off by percents. A CPU that multiplies fastest in float32 is bound by products: large layers take half the time.
"""

from __future__ import annotations

from itertools import product
from typing import TypeAlias

import torch
from torch import Tensor, nn

_Sides: TypeAlias = list[list[float]]

_INPUT: _Sides = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
_WEIGHT: _Sides = [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6]]
_WEIGHT += [[1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
_OUTPUT: _Sides = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
_LEAST_CHANNELS = 64
_LEAST_SQUARES = 64
"""With fewer of either the weights' 36 numbers cost more than is won."""
_AT_ONCE = 1 << 23
"""Numbers of squares held at a time, 32 MB: the quickest of 4 to 64, for most layers (docs/LOG.md)."""


class WinogradConv(nn.Module):
    """A convolution that is quicker so where the picture is large enough, and as it was where it is not.

    Args:
        given: one that `suits`.
    """

    def __init__(self, given: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = given.weight, given.bias

    @staticmethod
    def suits(layer: nn.Conv2d) -> bool:
        """Whether a layer is of this kind: 3 x 3 places, each next to the last, in float32, of enough channels."""
        kind = layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.padding_mode
        plain = kind == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
        wide = min(layer.in_channels, layer.out_channels) >= _LEAST_CHANNELS
        return plain and wide and layer.weight.dtype == torch.float32

    def forward(self, given: Tensor) -> Tensor:
        """B x inputs x height x width to B x outputs x height x width."""
        down, across = (-(-side // 4) for side in given.shape[-2:])
        if down * across < _LEAST_SQUARES:
            return nn.functional.conv2d(given, self.weight, self.bias, padding=1)
        pictures, outputs = given.permute(0, 2, 3, 1), len(self.weight)
        weights = _numbers(_WEIGHT, self.weight.permute(2, 3, 1, 0)).view(36, -1, outputs)
        found = given.new_empty(len(given), down, 4, across, 4, outputs)
        for picture, results in zip(pictures, found, strict=True):
            self._convolve(picture, weights, results)
        whole = found.view(-1, 4 * down, 4 * across, outputs).permute(0, 3, 1, 2)
        return whole[..., : given.shape[-2], : given.shape[-1]]

    def _convolve(self, picture: Tensor, weights: Tensor, found: Tensor) -> None:
        """Fill in what becomes of one picture, height x width x inputs: squares down x 4 x across x 4 x outputs."""
        height, width, inputs = picture.shape
        down, _, across, _, outputs = found.shape
        padded = nn.functional.pad(picture, (0, 0, 1, 4 * across - width + 1, 1, 4 * down - height + 1))
        rows = max(1, _AT_ONCE // (36 * across * max(inputs, outputs)))
        for first in range(0, down, rows):
            part = found[first : first + rows]
            squares = picture.new_empty(6, 6, len(part), across, inputs)
            for row, column in product(range(6), range(6)):
                seen = padded[4 * first + row :, column:]
                squares[row, column] = seen[: 4 * len(part) : 4, : 4 * across : 4]
            products = _numbers(_INPUT, squares).view(36, -1, inputs) @ weights
            results = _numbers(_OUTPUT, products.view(6, 6, -1)).view(4, 4, len(part), across, outputs)
            torch.add(results.permute(2, 0, 3, 1, 4), 0 if self.bias is None else self.bias, out=part)


def _numbers(sides: _Sides, given: Tensor) -> Tensor:
    """A transform of both sides of squares: n x n x ..., to m x m x ... as one row of numbers each."""
    side = given.new_tensor(sides)
    return torch.kron(side, side) @ given.reshape(side.shape[1] ** 2, -1)
