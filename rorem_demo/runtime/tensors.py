"""The tensors in a file of weights; imports torch, so only adapters import it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor


def tensors_of(path: Path) -> dict[str, Tensor]:
    """All tensors by name, on the CPU: of a `.safetensors`, or of a state dict that torch wrote. Runs no code in it."""
    if path.suffix == ".safetensors":
        return load_file(path)
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors
