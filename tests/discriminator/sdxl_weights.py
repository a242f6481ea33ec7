"""write_judge(): the paper's discriminator with random numbers, tiny, in files as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

from rorem_demo.discriminator.network import NetworkSpec
from rorem_demo.discriminator.sdxl import SdxlNetwork, load
from rorem_demo.discriminator.sdxl_files import BRANCH, HEAD, LORA
from rorem_demo.runtime.pins import WeightFile
from tests.removers.sdxl_checkpoint import write_tiny_sdxl

BASE, TRAINED = "some/sdxl", "some/discriminator"
"""Repositories: what it was made from, and what the authors trained."""
UNET = "unet/diffusion_pytorch_model.safetensors"


def write_judge(folder: Path) -> None:
    """Both repositories; a photo's sides are 512, as always."""
    write_tiny_sdxl(folder / BASE)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        _write_wider_unet(folder / BASE / "unet")
        trained = judge_of(folder).trained()
        noise = {name: torch.randn_like(tensor) * 0.1 for name, tensor in trained.items()}
    (folder / TRAINED).mkdir(parents=True)
    lora = {name: tensor for name, tensor in noise.items() if not name.startswith(BRANCH)}
    save_file(lora, folder / TRAINED / LORA, {"format": "pt"})
    head = {name.removeprefix(BRANCH): tensor.half() for name, tensor in noise.items() if name.startswith(BRANCH)}
    save_file(head, folder / TRAINED / HEAD)


def files_of(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file() and ".prompts" not in path.parts))


def row_of(folder: Path, *repositories: str) -> NetworkSpec:
    """A row whose weights are those of the repositories."""
    paths = [path.relative_to(folder).parts for name in repositories for path in files_of(folder / name)]
    return NetworkSpec(
        key="sdxl",
        title="RORem's judge",
        loader="rorem_demo.discriminator.sdxl:load",
        side=512,
        views=1,
        epochs=2,
        batch=4,
        learning_rate=1e-3,
        weight_decay=0.01,
        weights=tuple(WeightFile(repository="/".join(parts[:2]), file="/".join(parts[2:])) for parts in paths),
    )


def judge_of(folder: Path) -> SdxlNetwork:
    return load(row_of(folder), files_of(folder))


def _write_wider_unet(place: Path) -> None:
    """With 4 channels in each of the head's groups: one alone would always be the mean of its group."""
    config = json.loads((place / "config.json").read_text()) | {"block_out_channels": [8, 16, 128]}
    unet: Any = UNet2DConditionModel.from_config(config)
    unet.half().save_pretrained(place)
