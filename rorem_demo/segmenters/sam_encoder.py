"""Segment Anything's image encoder, block by block, in little memory and in bfloat16 where the CPU has it.

The package's own attention holds a table of all pairs of patches for all heads at once, several times over: more
than 2 GB and about twice the time. Here one head's table exists at a time, and torch's fused attention reads it.
The numbers are the same up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from segment_anything.modeling.image_encoder import get_rel_pos, window_partition, window_unpartition
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from segment_anything.modeling import ImageEncoderViT
    from segment_anything.modeling.image_encoder import Attention, Block


def lowered(encoder: ImageEncoderViT, precision: torch.dtype) -> ImageEncoderViT:
    """The encoder itself, its large products now in `precision`; sums and norms stay float32, which costs little."""
    for block in encoder.blocks:
        for module in block.modules():
            if isinstance(module, nn.Linear):
                module.to(precision)
        block.attn.rel_pos_h.data = block.attn.rel_pos_h.to(precision)
        block.attn.rel_pos_w.data = block.attn.rel_pos_w.to(precision)
    return encoder


def embedded(encoder: ImageEncoderViT, pixels: Tensor) -> Tensor:
    """What enters the first block: 1 x rows x columns x width, from 1 x 3 x H x W normalised pixels."""
    patches: Tensor = encoder.patch_embed(pixels)
    return patches if encoder.pos_embed is None else patches + encoder.pos_embed


def through(block: Block, patches: Tensor) -> Tensor:
    """What leaves a block, float32 like what enters it."""
    precision = block.attn.qkv.weight.dtype
    seen = block.norm1(patches).to(precision)
    if block.window_size:
        windows, padded = window_partition(seen, block.window_size)
        rows, columns = patches.shape[1:3]
        mixed = window_unpartition(_attended(block.attn, windows), block.window_size, padded, (rows, columns))
    else:
        mixed = _attended(block.attn, seen)
    patches = patches + mixed
    changed: Tensor = block.mlp(block.norm2(patches).to(precision))
    return patches + changed


def _attended(attention: Attention, patches: Tensor) -> Tensor:
    """Attention with a bias for the distance in rows and in columns, as in the package's `Attention`."""
    count, rows, columns, _ = patches.shape
    heads = attention.num_heads
    qkv = attention.qkv(patches).view(count, rows * columns, 3, heads, -1).permute(2, 3, 0, 1, 4)
    to_row = get_rel_pos(rows, rows, attention.rel_pos_h)
    to_column = get_rel_pos(columns, columns, attention.rel_pos_w)
    mixed = patches.new_empty(count, rows * columns, heads, qkv.shape[-1])
    for head, (query, key, value) in enumerate(zip(*qkv, strict=True)):
        grid = query.reshape(count, rows, columns, -1)
        bias = torch.einsum("nhwc,hkc->nhwk", grid, to_row)[..., :, None]
        bias = bias + torch.einsum("nhwc,wkc->nhwk", grid, to_column)[..., None, :]
        bias = bias.reshape(count, 1, rows * columns, rows * columns)
        one = scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], attn_mask=bias)
        mixed[:, :, head] = one[:, 0]
    projected: Tensor = attention.proj(mixed.view(count, rows, columns, -1))
    return projected
