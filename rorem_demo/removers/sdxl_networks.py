"""SDXL inpainting's networks and noise schedule from files in the published layout, ready to run.

The UNet is read block by block, and what a block needs is done as soon as all of it is there: a LoRA added, its
attention joined, the prompts heard, its layers packed for a CPU. So the numbers that are read and those that are kept,
which in int8 are half as large, never have to fit into memory together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import SchedulerMixin, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor

from rorem_demo.removers.sdxl_attention import tell_prompts
from rorem_demo.removers.sdxl_files import Network, Place, blank, fill, found, placed, read_vae, readable, told
from rorem_demo.removers.sdxl_lora import Added, check_fit, read_lora
from rorem_demo.runtime.packed import pack
from rorem_demo.runtime.tensors import streamed

_LORA = "pytorch_lora_weights.safetensors"


@dataclass(frozen=True, eq=False, kw_only=True)
class SdxlNetworks:
    """What the files of a checkpoint hold, ready to run; nothing changes it any more."""

    unet: Network
    vae: Network
    scheduler: Any
    """As published; its timetable is of nobody, so make another one `from_config` for each picture."""
    place: Place


def read(title: str, files: tuple[Path, ...], place: Place, words: Tensor, *, lora: bool = False) -> SdxlNetworks:
    """The networks of the model called `title`; with `lora`, the one among the files becomes part of the UNet.

    The UNet knows only the prompts whose `words`, prompts x tokens x width, are given, and is told their numbers.

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
        for block in _filled(unet, _placed_tensors(weights, place.unet, added)):
            tell_prompts(block, words)
            if place.device.type == "cpu":
                pack(block, place.products)
    unet = placed(unet, place.device, place.unet)
    return SdxlNetworks(unet=unet, vae=vae, scheduler=scheduler, place=place)


def _filled(unet: Network, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[Any]:
    """Give the UNet its numbers, yielding each transformer block as soon as it has all of its own.

    Raises:
        RuntimeError: they are of another network.
    """
    blocks = {name: block for name, block in unet.named_modules() if isinstance(block, BasicTransformerBlock)}
    sizes = {name: len(block.state_dict()) for name, block in blocks.items()}
    expected = set(unet.state_dict())
    parts: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in tensors:
        expected.remove(name)
        of, rest = _divided(name)
        parts[of][rest] = tensor
        if len(parts[of]) == sizes.get(of):
            fill(blocks[of], parts.pop(of))
            yield blocks[of]
    if expected:
        raise RuntimeError(min(expected))
    unet.load_state_dict(parts[""], strict=False, assign=True)  # all that lacks is in blocks that are ready
    unet.requires_grad_(requires_grad=False).eval()


def _divided(name: str) -> tuple[str, str]:
    """The transformer block a tensor belongs to, or none, and its name there."""
    within = re.match(r"(.+\.transformer_blocks\.\d+)\.(.+)", name)
    return (within[1], within[2]) if within else ("", name)


def _blank_unet(title: str, files: tuple[Path, ...]) -> Network:
    config = found(title, files, "unet", "config.json")
    with readable(title, config):
        network = blank(UNet2DConditionModel, config)
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


def _scheduler(title: str, files: tuple[Path, ...]) -> Any:
    path = found(title, files, "scheduler", "scheduler_config.json")
    with readable(title, path):
        config = told(path)
        kind = getattr(diffusers, config["_class_name"])
        if not issubclass(kind, SchedulerMixin):
            raise TypeError(kind)
        return kind.from_config(config)
