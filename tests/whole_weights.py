"""write_weights(): random weights of every remover, in the published layout, tiny where the format allows."""

from __future__ import annotations

import shutil
from pathlib import Path

from diffusers import UNet2DConditionModel

from tests.removers.sdxl_checkpoint import write_tiny_lora, write_tiny_sdxl
from tests.removers.spandrel_checkpoints import full_lama, lama_tensors, write_tensors

UNET = "unet/diffusion_pytorch_model.safetensors"
KEYS = ("rorem-4s", "rorem", "rorem-mixed", "sdxl-inpaint", "lama")
"""Rows that then run; MAT also needs a package that is not installed."""


def write_weights(folder: Path) -> None:
    """For `ROREM_WEIGHTS_DIR`: LaMa has its full size, for its format fixes it."""
    rorem, mixed = folder / "LetsThink" / "RORem", folder / "rorem-mixed"
    write_tiny_sdxl(rorem)
    write_tiny_sdxl(mixed, seed=3, text=False)
    write_tiny_lora(folder / "rorem-lcm", UNet2DConditionModel.from_pretrained(rorem / "unet"))
    sdxl = folder / "diffusers" / "stable-diffusion-xl-1.0-inpainting-0.1"
    shutil.copytree(rorem, sdxl)
    for path in list(sdxl.rglob("*.safetensors")):
        path.rename(path.with_suffix(".fp16.safetensors"))
    write_tensors(lama_tensors(full_lama()), folder / "big-lama.safetensors")
