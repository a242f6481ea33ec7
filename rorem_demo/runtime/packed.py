"""Layers made ready for a CPU's instructions before the first product, in their own numbers or, linear ones, in int8.

Plain layers lay their weights out anew in every product. oneDNN's own order is worked out once here, by the operators
that torch's compiler uses for the same: no compiler is needed, and nothing changes but the order of sums.

In int8 a row of the input and a row of the weights each get a scale of their own, from their largest value; products
and sums are whole numbers. About one and a half times as fast as bfloat16, half as much memory; each layer is about 1 %
off. What int8 hurts most in few-step SDXL are the layers that hear the prompt, for their inputs have outliers (MixDQ,
Zhao et al., ECCV 2024): here they are exact (removers/sdxl_attention.py).

Convolutions are laid out for bfloat16. In float32 that makes some take three times as long: there they get along with
fewer products instead (runtime/winograd.py).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from rorem_demo.runtime.winograd import WinogradConv

_ROWS = 256
"""Of an input, about; others are right too."""
_LEVELS = 126
"""The largest value's level: rounding in bfloat16 may add one, and 127 + 128 is the last that 8 bits hold."""
_MIDDLE = 128
"""Zero: oneDNN is quick with unsigned inputs only."""
_TINIEST = 1e-6
_AGREES = {torch.float32: 1e-4, torch.float16: 1e-3, torch.bfloat16: 0.02, torch.int8: 0.05}
"""How far from a plain product a packed one may be, of its largest value."""


class PackedLinear(nn.Module):
    """A linear layer in its own numbers.

    Args:
        given: on the CPU; nobody needs it afterwards.
    """

    def __init__(self, given: nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(given.weight.detach(), _ROWS)  # noqa: SLF001  # nothing else
        self.bias = given.bias

    def forward(self, given: Tensor) -> Tensor:
        """... x inputs to ... x outputs."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise(given, self._weight, self.bias, "none", [], "")  # noqa: SLF001  # nothing else
        return result


class Int8Linear(nn.Module):
    """A linear layer in int8; inputs and outputs in the numbers they come in. The same argument."""

    def __init__(self, given: nn.Linear) -> None:
        super().__init__()
        weight = given.weight.detach()
        scales = weight.abs().amax(1).float().clamp_(min=_TINIEST).div_(127)
        levels = (weight / scales[:, None]).round_().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(levels, [_ROWS, given.in_features])
        self._scales, self._zeros = scales, torch.zeros(given.out_features, dtype=torch.int64)
        self.bias = given.bias

    def forward(self, given: Tensor) -> Tensor:
        """... x inputs to ... x outputs."""
        scales = _LEVELS / given.abs().amax(-1, keepdim=True).clamp_(min=_TINIEST)
        levels = (given * scales).round_().add_(_MIDDLE).to(torch.uint8)
        result: Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, _MIDDLE, self._weight, self._scales, self._zeros, None, 1.0, 0, given.dtype, "none", [], ""
        )
        back = scales.reciprocal_()
        return result.mul_(back) if self.bias is None else torch.addcmul(self.bias, result, back)


class HalfLinear(nn.Module):
    """A linear layer that computes in float32 and is kept in float16, as it is published; the same argument.

    Half the memory for the time of a conversion at each call, where memory is short and nothing multiplies quicker.
    """

    def __init__(self, given: nn.Linear) -> None:
        super().__init__()
        self._weight = given.weight.detach().to(torch.float16)
        self.bias = given.bias

    def forward(self, given: Tensor) -> Tensor:
        """... x inputs to ... x outputs."""
        return nn.functional.linear(given, self._weight.to(given.dtype), self.bias)


class PackedConv(nn.Module):
    """A convolution in its own numbers. The same argument."""

    def __init__(self, given: nn.Conv2d) -> None:
        super().__init__()
        self._how: Any = (given.padding, given.stride, given.dilation, given.groups)
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(given.weight.detach(), *self._how)  # noqa: SLF001
        self.bias = given.bias

    @staticmethod
    def suits(layer: nn.Conv2d) -> bool:
        """Packed it is quicker; most of one pixel take several times as long, some 35 times."""
        return layer.padding_mode == "zeros" and max(layer.kernel_size) > 1

    def forward(self, given: Tensor) -> Tensor:
        """B x inputs x height x width to B x outputs x as many places as the convolution has."""
        convolved: Any = torch.ops.mkldnn._convolution_pointwise  # noqa: SLF001
        last = given.contiguous(memory_format=torch.channels_last)  # the weights are laid out for that
        result: Tensor = convolved(last, self._weight, self.bias, *self._how, "none", [], "")
        return result


def pack(network: nn.Module, products: torch.dtype) -> None:
    """Replace the layers of a network on the CPU by quicker ones, where this torch and CPU have them.

    Args:
        network: nothing of it is trained any more.
        products: int8 or, of float32, float16 for linear layers alone; or the network's own numbers for all.
    """
    if works(products):
        _replace(network, products)


def _replace(network: nn.Module, products: torch.dtype) -> None:
    linear: Any = {torch.int8: Int8Linear, torch.float16: HalfLinear}.get(products, PackedLinear)
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear:
                setattr(parent, name, linear(layer))
            elif type(layer) is nn.Conv2d and products == torch.float32 and WinogradConv.suits(layer):
                setattr(parent, name, WinogradConv(layer))
            elif type(layer) is nn.Conv2d and products == torch.bfloat16 and PackedConv.suits(layer):
                setattr(parent, name, PackedConv(layer))


@cache
def works(products: torch.dtype) -> bool:
    """Whether this torch and CPU have such layers, quick and right; tried on small ones."""
    able = torch.cpu.get_capabilities()
    quick = products != torch.int8 or any(able.get(name, False) for name in ("avx512_vnni", "avx_vnni"))
    mkldnn: Any = torch.backends.mkldnn
    if not (quick and products in _AGREES and mkldnn.is_available()):
        return False
    try:
        return all(_off(layer, given, products) <= _AGREES[products] for layer, given in _trials(products))
    except (AttributeError, RuntimeError, NotImplementedError):  # another torch, built without, or another CPU
        return False


def _trials(products: torch.dtype) -> list[tuple[nn.Module, Tensor]]:
    numbers = products if products == torch.bfloat16 else torch.float32
    generator = torch.Generator().manual_seed(0)
    layers = [nn.Linear(64, 32, device="meta"), nn.Conv2d(16, 32, 3, padding=1, device="meta")]  # draw from no seed
    for layer in layers:
        for parameter in layer.to_empty(device="cpu").to(numbers).parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    shapes = [(8, 64), (1, 16, 8, 8)]
    return [
        (layer, torch.randn(shape, generator=generator).to(numbers))
        for layer, shape in zip(layers, shapes, strict=True)
    ]


@torch.inference_mode()
def _off(layer: nn.Module, given: Tensor, products: torch.dtype) -> float:
    """The largest difference of a packed layer, of the plain one's largest value."""
    plain, holder = layer(given), nn.ModuleList([layer])
    _replace(holder, products)
    return float((holder[0](given) - plain).abs().max() / plain.abs().max())
