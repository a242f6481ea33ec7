"""Machine: what this computer offers a model; nothing here imports torch."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NVIDIA_DRIVER, _PROCESSOR = Path("/proc/driver/nvidia/version"), Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Enough to say which rows of a catalogue can run here."""

    gpu: bool
    """An NVIDIA driver is loaded, or ZeroGPU lends one to decorated functions."""
    cores: int
    """Processor cores this process may use."""
    halves: bool = True
    """The processor has instructions for bfloat16, with which it computes several times as fast."""

    @classmethod
    def here(cls, *, zero_gpu: bool = False) -> Machine:
        """The machine this process runs on."""
        gpu = zero_gpu or _NVIDIA_DRIVER.exists()
        return cls(gpu=gpu, cores=_usable_cores(), halves=computes_in_halves())


def computes_in_halves() -> bool:
    """Whether the processor has instructions for bfloat16, as far as the system tells."""
    with suppress(OSError):
        return "bf16" in _PROCESSOR.read_text(encoding="utf-8")
    return False


def free_gpu_memory() -> None:
    """Give the GPU back what torch keeps for itself of models that are gone; nothing where torch uses no GPU."""
    cuda = sys.modules.get("torch.cuda")
    in_use = getattr(cuda, "is_initialized", bool)  # not there while another thread is importing it
    if cuda is not None and in_use():
        with suppress(RuntimeError):  # a GPU that is lost keeps nothing
            cuda.empty_cache()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: fewer than the computer has, inside a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
