"""LaMa's and MAT's networks with weights drawn at random, and files of them as they are published.

`spandrel` makes these networks at their published size only, so whole files are large. `tiny_lama` has every kind
of layer and few channels.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import save_file
from spandrel.architectures.LaMa import LaMa
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def full_lama(seed: int = 0) -> LaMa:
    """The published network, 51 million parameters."""
    with torch.random.fork_rng(devices=[]):
        lama = drawn(LaMa(in_nc=4, out_nc=3), seed)
    _soften(lama.model.model)
    return lama


def tiny_lama(seed: int = 0) -> nn.Sequential:
    """Layers like those of the published network, two blocks of 32 channels."""
    with torch.device("meta"):
        kind = type(LaMa(in_nc=4, out_nc=3).model)
    with torch.random.fork_rng(devices=[]):
        layers: nn.Sequential = drawn(kind(4, 3, ngf=4, n_blocks=2), seed).model
    _soften(layers)
    return layers


def _soften(layers: nn.Sequential) -> None:
    """Keep the last sigmoid from giving only 0 and 1."""
    layers[-2].weight.data *= 0.05


def drawn(model: Network, seed: int, gain: float = 1.4) -> Network:
    """The model itself, its weights at random so that numbers neither vanish nor explode on their way through."""
    generator = torch.Generator().manual_seed(seed)
    for name, values in model.state_dict().items():
        if values.is_floating_point() and values.ndim > 1:
            values.copy_(gain * values[0].numel() ** -0.5 * torch.randn(values.shape, generator=generator))
        elif ".conv2.bn_" in name and name.endswith("weight"):
            values.fill_(0.25)  # what a block adds to what passes it by
        elif name.endswith("running_mean"):
            values.copy_(0.1 * torch.randn(values.shape, generator=generator))
    return model.eval()


def lama_tensors(lama: LaMa, prefix: str = "generator.model.") -> dict[str, Tensor]:
    """The tensors of its layers under the names that the authors publish."""
    return {f"{prefix}{name}": tensor for name, tensor in lama.model.model.state_dict().items()}


def write_tensors(tensors: dict[str, Tensor], path: Path) -> Path:
    """A state dict at `path`: a `.safetensors`, or what torch writes."""
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


class _Traced(nn.Module):
    """What the authors' script turns into TorchScript, with the generator where their training class has it."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        answer = self.generator(image * (1 - mask), mask)
        return mask * answer + (1 - mask) * image


def write_lama_torchscript(lama: LaMa, path: Path) -> Path:
    """A traced network like `big-lama.pt`, its code and all."""
    example = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    return write_torchscript(_Traced(lama.model), path, *example)


def write_torchscript(module: nn.Module, path: Path, *example: Tensor) -> Path:
    """Any module, traced with an example of its input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have us export
        torch.jit.trace(module, example).save(path)
    return path


def full_mat(seed: int = 0) -> nn.Module:
    """The published network, 62 million parameters; its package must be installed. Draws from numpy's generator."""
    from spandrel_extra_arches.architectures.MAT import MAT

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # its own beginnings are those of a network that draws
        network: nn.Module = MAT().model
    return network.eval()
