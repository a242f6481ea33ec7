"""Place, read_vae(): files in the published layout, of one repository or of several, and the VAE among them."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import Tensor, nn

from rorem_demo.errors import UnavailableError
from rorem_demo.removers.sdxl_attention import join_attention
from rorem_demo.runtime import guard
from rorem_demo.runtime.memory import memory_gb
from rorem_demo.runtime.packed import pack
from rorem_demo.runtime.precision import native_precision, native_products

Network: TypeAlias = Any
"""A network of diffusers, whose types a checker cannot see."""

_FORMER = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""How diffusers called the parts of a VAE's attention until 2023; repositories may still hold such files."""
_FLOAT32_GB = 20.0
"""Of the machine, where a UNet of SDXL may be float32 altogether: that and its VAE take 13. Not what is free now, or a
model that is loaded again might give other pixels."""
_SHARED: WeakValueDictionary[tuple[Path, Place], Network] = WeakValueDictionary()
"""The VAEs of models that are loaded: rows of one repository differ in their UNets only."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where networks run, and in what numbers."""

    device: torch.device
    unet: torch.dtype
    products: torch.dtype
    """Of the UNet's attention and feed-forward layers: the same, or on a CPU int8 or, to save memory, float16."""
    vae: torch.dtype

    @classmethod
    def here(cls) -> Place:
        """The GPU if there is one, else this CPU, in what it is quick with.

        A GPU takes the UNet in the numbers it is published in. The VAE overflows in float16, so it never gets them:
        bfloat16 from NVIDIA's Ampere on, float32 before.
        """
        if torch.cuda.is_available():
            half, recent = torch.float16, torch.cuda.get_device_capability() >= (8, 0)
            vae = torch.bfloat16 if recent else torch.float32
            return cls(device=torch.device("cuda"), unet=half, products=half, vae=vae)
        native, products = native_precision(), native_products()
        if products == torch.float32 and (memory_gb("MemTotal") or _FLOAT32_GB) < _FLOAT32_GB:
            products = torch.float16
        return cls(device=torch.device("cpu"), unet=native, products=products, vae=native)


def found(title: str, files: tuple[Path, ...], folder: str, pattern: str) -> Path:
    """The first of the files that lies in a folder of this name and fits the pattern.

    Raises:
        UnavailableError: there is none.
    """
    for path in files:
        if path.match(f"{folder}/{pattern}") and path.is_file():
            return path
    name = f"{folder}/{pattern}".removeprefix("*/")
    raise UnavailableError(f"{title} lacks its file {name}.", hint="The command `weights` fetches it.")


def readable(title: str, path: Path) -> AbstractContextManager[None]:
    """`guard.readable` for a file that only its folder tells from others."""
    return guard.readable(title, f"{path.parent.name}/{path.name}")


def told(path: Path) -> dict[str, Any]:
    """The object a JSON file holds."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_vae(title: str, files: tuple[Path, ...], place: Place) -> Network:
    """The VAE of a repository's files; one for all who use the same file in the same place."""
    weights = found(title, files, "vae", "*.safetensors")
    shared = _SHARED.get((weights, place))
    if shared is not None:
        return shared
    config = found(title, files, "vae", "config.json")
    with readable(title, config):
        network = blank(AutoencoderKL, config)
    with readable(title, weights):
        fill(network, {_current(name): tensor for name, tensor in load_file(weights).items()})
    join_attention(network)
    _SHARED[weights, place] = network = placed(network, place.device, place.vae)
    return network


def blank(kind: Any, path: Path) -> Network:
    """A network without numbers, so that none are drawn only to be replaced."""
    with torch.device("meta"):
        return kind.from_config(told(path))


def fill(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Give it all its numbers, which stay as they are; raises RuntimeError if they are of another network."""
    network.load_state_dict(weights, strict=True, assign=True)
    network.requires_grad_(requires_grad=False).eval()


def placed(network: Network, device: torch.device, dtype: torch.dtype) -> Network:
    """The network, moved, in these numbers, channels last, and on a CPU packed."""
    # Not by the method of diffusers, which warns of layers that are to stay float32 even where there are none.
    move: Any = nn.Module.to
    move(network, dtype)  # first: a GPU that is only lent later holds what it is given as it is
    move(network, device=device, memory_format=torch.channels_last)
    if device.type == "cpu":
        pack(network, dtype)
    return network


def _current(name: str) -> str:
    *path, part, kind = name.split(".")
    return ".".join((*path, _FORMER.get(part, part), kind)) if "attentions" in path else name
