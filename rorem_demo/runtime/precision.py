"""In what numbers this CPU multiplies; imports torch, so only adapters import it."""

from __future__ import annotations

import torch


def native_precision() -> torch.dtype:
    """What this CPU multiplies fastest: bfloat16 if it has instructions for it, else float32."""
    able = torch.cpu.get_capabilities()
    native = any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if native else torch.float32
