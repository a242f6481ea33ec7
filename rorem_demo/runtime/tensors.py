"""The tensors in a file of weights; imports torch, so only adapters import it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from rorem_demo.runtime.memory import trim

_MAPPED = 64 << 20
"""Bytes read between two openings of a file."""


def tensors_of(path: Path) -> dict[str, Tensor]:
    """All tensors by name, on the CPU: of a `.safetensors`, or of a state dict that torch wrote. Runs no code in it."""
    if path.suffix == ".safetensors":
        return load_file(path)
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def streamed(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a `.safetensors` with their names, each in memory of its own, one at a time.

    A file that stays open is mapped, and what was read of it counts as memory: twice what a network needs. So it is
    opened anew for every 64 MB.
    """
    with safe_open(path, "pt") as file:
        names = list(file.keys())
    while names:
        read = 0
        with safe_open(path, "pt") as file:
            while names and read < _MAPPED:
                tensor = file.get_tensor(names[0]).clone()
                read += tensor.nbytes
                yield names.pop(0), tensor
        trim()  # what the caller has let go of
