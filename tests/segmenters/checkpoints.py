"""Segment Anything checkpoints with weights drawn at random, in both published formats.

The tiny one has every part of the published network and a few channels in each, so that a photo takes
milliseconds; what it outlines means nothing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import nn
from transformers import SamConfig, SamModel

Network = TypeVar("Network", bound=nn.Module)

_SIDE, _PATCH, _WINDOW, _DEPTH, _CHANNELS = 128, 8, 6, 3, 32
_SHAPE: dict[str, dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 24,
        "output_channels": _CHANNELS,
        "num_hidden_layers": _DEPTH,
        "num_attention_heads": 2,
        "image_size": _SIDE,
        "patch_size": _PATCH,
        "window_size": _WINDOW,
        "global_attn_indexes": [1],
        "mlp_dim": 96,
        "num_pos_feats": _CHANNELS // 2,
    },
    "prompt_encoder_config": {
        "hidden_size": _CHANNELS,
        "image_size": _SIDE,
        "patch_size": _PATCH,
        "mask_input_channels": 16,
    },
    "mask_decoder_config": {"hidden_size": _CHANNELS, "mlp_dim": 64, "iou_head_hidden_dim": 48},
}


def tiny_sam(seed: int = 0) -> Sam:
    """The network of the package, small and at random."""
    encoder = ImageEncoderViT(
        img_size=_SIDE,
        patch_size=_PATCH,
        embed_dim=24,
        depth=_DEPTH,
        num_heads=2,
        out_chans=_CHANNELS,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=_WINDOW,
        global_attn_indexes=(1,),
    )
    grid = _SIDE // _PATCH
    prompts = PromptEncoder(_CHANNELS, (grid, grid), (_SIDE, _SIDE), mask_in_chans=16)
    transformer = TwoWayTransformer(depth=2, embedding_dim=_CHANNELS, num_heads=8, mlp_dim=64)
    decoder = MaskDecoder(transformer_dim=_CHANNELS, transformer=transformer, iou_head_hidden_dim=48)
    return drawn(Sam(encoder, prompts, decoder), seed)


def tiny_transformers_sam(seed: int = 0) -> SamModel:
    """The network of transformers, small and at random."""
    return drawn(SamModel(SamConfig(**_SHAPE)), seed)


def drawn(model: Network, seed: int, gain: float = 1.5) -> Network:
    """The model itself, ready for use, with weights at random that let every part of it have a say.

    With more gain it answers more strongly to what it sees, and to rounding.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, values in model.state_dict().items():
        spread, centre = gain * values[0].numel() ** -0.5, 0.0
        if values.ndim == 1:
            spread, centre = 0.1, float(name.endswith("weight"))  # of a norm
        elif "pos" in name or "token" in name:
            spread = 0.5
        values.copy_(centre + spread * torch.randn(values.shape, generator=generator))
    return model.eval()


def write_sam(model: Sam, path: Path) -> Path:
    """A file like the `.pth` files of the authors."""
    torch.save(model.state_dict(), path)
    return path


def write_transformers_sam(model: SamModel, path: Path, *, leave_out: tuple[str, ...] = ()) -> Path:
    """A file like the `model.safetensors` of the Hub."""
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items() if name not in leave_out}
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def write_tiny_sam(path: Path, seed: int = 0) -> Path:
    """A whole checkpoint that the app can serve, at `path`: a `.pth` or a `.safetensors` file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        return write_transformers_sam(tiny_transformers_sam(seed), path)
    return write_sam(tiny_sam(seed), path)
