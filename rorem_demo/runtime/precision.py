"""In what numbers this CPU multiplies; imports torch, so only adapters import it."""

from __future__ import annotations

import torch

from rorem_demo.runtime.packed import works


def native_precision() -> torch.dtype:
    """What this CPU multiplies fastest: bfloat16 if it has instructions for it, else float32."""
    able = torch.cpu.get_capabilities()
    native = any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if native else torch.float32


def native_products() -> torch.dtype:
    """The same for large linear layers: int8 where this CPU is quicker with it."""
    return torch.int8 if works(torch.int8) else native_precision()
