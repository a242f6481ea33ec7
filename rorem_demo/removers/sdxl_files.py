"""SDXL inpainting's networks and noise schedule from files in the published layout, of one repository or of several."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import diffusers
import torch
from diffusers import AutoencoderKL, SchedulerMixin, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor, nn

from rorem_demo.errors import UnavailableError
from rorem_demo.removers.sdxl_lora import Added, check_fit, read_lora
from rorem_demo.runtime import guard
from rorem_demo.runtime.precision import native_precision
from rorem_demo.runtime.tensors import streamed

Network: TypeAlias = Any
"""A network of diffusers, whose types a checker cannot see."""

_LORA = "pytorch_lora_weights.safetensors"
_FORMER = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""How diffusers called the parts of a VAE's attention until 2023; repositories may still hold such files."""
_SHARED: WeakValueDictionary[tuple[Path, Place], Network] = WeakValueDictionary()
"""The VAEs of models that are loaded: rows of one repository differ in their UNets only."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where networks run, and in what numbers."""

    device: torch.device
    unet: torch.dtype
    vae: torch.dtype

    @classmethod
    def here(cls) -> Place:
        """The GPU if there is one, else this CPU.

        A GPU takes the UNet in the numbers it is published in. The VAE overflows in float16, so it never gets them:
        float32 costs a GPU little, and a CPU multiplies in what it is fast at.
        """
        if torch.cuda.is_available():
            return cls(device=torch.device("cuda"), unet=torch.float16, vae=torch.float32)
        native = native_precision()
        return cls(device=torch.device("cpu"), unet=native, vae=native)


@dataclass(frozen=True, eq=False, kw_only=True)
class SdxlNetworks:
    """What the files of a checkpoint hold, ready to run; nothing changes it any more."""

    unet: Network
    vae: Network
    scheduler: Any
    """As published; its timetable is of nobody, so make another one `from_config` for each picture."""
    place: Place


def read(title: str, files: tuple[Path, ...], place: Place, *, lora: bool = False) -> SdxlNetworks:
    """The networks of the model called `title`; with `lora`, the one among the files becomes part of the UNet.

    Raises:
        UnavailableError: a file is missing, damaged or of another model.
    """
    vae, scheduler = read_vae(title, files, place), _scheduler(title, files)
    unet = _blank_unet(title, files)
    added: dict[str, Added] = {}
    if lora:
        path = found(title, files, "*", _LORA)
        with readable(title, path):
            added = read_lora(path, unet.config)
            check_fit(added, unet.state_dict())
    weights = found(title, files, "unet", "*.safetensors")
    with readable(title, weights):
        _fill(unet, dict(_placed_tensors(weights, place.unet, added)))
    return SdxlNetworks(unet=_placed(unet, place.device, place.unet), vae=vae, scheduler=scheduler, place=place)


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


def _blank_unet(title: str, files: tuple[Path, ...]) -> Network:
    config = found(title, files, "unet", "config.json")
    with readable(title, config):
        network = _blank(UNet2DConditionModel, config)
        if network.config["in_channels"] != 9 or network.config["addition_embed_type"] != "text_time":
            raise ValueError(network.config)
    return network


def _placed_tensors(path: Path, dtype: torch.dtype, added: dict[str, Added]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a file in these numbers, with what a LoRA adds, which is forgotten as it is used."""
    for name, tensor in streamed(path):
        one = added.pop(name, None)
        given = tensor if one is None else one.to(tensor)
        form = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
        yield name, given.to(dtype, memory_format=form)


def read_vae(title: str, files: tuple[Path, ...], place: Place) -> Network:
    """The VAE of a repository's files; one for all who use the same file in the same place."""
    weights = found(title, files, "vae", "*.safetensors")
    shared = _SHARED.get((weights, place))
    if shared is not None:
        return shared
    config = found(title, files, "vae", "config.json")
    with readable(title, config):
        network = _blank(AutoencoderKL, config)
    with readable(title, weights):
        _fill(network, {_current(name): tensor for name, tensor in load_file(weights).items()})
    _SHARED[weights, place] = network = _placed(network, place.device, place.vae)
    return network


def _scheduler(title: str, files: tuple[Path, ...]) -> Any:
    path = found(title, files, "scheduler", "scheduler_config.json")
    with readable(title, path):
        config = told(path)
        kind = getattr(diffusers, config["_class_name"])
        if not issubclass(kind, SchedulerMixin):
            raise TypeError(kind)
        return kind.from_config(config)


def _blank(kind: Any, path: Path) -> Network:
    """A network without numbers, so that none are drawn only to be replaced."""
    with torch.device("meta"):
        return kind.from_config(told(path))


def _fill(network: nn.Module, weights: dict[str, Tensor]) -> None:
    network.load_state_dict(weights, strict=True, assign=True)
    network.requires_grad_(requires_grad=False).eval()


def _placed(network: Network, device: torch.device, dtype: torch.dtype) -> Network:
    # Not by the method of diffusers, which warns of layers that are to stay float32 even where there are none.
    move: Any = nn.Module.to
    move(network, dtype)  # first: a GPU that is only lent later holds what it is given as it is
    return move(network, device=device, memory_format=torch.channels_last)


def _current(name: str) -> str:
    *path, part, kind = name.split(".")
    return ".".join((*path, _FORMER.get(part, part), kind)) if "attentions" in path else name
